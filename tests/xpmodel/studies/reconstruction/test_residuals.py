import numpy as np
import pytest

from xpmodel import InputError, Wavelengths
from xpmodel.studies.reconstruction.residuals import (
    FIRST_COLUMNS,
    ZGR_GRID,
    flux_residuals,
    released_flux_errors,
    released_rmse,
    residuals_of,
    rmse_coefficients,
    rmse_flux,
)


def stars(n=6, seed=0):
    rng = np.random.default_rng(seed)
    observed = rng.normal(size=(n, 110)) * 100
    errors = rng.uniform(0.5, 2, size=(n, 110))
    model = observed + errors * rng.normal(size=(n, 110))
    basis = rng.normal(size=(n, 2, 55, 20)) / np.sqrt(20)
    covariance = np.eye(55) + basis @ basis.transpose(0, 1, 3, 2)
    scale = np.sqrt(np.einsum("nbii->nbi", covariance))
    return observed, model, errors, covariance / scale[..., None] / scale[:, :, None]


def covariance_of(errors, correlations, star):
    """The whole 110 × 110 matrix of a star."""
    full = np.zeros((110, 110))
    for band in (0, 1):
        part = slice(55 * band, 55 * band + 55)
        sigma = errors[star, part]
        full[part, part] = correlations[star, band] * sigma[:, None] * sigma
    return full


def test_grid():
    assert len(ZGR_GRID) == 61 and (ZGR_GRID[0], ZGR_GRID[-1]) == (392, 992)
    assert FIRST_COLUMNS.tolist() == [*range(32), *range(55, 87)]


def test_eq_7_by_inverting_each_block():
    observed, model, errors, rho = stars()
    residual = (observed - model) / errors
    rmse = rmse_coefficients(residual, rho)
    for star in range(len(observed)):
        total = 0.0
        full = covariance_of(errors, rho, star)
        for first in (0, 55):
            part = slice(first, first + 32)
            difference = (observed - model)[star, part]
            total += difference @ np.linalg.inv(full[part, part]) @ difference
        assert rmse[star] == pytest.approx(np.sqrt(total / 64), rel=1e-9)


def test_eq_7_without_correlations_by_hand():
    residual = np.zeros((2, 110))
    residual[0, 0], residual[0, 60] = 3.0, 4.0  # 9 + 16 over 64
    residual[0, 40] = 100.0  # beyond the first 32 of BP: does not count
    residual[1, :32] = 2.0
    assert rmse_coefficients(residual) == pytest.approx([5 / 8, np.sqrt(32 * 4 / 64)])
    unit = np.broadcast_to(np.eye(55), (2, 2, 55, 55))
    assert rmse_coefficients(residual, unit) == pytest.approx(rmse_coefficients(residual))


def test_eqs_8_and_9_by_explicit_covariance():
    observed, model, errors, rho = stars()
    wavelengths = Wavelengths(ZGR_GRID)
    found = flux_residuals(observed, wavelengths.flux(model), errors, wavelengths, rho)
    matrix = wavelengths.matrix
    for star in range(len(observed)):
        covariance = matrix.T @ covariance_of(errors, rho, star) @ matrix
        wanted = (observed - model)[star] @ matrix / np.sqrt(np.diag(covariance))
        assert found[star] == pytest.approx(wanted, rel=1e-6)
        total = sum(value**2 for value in wanted) / 61
        assert rmse_flux(found)[star] == pytest.approx(total**0.5, rel=1e-6)


def test_a_perfect_model_has_standard_normal_residuals():
    """With noise drawn from the covariance, ℛ(j), ℛ(λ) are N(0, 1) and mean RMSE² is 1."""
    observed, _, errors, rho = (np.repeat(values[:1], 4000, 0) for values in stars(1))
    factor = np.linalg.cholesky(rho[0])
    rng = np.random.default_rng(1)
    noise = np.concatenate([rng.normal(size=(4000, 55)) @ factor[b].T for b in (0, 1)], axis=1)
    found = residuals_of(
        observed + errors * noise, errors, Wavelengths(ZGR_GRID), coefficients=observed,
        correlations=rho,
    )  # fmt: skip
    for values in (found.coefficient, found.flux):
        assert values.std(axis=0) == pytest.approx(1.0, abs=0.06)
    assert np.mean(found.rmse_coefficient**2) == pytest.approx(1.0, abs=0.02)
    assert np.mean(found.rmse_flux**2) == pytest.approx(1.0, abs=0.05)
    # Errors taken as independent get the flux's wrong: the correlations matter here.
    alone = residuals_of(
        observed + errors * noise, errors, Wavelengths(ZGR_GRID), coefficients=observed
    )
    assert np.abs(alone.flux.std(axis=0) - 1).max() > 0.1


