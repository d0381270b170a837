"""Statistics of columns that begin anew after a period, as longitudes do.

`xpmodel.columns.Column.period` says which columns those are. Mean direction, median direction and
circular standard deviation are those of Mardia & Jupp (2000), Directional Statistics, sections 2.2
and 2.3, in the column's unit instead of radians. All of them leave out values that are not finite,
and come as positions from 0 to the period.
"""

from __future__ import annotations

import numpy as np

# Where the mean vector is shorter than this, it has no direction: rounding made it.
NO_DIRECTION = 1e-12
# Sums of distances that differ by less than this part are equal, but for rounding.
EQUAL = 1e-12


def turned(values: np.ndarray, low: float, period: float) -> np.ndarray:
    """Values by whole periods, so that they lie from `low` on, float64."""
    values = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore"):
        return values - period * np.floor((values - low) / period)


def difference(values: np.ndarray, at: float | np.ndarray, period: float) -> np.ndarray:
    """The shorter way from `at` to values, from minus half a period to half a period."""
    return turned(np.asarray(values, np.float64) - at, -period / 2, period)


def mean(values: np.ndarray, period: float) -> float:
    """Mean direction; NaN where there is none, as of values that lie opposite to each other."""
    return float(means(values, np.zeros(len(values), np.int64), 1, period)[0][0])


def std(values: np.ndarray, period: float) -> float:
    """Circular standard deviation; infinite where there is no mean, NaN without a value.

    For values close together it is their standard deviation (1/N).
    """
    return float(means(values, np.zeros(len(values), np.int64), 1, period)[1][0])


def median(values: np.ndarray, period: float) -> float:
    """Median direction: from where the way to all values is shortest, summed; NaN without one.

    For values within half a period it is their median.
    """
    return float(medians(values, np.zeros(len(values), np.int64), 1, period)[0])


def percentiles(values: np.ndarray, wanted: tuple[float, ...], period: float) -> list[float]:
    """Percentiles of the ways from the median, half a period to each side, as positions.

    They are not turned, so that the median is from 0 to the period and the others lie around it:
    −3° and 5° for stars to both sides of 0.
    """
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return [float("nan")] * len(wanted)
    middle = median(values, period)
    return (middle + np.percentile(difference(values, middle, period), wanted)).tolist()


def means(
    values: np.ndarray, group: np.ndarray, n_groups: int, period: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean direction and circular standard deviation of each group of values.

    Parameters
    ----------
    values : ndarray, (N,)
    group : ndarray, (N,) int
        Number of each one's group, from 0.
    n_groups : int
    period : float

    Returns
    -------
    mean, std : ndarray, (n_groups,) float64
    """
    values, group = _finite(values, group)
    angle = values * (2 * np.pi / period)
    n = np.bincount(group, minlength=n_groups).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0: no value, no mean
        c = np.bincount(group, np.cos(angle), n_groups) / n
        s = np.bincount(group, np.sin(angle), n_groups) / n
        direction = np.where(np.hypot(c, s) > NO_DIRECTION, np.arctan2(s, c), np.nan)
        # 1 − R by the ways from the mean: 1 less a cosine would lose what is small.
        short = 2 * np.sin((angle - direction[group]) / 2) ** 2
        missing = np.bincount(group, short, n_groups) / n
        missing = np.where(np.isnan(direction) & (n > 0), 1.0, missing)
        spread = np.sqrt(-2 * np.log1p(-np.clip(missing, 0.0, 1.0)))
    return _from_zero(direction * (period / (2 * np.pi)), period), spread * (period / (2 * np.pi))


def medians(
    values: np.ndarray, group: np.ndarray, n_groups: int, period: float
) -> np.ndarray:  # (n_groups,) float64
    """Median direction of each group of values; parameters as in `means`."""
    values, group = _finite(values, group)
    values = turned(values, 0.0, period)
    order = np.lexsort((values, group))
    values, group = values[order], group[order]
    n = np.bincount(group, minlength=n_groups)
    found = np.full(n_groups, np.nan)
    filled = np.flatnonzero(n)
    if not len(filled):
        return found
    start = np.cumsum(n) - n
    total = _ways(values, group, n, start, period)
    least = np.minimum.reduceat(total, start[filled])
    nearest = np.full(n_groups, np.inf)
    nearest[filled] = least * (1 + EQUAL) + EQUAL * period
    candidates = np.flatnonzero(total <= nearest[group])
    _, first = np.unique(group[candidates], return_index=True)
    middle = np.full(n_groups, np.nan)
    middle[filled] = values[candidates[first]]
    # Of an even number it lies between two values.
    ways = difference(values, middle[group], period)
    ways = ways[np.lexsort((ways, group))]
    low, high = start + (n - 1) // 2, start + n // 2
    found[filled] = middle[filled] + (ways[low[filled]] + ways[high[filled]]) / 2
    return _from_zero(found, period)


def _ways(
    values: np.ndarray, group: np.ndarray, n: np.ndarray, start: np.ndarray, period: float
) -> np.ndarray:  # (N,)
    """The summed shorter ways from each value to all others of its group; all sorted in groups."""
    place = np.arange(len(values)) - start[group]
    here, again = 2 * start[group] + place, 2 * start[group] + n[group] + place
    twice, of_twice = np.empty(2 * len(values)), np.empty(2 * len(values), np.int64)
    twice[here], twice[again] = values, values + period
    of_twice[here] = of_twice[again] = group
    # Those ahead within half a period end here; all groups are searched at once.
    end = np.searchsorted(
        twice + 4 * period * of_twice, values + period / 2 + 4 * period * group, side="right"
    )
    sums = np.concatenate([[0.0], np.cumsum(twice)])
    n_ahead = end - here
    ahead = sums[end] - sums[here] - n_ahead * values
    behind = (n[group] - n_ahead) * (values + period) - (sums[again] - sums[end])
    return ahead + behind


def _finite(values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    return values[known], np.asarray(group)[known]


def _from_zero(values: np.ndarray, period: float) -> np.ndarray:
    values = turned(values, 0.0, period)
    return np.where(values >= period, 0.0, values)  # rounding brings a tiny negative number there
