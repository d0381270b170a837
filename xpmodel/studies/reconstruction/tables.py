"""Tables of an evaluation: by reconstruction, coefficient, wavelength, label, star."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import column_of, parameters
from xpmodel.report.tables import TableColumn, make_table
from xpmodel.spectra.bands import positions
from xpmodel.studies.reconstruction.denoising import Denoising, medians_of
from xpmodel.studies.reconstruction.evaluate import Compared, Evaluation

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

# What errors are told against, beside parameters of the atmosphere: noise, color and dust.
OBSERVED = ("phot_g_mean_mag", "bp_rp", "sfd_ebv")
LABEL_BINS = 20
# A bin of fewer stars is shaded.
THIN = 30
SPAN = (0.5, 99.5)


def summary_table(compared: Sequence[Compared], meta: dict[str, Any]) -> Table:
    """A row a reconstruction: RMSE(j), RMSE(λ), and how they compare with the model's.

    ``…_ratio`` is the rival's root mean square over all stars (and coefficients or wavelengths)
    over the model's: above 1 the model is better. ``…_star_ratio`` is the ratio of the two RMSEs
    of a star, averaged over the stars, and ``…_star_median`` its median: a mean of ratios leans
    towards stars that the model happens to hit.
    """
    rows = []
    for one in compared:
        row: dict[str, Any] = {"reconstruction": one.name, "n": len(one.reconstruction.places)}
        for short, own, model in (
            ("j", one.own.rmse_coefficient, one.model.rmse_coefficient),
            ("lambda", one.own.rmse_flux, one.model.rmse_flux),
        ):
            ratio = own / model
            row[f"rmse_{short}"] = _rms(own)
            row[f"rmse_{short}_median"] = _median(own)
            row[f"rmse_{short}_ratio"] = _rms(own) / _rms(model)
            row[f"rmse_{short}_star_ratio"] = float(np.mean(ratio.astype(np.float64)))
            row[f"rmse_{short}_star_median"] = _median(ratio)
        rows.append(row)
    meaning = {
        "reconstruction": "what it is of",
        "n": "test stars",
        "rmse_j": "root mean square over stars of RMSE(j), Eq. 7",
        "rmse_j_median": "median over stars",
        "rmse_j_ratio": "rmse_j over the model's of the same stars",
        "rmse_j_star_ratio": "ratio of a star's RMSE(j) to the model's, mean over stars",
        "rmse_j_star_median": "the same, median",
        "rmse_lambda": "root mean square over stars of RMSE(lambda), Eq. 9",
        "rmse_lambda_median": "median over stars",
        "rmse_lambda_ratio": "rmse_lambda over the model's of the same stars",
        "rmse_lambda_star_ratio": "ratio of a star's RMSE(lambda) to the model's, mean over stars",
        "rmse_lambda_star_median": "the same, median",
    }
    return make_table([(n, [r[n] for r in rows], "", meaning[n]) for n in meaning], meta)


def coefficients_table(compared: Sequence[Compared], meta: dict[str, Any]) -> Table:
    """A row a coefficient: bias and spread of ℛ(j) (Fig. 5), and ratios to the model's (Fig. 6).

    ``…_mean_square_ratio`` is of squares, as the paper's Figure 6 is, though called RMSE there; its
    root is ``…_rms_ratio``. ``…_star_mean`` is as for `wavelengths_table`.
    """
    numbers = np.arange(1, compared[0].own.coefficient.shape[1] + 1)
    columns = [
        ("coefficient", numbers, "", positions()),
        *(
            column
            for one in compared
            if not np.isnan(one.own.coefficient).all()
            for column in _statistics(one.name, one.own.coefficient, one.model.coefficient)
        ),
    ]
    return make_table(columns, meta)


def wavelengths_table(compared: Sequence[Compared], meta: dict[str, Any]) -> Table:
    """A row a wavelength: bias and spread of ℛ(λ) (Fig. 7), and ratios to the model's (Fig. 8).

    ``…_star_mean`` is the mean of ratios that the paper shows. A ratio of two residuals has no
    finite mean where they are normal: a few stars that the model hits by chance decide it.
    ``…_star_median`` and ``…_rms_ratio`` do not suffer from that.
    Reconstructions with wavelengths of their own are left to tables of their own.
    """
    grid = compared[0].grid
    columns: list[TableColumn] = [("wavelength", grid, "nm", "wavelength")]
    for one in compared:
        if np.array_equal(one.grid, grid) and not np.isnan(one.own.flux).all():
            columns += _statistics(one.name, one.own.flux, one.model.flux)
    return make_table(columns, meta)


def labels_table(evaluation: Evaluation, catalog: Catalog, meta: dict[str, Any]) -> Table:
    """A row a bin of a label: medians over its stars of RMSE(j) and RMSE(λ) (Fig. 9).

    A rival that has not all stars has its number of them in the bin as ``…_n``, and the model's
    medians over the same stars as ``…_model_j`` and ``…_model_lambda``.
    """
    blocks = []
    labels = (*parameters(), *OBSERVED)
    for label in labels:
        if label not in catalog.numeric:
            continue
        values = catalog[label][evaluation.stars.test].astype(np.float64)
        known = np.isfinite(values)
        if not known.any():
            continue
        low, high = np.percentile(values[known], SPAN)
        if low == high:
            continue
        edges = np.linspace(low, high, LABEL_BINS + 1)
        bins = np.where(known & (values <= high), np.searchsorted(edges, values, "right") - 1, -1)
        bins = np.minimum(bins, LABEL_BINS - 1)
        block: dict[str, Any] = {
            "label": np.full(LABEL_BINS, label),
            "low": edges[:-1],
            "high": edges[1:],
            "n": np.bincount(bins[bins >= 0], minlength=LABEL_BINS),
        }
        for one in evaluation.compared:
            of = bins[one.reconstruction.places]
            block[f"{one.name}_n"] = np.bincount(of[of >= 0], minlength=LABEL_BINS)
            for short, own, model in (
                ("j", one.own.rmse_coefficient, one.model.rmse_coefficient),
                ("lambda", one.own.rmse_flux, one.model.rmse_flux),
            ):
                block[f"{one.name}_rmse_{short}"] = medians_of(own, of, LABEL_BINS)
                block[f"{one.name}_model_{short}"] = medians_of(model, of, LABEL_BINS)
        block["thin"] = block["n"] < THIN
        blocks.append(block)
    if not blocks:
        return make_table([("label", np.empty(0, "U1"), "", "column")], meta)
    meaning = {
        "label": "column",
        "low": "lower end of the bin, in the column's unit",
        "high": "upper end",
        "n": "test stars in the bin",
        "thin": f"fewer than {THIN} stars",
    }
    columns = [
        (name, np.concatenate([b[name] for b in blocks]), "", meaning.get(name) or _meaning(name))
        for name in blocks[0]
    ]
    units = {label: column_of(label).unit for label in labels}
    return make_table(columns, {**meta, "units": units, "range": "0.5 to 99.5 % of the stars"})


def stars_table(evaluation: Evaluation) -> pa.Table:
    """A row a test star: RMSE(j) and RMSE(λ) of each reconstruction; null where it has none."""
    import pyarrow as pa

    spectra = evaluation.stars.spectra
    columns: dict[str, Any] = {"source_id": spectra.source_id}
    for one in evaluation.compared:
        for short, rmse in (("j", one.own.rmse_coefficient), ("lambda", one.own.rmse_flux)):
            values = np.full(len(spectra), np.nan, np.float32)
            values[one.reconstruction.places] = rmse
            columns[f"{one.name}_rmse_{short}"] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def denoising_table(found: Denoising, meta: dict[str, Any]) -> Table:
    """A row a bin of G: median errors against the noise-free spectra."""
    error = "median rms relative flux error against the noise-free spectra"
    columns = [
        ("phot_g_mean_mag", found.g_mag, "mag", "middle of the bin"),
        ("n", found.n, "", "test stars"),
        ("observed_error", found.observed, "", f"observation: {error}"),
    ]
    for name in found.error:
        same = f"observation of the stars that {name} has: {error}"
        columns.append((f"{name}_observed", found.observed_of[name], "", same))
        columns.append((f"{name}_error", found.error[name], "", f"{name}: {error}"))
        better = "part of the stars where it is nearer to the truth than the observation"
        columns.append((f"{name}_better", found.better[name], "", f"{name}: {better}"))
    return make_table(columns, meta)


def _statistics(name: str, own: np.ndarray, model: np.ndarray) -> list[TableColumn]:
    """Columns over the stars of residuals (M, J) and of the model's."""
    low, median, high = np.percentile(own, [16, 50, 84], axis=0)
    own_square, model_square = (np.mean(r.astype(np.float64) ** 2, axis=0) for r in (own, model))
    ratio = own_square / model_square
    with np.errstate(divide="ignore", invalid="ignore"):
        stars = np.abs(own.astype(np.float64) / model)
    return [
        (f"{name}_bias", median, "", "median residual in units of its error"),
        (f"{name}_spread", 0.5 * (high - low), "", "half of the 16-84 % range of the same"),
        (f"{name}_rms", np.sqrt(own_square), "", "root mean square of the same"),
        (f"{name}_mean_square_ratio", ratio, "", "mean square over the model's"),
        (f"{name}_rms_ratio", np.sqrt(ratio), "", "rms over the model's"),
        (f"{name}_star_mean", stars.mean(axis=0), "", "mean over stars of |residual / model's|"),
        (f"{name}_star_median", np.median(stars, axis=0), "", "median of the same"),
    ]


def _meaning(column: str) -> str:
    if column.endswith("_n"):
        return "its test stars in the bin"
    same = (
        "; the model's, of the same stars" if column.rpartition("_")[0].endswith("_model") else ""
    )
    return f"median over the stars{same}"


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")
