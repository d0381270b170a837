"""One spectrum at a time, fast: decoded from z, observed, and their difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from xpmodel.model import Model
from xpmodel.spectra import Spectra
from xpmodel.wavelengths import Wavelengths


@dataclass(frozen=True)
class FluxCurve:
    """A spectrum in wavelengths.

    Attributes
    ----------
    wavelength : ndarray, (L,)
        [nm]
    flux, error : ndarray, (L,) float64
        [W m⁻² nm⁻¹]; the error is one standard deviation.
    """

    wavelength: np.ndarray
    flux: np.ndarray
    error: np.ndarray


@contextmanager
def _one_thread() -> Iterator[None]:
    """One spectrum is too little to share: where a core is busy, threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_thread()
def decoded_curve(
    model: Model, wavelengths: Wavelengths, z: Sequence[float], g_flux: float
) -> FluxCurve:
    """The spectrum that the model decodes from one point in latent space.

    Parameters
    ----------
    model : Model
        Works on its device.
    wavelengths : Wavelengths
    z : sequence of float, (K,)
    g_flux : float
        G flux [e⁻ s⁻¹] that the spectrum shall have.

    Returns
    -------
    FluxCurve
        Its error is the model's scatter ŝ, propagated as independent coefficient errors.
    """
    point = torch.tensor(z, dtype=torch.float32, device=model.device)
    coefficients, scatter = model.decode(point)
    curves = torch.stack([wavelengths.flux(coefficients), wavelengths.error(scatter)])
    flux, error = curves.cpu().numpy().astype(np.float64) * g_flux
    return FluxCurve(wavelengths.grid, flux, error)


@_one_thread()
def observed_curve(spectra: Spectra, wavelengths: Wavelengths, row: int = 0) -> FluxCurve:
    """A star's observed spectrum, with its covariance where the correlations are known."""
    star = spectra[row]
    coefficients, errors = (v.astype(np.float64) for v in (star.coefficients, star.errors))
    flux = wavelengths.flux(coefficients)[0]
    return FluxCurve(wavelengths.grid, flux, wavelengths.error(errors, star.correlations)[0])


def residual(observed: FluxCurve, decoded: FluxCurve) -> np.ndarray:
    """(observed − decoded) / σ of the observation, (L,): Laroche & Speagle 2024, Eq. 8.

    Both must have the same G flux.
    """
    return (observed.flux - decoded.flux) / observed.error
