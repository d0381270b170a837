"""Pairs of a high- and a low-α star that are equal in other labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xpmodel.errors import InputError
from xpmodel.tracks.matching import pair_nearest

# How far the two stars of a pair may differ: Teff [K], log g [dex], [M/H] [dex].
EQUAL = {"teff": 50.0, "logg": 0.1, "m_h": 0.05}


@dataclass(frozen=True)
class Pairs:
    """One-to-one pairs.

    Attributes
    ----------
    high, low : ndarray, (P,) int64
        Rows of the high- and the low-α star of each pair.
    n_high, n_low : int
        Stars of either kind that pairs were sought for.
    within : dict of str to float
        How far the two may differ, by label.
    """

    high: np.ndarray
    low: np.ndarray
    n_high: int
    n_low: int
    within: dict[str, float]

    def __len__(self) -> int:
        return len(self.high)


def match_pairs(
    labels: Mapping[str, np.ndarray],
    is_high: np.ndarray,
    known: np.ndarray,
    within: Mapping[str, float] | None = None,
) -> Pairs:
    """Pair each high-α star with a low-α star of equal labels; no star is in two pairs.

    The closest pairs are made first, with each label's difference in units of what it may be at
    most; of equally close ones that of the first rows. A high-α star whose 32 closest low-α
    stars are all taken stays alone.

    Parameters
    ----------
    labels : mapping of str to ndarray, (N,)
    is_high : ndarray, (N,) bool
    known : ndarray, (N,) bool
        The stars whose kind is known; of these, the ones with finite labels count.
    within : mapping of str to float, optional
        How far the two stars of a pair may differ in each label, in its units. Default: 50 K in
        Teff, 0.1 dex in log g, 0.05 dex in [M/H].

    Raises
    ------
    InputError
        When a difference is not above 0, or there is no pair.
    """
    within = check_within(dict(EQUAL if within is None else within))
    scaled = np.stack([np.asarray(labels[n], np.float64) / w for n, w in within.items()], axis=1)
    usable = known & np.isfinite(scaled).all(axis=1)
    high, low = np.flatnonzero(usable & is_high), np.flatnonzero(usable & ~is_high)
    if not (len(high) and len(low)):
        raise InputError(f"{len(high)} high-α and {len(low)} low-α stars: no pair to be made")
    i, j = pair_nearest(scaled[high], scaled[low])
    if not len(i):
        differences = ", ".join(f"{name} ± {most:g}" for name, most in within.items())
        raise InputError(f"no high- and low-α stars equal within {differences}; widen these")
    return Pairs(high[i], low[j], len(high), len(low), within)


def check_within(within: dict[str, float]) -> dict[str, float]:
    """How far the stars of a pair may differ, if it can be used.

    Raises
    ------
    InputError
        When a difference is not above 0.
    """
    for name, most in within.items():
        if not (np.isfinite(most) and most > 0):
            raise InputError(f"pairs within {most} in {name}: must be a number above 0")
    return within
