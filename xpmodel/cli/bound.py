"""The command that says how well α can be known at all: ``xpmodel bound``."""

from __future__ import annotations

from pathlib import Path

import click

from xpmodel.cli.options import out_option
from xpmodel.errors import InputError

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("bound")
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help="The mock sky's truth.parquet (xpmodel mock --truth).",
)
@out_option()
@click.option(
    "--stars",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Stars, at random, that the bound is computed of.",
)
@click.option("--seed", default=0, show_default=True, help="Of that choice, and of the folds.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
def bound_command(
    catalog: Path, truth: Path, out: Path | None, stars: int, seed: int, figures: bool
) -> None:
    """Say how well [α/M] can be known of the mock stars of CATALOG, and how well latents know it.

    The Cramér–Rao bound of [α/M], from the derivatives of the mock's own spectra and the noise of
    their coefficients, by G magnitude and kind of star; beside it the error of [α/M] by trees
    that know the latents, the true labels, or both, on stars that they were not grown on.
    """
    import numpy as np

    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import echo_unplaced, result_folder, star_progress
    from xpmodel.mock.truth import read_truth
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import provenance, title_of, write_table
    from xpmodel.studies.alpha.bound import MEASURED, PARAMETERS, bounds
    from xpmodel.studies.alpha.bound_report import bound_figure, bound_table, lines_of_bound

    opened = open_catalog(catalog)
    if "phot_g_mean_mag" not in opened.numeric:
        raise InputError(f"{catalog}: no column phot_g_mean_mag, and the bound goes by G")
    if not opened.active:
        raise InputError(f"{catalog}: no latent is active, so none knows [α/M]")
    out = result_folder(catalog, out, "bound")
    names = (*PARAMETERS, "second_light", "second_teff", "emission")
    placed = opened.placed
    true = {name: v[placed] for name, v in read_truth(truth, opened, names).items()}
    echo_unplaced(opened, "they are left out")
    known = [name for name in MEASURED if f"{name}_err" in opened.numeric]
    for name in MEASURED:
        if name not in known:
            click.echo(f"no column {name}_err: {name} is free where labels are known")
    with star_progress() as progress:
        bins = bounds(
            true,
            {name: opened[f"{name}_err"][placed] for name in known},
            opened["phot_g_mean_mag"][placed],
            np.stack([opened[z][placed] for z in opened.active], axis=1),
            n_bound=stars,
            seed=seed,
            progress=lambda n: progress(n, n / min(stars, int(placed.sum()))),
        )
    table = bound_table(bins, provenance(opened, truth=truth.name, seed=seed, stars=stars))
    n_bound = sum(b.n_bound for b in bins if b.stars == bins[0].stars)
    n = sum(b.n for b in bins if b.stars == bins[0].stars)
    note = (
        f"{title_of(opened)}: bounds of {n_bound:,} stars, errors of {n:,}, single and without "
        "emission, in bins of 1 mag with 30 stars or more"
    )
    click.echo(f"{note}; [dex]")
    for line in lines_of_bound(table):
        click.echo(line)
    click.echo(write_table(out / "bound.ecsv", table))
    if figures:
        click.echo(write_figure(out / "bound.pdf", lambda: bound_figure(bins, note)))
