"""Curves of one spectrum: decoded from z, observed, their residual, and the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.model.model import Model
from xpmodel.plots.modes import Projection
from xpmodel.spectra.spectra import Spectra


@dataclass(frozen=True)
class Curve:
    """A spectrum as a mode shows it.

    Attributes
    ----------
    x : ndarray, (L,) float64
        Wavelength [nm] or number of the coefficient.
    value, error : ndarray, (L,) float64
        In the mode's unit; the error is one standard deviation.
    """

    x: np.ndarray
    value: np.ndarray
    error: np.ndarray


def decoded_curve(model: Model, projection: Projection, z: ArrayLike, scale: float = 1.0) -> Curve:
    """The spectrum that the model decodes from one point in latent space.

    Parameters
    ----------
    model : Model
        A point is decoded on the CPU, whatever its device.
    projection : Projection
    z : array_like, (K,)
    scale : float
        G flux [e⁻ s⁻¹] that the spectrum shall have, or `xpmodel.plots.modes.scale_at_1kpc`.

    Returns
    -------
    Curve
        Its error is the model's scatter ŝ, propagated as independent coefficient errors.
    """
    coefficients, scatter = model.decode_point(z)
    value = projection.values(coefficients, scale)
    return Curve(projection.x, value, projection.errors(coefficients, scatter, None, scale))


def observed_curve(
    spectra: Spectra, projection: Projection, row: int = 0, scale: float | None = None
) -> Curve:
    """A star's observed spectrum, with its covariance where the correlations are known.

    Parameters
    ----------
    spectra : Spectra
        Whole, or `Spectra.truncated`.
    projection : Projection
    row : int
        Which star of the spectra.
    scale : float, optional
        As for `decoded_curve`. Default: the star's own G flux.
    """
    g_flux = float(spectra.g_flux[row])
    coefficients, errors = (
        values[row].astype(np.float64) / g_flux for values in (spectra.coefficients, spectra.errors)
    )
    rho = None if spectra.correlations is None else spectra.correlations[row]
    scale = g_flux if scale is None else scale
    value = projection.values(coefficients, scale)
    return Curve(projection.x, value, projection.errors(coefficients, errors, rho, scale))


def residual(observed: Curve, decoded: Curve) -> np.ndarray:
    """(observed − decoded) / σ of the observation, (L,): Laroche & Speagle 2024, Eqs. 6 and 8.

    Both must have the same scale. NaN where the observation has no error, as a coefficient that
    was truncated.
    """
    error = np.where(observed.error > 0, observed.error, np.nan)
    return (observed.value - decoded.value) / error


def decoded_gradient(
    model: Model, projection: Projection, z: ArrayLike, scale: float = 1.0
) -> np.ndarray:
    """How the decoded spectrum changes with each latent, by automatic differentiation.

    Parameters as for `decoded_curve`.

    Returns
    -------
    gradient : ndarray, (K, L) float64
        ∂value/∂z_i, in the mode's unit for a unit of z_i.
    """
    coefficients, slopes = model.decode_gradient(z)
    return slopes @ projection.jacobian(coefficients, scale)
