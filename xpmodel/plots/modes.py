"""Modes of showing a spectrum: flux, λ² flux, relative to its continuum, coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_BAND, positions
from xpmodel.spectra.wavelengths import Wavelengths

if TYPE_CHECKING:
    from xpmodel.model.model import Model

# Standard deviation of the Gaussian that smooths a spectrum into its continuum [nm].
CONTINUUM_NM = 50.0


@dataclass(frozen=True)
class Mode:
    """A way to show spectra.

    Attributes
    ----------
    title, x_label, y_label : str
    unit : str
        Of the values, as astropy reads it.
    scaled : bool
        Whether the values grow with the star's G flux.
    """

    title: str
    x_label: str
    y_label: str
    unit: str
    scaled: bool


_FLUX_UNIT = "W m-2 nm-1"
MODES = {
    "flux": Mode("flux", "wavelength [nm]", "flux [W m⁻² nm⁻¹]", _FLUX_UNIT, True),
    "lambda2_flux": Mode("λ² flux", "wavelength [nm]", "λ² flux [W m⁻² nm]", "W m-2 nm", True),
    "continuum_relative": Mode(
        "relative to the continuum", "wavelength [nm]", "flux / continuum", "", False
    ),
    "coefficients": Mode(
        "coefficients",
        f"coefficient ({positions('–')})",
        "(coefficient / G flux − μ) / σ",
        "",
        False,
    ),
    "flux_1kpc": Mode(
        "flux at 1 kpc", "wavelength [nm]", "flux at 1 kpc [W m⁻² nm⁻¹]", _FLUX_UNIT, True
    ),
}
"""Modes by name. ``flux_1kpc`` is ``flux`` with the scale that `scale_at_1kpc` gives."""


class Projection:
    """From XP coefficients per unit G flux to what a mode shows, with errors and gradients.

    Parameters
    ----------
    mode : str
        One of `MODES`.
    wavelengths : Wavelengths
        L wavelengths.
    model : Model, optional
        Whose normalization ``coefficients`` needs.

    Attributes
    ----------
    mode : str
    x : ndarray, (L,) float64
        Wavelengths [nm], or for ``coefficients`` the numbers 1 to 110.
    matrix : ndarray, (110, L) float64
        The linear part: values are coefficients @ matrix + offset, times the scale.
    offset : ndarray, (L,) float64
    continuum : ndarray, (110, L) float64, or None
        Coefficients @ continuum is what ``continuum_relative`` divides by: the flux smoothed
        with a Gaussian of 50 nm standard deviation, cut at the ends of the grid.

    Raises
    ------
    InputError
        When the mode is unknown or lacks the model.
    """

    def __init__(self, mode: str, wavelengths: Wavelengths, model: Model | None = None) -> None:
        if mode not in MODES:
            raise InputError(f"mode {mode!r} is unknown: use {', '.join(MODES)}")
        self.mode = mode
        self.x: np.ndarray
        self.matrix: np.ndarray
        self.offset: np.ndarray
        self.continuum: np.ndarray | None = None
        if mode == "coefficients":
            if model is None:
                raise InputError("coefficients are shown as a model normalizes them: give a model")
            self.x = np.arange(1.0, len(model.mu) + 1)
            self.matrix, self.offset = model.normalization.linear()
            return
        self.x, self.matrix = wavelengths.grid, wavelengths.matrix
        self.offset = np.zeros(len(self.x))
        if mode == "lambda2_flux":
            self.matrix = self.matrix * self.x**2
        if mode == "continuum_relative":
            self.continuum = self.matrix @ _smoothing(self.x).T

    @property
    def look(self) -> Mode:
        """How the mode is labeled."""
        return MODES[self.mode]

    def values(self, coefficients: np.ndarray, scale: ArrayLike = 1.0) -> np.ndarray:
        """What the mode shows of spectra.

        Parameters
        ----------
        coefficients : ndarray, (..., 110)
            Per unit G flux.
        scale : float or ndarray, (...)
            The G flux that the spectra shall have [e-/s], or `scale_at_1kpc`; modes that do not
            grow with it leave it out.

        Returns
        -------
        values : ndarray, (..., L) float64
            NaN where a continuum is not positive.
        """
        coefficients = np.asarray(coefficients, np.float64)
        values = coefficients @ self.matrix + self.offset
        if self.continuum is not None:
            return values / _positive(coefficients @ self.continuum)
        return values * self._factor(scale)

    def jacobian(self, coefficients: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """∂values/∂coefficients of one spectrum, (110, L): coefficients per unit G flux, (110,)."""
        if self.continuum is None:
            return self.matrix * self._factor(scale)
        coefficients = np.asarray(coefficients, np.float64)
        level = _positive(coefficients @ self.continuum)
        return self.matrix / level - self.continuum * (coefficients @ self.matrix) / level**2

    def errors(
        self,
        coefficients: np.ndarray,
        errors: np.ndarray,
        correlations: np.ndarray | None = None,
        scale: float = 1.0,
    ) -> np.ndarray:
        """Standard deviation of what the mode shows of one spectrum, to first order.

        Parameters
        ----------
        coefficients, errors : ndarray, (110,)
            Per unit G flux.
        correlations : ndarray, (2, 55, 55), optional
            Within BP and within RP. Without them, or where they are NaN, the errors count as
            independent.
        scale : float
            As for `values`.

        Returns
        -------
        errors : ndarray, (L,) float64
        """
        scaled = np.asarray(errors, np.float64)[:, None] * self.jacobian(coefficients, scale)
        if correlations is None or not np.isfinite(correlations).all():
            return np.sqrt((scaled**2).sum(axis=0))
        bands = scaled.reshape(2, N_BAND, -1)
        variance = (bands * (correlations @ bands)).sum(axis=(0, 1))
        # Where correlated errors cancel, rounding may leave less than nothing.
        return np.sqrt(np.maximum(variance, 0.0))

    def _factor(self, scale: ArrayLike) -> np.ndarray | float:
        return np.asarray(scale, np.float64)[..., None] if self.look.scaled else 1.0

    @cached_property
    def key(self) -> str:
        """Column name of the abscissa in tables."""
        return "coefficient" if self.mode == "coefficients" else "wavelength"


# Below this its inverse is no distance worth a spectrum: 20 % of error, and a bias of more than
# 4 % (Bailer-Jones 2015, PASP 127, 994).
LEAST_PARALLAX_OVER_ERROR = 5.0


def scale_at_1kpc(g_flux: ArrayLike, parallax: ArrayLike) -> np.ndarray:
    """The scale that shows a spectrum as from 1 kpc: G flux / parallax².

    Parameters
    ----------
    g_flux : float or ndarray, (N,)
        [e-/s]
    parallax : float or ndarray, (N,)
        [mas], taken as the inverse of the distance in kpc.

    Returns
    -------
    scale : ndarray, (N,) float64
        NaN where the parallax is unknown or not positive.
    """
    mas = np.asarray(parallax, np.float64)
    known = np.where(mas > 0, mas, np.nan)
    return np.asarray(g_flux, np.float64) / known**2


def _positive(level: np.ndarray) -> np.ndarray:
    return np.where(level > 0, level, np.nan)


def _smoothing(grid: np.ndarray) -> np.ndarray:
    """Gaussian means over a grid, (L, L): each wavelength counts with its share of the grid."""
    share = np.gradient(grid)
    share[[0, -1]] /= 2
    weights = np.exp(-0.5 * ((grid[:, None] - grid) / CONTINUUM_NM) ** 2) * share
    return weights / weights.sum(axis=1, keepdims=True)
