"""Comparison of sets of stars, column by column: summaries, rank tests, histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xpmodel import circular
from xpmodel._long_work import checkpoint
from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import is_error, is_latent, period
from xpmodel.errors import InputError
from xpmodel.selection.rank_statistics import holm, mann_whitney

# Not compared unless asked for: errors and flags, positions, whose ranks mean little on a sphere,
# the flux, which is the magnitude again, and how well the model fits.
NOT_COMPARED = {"starflag", "aspcapflag", "ra", "dec", "l", "b", "phot_g_mean_flux"}
NOT_COMPARED |= {"chi2", "chi2_obs", "kl"}


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """The distribution of a column over a set of stars; NaN where nothing defines a number.

    Attributes
    ----------
    name : str
    n : int
        Stars with a finite value. The other attributes are over these.
    n_missing : int
        Stars without one.
    median, p16, p84 : float
        Percentiles 50, 16 and 84 (linear between values), in the column's unit.
    mean, sd : float
        Mean and sample standard deviation (n − 1), in the column's unit.

    Notes
    -----
    Of a column with a period they are those of `xpmodel.circular`: median and mean direction, the
    circular standard deviation, and percentiles that lie around the median.
    """

    name: str
    n: int
    n_missing: int
    median: float
    p16: float
    p84: float
    mean: float
    sd: float


@dataclass(frozen=True)
class ColumnDifference:
    """How a column differs between sets A and B.

    Attributes
    ----------
    name : str
    a, b : ColumnSummary
        Of either set.
    delta : float
        Cliff's delta: the probability that a random star of A has the larger value than one of
        B, less the probability that it has the smaller one; −1 to 1, positive where A is larger.
        NaN where A or B has no finite value, and of a column with a period, whose values have no
        order.
    p_value : float
        Two-sided, of the Mann–Whitney U test: normal approximation, corrected for ties and for
        continuity. 0 where float64 holds no number as small.
    p_corrected : float
        The same, corrected by Holm's method for the number of columns compared.
    """

    name: str
    a: ColumnSummary
    b: ColumnSummary
    delta: float
    p_value: float
    p_corrected: float

    @property
    def superiority(self) -> float:
        """Probability that a star of A has the larger value than one of B, ties counting half."""
        return 0.5 * (1.0 + self.delta)


@dataclass(frozen=True)
class Comparison:
    """Sets A and B compared.

    Attributes
    ----------
    n_a, n_b : int
        Stars in either set.
    n_both : int
        Stars that are in A and in B. They count in both, which pulls the differences towards 0
        and makes the p-values, meant for independent sets, only a guide.
    columns : tuple of ColumnDifference
        By falling |delta|; those without one at the end.
    """

    n_a: int
    n_b: int
    n_both: int
    columns: tuple[ColumnDifference, ...]


def summarize(
    catalog: Catalog, mask: np.ndarray | None, columns: Sequence[str] | None = None
) -> list[ColumnSummary]:
    """Summarize columns over a set of stars.

    Parameters
    ----------
    catalog : Catalog
    mask : ndarray, (N,) bool, or None for all stars
    columns : sequence of str, optional
        Numeric columns (default: `compared_columns`).

    Returns
    -------
    list of ColumnSummary
        In the order of `columns`.

    Raises
    ------
    InputError
        When a column is not numeric or the mask is not one of the catalog.
    """
    mask = _checked(catalog, np.ones(len(catalog), bool) if mask is None else mask)
    return [
        _summary(name, _finite(catalog, name, mask), int(mask.sum()))
        for name in _known(catalog, columns)
    ]


def compare(
    catalog: Catalog, mask_a: np.ndarray, mask_b: np.ndarray, columns: Sequence[str] | None = None
) -> Comparison:
    """Compare two sets of stars, the columns in which they differ most first.

    Parameters
    ----------
    catalog : Catalog
    mask_a, mask_b : ndarray, (N,) bool
        The sets; a star may be in both.
    columns : sequence of str, optional
        Numeric columns (default: `compared_columns`).

    Raises
    ------
    InputError
        When a column is not numeric or a mask is not one of the catalog.
    """
    mask_a, mask_b = _checked(catalog, mask_a), _checked(catalog, mask_b)
    n_a, n_b = int(mask_a.sum()), int(mask_b.sum())
    differences = []
    names = _known(catalog, columns)
    for i, name in enumerate(names):
        checkpoint(i / len(names))
        a, b = _finite(catalog, name, mask_a), _finite(catalog, name, mask_b)
        ordered = period(name) is None
        delta, p_value = mann_whitney(a, b) if ordered else (math.nan, math.nan)
        summaries = _summary(name, a, n_a), _summary(name, b, n_b)
        differences.append(ColumnDifference(name, *summaries, delta, p_value, math.nan))
    corrected = holm(np.array([d.p_value for d in differences]))
    ranked = [
        replace(difference, p_corrected=float(p))
        for difference, p in zip(differences, corrected, strict=True)
    ]
    ranked.sort(key=lambda d: -abs(d.delta) if math.isfinite(d.delta) else 1.0)
    return Comparison(n_a, n_b, int((mask_a & mask_b).sum()), tuple(ranked))


def compared_columns(catalog: Catalog) -> list[str]:
    """Columns that are compared by default: active latents, labels, photometry.

    Without errors, flags, sky positions and the figures of the model's fit.
    """
    return [
        name
        for name in catalog.numeric
        if name not in NOT_COMPARED
        and not is_error(name)
        and (not is_latent(name) or name in catalog.active)
    ]


def histograms(
    catalog: Catalog, masks: Sequence[np.ndarray], column: str, bins: int | np.ndarray = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Histograms of a column over several sets of stars, with bins in common.

    Parameters
    ----------
    catalog : Catalog
    masks : sequence of ndarray, (N,) bool
    column : str
    bins : int or ndarray, (B + 1,)
        A number of bins between the smallest and the largest finite value of all sets (0 and 1
        where there is none), or the edges themselves, rising; values beyond them do not count.
        Values of a column with a period count wherever whole periods bring them between the edges.

    Returns
    -------
    edges : ndarray, (B + 1,) float64
        In the column's unit. A bin holds its left edge, the last one both.
    counts : ndarray, (sets, B) int64

    Raises
    ------
    InputError
        When the column is not numeric, a mask is not one of the catalog, or bins are wrong.
    """
    (column,) = _known(catalog, [column])
    sets = [_finite(catalog, column, _checked(catalog, mask)) for mask in masks]
    if np.ndim(bins) == 0:
        filled = [values for values in sets if len(values)]
        low = min((float(values.min()) for values in filled), default=0.0)
        high = max((float(values.max()) for values in filled), default=1.0)
        if bins < 1:
            raise InputError(f"{bins} bins: give 1 or more")
        bins = np.histogram_bin_edges([], int(bins), (low, high))
    edges = np.asarray(bins, np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise InputError("the edges of bins must be two or more rising numbers")
    turn = period(column)
    if turn is not None:
        sets = [circular.turned(values, edges[0], turn) for values in sets]
    counts = [np.histogram(values, edges)[0] for values in sets]
    return edges, np.array(counts, np.int64).reshape(len(sets), len(edges) - 1)


def _summary(name: str, values: np.ndarray, n_stars: int) -> ColumnSummary:
    """Summarize finite values."""
    n = len(values)
    if not n:
        unknown = dict.fromkeys(("median", "p16", "p84", "mean", "sd"), math.nan)
        return ColumnSummary(name=name, n=0, n_missing=n_stars, **unknown)
    turn = period(name)
    if turn is None:
        low, median, high = np.percentile(values, (16, 50, 84)).tolist()
        mean = float(values.mean())
        sd = float(values.std(ddof=1)) if n > 1 else math.nan
    else:
        low, high = circular.percentiles(values, (16, 84), turn)
        median, mean = circular.median(values, turn), circular.mean(values, turn)
        sd = circular.std(values, turn) if n > 1 else math.nan
    return ColumnSummary(
        name=name, n=n, n_missing=n_stars - n, median=median, p16=low, p84=high, mean=mean, sd=sd
    )


def _finite(catalog: Catalog, name: str, mask: np.ndarray) -> np.ndarray:
    """The finite values of a column in a set, sorted, float64."""
    values = catalog[name][mask]
    # Sorted before they are float64: ranks of sorted values take a third of the time.
    return np.sort(values[np.isfinite(values)]).astype(np.float64)


def _checked(catalog: Catalog, mask: np.ndarray) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != (len(catalog),):
        raise InputError(
            f"{catalog.path}: a set of its stars is a mask of {len(catalog)} bool, "
            f"not {mask.shape} {mask.dtype}"
        )
    return mask


def _known(catalog: Catalog, columns: Sequence[str] | None) -> list[str]:
    columns = compared_columns(catalog) if columns is None else list(columns)
    for name in columns:
        # A column without a single value is none of catalog.numeric, but can be summarized.
        if name == "source_id" or catalog[name].dtype.kind not in "iuf":
            raise InputError(f"{catalog.path}: column {name!r} holds no numbers to compare")
    return columns
