"""Relations in label space: dwarfs and giants, main sequence and giant branch, the α split.

Equations are those of Laroche & Speagle (2024). Everything is computed in float64, and a star
without a label belongs to neither side of a division.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def divide_logg(teff: ArrayLike) -> np.ndarray:
    """The line between dwarfs and giants, log g = 5.9 − 0.4 Teff/kK (Eq. 10) [dex].

    Parameters
    ----------
    teff : array_like
        Effective temperature [K].
    """
    return 5.9 - 0.4 * _float64(teff) / 1000.0


def giant_mask(teff: ArrayLike, logg: ArrayLike) -> np.ndarray:
    """Which stars are giants: at or below the line of `divide_logg` in log g (Eq. 10).

    Parameters
    ----------
    teff, logg : array_like, (N,)
        Effective temperature [K] and surface gravity [dex].

    Returns
    -------
    ndarray, (N,) bool
        False also where a label is missing: not the opposite of `dwarf_mask`.
    """
    return _float64(logg) <= divide_logg(teff)


def dwarf_mask(teff: ArrayLike, logg: ArrayLike) -> np.ndarray:
    """Which stars are dwarfs: above the line of `divide_logg` in log g (Eq. 10).

    Parameters and result are as those of `giant_mask`; False also where a label is missing.
    """
    return _float64(logg) > divide_logg(teff)


def ms_logg(teff: ArrayLike) -> np.ndarray:
    """Surface gravity of the main sequence (Sect. 4.2.1, Eq. 11) [dex].

    log g = 4.6 below 5 kK, 7.1 − Teff/(2 kK) up to 6.3 kK, and 3.95 from there on.

    Parameters
    ----------
    teff : array_like
        Effective temperature [K].
    """
    teff = _float64(teff)
    between = 7.1 - teff / 2000.0  # also of a missing Teff, which is missing there
    return np.where(teff < 5000.0, 4.6, np.where(teff >= 6300.0, 3.95, between))


def gb_teff(logg: ArrayLike) -> np.ndarray:
    """Effective temperature of the giant branch (Sect. 4.2.1, Eq. 12) [K].

    Teff/kK = 3.59 + 0.44 log g below log g = 3.65, and 0.09 + 1.4 log g from there on.

    Parameters
    ----------
    logg : array_like
        Surface gravity [dex].
    """
    logg = _float64(logg)
    return np.where(logg < 3.65, 3590.0 + 440.0 * logg, 90.0 + 1400.0 * logg)


def alpha_split(fe_h: ArrayLike) -> np.ndarray:
    """The [Mg/Fe] that divides high- from low-α stars (Patil et al. 2023) [dex].

    0.1754 x³ + 0.1119 x² − 0.1253 x + 0.1353 with x = [Fe/H].

    Parameters
    ----------
    fe_h : array_like
        Iron abundance [Fe/H] [dex].
    """
    x = _float64(fe_h)
    return ((0.1754 * x + 0.1119) * x - 0.1253) * x + 0.1353


def high_alpha_mask(fe_h: ArrayLike, mg_fe: ArrayLike) -> np.ndarray:
    """Which stars are of the high-α sequence: above `alpha_split` in [Mg/Fe].

    Parameters
    ----------
    fe_h, mg_fe : array_like, (N,)
        Abundances [Fe/H] and [Mg/Fe] [dex].

    Returns
    -------
    ndarray, (N,) bool
        False also where a label is missing: not the opposite of `low_alpha_mask`.
    """
    return _float64(mg_fe) > alpha_split(fe_h)


def low_alpha_mask(fe_h: ArrayLike, mg_fe: ArrayLike) -> np.ndarray:
    """Which stars are of the low-α sequence: at or below `alpha_split` in [Mg/Fe].

    Parameters and result are as those of `high_alpha_mask`. The released code counts stars
    without these labels among them; here they are False.
    """
    return _float64(mg_fe) <= alpha_split(fe_h)


def _float64(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)