def test_part_of_the_coefficients_or_fluxes_alone():
    observed, model, errors, _ = stars()
    part = np.full_like(model, np.nan)
    part[:, FIRST_COLUMNS] = model[:, FIRST_COLUMNS]
    wavelengths = Wavelengths(ZGR_GRID)
    whole = residuals_of(observed, errors, wavelengths, coefficients=model)
    found = residuals_of(observed, errors, wavelengths, coefficients=part)
    assert np.array_equal(found.rmse_coefficient, whole.rmse_coefficient)
    assert np.isnan(found.flux).all() and np.isnan(found.coefficient[:, 40]).all()
    by_flux = residuals_of(observed, errors, wavelengths, flux=wavelengths.flux(model))
    assert by_flux.flux == pytest.approx(whole.flux, rel=1e-6)
    assert np.isnan(by_flux.rmse_coefficient).all()


def test_as_many_wavelengths_as_coefficients():
    """110 fluxes are fluxes, not coefficients: those of the observation have no residual."""
    observed, _, errors, _ = stars()
    wavelengths = Wavelengths(np.linspace(400, 945, 110))
    found = residuals_of(observed, errors, wavelengths, flux=wavelengths.flux(observed))
    assert np.abs(found.flux).max() == 0
    found = residuals_of(observed, errors, wavelengths, coefficients=observed + errors)
    assert np.abs(found.flux).max() > 0.1


def test_stars_without_correlations_count_as_independent():
    observed, model, errors, rho = stars()
    rho[2] = np.nan
    residual = (observed - model) / errors
    with_rho, alone = rmse_coefficients(residual, rho), rmse_coefficients(residual)
    assert with_rho[2] == pytest.approx(alone[2])
    assert np.isfinite(with_rho).all() and np.abs(with_rho / alone - 1)[[0, 1, 3]].min() > 1e-3
    assert np.isnan(rho[2]).all()  # the caller's array is left alone


def test_as_released():
    """The unit slips, from the released procedure's own steps: residuals per G flux, C of
    errors per G flux and per sig."""
    observed, model, errors, rho = stars(2)
    g_flux, sig = np.array([10.0, 1000.0]), np.random.default_rng(3).uniform(0.1, 3, 110)
    found = released_rmse((observed - model) / errors, sig, rho)
    alone = released_rmse((observed - model) / errors, sig)
    for star, flux in enumerate(g_flux):
        difference = (observed - model)[star] / flux
        normalized = errors / g_flux[:, None] / sig
        full = covariance_of(normalized, rho, star)
        total = 0.0
        for first in (0, 55):
            part = slice(first, first + 32)
            total += difference[part] @ np.linalg.inv(full[part, part]) @ difference[part]
        assert found[star] == pytest.approx(np.sqrt(total / 64), rel=1e-9)
        first = (difference / normalized[star])[FIRST_COLUMNS]
        assert alone[star] == pytest.approx(np.sqrt((first**2).sum() / 64), rel=1e-9)
    wavelengths = Wavelengths(ZGR_GRID)
    wanted = errors[0] @ wavelengths.matrix
    assert released_flux_errors(errors, wavelengths)[0] == pytest.approx(wanted)


def test_bad_correlations():
    residual = np.ones((1, 110))
    with pytest.raises(InputError, match="singular"):
        rmse_coefficients(residual, np.ones((1, 2, 55, 55)))
    with pytest.raises(InputError, match="star 0: its correlations are not positive definite"):
        rmse_coefficients(residual, -np.eye(55) * np.ones((1, 2, 1, 1)))
