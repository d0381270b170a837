"""Gaia G fluxes: from magnitudes, from a table, or synthesized from XP coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from xpmodel._private_parts import photometric_system
from xpmodel.columns import BY_NAME
from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_BAND
from xpmodel.spectra.missing_values import without_codes
from xpmodel.tables.cells import numbers, of_column, quoted
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.origin import Origin
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


FLUX, MAGNITUDE = "phot_g_mean_flux", "phot_g_mean_mag"


class GColumns:
    """The columns of a table that its stars' G comes from.

    Attributes
    ----------
    names : list of str
        Those of ``phot_g_mean_flux`` and ``phot_g_mean_mag`` that it has.
    """

    def __init__(self, table: TableReader) -> None:
        self.names = [name for name in (FLUX, MAGNITUDE) if name in table]

    def read(self, rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """G flux of each row, of its flux or else of its magnitude.

        Parameters
        ----------
        rows : pyarrow.Table
            With the columns `names`.

        Returns
        -------
        flux : ndarray, (N,) float64
            [e-/s], positive; NaN where neither column gives one.
        unread : ndarray, (N,) of str
            Where there is none, the cells with something else than a number in them; else empty.
        """
        flux = np.full(len(rows), np.nan)
        unread = np.full(len(rows), "", object)
        for name in self.names:
            with of_column(name):
                values, wrong = numbers(rows[name])
            values = without_codes(values.astype(np.float64), BY_NAME[name])
            if name == MAGNITUDE:
                values = g_flux_from_mag(values)
            flux = np.where(flux > 0, flux, values)
            for row in np.flatnonzero(wrong):
                unread[row] = f"{name} {quoted(rows[name][int(row)].as_py())}"
        usable = np.isfinite(flux) & (flux > 0)
        unread[usable] = ""
        return np.where(usable, flux, np.nan), unread


@dataclass(frozen=True, eq=False)
class PhotometryTable:
    """G fluxes by source_id.

    Attributes
    ----------
    path : Path
        The file.
    source_id : ndarray, (M,) int64
        Sorted.
    g_flux : ndarray, (M,) float64
        G flux [e-/s], NaN where the table has none.
    n_without_id : int
        Rows passed over because their id is not an exact integer.
    remarks : tuple of str
        What else a user should know of the file, a sentence each.
    """

    path: Path
    source_id: np.ndarray
    g_flux: np.ndarray
    n_without_id: int = 0
    remarks: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> PhotometryTable:
        """Read identifiers, and ``phot_g_mean_flux`` or, where a row lacks it, ``phot_g_mean_mag``.

        Rows without an exact integer identifier are passed over and counted; of rows with one
        source_id the first counts.

        Raises
        ------
        InputError
            If the file cannot be used, lacks these columns, has no usable row, or text in place
            of a number.
        """
        reader = open_table(path)
        columns = GColumns(reader)
        if not columns.names:
            raise InputError(f"{path}: no column {FLUX!r} or {MAGNITUDE!r}")
        id_column = IdColumn(reader)
        ids, fluxes, n_read = [], [], 0
        for chunk, _ in reader.chunks([*id_column.names, *columns.names], rows=1 << 20):
            source_id, valid = id_column.read(chunk, Origin.of(reader.path, n_read, len(chunk)))
            try:
                flux, unread = columns.read(chunk)
            except pa.ArrowException as error:
                raise InputError(
                    f"{path}: a column holds values of the wrong kind ({error}); G must be numbers"
                ) from None
            if len(wrong := np.flatnonzero(valid & (unread != ""))):
                row = int(wrong[0])
                raise InputError(
                    f"{path}: row {n_read + row + 1}: {unread[row]} is no number; correct it or "
                    "leave it empty"
                )
            ids.append(source_id[valid])
            fluxes.append(flux[valid])
            n_read += len(chunk)
        id_column.check_any()
        source_id, first = np.unique(np.concatenate(ids), return_index=True)
        g_flux = np.concatenate(fluxes)[first]
        return cls(Path(path), source_id, g_flux, id_column.n_without, tuple(reader.remarks))

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
