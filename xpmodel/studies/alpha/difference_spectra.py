"""Difference spectra of high- and low-α stars that are equal in other labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog, check_model
from xpmodel.model.model import Model
from xpmodel.plots.modes import Projection
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.alpha.equal_pairs import Pairs

# Where XP spectra are well measured [nm].
GRID = np.arange(392.0, 993.0, 2.0)
MODES = ("flux", "continuum_relative")
# The scatter of 110 coefficients between fewer pairs says little of the mean's error.
FEWEST_PAIRS = 50


@dataclass(frozen=True, kw_only=True)
class AlphaSpectrum:
    """How spectra of high-α stars differ from those of low-α stars of equal labels.

    Attributes
    ----------
    mode : str
        ``flux``: as a part of the mean flux; ``continuum_relative``: of flux over continuum
        (smoothed with a Gaussian of 50 nm), which leaves out what dust and other smooth
        differences do.
    n_pairs : int
    wavelength : ndarray, (L,)
        [nm]
    decoded, decoded_error : ndarray, (L,)
        High less low, spectra decoded from the posterior means; standard error of the mean.
    observed, observed_error : ndarray, (L,), or None
        The same of the observed spectra.
    gradient : ndarray, (L,)
        ∂spectrum/∂z at the mean latents of the pairs, along their mean difference in z: the
        first-order part of `decoded`.
    delta_z : ndarray, (K,)
        That difference, high less low.
    """

    mode: str
    n_pairs: int
    wavelength: np.ndarray
    decoded: np.ndarray
    decoded_error: np.ndarray
    observed: np.ndarray | None
    observed_error: np.ndarray | None
    gradient: np.ndarray
    delta_z: np.ndarray


def alpha_spectra(catalog: Catalog, model: Model, pairs: Pairs) -> dict[str, AlphaSpectrum]:
    """Difference of high- and low-α spectra at fixed labels, by the names of `MODES`.

    Spectra are per unit G flux, so that each pair counts the same.

    Parameters
    ----------
    catalog : Catalog
    model : Model
        That made the catalog's latents.
    pairs : Pairs
        Rows of the catalog.

    Raises
    ------
    InputError
        When the model is not the catalog's.
    """
    check_model(catalog, model.hash)
    z_high, z_low = (
        np.stack([catalog[z][rows] for z in catalog.latents], axis=1).astype(np.float64)
        for rows in (pairs.high, pairs.low)
    )
    decoded = [model.decode(z.astype(np.float32))[0].astype(np.float64) for z in (z_high, z_low)]
    observed = None
    if catalog.has_spectra:
        observed = [_per_flux(catalog, rows) for rows in (pairs.high, pairs.low)]
    delta_z = (z_high - z_low).mean(axis=0)
    center, slopes = model.decode_gradient(0.5 * (z_high + z_low).mean(axis=0))
    along = delta_z @ slopes  # (110,)
    wavelengths = Wavelengths(GRID)
    spectra = {}
    for mode in MODES:
        projection = Projection(mode, wavelengths)
        value, error = _difference(projection, *decoded)
        seen, its_error = (None, None) if observed is None else _difference(projection, *observed)
        gradient = along @ projection.jacobian(center)
        if mode == "flux":
            gradient = gradient / projection.values(center)
        spectra[mode] = AlphaSpectrum(
            mode=mode,
            n_pairs=len(pairs),
            wavelength=wavelengths.grid,
            decoded=value,
            decoded_error=error,
            observed=seen,
            observed_error=its_error,
            gradient=gradient,
            delta_z=delta_z,
        )
    return spectra


def _difference(
    projection: Projection, high: np.ndarray, low: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """High less low of mean spectra of (P, 110) coefficients, and its standard error, (L,) both."""
    mean_high, mean_low = high.mean(axis=0), low.mean(axis=0)
    middle = 0.5 * (mean_high + mean_low)
    value = projection.values(mean_high) - projection.values(mean_low)
    # The scatter between pairs, not the errors of the coefficients, is what the mean suffers from.
    covariance = np.cov(high - low, rowvar=False) / len(high)
    jacobian = projection.jacobian(middle)
    error = np.sqrt(np.maximum(np.einsum("jl,jl->l", jacobian, covariance @ jacobian), 0.0))
    if projection.mode == "flux":
        level = projection.values(middle)
        return value / level, error / level
    return value, error


def _per_flux(catalog: Catalog, rows: np.ndarray) -> np.ndarray:
    """Observed coefficients per unit G flux, (P, 110) float64."""
    spectra = catalog.spectra[rows]
    return spectra.coefficients.astype(np.float64) / spectra.g_flux[:, None]
