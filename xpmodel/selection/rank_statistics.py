"""How two sets of numbers differ, by their ranks alone."""

from __future__ import annotations

import math

import numpy as np


def mann_whitney(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Cliff's delta and the p-value of the Mann–Whitney U test.

    The p-value is two-sided, from the normal approximation, corrected for ties and for
    continuity (Mann & Whitney 1947; as `scipy.stats.mannwhitneyu`). Delta (Cliff 1993) is exact:
    the probability that a value of A is larger than one of B, less that it is smaller.

    Parameters
    ----------
    a, b : ndarray, (n,) and (m,)
        Finite, sorted.

    Returns
    -------
    delta, p_value : float
        NaN where a set is empty; p is 1 where all values are equal.
    """
    n, m = len(a), len(b)
    if not (n and m):
        return math.nan, math.nan
    smaller = np.searchsorted(b, a, side="left").sum(dtype=np.int64)
    smaller_or_tied = np.searchsorted(b, a, side="right").sum(dtype=np.int64)
    # 2 U − n m, in whole numbers.
    excess = int(smaller) + int(smaller_or_tied) - n * m
    # The stable sort merges the two sorted runs.
    both = np.sort(np.concatenate([a, b]), kind="stable")
    bounds = np.flatnonzero(np.concatenate([[True], both[1:] != both[:-1], [True]]))
    ties = np.diff(bounds).astype(np.float64)
    total = n + m
    variance = n * m / 12 * (total + 1 - ((ties**3 - ties) / (total * max(total - 1, 1))).sum())
    distance = max(abs(excess) / 2 - 0.5, 0.0)
    p_value = math.erfc(distance / math.sqrt(2 * variance)) if variance > 0 else 1.0
    return excess / (n * m), p_value


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values corrected for their number (Holm 1979); those that are NaN do not count.

    Parameters
    ----------
    p_values : ndarray, (C,)

    Returns
    -------
    corrected : ndarray, (C,)
    """
    corrected = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
