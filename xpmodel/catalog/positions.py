"""Positions that a Gaia ``source_id`` itself holds."""

from __future__ import annotations

import numpy as np

HEALPIX_LEVEL = 12
N_CELLS = 12 * 4**HEALPIX_LEVEL
# Bits of a source_id below the HEALPix cell (Gaia DR3 documentation, gaia_source.source_id).
ID_SHIFT = 35


def position_from_id(source_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre of the HEALPix cell (level 12, nested, equatorial) that a source_id names.

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
