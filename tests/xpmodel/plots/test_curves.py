"""Spectra one at a time, by hand."""

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tests.support.loops import some
from tests.support.models import random_model
from tests.support.wavelengths import GRID, random_stars
from xpmodel.errors import InputError
from xpmodel.plots.curves import Curve, decoded_curve, decoded_gradient, observed_curve, residual
from xpmodel.plots.modes import MODES, Projection
from xpmodel.spectra.spectral_lines import LINES
from xpmodel.spectra.wavelengths import Wavelengths


@pytest.fixture(scope="module")
def flux() -> Projection:
    return Projection("flux", Wavelengths(GRID))


@pytest.mark.parametrize("kind", [list, np.array, tuple])
def test_a_decoded_curve(flux, kind):
    model = random_model()
    z = kind([0.5, -1.0, 2.0])
    curve = decoded_curve(model, flux, z, 1234.5)
    coefficients, scatter = (v.astype(float) for v in model.decode(np.array([0.5, -1, 2])))
    value = np.zeros(len(GRID))
    variance = np.zeros(len(GRID))
    for i in range(110):
        value += 1234.5 * coefficients[i] * flux.matrix[i]
        variance += (1234.5 * scatter[i] * flux.matrix[i]) ** 2
    np.testing.assert_array_equal(curve.x, GRID)
    assert curve.value.dtype == curve.error.dtype == np.float64
    # `decode` rounds to float32.
    np.testing.assert_allclose(curve.value, value, atol=1e-5 * np.abs(value).max())
    np.testing.assert_allclose(curve.error, np.sqrt(variance), rtol=1e-5)


def test_a_decoded_curve_is_as_bright_as_asked(flux):
    model = random_model()
    one, ten = (decoded_curve(model, flux, [0, 0, 0], f) for f in (1.0, 10.0))
    np.testing.assert_allclose(ten.value, 10 * one.value, rtol=1e-12)
    np.testing.assert_allclose(ten.error, 10 * one.error, rtol=1e-12)
    with pytest.raises(InputError, match="3 latents"):
        decoded_curve(model, flux, [0, 0], 1.0)


@pytest.mark.parametrize("row", [0, 2])
def test_an_observed_curve(flux, row):
    stars = random_stars(3)
    curve = observed_curve(stars, flux, row)
    assert curve.value.shape == curve.error.shape == (len(GRID),)
    np.testing.assert_allclose(curve.value, stars.coefficients[row] @ flux.matrix, rtol=1e-9)
    for place in range(len(GRID)):
        scaled = (stars.errors[row] * flux.matrix[:, place]).reshape(2, 55)
        variance = sum(v @ rho @ v for v, rho in zip(scaled, stars.correlations[row], strict=True))
        assert curve.error[place] == pytest.approx(variance**0.5, rel=1e-9)


def test_an_observed_curve_at_another_magnitude(flux):
    stars = random_stars(2)
    own, twice = (observed_curve(stars, flux, 1, f * stars.g_flux[1]) for f in (1, 2))
    np.testing.assert_allclose(twice.value, 2 * own.value, rtol=1e-12)
    np.testing.assert_allclose(twice.error, 2 * own.error, rtol=1e-12)
    np.testing.assert_allclose(own.value, observed_curve(stars, flux, 1).value, rtol=1e-12)


def test_an_observed_curve_without_correlations(flux):
    stars = random_stars(2)
    alone = dataclasses.replace(
        stars,
        coefficients=stars.coefficients.astype(np.float32),
        errors=stars.errors.astype(np.float32),
        correlations=None,
    )
    curve = observed_curve(alone, flux, 1)
    assert curve.value.dtype == np.float64
    wanted = np.sqrt((stars.errors[1] ** 2) @ flux.matrix**2)
    np.testing.assert_allclose(curve.error, wanted, rtol=1e-6)


def test_residuals():
    grid = np.array([400.0, 500, 600])
    observed = Curve(grid, np.array([3.0, 1, 5]), np.array([0.5, 2, 1]))
    decoded = Curve(grid, np.array([2.0, 3, 5]), np.array([9.0, 9, 9]))
    np.testing.assert_array_equal(residual(observed, decoded), [2, -1, 0])


@pytest.mark.parametrize("mode", MODES)
def test_gradients_against_finite_differences(mode):
    model = random_model()
    # In double precision the differences are good to many digits.
    projection = Projection(mode, Wavelengths(), model)
    z, scale, h = np.array([0.5, -1.0, 0.3]), 7.0, 1e-5
    found = decoded_gradient(model, projection, z, scale)
    assert found.shape == (3, len(projection.x)) and found.dtype == np.float64
    network = random_model().network.double()

    def shown(z: np.ndarray) -> np.ndarray:
        x_hat = network.decoder(torch.from_numpy(z)[None])[0].numpy()
        return projection.values(x_hat * model.sig + model.mu, scale)

    for i in range(3):
        step = np.zeros(3)
        step[i] = h
        wanted = (shown(z + step) - shown(z - step)) / (2 * h)
        known = np.isfinite(wanted)
        # The network's float32 rounding; a continuum that is nearly 0 magnifies it.
        tolerance = 2e-4 * np.abs(wanted[known]) + 1e-4 * np.median(np.abs(wanted[known]))
        assert (np.abs(found[i] - wanted)[known] <= tolerance).all()


def test_visits_at_once_leave_pytorchs_threads_alone(flux, monkeypatch):
    """Their number is one for the whole process."""
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    model, points = random_model(), np.random.default_rng(0).normal(size=(200, 3))
    for function in (decoded_gradient, lambda *args: decoded_curve(*args).value):
        alone = [function(model, flux, z) for z in points]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(functools.partial(function, model, flux), points))
        np.testing.assert_array_equal(together, alone)
    assert not asked


@pytest.mark.cuda
@pytest.mark.parametrize("mode", MODES)
def test_cuda_gives_the_same(mode):
    on_cpu, on_cuda = random_model(device="cpu"), random_model(device="cuda")
    projection, z = Projection(mode, Wavelengths(), on_cpu), [0.5, -1.0, 0.3]
    pairs = [
        [decoded_curve(m, projection, z, 2.0).value for m in (on_cpu, on_cuda)],
        [decoded_curve(m, projection, z, 2.0).error for m in (on_cpu, on_cuda)],
        [decoded_gradient(m, projection, z, 2.0) for m in (on_cpu, on_cuda)],
    ]
    for cpu, cuda in pairs:
        np.testing.assert_allclose(cuda, cpu, rtol=1e-3, atol=1e-5 * np.nanmax(np.abs(cpu)))


def test_lines_are_where_xp_spectra_are():
    assert all(330 < line.wavelength < 1050 for line in some(LINES))
    wavelengths = [line.wavelength for line in LINES]
    assert wavelengths == sorted(wavelengths) and len(set(wavelengths)) == len(LINES)
    by_hand = {"Hα": 656.3, "Hβ": 486.1, "Na D": 589.3, "Ca II K": 393.4}
    assert by_hand.items() <= {line.name: line.wavelength for line in LINES}.items()
