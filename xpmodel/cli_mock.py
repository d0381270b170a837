"""The commands that make a sky and a model of it: ``xpmodel mock``, ``train``, ``probe``."""

from __future__ import annotations

from pathlib import Path

import click

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.


@click.command("mock")
@click.option("--stars", default=502_311, show_default=True, help="Number of stars.")
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


@click.command("train")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Model folder.")
@click.option("--epochs", default=5000, show_default=True)
@click.option("--batch", default=1024, show_default=True, help="Stars in a batch.")
@click.option("--learning-rate", default=1e-4, show_default=True)
@click.option("--restart", default=500, show_default=True, help="Epochs of one cosine.")
@click.option("--latents", default=6, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--overwrite", is_flag=True, help="Replace the model that the folder holds.")
def train_command(
    source: Path,
    out: Path,
    epochs: int,
    batch: int,
    learning_rate: float,
    restart: int,
    latents: int,
    seed: int,
    device: str,
    overwrite: bool,
) -> None:
    """Train a scatter VAE on the spectra of SOURCE, by the released loss and schedule.

    Holds all spectra in memory. Nine tenths of the stars are trained on, the others tested on
    after each epoch.
    """
    from tqdm import tqdm

    from xpmodel.errors import InputError
    from xpmodel.files import sha256_file
    from xpmodel.model import DESCRIPTION_FILE, find_device
    from xpmodel.spectra import read_spectra
    from xpmodel.train import Epoch, Recipe, train

    recipe = Recipe(epochs, batch, learning_rate, restart, seed, latents)
    find_device(device)
    if (out / DESCRIPTION_FILE).exists() and not overwrite:
        raise InputError(f"{out}: holds a model; name another folder, or give --overwrite")
    spectra = read_spectra(source)
    for line in str(spectra.report).splitlines():
        click.echo(line)
    with tqdm(total=epochs, unit=" epochs", dynamic_ncols=True) as bar:

        def progress(epoch: Epoch) -> None:
            bar.update()
            bar.set_postfix_str(
                f"reconstruction {epoch.reconstruction:.2f} (test {epoch.test_reconstruction:.2f})"
                f" KL {epoch.kl:.2f} (test {epoch.test_kl:.2f})"
            )

        model = train(spectra, recipe, device=device, progress=progress)
    model.description["source"] = {"spectra": {"name": source.name, "sha256": sha256_file(source)}}
    model.save(out)
    click.echo(f"{out}: {model.n_latents} latents, hash {model.hash[:12]}")


@click.command("probe")
@click.argument("catalog", type=click.Path(path_type=Path))
def probe_command(catalog: Path) -> None:
    """Say how well labels follow from the latents of CATALOG.

    Regresses each label on the active latents of nine tenths of the stars, and prints the robust
    scatter over the others: those that training a model holds out.
    """
    from xpmodel.catalog import open_catalog
    from xpmodel.probe import probe

    click.echo(
        "label      spread    linear   nearest   own error   (robust scatter, held-out stars)"
    )
    for row in probe(open_catalog(catalog)):
        click.echo(
            f"{row.label:8s} {row.spread:8.3g}  {row.linear:8.3g}  {row.neighbours:8.3g}"
            f"    {row.error:8.3g}   {row.n_test} of {row.n_train + row.n_test} stars"
        )
