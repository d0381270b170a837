"""Rank statistics: the Mann–Whitney U test, Cliff's delta, Holm's correction."""

from __future__ import annotations

import math

import numpy as np


def mann_whitney(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Cliff's delta and the p-value of the Mann–Whitney U test.

    The p-value is two-sided, from the normal approximation, corrected for ties and for
    continuity. Delta (Cliff 1993) is exact: the probability that a value of A is larger than one
    of B, less that it is smaller.

    Parameters
    ----------
    a, b : ndarray, (n,) and (m,) float64
        Finite.

    Returns
    -------
    delta, p_value : float
        NaN where a set is empty; p is 1 where all values are equal.
    """
    if not (len(a) and len(b)):
        return math.nan, math.nan
    from scipy.stats import mannwhitneyu  # half a second to import, which most do not need

    found = mannwhitneyu(a, b, method="asymptotic")
    n_pairs = len(a) * len(b)
    return float((2 * found.statistic - n_pairs) / n_pairs), float(found.pvalue)


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values corrected for their number (Holm 1979); those that are NaN do not count.

    SciPy has no such correction, and statsmodels is a large package for these lines.

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
