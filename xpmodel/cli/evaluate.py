"""The command that compares reconstructions: ``xpmodel evaluate``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpmodel.cli.options import out_option
from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_COEFFICIENTS

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table

    from xpmodel.catalog.catalog import Catalog
    from xpmodel.model.model import Model
    from xpmodel.studies.reconstruction.evaluate import Evaluation, HeldOut
    from xpmodel.studies.reconstruction.rivals import Reconstruction

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.

FILE = click.Path(path_type=Path)
INDEPENDENT = "errors counted as independent (no --correlations)"


@click.command("evaluate")
@click.argument("catalog", type=FILE)
@click.option(
    "--model",
    type=FILE,
    help="The catalog's model folder. Default: the demo model, if it is that.",
)
@out_option()
@click.option(
    "--rival",
    multiple=True,
    metavar="[NAME=]FILE",
    help=f"Table of source_id and coefficients ({N_COEFFICIENTS} or 64) or fluxes. Several may be "
    "given.",
)
@click.option(
    "--rival-model",
    multiple=True,
    metavar="[NAME=]FOLDER",
    help="Another model folder, which encodes and decodes the same stars.",
)
@click.option("--lb23-no-labels", type=FILE, help="lb23_xp_est_no_labels.npy, Leung & Bovy 2023.")
@click.option("--lb23-labels", type=FILE, help="lb23_xp_est_labels.npy, Leung & Bovy 2023.")
@click.option("--zgr23", type=FILE, help="zhang_stellar_params_xmatch.npz with flux added.")
@click.option("--correlations", type=FILE, help="xp_corrs.npz, of the test stars in their order.")
@click.option("--truth", type=FILE, help="truth.parquet of a mock sky: errors against the truth.")
@click.option(
    "--as-released", is_flag=True, help="Add RMSE(j), σ(λ) as the released code has them."
)
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
def evaluate_command(
    catalog: Path,
    model: Path | None,
    out: Path | None,
    rival: tuple[str, ...],
    rival_model: tuple[str, ...],
    lb23_no_labels: Path | None,
    lb23_labels: Path | None,
    zgr23: Path | None,
    correlations: Path | None,
    truth: Path | None,
    as_released: bool,
    figures: bool,
) -> None:
    """Compare how MODEL reconstructs the test stars of CATALOG with what others do.

    Residuals by coefficient and wavelength, in units of the errors, with bias and spread, RMSE of
    each star, and by label. Rivals built in: 4, 6 and 20 principal components, the mean of the 10
    training stars nearest in labels, or in labels and colors, and a cubic in labels and colors.
    Every rival is compared with the model on the same stars.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import required_model, result_folder
    from xpmodel.report.tables import title_of
    from xpmodel.studies.reconstruction.evaluate import Evaluation, built_in, compare, held_out
    from xpmodel.studies.reconstruction.rival_files import read_correlations
    from xpmodel.studies.reconstruction.rivals import taken

    opened = open_catalog(catalog)
    loaded = required_model(opened, model)
    out = result_folder(catalog, out, "evaluate")
    stars = held_out(opened)
    rho = None if correlations is None else read_correlations(correlations, len(stars.test))
    files = {"LB23 no labels": lb23_no_labels, "LB23 labels": lb23_labels, "ZGR23": zgr23}
    others = _others(stars, rival, rival_model, files)
    known = None if truth is None else _truth(truth, opened)
    click.echo(f"{title_of(opened)}: {stars.note}")
    if rho is None:
        click.echo(INDEPENDENT)
    reconstructions, skipped = built_in(opened, loaded, stars, _tell)
    reconstructions += others
    taken(reconstructions)
    evaluation = Evaluation(stars, compare(stars, reconstructions, rho, _tell), skipped)
    for one in evaluation.compared:
        click.echo(f"{one.name}: {one.reconstruction.note}")
    for name, reason in skipped.items():
        click.echo(f"no {name}: {reason}")
    _report(opened, loaded, evaluation, out, rho, as_released, figures)
    if known is not None:
        _denoise(opened, evaluation, known, out, figures)


def _others(
    stars: HeldOut,
    rival: tuple[str, ...],
    rival_model: tuple[str, ...],
    files: dict[str, Path | None],
) -> list[Reconstruction]:
    """Rivals out of files, before anything that takes long."""
    from xpmodel.model.folder import load_model
    from xpmodel.studies.reconstruction.rival_files import read_lb23, read_rival, read_zgr23
    from xpmodel.studies.reconstruction.rivals import of_model

    others = []
    for text in rival:
        name, path = _named(text)
        others.append(read_rival(name, path, stars.spectra))
    for text in rival_model:
        name, path = _named(text)
        others.append(of_model(name, load_model(path), stars.spectra))
    for name, file in files.items():
        if file is not None:
            read = read_zgr23 if name == "ZGR23" else read_lb23
            others.append(read(name, file, stars.spectra))
    return others


def _named(text: str) -> tuple[str, Path]:
    """``NAME=FILE``, or a file that gives its own name."""
    name, equals, path = text.partition("=")
    if not equals:
        path, name = text, Path(text).name.split(".")[0]
    if not (name.strip() and path):
        raise InputError(f"{text}: give a rival as FILE or NAME=FILE")
    return name.strip(), Path(path)


