"""Columns that follow from others: Galactic coordinates, absolute magnitude, colors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# The north Galactic pole and the ascending node in ICRS [deg], as Hipparcos (ESA SP-1200, vol. 1,
# Eq. 1.5.9) fixed them and Gaia keeps them.
POLE_RA, POLE_DEC, NODE_L = 192.85948, 27.12825, 32.93192


def galactic(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Galactic longitude and latitude of ICRS positions.

    Parameters
    ----------
    ra, dec : ndarray, (N,)
        [deg]

    Returns
    -------
    l, b : ndarray, (N,) float64
        [deg], 0 ≤ l < 360
    """
    ra, dec = np.radians(ra - POLE_RA), np.radians(dec)
    pole = np.radians(POLE_DEC)
    toward_pole = np.sin(dec) * np.sin(pole) + np.cos(dec) * np.cos(pole) * np.cos(ra)
    across = np.sin(dec) * np.cos(pole) - np.cos(dec) * np.sin(pole) * np.cos(ra)
    toward_node = np.cos(dec) * np.sin(ra)
    longitude = np.degrees(np.arctan2(across, toward_node)) + NODE_L
    # Rounding brings a tiny negative number up to the whole turn.
    longitude = np.mod(longitude, 360.0)
    longitude[longitude >= 360.0] = 0.0
    # An arcsine would lose half of the digits about the poles.
    return longitude, np.degrees(np.arctan2(toward_pole, np.hypot(across, toward_node)))


def absolute_g(g_mag: np.ndarray, parallax: np.ndarray) -> np.ndarray:
    """Absolute G magnitude, (N,) float32: G + 5 log10(ϖ/100 mas), NaN where ϖ ≤ 0.

    The inverse parallax is a poor distance for far stars, and no extinction is taken off.
    """
    distance_modulus = np.full(len(parallax), np.nan)
    np.log10(parallax / 100.0, out=distance_modulus, where=parallax > 0)
    return (g_mag + 5.0 * distance_modulus).astype(np.float32)


DERIVED: dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]] = {
    "l": (("ra", "dec"), lambda ra, dec: galactic(ra, dec)[0]),
    "b": (("ra", "dec"), lambda ra, dec: galactic(ra, dec)[1]),
    "abs_g_mag": (("phot_g_mean_mag", "parallax"), absolute_g),
    "j_h": (("j", "h"), np.subtract),
    "j_k": (("j", "k"), np.subtract),
}
"""For each column those it needs, and the function of them."""
