"""What the modes show, against sums written out and finite differences."""

import numpy as np
import pytest

from tests.support.models import random_model
from tests.support.wavelengths import GRID, random_stars
from xpmodel import InputError, Wavelengths
from xpmodel.plots.modes import CONTINUUM_NM, MODES, Projection, scale_at_1kpc


@pytest.fixture(scope="module")
def wavelengths() -> Wavelengths:
    return Wavelengths(GRID)


@pytest.fixture(scope="module")
def fine() -> Wavelengths:
    return Wavelengths()


@pytest.fixture(scope="module")
def stars() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (3, 110) and errors per unit G flux, and correlations."""
    stars = random_stars(3)
    per_flux = (v / stars.g_flux[:, None] for v in (stars.coefficients, stars.errors))
    return *per_flux, stars.correlations


def shown_by_hand(mode: str, wavelengths: Wavelengths, coefficients, scale: float) -> np.ndarray:
    """One spectrum, wavelength by wavelength."""
    model = random_model()
    if mode == "coefficients":
        return np.array([(c - m) / s for c, m, s in zip(coefficients, model.mu, model.sig)])  # noqa: B905
    grid = wavelengths.grid
    flux = np.array(
        [sum(c * w for c, w in zip(coefficients, column)) for column in wavelengths.matrix.T]  # noqa: B905
    )
    if mode in ("flux", "flux_1kpc"):
        return flux * scale
    if mode == "lambda2_flux":
        return flux * scale * grid**2
    edges = np.concatenate([grid[:1], (grid[1:] + grid[:-1]) / 2, grid[-1:]])
    smooth = []
    for place in grid:
        weight = np.exp(-((grid - place) ** 2) / (2 * CONTINUUM_NM**2)) * np.diff(edges)
        smooth.append((weight * flux).sum() / weight.sum())
    smooth = np.array(smooth)
    return np.where(smooth > 0, flux / np.where(smooth > 0, smooth, 1), np.nan)


@pytest.mark.parametrize("mode", MODES)
def test_values(mode, wavelengths, stars):
    projection = Projection(mode, wavelengths, random_model())
    shown = projection.values(stars[0], 3.0)
    assert shown.shape == (3, len(projection.x)) and shown.dtype == np.float64
    for star, values in zip(stars[0], shown, strict=True):
        by_hand = shown_by_hand(mode, wavelengths, star, 3.0)
        np.testing.assert_allclose(values, by_hand, rtol=1e-9, atol=1e-9 * np.nanmax(abs(by_hand)))


def test_each_spectrum_has_its_own_scale(wavelengths, stars):
    projection = Projection("flux", wavelengths)
    shown = projection.values(stars[0], np.array([1.0, 2.0, 5.0]))
    for i, scale in enumerate((1.0, 2.0, 5.0)):
        np.testing.assert_allclose(shown[i], projection.values(stars[0][i], scale), rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_jacobian_against_finite_differences(mode, fine):
    # A spectrum that is positive everywhere.
    star = random_model().mu + 0.0
    star[0] = star[55] = 50.0
    projection = Projection(mode, fine, random_model())
    slopes = projection.jacobian(star, 2.0)
    assert slopes.shape == (110, len(projection.x))
    for i in (0, 3, 54, 55, 109):
        step = np.zeros(110)
        step[i] = 1e-4
        differences = projection.values(star + step, 2.0) - projection.values(star - step, 2.0)
        known = np.isfinite(differences)
        np.testing.assert_allclose(
            slopes[i][known],
            differences[known] / 2e-4,
            rtol=1e-5,
            atol=1e-7 * np.nanmax(np.abs(slopes[i])) + 1e-300,
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("correlated", [False, True])
def test_errors_against_the_whole_covariance(mode, correlated, wavelengths, stars):
    coefficients, errors, correlations = (values[1] for values in stars)
    coefficients = np.abs(coefficients)
    projection = Projection(mode, wavelengths, random_model())
    covariance = np.diag(errors**2)
    if correlated:
        for band in range(2):
            rows = slice(55 * band, 55 * band + 55)
            covariance[rows, rows] = correlations[band] * np.outer(errors[rows], errors[rows])
    slopes = projection.jacobian(coefficients, 2.0)
    wanted = np.sqrt(np.diag(slopes.T @ covariance @ slopes))
    shown = projection.errors(coefficients, errors, correlations if correlated else None, 2.0)
    np.testing.assert_allclose(shown, wanted, rtol=1e-6)


def test_errors_against_drawn_spectra(fine):
    rng = np.random.default_rng(1)
    star, errors = np.zeros(110), np.full(110, 2e-4)
    star[0] = star[55] = 1.0
    projection = Projection("continuum_relative", fine)
    drawn = projection.values(star + errors * rng.normal(size=(4000, 110)))
    level = projection.values(star)
    wanted = projection.errors(star, errors)
    known = np.isfinite(level) & (np.isfinite(drawn).all(axis=0)) & (wanted < 0.1)
    assert known.sum() > 100
    np.testing.assert_allclose(drawn.std(axis=0)[known], wanted[known], rtol=0.08)


def test_a_spectrum_relative_to_its_continuum_is_about_one(fine):
    """A flat spectrum is its own continuum, also at the ends of the grid."""
    projection = Projection("continuum_relative", fine)
    weights = projection.continuum
    solution = np.linalg.lstsq(projection.matrix.T, np.full(len(fine), 1e-18), rcond=None)[0]
    flat = solution @ projection.matrix
    inner = np.abs(flat / 1e-18 - 1) < 0.02
    assert inner.mean() > 0.6
    np.testing.assert_allclose((solution @ weights)[inner], 1e-18, rtol=0.1)


def test_unknown_correlations_count_as_none(wavelengths, stars):
    coefficients, errors, correlations = (values[0] for values in stars)
    projection = Projection("flux", wavelengths)
    unknown = np.full_like(correlations, np.nan)
    np.testing.assert_array_equal(
        projection.errors(coefficients, errors, unknown), projection.errors(coefficients, errors)
    )


def test_scale_at_1kpc():
    # A star of flux 8 at 2 kpc (0.5 mas) has four times that at 1 kpc.
    np.testing.assert_allclose(scale_at_1kpc([8.0, 8.0], [0.5, 2.0]), [32.0, 2.0])
    assert np.isnan(scale_at_1kpc([1.0, 1.0, 1.0], [0.0, -1.0, np.nan])).all()
    assert scale_at_1kpc(8.0, 0.5) == 32.0


def test_bad_modes(wavelengths):
    with pytest.raises(InputError, match="'magnitude' is unknown: use flux, "):
        Projection("magnitude", wavelengths)
    with pytest.raises(InputError, match="give a model"):
        Projection("coefficients", wavelengths)
