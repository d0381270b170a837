"""The commands that make a sky and look at a model of it: ``xpmodel mock``, ``probe``."""

from __future__ import annotations

from pathlib import Path

import click

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.

# As many as the published catalog has.
SKY_STARS = 502_311


@click.command("mock")
@click.option("--stars", default=SKY_STARS, show_default=True, help="Number of stars.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--truth", is_flag=True, help="Also truth.parquet: true labels, spectra, E(B−V).")
@click.option("--correlations", default=0, help="Also xp_corrs.npz, for so many stars.")
@click.option(
    "--alpha-signal",
    default=1.0,
    show_default=True,
    help="How strongly spectra follow [α/M]; 0: not at all.",
)
@click.option("--workers", type=int, help="Processes. Default: one a core.")
@click.option(
    "--report",
    "reference",
    is_flag=False,
    flag_value=Path("../shared"),
    type=click.Path(path_type=Path),
    help="Compare with the published and real spectra in a folder (default ../shared).",
)
def mock_command(
    stars: int,
    seed: int,
    out: Path,
    truth: bool,
    correlations: int,
    alpha_signal: float,
    workers: int | None,
    reference: Path | None,
) -> None:
    """Write a mock sky: made-up stars with made-up spectra, in the released file's layout.

    Nothing in it was observed. Use it to try things out, and to test claims: its truth is known.
    """
    from tqdm import tqdm

    from xpmodel.mock.report import check_reference, report
    from xpmodel.mock.write import Sky, write_mock

    sky = Sky(stars, seed, alpha_signal)
    if reference is not None:
        check_reference(reference)
    with tqdm(total=stars, unit=" stars", unit_scale=True, dynamic_ncols=True, delay=1.0) as bar:
        path = write_mock(
            sky,
            out,
            truth=truth,
            correlations=correlations,
            workers=workers,
            progress=lambda n: bar.update(n - bar.n),
        )
    click.echo(f"{path}: {stars} mock stars (seed {seed}, alpha signal {alpha_signal:g})")
    if reference is not None:
        for line in report(path, reference):
            click.echo(line)


@click.command("probe")
@click.argument("catalog", type=click.Path(path_type=Path))
def probe_command(catalog: Path) -> None:
    """Say how well labels follow from the latents of CATALOG.

    Regresses each label on the active latents of nine tenths of the stars, and prints the robust
    scatter over the others: those that training a model holds out. Beside it what BP−RP, [M/H], or
    all other labels tell of it without any latent.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import echo_unplaced
    from xpmodel.diagnostics.label_probe import COLOR, METALLICITY, OTHERS, probe

    opened = open_catalog(catalog)
    rows = probe(opened)
    echo_unplaced(opened, "left out")
    click.echo("robust scatter of held-out stars: of the label itself; from latents, by a line and")
    click.echo("by the 16 nearest stars; from BP−RP, [M/H], all other labels alone, by the nearest")
    click.echo("label      spread    linear   nearest     BP−RP     [M/H]    labels   own error")
    for row in rows:
        alone = [
            f"{row.baselines[name].neighbours:8.3g}" if name in row.baselines else f"{'–':>8s}"
            for name in (COLOR, METALLICITY, OTHERS)
        ]
        click.echo(
            f"{row.label:8s} {row.spread:8.3g}  {row.linear:8.3g}  {row.neighbours:8.3g}"
            f"  {'  '.join(alone)}    {row.error:8.3g}   "
            f"{row.n_test} of {row.n_train + row.n_test} stars"
        )
    if COLOR not in opened.filled:
        click.echo(f"{catalog}: no {COLOR}, so no scatter from color alone")
    for row in rows:
        for one in row.baselines.values():
            if one.n_test < row.n_test:
                click.echo(
                    f"{row.label} from {', '.join(one.columns)}: of {one.n_test} of {row.n_test} "
                    f"stars, of which the latents' scatter is {one.latents:.3g}"
                )
