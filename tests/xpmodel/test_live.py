"""Spectra one at a time, by hand."""

import numpy as np
import pytest

from tests.xpmodel.test_model import random_model
from tests.xpmodel.test_wavelengths import GRID, random_stars
from xpmodel.errors import InputError
from xpmodel.lines import LINES
from xpmodel.live import FluxCurve, decoded_curve, observed_curve, residual
from xpmodel.wavelengths import Wavelengths


@pytest.fixture(scope="module")
def wavelengths() -> Wavelengths:
    return Wavelengths(GRID)


@pytest.mark.parametrize("kind", [list, np.array, tuple])
def test_a_decoded_curve(wavelengths, kind):
    model = random_model()
    z = kind([0.5, -1.0, 2.0])
    curve = decoded_curve(model, wavelengths, z, 1234.5)
    coefficients, scatter = (v.astype(float) for v in model.decode(np.array([0.5, -1, 2])))
    flux = np.zeros(len(GRID))
    variance = np.zeros(len(GRID))
    for i in range(110):
        flux += 1234.5 * coefficients[i] * wavelengths.matrix[i]
        variance += (1234.5 * scatter[i] * wavelengths.matrix[i]) ** 2
    np.testing.assert_array_equal(curve.wavelength, GRID)
    assert curve.flux.dtype == curve.error.dtype == np.float64
    np.testing.assert_allclose(curve.flux, flux, atol=1e-5 * np.abs(flux).max())
    np.testing.assert_allclose(curve.error, np.sqrt(variance), rtol=1e-5)


def test_a_decoded_curve_is_as_bright_as_asked(wavelengths):
    model = random_model()
    one, ten = (decoded_curve(model, wavelengths, [0, 0, 0], f) for f in (1.0, 10.0))
    np.testing.assert_allclose(ten.flux, 10 * one.flux, rtol=1e-12)
    np.testing.assert_allclose(ten.error, 10 * one.error, rtol=1e-12)
    with pytest.raises(InputError, match="3 latents"):
        decoded_curve(model, wavelengths, [0, 0], 1.0)


@pytest.mark.parametrize("row", [0, 2])
def test_an_observed_curve(wavelengths, row):
    stars = random_stars(3)
    curve = observed_curve(stars, wavelengths, row)
    assert curve.flux.shape == curve.error.shape == (len(GRID),)
    np.testing.assert_allclose(curve.flux, stars.coefficients[row] @ wavelengths.matrix, rtol=1e-9)
    for place in range(len(GRID)):
        scaled = (stars.errors[row] * wavelengths.matrix[:, place]).reshape(2, 55)
        variance = sum(v @ rho @ v for v, rho in zip(scaled, stars.correlations[row], strict=True))
        assert curve.error[place] == pytest.approx(variance**0.5, rel=1e-9)


def test_an_observed_curve_without_correlations(wavelengths):
    stars = random_stars(2)
    alone = type(stars)(
        stars.source_id,
        stars.coefficients.astype(np.float32),
        stars.errors.astype(np.float32),
        stars.g_flux,
        "file",
    )
    curve = observed_curve(alone, wavelengths, 1)
    assert curve.flux.dtype == np.float64
    wanted = np.sqrt((stars.errors[1] ** 2) @ wavelengths.matrix**2)
    np.testing.assert_allclose(curve.error, wanted, rtol=1e-6)


def test_residuals():
    grid = np.array([400.0, 500, 600])
    observed = FluxCurve(grid, np.array([3.0, 1, 5]), np.array([0.5, 2, 1]))
    decoded = FluxCurve(grid, np.array([2.0, 3, 5]), np.array([9.0, 9, 9]))
    np.testing.assert_array_equal(residual(observed, decoded), [2, -1, 0])


def test_lines_are_where_xp_spectra_are():
    assert all(330 < line.wavelength < 1050 for line in LINES)
    wavelengths = [line.wavelength for line in LINES]
    assert wavelengths == sorted(wavelengths) and len(set(wavelengths)) == len(LINES)
    by_hand = {"Hα": 656.3, "Hβ": 486.1, "Na D": 589.3, "Ca II K": 393.4}
    assert by_hand.items() <= {line.name: line.wavelength for line in LINES}.items()
