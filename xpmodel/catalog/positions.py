"""Positions on the sky: of a Gaia ``source_id``, and between ICRS and Galactic coordinates."""

from __future__ import annotations

import functools

import numpy as np

HEALPIX_LEVEL = 12
N_CELLS = 12 * 4**HEALPIX_LEVEL
# Bits of a source_id below the HEALPix cell (Gaia DR3 documentation, gaia_source.source_id).
ID_SHIFT = 35
# The north Galactic pole in ICRS, and the Galactic longitude of the ascending node [deg], as
# Hipparcos (ESA SP-1200, vol. 1, Eq. 1.5.9) fixed them and Gaia keeps them. `astropy`'s Galactic
# frame is defined by way of FK5, and lies 0.03 arcsec from the l and b of the Gaia Archive.
POLE_RA, POLE_DEC, NODE_L = 192.85948, 27.12825, 32.93192


def position_from_id(source_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Center of the HEALPix cell (level 12, nested, equatorial) that a source_id names.

    Parameters
    ----------
    source_id : ndarray, (N,) int64

    Returns
    -------
    ra, dec : ndarray, (N,) float64
        Degrees, good to about an arcminute; NaN where the id holds no cell (mock stars).
    """
    from astropy_healpix import healpix_to_lonlat

    cell = np.asarray(source_id, np.int64) >> ID_SHIFT
    valid = (cell >= 0) & (cell < N_CELLS)
    lon, lat = healpix_to_lonlat(np.where(valid, cell, 0), 2**HEALPIX_LEVEL, order="nested")
    return np.where(valid, lon.deg, np.nan), np.where(valid, lat.deg, np.nan)


def icrs_to_galactic(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Galactic longitude and latitude of ICRS positions, as the Gaia Archive has them.

    Parameters
    ----------
    ra, dec : ndarray, (N,)
        [deg]

    Returns
    -------
    l, b : ndarray, (N,) float64
        [deg], 0 ≤ l < 360
    """
    return _rotated(_galactic_axes(), ra, dec)


def galactic_to_icrs(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ICRS positions of Galactic longitudes and latitudes: the inverse of `icrs_to_galactic`.

    Returns
    -------
    ra, dec : ndarray, (N,) float64
        [deg], 0 ≤ ra < 360
    """
    return _rotated(_galactic_axes().T, longitude, latitude)


@functools.cache
def _galactic_axes() -> np.ndarray:
    """The rotation from ICRS to Galactic coordinates, (3, 3)."""
    from scipy.spatial.transform import Rotation

    turns = (POLE_RA + 90.0, 90.0 - POLE_DEC, -NODE_L)  # to the node, to the plane, to l = 0
    return Rotation.from_euler("ZXZ", turns, degrees=True).as_matrix().T


def _rotated(
    rotation: np.ndarray, longitude: np.ndarray, latitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes [deg] in axes that a rotation leads to."""
    a, d = np.radians(longitude, dtype=np.float64), np.radians(latitude, dtype=np.float64)
    # Sum by sum, not a matrix product: BLAS may add in another order on another machine.
    vector = (np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d))
    x, y, z = (row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2] for row in rotation)
    # Rounding brings a tiny negative number up to the whole turn.
    turned = np.mod(np.degrees(np.arctan2(y, x)), 360.0)
    turned[turned >= 360.0] = 0.0
    # An arcsine would lose half of the digits about the poles.
    return turned, np.degrees(np.arctan2(z, np.hypot(x, y)))
