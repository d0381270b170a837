"""Numbers that stand for no number: the documented codes for missing values, with their sources.

Null, NaN and infinite values, and those that a file masks, are missing without any code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpmodel.columns import BY_NAME, Column

MAGNITUDE = BY_NAME["phot_g_mean_mag"]
"""The column whose codes all magnitudes share."""
ABUNDANCE = BY_NAME["mg_fe"]
"""The column whose codes all abundances share."""


@dataclass(frozen=True)
class MissingCode:
    """Values from `low` to `high`, both included, that stand for none in some columns."""

    low: float
    high: float
    columns: Callable[[Column], bool]
    source: str


def _all(column: Column) -> bool:
    return True


def _but_flux(column: Column) -> bool:
    return column.name != "phot_g_mean_flux"


def _magnitudes_and_dex(column: Column) -> bool:
    return column.unit in ("mag", "dex") and column.name != "sfd_ebv"


def _angles(column: Column) -> bool:
    return column.unit == "deg"


def _never_negative(column: Column) -> bool:
    return column.name in ("sfd_ebv", "jr", "jz")


def _parallaxes(column: Column) -> bool:
    return column.name == "parallax"


def _temperatures(column: Column) -> bool:
    return column.name == "teff"


def _errors(column: Column) -> bool:
    return column.name.endswith(("_err", "_error"))


_INFINITE = float("inf")
_SDSS = "SDSS and APOGEE allStar, LAMOST, RAVE: -9999 with any number of nines behind the point"
_FILLED = "NumPy's masked arrays when filled (ma.default_fill_value): floats"
_FILLED_WHOLE = "NumPy's masked arrays when filled (ma.default_fill_value): whole numbers"
_PHOTOMETRY = "99, 99.99, 99.999 (DAOPHOT, SExtractor, APOGEE's 2MASS), -999 (Pan-STARRS)"
_LARGE = 1e20 * (1 - 1e-6)  # as float32 has it
_NINES = (-9999.0, -9999.9, -9999.99, -9999.999)
_CLOSE = 5e-4  # float32 keeps such numbers to 1e-3

MISSING_CODES: tuple[MissingCode, ...] = (
    *(MissingCode(code - _CLOSE, code + _CLOSE, _all, _SDSS) for code in _NINES),
    MissingCode(_LARGE, _INFINITE, _all, f"{_FILLED}; netCDF's and HDF5's fill values beyond it"),
    MissingCode(-_INFINITE, -_LARGE, _all, "the same with a sign"),
    # A flux may be as large.
    MissingCode(999_999, 999_999, _but_flux, _FILLED_WHOLE),
    MissingCode(-999_999, -999_999, _but_flux, "the same with a sign"),
    MissingCode(90, _INFINITE, _magnitudes_and_dex, _PHOTOMETRY),
    MissingCode(-_INFINITE, -90, _magnitudes_and_dex, _PHOTOMETRY),
    MissingCode(-_INFINITE, 0, _temperatures, "0 K where a pipeline left it unset; -999"),
    MissingCode(-_INFINITE, np.nextafter(0, -1), _errors, "no standard deviation: -1, -9, -999"),
    MissingCode(360.001, _INFINITE, _angles, "no angle: 999"),
    MissingCode(-_INFINITE, -360.001, _angles, "no angle: -999"),
    MissingCode(-_INFINITE, -90, _never_negative, "-99, -999"),
    MissingCode(-999, -999, _parallaxes, "-999 (Pan-STARRS)"),
)

# Of flags, which are bits, no range can be told: exact codes alone. The last is the int64 that NaN
# becomes.
FLAG_CODES = (-9999, 999_999, np.iinfo(np.int64).min)


def without_codes(values: np.ndarray, column: Column) -> np.ndarray:
    """A column's numbers with NaN where they stand for none.

    Parameters
    ----------
    values : ndarray, (N,) of floats
    column : Column
        What the numbers are; of those of no column of ours the codes of all columns count.

    Returns
    -------
    ndarray, (N,)
        Of the same type.
    """
    missing = ~np.isfinite(values)
    for code in MISSING_CODES:
        if code.columns(column):
            missing |= (values >= code.low) & (values <= code.high)
    return np.where(missing, np.nan, values).astype(values.dtype, copy=False)
