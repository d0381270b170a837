"""Derived columns: Galactic coordinates, absolute magnitude, infrared colors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xpmodel.catalog.positions import icrs_to_galactic


def absolute_g(g_mag: np.ndarray, parallax: np.ndarray) -> np.ndarray:
    """Absolute G magnitude, (N,) float32: G + 5 log10(ϖ/100 mas), NaN where ϖ ≤ 0.

    The inverse parallax is a poor distance for far stars, and no extinction is taken off.
    """
    distance_modulus = np.full(len(parallax), np.nan)
    np.log10(parallax / 100.0, out=distance_modulus, where=parallax > 0)
    return (g_mag + 5.0 * distance_modulus).astype(np.float32)


DERIVED: dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]] = {
    "l": (("ra", "dec"), lambda ra, dec: icrs_to_galactic(ra, dec)[0]),
    "b": (("ra", "dec"), lambda ra, dec: icrs_to_galactic(ra, dec)[1]),
    "abs_g_mag": (("phot_g_mean_mag", "parallax"), absolute_g),
    "j_h": (("j", "h"), np.subtract),
    "j_k": (("j", "k"), np.subtract),
}
"""For each column those it needs, and the function of them."""
