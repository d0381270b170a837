"""Outliers: a score of stars from χ², density in latent space and posterior width."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.once import once_a_catalog
from xpmodel.columns import column_of, latent_columns, parameters
from xpmodel.errors import InputError
from xpmodel.report.tables import TableColumn, make_table, provenance

if TYPE_CHECKING:
    from astropy.table import Table

# Density is told by the distance to this neighbour.
NEIGHBOURS = 10
# A star is compared with so many of its magnitude.
BIN_STARS = 200
MAGNITUDE = "phot_g_mean_mag"
# The first that there is. With the model's own scatter in the variance, χ² misses what the model
# knows to be uncertain: it expects more scatter of an odd star than of others.
CHI2 = ("chi2_obs", "chi2")
PARTS = {
    "misfit": "χ² of the spectrum",
    "isolation": f"distance to neighbour {NEIGHBOURS} in latent space",
    "width": "posterior width",
}


@dataclass(frozen=True, eq=False)
class OutlierScores:
    """How odd each of N stars is.

    Attributes
    ----------
    score : ndarray, (N,) float64
        Sum of the parts that a star has [dex]; NaN where it has none.
    parts : dict of str to ndarray, (N,) float64
        Rarity −log10 p of each part [dex], of those in `PARTS` that the catalog allows; NaN
        where a star lacks it.
    missing : dict of str to str
        Why a part, or the comparison at equal magnitude, is left out.
    chi2 : str or None
        The column that `misfit` is of.
    """

    score: np.ndarray
    parts: dict[str, np.ndarray]
    missing: dict[str, str]
    chi2: str | None

    @cached_property
    def ranked(self) -> np.ndarray:
        """Rows of the stars with a score, the oddest first; of equal ones the lower row."""
        order = np.argsort(-self.score, kind="stable")  # NaN comes last
        return order[: int(np.isfinite(self.score).sum())]


def score_outliers(catalog: Catalog) -> OutlierScores:
    """Score how odd the stars of a catalog are.

    The score is a sum of three parts, each the rarity −log10 p of one value of a star among
    those of similar G magnitude (see `rarity`):

    - ``misfit``: mean of (x − x̂)²/σ² over the coefficients, ``chi2_obs``, large;
    - ``isolation``: distance to the tenth neighbour in latent space, large (as
      `xpmodel.latent.metric.LatentMetric` measures it);
    - ``width``: posterior standard deviation of the active latent in which it is most unusual,
      large or small: far from what it was trained on an encoder may also be too sure.

    Such a sum is Fisher's combination of independent tests (−2 Σ ln p; Fisher 1932). The parts are
    not quite independent, so the score ranks stars and is no probability. A part that the
    catalog, or a star, lacks adds nothing.

    Parameters
    ----------
    catalog : Catalog

    Raises
    ------
    InputError
        When no part can be had.
    """
    missing: dict[str, str] = {}
    magnitude = None
    if MAGNITUDE in catalog.numeric:
        magnitude = catalog.numbers(MAGNITUDE).astype(np.float64)
    else:
        missing["magnitude"] = f"no values in column {MAGNITUDE}: compared with all stars"
    parts = {}
    chi2 = next((name for name in CHI2 if name in catalog.numeric), None)
    if chi2 is None:
        missing["misfit"] = f"no values in columns {', '.join(CHI2)}"
    else:
        parts["misfit"] = deviation(catalog.numbers(chi2), magnitude)
    latents = catalog.active or catalog.latents
    placed = catalog.placed
    if placed.sum() <= NEIGHBOURS:
        missing["isolation"] = f"latents of {placed.sum()} stars, of which no tenth is a neighbour"
    else:
        parts["isolation"] = deviation(neighbour_distance(catalog), magnitude)
    widths = [deviation(catalog[f"{z}_err"], magnitude) for z in latents]
    parts["width"] = np.fmax.reduce([np.abs(width) for width in widths])
    for name, values in parts.items():
        if not np.nan_to_num(values).any():
            missing[name] = "the same for all stars that have it"
    parts = {name: rarity(values) for name, values in parts.items() if name not in missing}
    if not parts:
        reasons = "; ".join(f"{PARTS[name]}: {missing[name]}" for name in PARTS)
        raise InputError(f"{catalog.path}: nothing to score stars by ({reasons})")
    known = np.logical_or.reduce([np.isfinite(part) for part in parts.values()])
    score = np.where(known, sum(np.nan_to_num(part) for part in parts.values()), np.nan)
    return OutlierScores(score, parts, missing, chi2)


@once_a_catalog(at_most=1)
def outliers_of(catalog: Catalog) -> OutlierScores:
    """The scores of a catalog's stars, made once for all who ask."""
    return score_outliers(catalog)


