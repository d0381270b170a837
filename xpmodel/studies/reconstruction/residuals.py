"""Residuals of reconstructions and their RMSE (Laroche & Speagle 2024, Eqs. 6-9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS
from xpmodel.spectra.wavelengths import Wavelengths

# The first 32 coefficients of BP and of RP, of which the paper's Eq. 7 is.
FIRST = 32
FIRST_COLUMNS = np.concatenate([b.start + np.arange(FIRST) for b in BANDS.values()])
# The wavelengths of Zhang, Green & Rix (2023) [nm].
ZGR_GRID = np.arange(392.0, 993.0, 10.0)


@dataclass(frozen=True)
class Residuals:
    """Residuals of N stars; NaN where a reconstruction does not reach.

    Attributes
    ----------
    coefficient : ndarray, (N, 110)
        ℛ(j) = (x − x̂) / σ (Eq. 6).
    flux : ndarray, (N, L)
        ℛ(λ) = (f − f̂) / σ(λ) (Eq. 8).
    rmse_coefficient : ndarray, (N,)
        RMSE(j), Eq. 7: the root of (x − x̂)ᵀ C⁻¹ (x − x̂) / 64 over the first 32 + 32.
    rmse_flux : ndarray, (N,)
        RMSE(λ), Eq. 9: the root of the mean of ℛ(λ)².
    """

    coefficient: np.ndarray
    flux: np.ndarray
    rmse_coefficient: np.ndarray
    rmse_flux: np.ndarray


def coefficient_residuals(
    observed: np.ndarray, model: np.ndarray, errors: np.ndarray
) -> np.ndarray:
    """ℛ(j) = (x − x̂) / σ, Eq. 6: (N, M) from observed and modeled coefficients and errors."""
    return (observed - model) / errors


def rmse_coefficients(residual: np.ndarray, correlations: np.ndarray | None = None) -> np.ndarray:
    """RMSE(j) of each star, Eq. 7, over the first 32 + 32 coefficients.

    (x − x̂)ᵀ C⁻¹ (x − x̂) with C = σ ρ σ is ℛᵀ ρ⁻¹ ℛ: residuals and covariance are in the same
    units whatever these are. (The released code takes the residuals per G flux and C in
    normalized units; see `released_rmse`.)

    Parameters
    ----------
    residual : ndarray, (N, 110)
        ℛ(j); only the first 32 of either band are used.
    correlations : ndarray, (N, 2, 55, 55), optional
        Within BP and within RP: the blocks of the first 32 are used. Without them, and for the
        stars where they are NaN, the coefficients count as independent.

    Returns
    -------
    ndarray, (N,)

    Raises
    ------
    InputError
        When a block of correlations is not positive definite.
    """
    first = residual[:, FIRST_COLUMNS].astype(np.float64)
    if correlations is None:
        return np.sqrt((first**2).sum(axis=1) / (2 * FIRST))
    bands = first.reshape(-1, 2, FIRST)
    blocks = correlations[:, :, :FIRST, :FIRST].astype(np.float64)
    blocks[~np.isfinite(blocks).all(axis=(1, 2, 3))] = np.eye(FIRST)
    known = np.isfinite(bands).all(axis=(1, 2))
    squares = np.full(len(bands), np.nan)
    try:
        solved = np.linalg.solve(blocks[known], bands[known][..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise InputError("a star's correlations are singular: no matrix of correlations") from None
    squares[known] = (bands[known] * solved).sum(axis=(1, 2))
    if (squares[known] < 0).any():
        star = int(np.flatnonzero(known)[np.argmin(squares[known])])
        raise InputError(f"star {star}: its correlations are not positive definite")
    return np.sqrt(squares / (2 * FIRST))


def flux_residuals(
    observed: np.ndarray,
    flux: np.ndarray,
    errors: np.ndarray,
    wavelengths: Wavelengths,
    correlations: np.ndarray | None = None,
) -> np.ndarray:
    """ℛ(λ) = (f − f̂) / σ(λ), Eq. 8, with the coefficients' covariance propagated to σ(λ).

    Parameters
    ----------
    observed, errors : ndarray, (N, 110)
        Archive coefficients and standard deviations.
    flux : ndarray, (N, L)
        Of the reconstruction, on the grid [W m⁻² nm⁻¹].
    wavelengths : Wavelengths
    correlations : ndarray, (N, 2, 55, 55), optional

    Returns
    -------
    ndarray, (N, L)
    """
    return (wavelengths.flux(observed) - flux) / wavelengths.error(errors, correlations)


def rmse_flux(residual: np.ndarray) -> np.ndarray:
    """RMSE(λ) of each star, Eq. 9: the root of the mean of ℛ(λ)², (N,) from (N, L)."""
    return np.sqrt((residual.astype(np.float64) ** 2).mean(axis=1))


def released_rmse(
    residual: np.ndarray, sig: np.ndarray, correlations: np.ndarray | None = None
) -> np.ndarray:
    """RMSE(j) as the released code takes it: residuals per G flux, C in normalized units.

    A unit slip: (x − x̂)/F over (σ/F)/sig is ℛ(j) sig, so each coefficient counts with its own
    scale and the result is no number of standard deviations. The G flux F cancels.

    Parameters
    ----------
    residual : ndarray, (N, 110)
        ℛ(j).
    sig : ndarray, (110,)
        The model's normalization.
    correlations : ndarray, (N, 2, 55, 55), optional
        As for `rmse_coefficients`.
    """
    return rmse_coefficients(residual * sig, correlations)


def released_flux_errors(errors: np.ndarray, wavelengths: Wavelengths) -> np.ndarray:
    """σ(λ) as the released code takes it: the design matrix times the errors.

    No propagation of variances: signs cancel, and it can be negative or near zero. For
    comparison with the paper's Figures 7-9 only.

    Returns
    -------
    ndarray, (N, L)
        [W m⁻² nm⁻¹], of either sign.
    """
    return wavelengths.flux(errors)


def residuals_of(
    observed: np.ndarray,
    errors: np.ndarray,
    wavelengths: Wavelengths,
    *,
    coefficients: np.ndarray | None = None,
    flux: np.ndarray | None = None,
    correlations: np.ndarray | None = None,
) -> Residuals:
    """All residuals of a reconstruction that gives coefficients, fluxes, or both.

    Parameters
    ----------
    observed, errors : ndarray, (N, 110)
        Archive units.
    wavelengths : Wavelengths
        L wavelengths.
    coefficients : ndarray, (N, 110), optional
        The reconstruction's. Columns that it does not give are NaN; without all 110 and without
        `flux` there is no ℛ(λ).
    flux : ndarray, (N, L), optional
        The reconstruction's on the grid [W m⁻² nm⁻¹].
    correlations : ndarray, (N, 2, 55, 55), optional
    """
    shape = (len(observed), len(wavelengths))
    if coefficients is None:
        by_coefficient = np.full(observed.shape, np.nan)
        rmse = np.full(len(observed), np.nan)
    else:
        by_coefficient = coefficient_residuals(observed, coefficients, errors)
        rmse = rmse_coefficients(by_coefficient, correlations)
    if flux is None and coefficients is not None and not np.isnan(coefficients).all(axis=0).any():
        flux = wavelengths.flux(coefficients)
    if flux is None:
        by_flux = np.full(shape, np.nan)
    else:
        by_flux = flux_residuals(observed, flux, errors, wavelengths, correlations)
    return Residuals(by_coefficient, by_flux, rmse, rmse_flux(by_flux))
