"""The commands that start from a published catalog's file: ``xpmodel build``, ``norm``."""

from __future__ import annotations

from pathlib import Path

import click

from xpmodel.cli.options import model_option
from xpmodel.cli.output import echo_encoding, star_progress
from xpmodel.errors import naming

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("build")
@click.argument("source", type=click.Path(path_type=Path))
@model_option()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Catalog to write (.parquet)."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def build_command(source: Path, model: Path, out: Path, device: str) -> None:
    """Make a catalog of SOURCE, a file with spectra, G fluxes and labels of the same stars.

    SOURCE is xp_apogee_cat.h5 of Laroche & Speagle (2024), or another table with its columns.
    Prints what the named cuts keep, and what each of their conditions alone removes.
    """
    from xpmodel.catalog.build import build_catalog
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.catalog.named_cuts import CUTS, cut_report, needed_columns
    from xpmodel.model.folder import load_model

    loaded = load_model(model, device)
    with star_progress() as progress:
        encoding = build_catalog(source, loaded, out, progress)
    echo_encoding(encoding)
    catalog = open_catalog(out)
    for variant, cuts in CUTS.items():
        for name in cuts:
            if set(needed_columns(name, variant)) <= set(catalog.filled):
                click.echo(str(cut_report(catalog, name, variant)))


@click.command("norm")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File (.npz).")
def norm_command(source: Path, out: Path) -> None:
    """Compute the normalization of a model over the training stars of SOURCE.

    Mean and standard deviation of coefficients / G flux, over the nine tenths of the usable rows
    that the released code trains on.
    """
    from xpmodel.model.normalization import write_normalization

    with naming(source, out), star_progress() as progress:
        norm = write_normalization(source, out, progress)
    click.echo(f"{out}: mu and sig of {norm.n_train} training stars")
    for line in str(norm.report).splitlines():
        click.echo(line)