def _truth(path: Path, catalog: Catalog) -> np.ndarray:
    """Noise-free coefficients of all stars of the catalog, (N, 110), read before the long work."""
    from xpmodel.mock.truth import read_true_coefficients

    if "phot_g_mean_mag" not in catalog.numeric:
        raise InputError(f"{catalog.path}: no phot_g_mean_mag, by which errors are compared")
    return read_true_coefficients(path, catalog)


def _tell(what: str) -> None:
    click.echo(f"… {what}", err=True)


def _report(
    catalog: Catalog,
    model: Model,
    evaluation: Evaluation,
    out: Path,
    correlations: np.ndarray | None,
    as_released: bool,
    figures: bool,
) -> None:
    """Tables and figures of the comparison."""
    import pyarrow.parquet as pq

    from xpmodel._atomic import replacing
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import lines_of, provenance, write_table
    from xpmodel.studies.reconstruction import tables
    from xpmodel.studies.reconstruction.distributions import (
        bands_table,
        distributions,
        distributions_table,
    )
    from xpmodel.studies.reconstruction.figures import (
        distributions_figure,
        labels_figure,
        residuals_figure,
    )

    compared = evaluation.compared
    meta = provenance(
        catalog,
        stars=evaluation.stars.note,
        errors="independent" if correlations is None else "with correlations within BP and RP",
        notes={one.name: one.reconstruction.note for one in compared},
    )
    summary = tables.summary_table(compared, meta)
    if as_released:
        from xpmodel.studies.reconstruction.as_released import add_released

        add_released(summary, evaluation, model, correlations)
        click.echo(
            "…_released: as the released code has them, residuals per G flux over normalized errors"
        )
    for line in lines_of(summary, dict.fromkeys(summary.colnames[2:], ".4g")):
        click.echo(line)
    by_label = tables.labels_table(evaluation, catalog, meta)
    written: dict[str, Table] = {
        "evaluate": summary,
        "coefficients": tables.coefficients_table(compared, meta),
        "wavelengths": tables.wavelengths_table(compared, meta),
        "labels": by_label,
    }
    found = {short: distributions(compared, short) for short in ("j", "lambda")}
    found = {short: several for short, several in found.items() if several}
    written["residuals"] = distributions_table(found, meta)
    for short, several in found.items():
        written[f"residuals_{short}"] = bands_table(several, short, meta)
    for one in compared:
        if not (one.grid.shape == compared[0].grid.shape and (one.grid == compared[0].grid).all()):
            written[f"wavelengths_{_safe(one.name)}"] = tables.wavelengths_table([one], meta)
    for name, table in written.items():
        click.echo(write_table(out / f"{name}.ecsv", table))
    with replacing(out / "stars.parquet") as path:
        pq.write_table(tables.stars_table(evaluation), path)
    click.echo(out / "stars.parquet")
    if not len(by_label):
        click.echo(f"{catalog.path.name} has no labels: no RMSE by label")
    if not figures:
        return
    note = f"{_about(catalog, evaluation)}; {meta['errors']} errors."
    for name in ("coefficients", "wavelengths"):
        table = written[name]
        click.echo(write_figure(out / f"{name}.pdf", partial(residuals_figure, table, note)))
    for short, several in found.items():
        draw = partial(distributions_figure, several, short, note)
        click.echo(write_figure(out / f"residuals_{short}.pdf", draw))
    if len(by_label):
        note += f" Shaded: fewer than {tables.THIN} stars."
        for short in ("j", "lambda"):
            path = out / f"labels_{short}.pdf"
            click.echo(write_figure(path, partial(labels_figure, by_label, short, note)))


def _denoise(
    catalog: Catalog, evaluation: Evaluation, truth: np.ndarray, out: Path, figures: bool
) -> None:
    """Errors against noise-free spectra."""
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import lines_of, provenance, write_table
    from xpmodel.studies.reconstruction.denoising import denoising
    from xpmodel.studies.reconstruction.figures import denoising_figure
    from xpmodel.studies.reconstruction.tables import denoising_table

    test = evaluation.stars.test
    reconstructions = [one.reconstruction for one in evaluation.compared]
    g_mag = catalog["phot_g_mean_mag"][test].astype(float)
    found = denoising(evaluation.stars, reconstructions, truth[test], g_mag)
    table = denoising_table(found, provenance(catalog, stars=evaluation.stars.note))
    click.echo("median error against the noise-free spectra [part of the flux], by G")
    short = table[[n for n in table.colnames if not n.endswith(("_better", "_observed"))]]
    short = short[short["n"] > 0]
    for line in lines_of(short, dict.fromkeys(short.colnames[2:], ".4f")):
        click.echo(line)
    for name in found.error:
        limit = found.better_from(name)
        where = "at no magnitude" if limit != limit else f"from G = {limit:.2f} on"
        click.echo(f"{name} is nearer to the truth than the observation {where}")
    click.echo(write_table(out / "denoising.ecsv", table))
    if figures:
        note = f"{_about(catalog, evaluation)}; root mean square over 61 wavelengths."
        click.echo(write_figure(out / "denoising.pdf", lambda: denoising_figure(table, note)))


def _about(catalog: Catalog, evaluation: Evaluation) -> str:
    from xpmodel.report.tables import title_of

    return f"{title_of(catalog)}: {evaluation.stars.note}"


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)
