"""The command line: its group, and ``import-model``, ``encode``, ``select``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from xpmodel._version import __version__
from xpmodel.cli.alpha import classify_command
from xpmodel.cli.attribute import attribute_command
from xpmodel.cli.bound import bound_command
from xpmodel.cli.build import build_command, norm_command
from xpmodel.cli.control import control_command
from xpmodel.cli.data import fetch_command, labels_command
from xpmodel.cli.errors import errors_command
from xpmodel.cli.evaluate import evaluate_command
from xpmodel.cli.explore import explore_command
from xpmodel.cli.mock import mock_command, probe_command
from xpmodel.cli.model import inspect_command, outliers_command
from xpmodel.cli.options import model_option
from xpmodel.cli.output import echo_encoding, star_progress
from xpmodel.cli.reproduce import reproduce_command
from xpmodel.cli.steering import steering_command
from xpmodel.cli.tracks import tracks_command
from xpmodel.cli.train import train_command
from xpmodel.errors import InputError
from xpmodel.export.formats import FORMATS, listed

# Heavy modules (torch, pandas, astropy) are imported by the commands that need them, so that
# --help and a mistyped option answer at once.


class _Commands(click.Group):
    """One line for what goes wrong: exit status 2 for the user's mistakes, 1 for a full disk."""

    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401  as click has it
        try:
            return super().invoke(context)
        except InputError as error:
            click.echo(f"xpmodel: {' '.join(str(error).split())}", err=True)
            context.exit(2)
        except BrokenPipeError:
            raise  # click ends quietly when a reader such as `head` has enough
        except OSError as error:
            click.echo(f"xpmodel: {error}", err=True)
            context.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Latents of Gaia XP spectra: models, catalogs, selections, tracks."""


@main.command("import-model")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option(
    "--norm",
    required=True,
    type=click.Path(path_type=Path),
    help="npz file with mu and sig, the normalization the network was trained with.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option(
    "--estimated-norm/--released-norm",
    default=None,
    help="Whether mu and sig are an estimate. Default: what the file's name says.",
)
def import_model_command(weights: Path, norm: Path, out: Path, estimated_norm: bool | None) -> None:
    """Turn a PyTorch checkpoint WEIGHTS of the released code into a model folder."""
    from xpmodel.model.import_released import import_model

    model = import_model(weights, norm, estimated_norm=estimated_norm)
    model.save(out)
    layers = [model.network.input_dim, *model.network.intermediate_layers, model.n_latents]
    click.echo(f"{out}: scatter VAE {' → '.join(map(str, layers))}, hash {model.hash[:12]}")
    if model.estimated:
        click.echo(f"estimates, not the originals: {', '.join(model.estimated)}")


@main.command("encode")
@click.argument("files", nargs=-1, required=True)
@model_option()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Catalog to write (.parquet)."
)
@click.option(
    "--photometry",
    type=click.Path(path_type=Path),
    help="Table with source_id and phot_g_mean_flux or phot_g_mean_mag.",
)
@click.option(
    "--labels", type=click.Path(path_type=Path), help="Table with source_id and stellar labels."
)
@click.option(
    "--correlations",
    is_flag=True,
    help="Form the latents' noise with the correlations that the files have (much slower).",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def encode_command(
    files: tuple[str, ...],
    model: Path,
    out: Path,
    photometry: Path | None,
    labels: Path | None,
    correlations: bool,
    device: str,
) -> None:
    """Encode XP spectra FILES (files, folders, globs) into a catalog.

    Takes archive rows and flat columns in CSV, ECSV, FITS, HDF5, VOTable and Parquet. Rows that
    cannot be used are left out, counted, and listed beside the catalog.
    """
    from xpmodel.catalog.encode import encode_files
    from xpmodel.model.folder import load_model

    loaded = load_model(model, device)
    with star_progress() as progress:
        encoding = encode_files(
            files,
            loaded,
            out,
            photometry=photometry,
            labels=labels,
            correlations=correlations,
            progress=progress,
        )
    echo_encoding(encoding)


@main.command("select")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--catalog", "catalog_path", required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"Table to write ({listed(FORMATS)}). Default: the ids, a line each.",
)
@click.option("--coefficients", is_flag=True, help="With the stars' XP coefficients and errors.")
@click.option(
    "--truncated",
    is_flag=True,
    help="With --coefficients: without those that do not stand above their noise.",
)
@click.option(
    "--other-catalog", is_flag=True, help="Apply the steps to another catalog than theirs."
)
def select_command(
    recipe: Path,
    catalog_path: Path,
    out: Path | None,
    coefficients: bool,
    truncated: bool,
    other_catalog: bool,
) -> None:
    """Replay a selection's RECIPE (JSON, from the page) and return the same stars."""
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.export.stars import write_stars
    from xpmodel.selection.recipe import recipe_notes, replay_recipe

    if truncated and not (coefficients and out):
        raise click.UsageError("--truncated goes with --coefficients and --out")
    if out is not None and out.resolve() == catalog_path.resolve():
        raise InputError(f"{out}: is the catalog itself; give the stars selected another name")
    catalog = open_catalog(catalog_path)
    mask = replay_recipe(recipe, catalog, other_catalog=other_catalog)
    for note in recipe_notes(recipe, catalog):
        click.echo(f"{recipe}: {note}", err=True)
    if out is None:
        np.savetxt(sys.stdout, catalog.source_id[mask], fmt="%d")
        return
    write_stars(catalog, mask, out, coefficients=coefficients, truncated=truncated)
    click.echo(f"{out}: {mask.sum()} of {len(catalog)} stars")
    if truncated:
        n = int(catalog.spectra[np.flatnonzero(mask)].truncatable.sum())
        click.echo(f"truncated: the spectra of {n} of them, whose relevant bases are known")


for command in (
    attribute_command,
    bound_command,
    build_command,
    classify_command,
    control_command,
    errors_command,
    evaluate_command,
    explore_command,
    fetch_command,
    inspect_command,
    labels_command,
    mock_command,
    norm_command,
    outliers_command,
    probe_command,
    reproduce_command,
    steering_command,
    tracks_command,
    train_command,
):
    main.add_command(command)