def neighbour_distance(catalog: Catalog, k: int = NEIGHBOURS) -> np.ndarray:
    """Distance of each star to its k-th neighbour in latent space, (N,) float64.

    NaN for stars without latents.
    """
    from xpmodel.latent.metric import latent_points_of  # imports SciPy, which most do not need

    stars = latent_points_of(catalog)
    distance = np.full(len(catalog), np.nan)
    distance[stars.rows] = stars.neighbour_distance(k)
    return distance


def deviation(values: np.ndarray, magnitude: np.ndarray | None) -> np.ndarray:
    """How far values lie from what is usual at their magnitude, in units of the usual spread.

    Of the logarithms: the difference from the median, over half of the range from the 16th to the
    84th percentile of such differences. Both are taken in bins of some 200 stars of similar
    magnitude, and interpolated between the bins' median magnitudes (constant beyond the first and
    the last). Where there is no range, that of all stars counts.

    Parameters
    ----------
    values : ndarray, (N,)
        Zero or more; NaN where unknown.
    magnitude : ndarray, (N,), optional
        Stars without one are compared with all stars, as all are where it is None.

    Returns
    -------
    deviation : ndarray, (N,) float64
        NaN where unknown.
    """
    limits = np.finfo(np.float64)
    result = np.full(len(values), np.nan)
    rows = np.flatnonzero(~np.isnan(values))
    if not len(rows):
        return result
    # A width of 0 or a χ² that overflowed is as odd as can be, yet finite.
    log = np.log(np.clip(values[rows].astype(np.float64), limits.tiny, limits.max))
    away = log - np.median(log)
    of_all = _half_range(away, np.zeros(len(log), np.int64))[0] or 1.0
    spread = np.full(len(log), of_all)
    g_of = np.full(len(rows), np.nan) if magnitude is None else magnitude[rows]
    with_g = np.flatnonzero(np.isfinite(g_of))
    if len(with_g):
        g = g_of[with_g]
        n_bins = max(1, len(g) // BIN_STARS)
        bins = np.empty(len(g), np.int64)
        bins[np.argsort(g, kind="stable")] = np.arange(len(g)) * n_bins // len(g)
        at = _quantile(g, bins, 0.5)
        away[with_g] = log[with_g] - np.interp(g, at, _quantile(log[with_g], bins, 0.5))
        spread[with_g] = np.interp(g, at, _half_range(away[with_g], bins))
    result[rows] = away / np.where(spread > 0, spread, of_all)
    return result


def _half_range(values: np.ndarray, group: np.ndarray) -> np.ndarray:  # (N,), (N,) -> (G,)
    return 0.5 * (_quantile(values, group, 0.84) - _quantile(values, group, 0.16))


def _quantile(values: np.ndarray, group: np.ndarray, q: float) -> np.ndarray:
    """A quantile of each of G groups, which are numbered from 0, (G,)."""
    import pandas as pd

    return pd.Series(values).groupby(group).quantile(q).to_numpy()


def rarity(values: np.ndarray) -> np.ndarray:
    """−log10 of the part of the stars whose value is at least as large [dex], (N,).

    Between 0 and log10 of the number of stars; NaN where a value is.
    """
    from scipy.stats import rankdata

    known = ~np.isnan(values)
    n_as_large = rankdata(-values[known], method="max")
    result = np.full(len(values), np.nan)
    result[known] = np.log10(len(n_as_large)) - np.log10(n_as_large)
    return result


def outlier_table(catalog: Catalog, scores: OutlierScores, n: int) -> Table:
    """The n oddest stars (all with a score, if there are fewer), ranked.

    Parameters
    ----------
    catalog : Catalog
    scores : OutlierScores
    n : int

    Returns
    -------
    astropy.table.Table
        ``rank`` from 1, ``source_id``, ``score`` and its parts [dex], G magnitude, χ², latents
        and labels, as far as the catalog has them.
    """
    rows = scores.ranked[:n]
    columns: list[TableColumn] = [
        ("rank", np.arange(1, len(rows) + 1), "", "1 is the oddest star"),
        ("source_id", catalog.source_id[rows], "", "Gaia DR3's; mock stars' are above 9.0e18"),
        ("score", scores.score[rows], "dex", "sum of the parts"),
    ]
    columns += [
        (name, part[rows], "dex", f"rarity of the {PARTS[name]}")
        for name, part in scores.parts.items()
    ]
    others = [MAGNITUDE, scores.chi2, *parameters(), "bp_rp"]
    for name in (other for other in others if other in catalog.numeric):
        # Units of the Unicode kind are for plots; those of these columns are plain.
        column = column_of(name)
        columns.append((name, catalog[name][rows], column.unit, column.description))
    columns += [
        (name, catalog[name][rows], "", f"posterior mean of {name}")
        for name in latent_columns(catalog.n_latents)
    ]
    meta = provenance(
        catalog,
        stars=f"{len(rows)} of {len(scores.ranked)} with a score, of {len(catalog)}",
        left_out=scores.missing,
    )
    return make_table(columns, meta)
