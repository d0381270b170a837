"""Gaia G fluxes: from magnitudes, from a table, or synthesized from XP coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from xpmodel._private_parts import photometric_system
from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_BAND
from xpmodel.tables.cells import floats, integer_ids
from xpmodel.tables.reader import TableReader, open_table

ZERO_POINT_G = 25.6873668671
"""Vega magnitude of 1 e-/s in G (Gaia EDR3; Riello et al. 2021)."""


def g_flux_from_mag(mag: ArrayLike) -> np.ndarray:
    """G flux [e-/s] of a G magnitude."""
    return 10 ** (0.4 * (ZERO_POINT_G - np.asarray(mag, np.float64)))


def g_mag_from_flux(flux: np.ndarray) -> np.ndarray:
    """G magnitude of a G flux [e-/s]; NaN where the flux is not positive."""
    flux = np.asarray(flux, np.float64)
    return ZERO_POINT_G - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def synthetic_g_flux(coefficients: np.ndarray) -> np.ndarray:
    """Synthesize G fluxes from XP coefficients with GaiaXPy's ``Gaia_DR3_Vega`` system.

    Parameters
    ----------
    coefficients : ndarray, (N, 110)
        BP then RP.

    Returns
    -------
    ndarray, (N,) float64
        G flux [e-/s]; zero or negative where the spectrum's is.
    """
    weights, zero_point = _synthetic_band("G")
    # GaiaXPy's flux, in other units, has the magnitude 0 at its zero point; ours has it at ours.
    return np.asarray(coefficients, np.float64) @ (weights * g_flux_from_mag(zero_point))


def synthetic_mag(coefficients: np.ndarray, band: str) -> np.ndarray:
    """Synthesize Vega magnitudes with GaiaXPy's ``Gaia_DR3_Vega`` system.

    Parameters
    ----------
    coefficients : ndarray, (N, 110)
        BP then RP.
    band : str
        ``G``, ``BP`` or ``RP``.

    Returns
    -------
    ndarray, (N,) float64
        [mag]; NaN where the flux is not positive.
    """
    weights, zero_point = _synthetic_band(band)
    flux = np.asarray(coefficients, np.float64) @ weights
    return zero_point - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


@cache
def _synthetic_band(band: str) -> tuple[np.ndarray, float]:
    """Flux per unit of each coefficient, (110,), and zero point: the flux is linear in them."""
    bands, zero_points, design, merge = photometric_system("Gaia_DR3_Vega", N_BAND)
    number = bands.index(band)
    weights = [design[xp][:, number] * merge[xp][number] for xp in BANDS]
    return np.concatenate(weights), float(zero_points[number])


@dataclass(frozen=True, eq=False)
class PhotometryTable:
    """G fluxes by source_id.

    Attributes
    ----------
    source_id : ndarray, (M,) int64
        Sorted.
    g_flux : ndarray, (M,) float64
        G flux [e-/s], NaN where the table has none.
    """

    source_id: np.ndarray
    g_flux: np.ndarray

    @classmethod
    def read(cls, path: str | Path) -> PhotometryTable:
        """Read ``source_id`` and ``phot_g_mean_flux``, or else ``phot_g_mean_mag``.

        Rows without an integer source_id are passed over; of rows with one source_id the first
        counts.

        Raises
        ------
        InputError
            If the file cannot be used, lacks these columns or has no usable row.
        """
        reader = open_table(path)
        column = g_flux_column(reader)
        if column is None:
            raise InputError(f"{path}: no column 'phot_g_mean_flux' or 'phot_g_mean_mag'")
        ids, fluxes = [], []
        for chunk, _ in reader.chunks(["source_id", column], rows=1 << 20):
            source_id, valid = integer_ids(chunk["source_id"])
            ids.append(source_id[valid])
            fluxes.append(g_flux(column, floats(chunk[column]))[valid])
        if not sum(map(len, ids)):
            raise InputError(f"{path}: no row with an integer source_id")
        source_id, first = np.unique(np.concatenate(ids), return_index=True)
        return cls(source_id, np.concatenate(fluxes)[first])

    def find(self, source_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look up stars.

        Parameters
        ----------
        source_id : ndarray, (N,) int64

        Returns
        -------
        g_flux : ndarray, (N,) float64
            NaN where there is no match.
        found : ndarray, (N,) bool
        """
        place = np.minimum(np.searchsorted(self.source_id, source_id), len(self.source_id) - 1)
        found = self.source_id[place] == source_id
        return np.where(found, self.g_flux[place], np.nan), found


def g_flux_column(table: TableReader) -> str | None:
    """Name the column that a table's G flux comes from, if it has one."""
    names = ("phot_g_mean_flux", "phot_g_mean_mag")
    return next((name for name in names if name in table), None)


def g_flux(column: str, values: np.ndarray) -> np.ndarray:
    """G flux [e-/s] from the values of ``phot_g_mean_flux`` or ``phot_g_mean_mag``."""
    return g_flux_from_mag(values) if column == "phot_g_mean_mag" else values.astype(np.float64)
