"""Bands of decoded spectra: each part against draws, and their sum in quadrature."""

import numpy as np
import pytest

from tests.support.models import random_model, random_spectra
from tests.support.wavelengths import GRID
from xpmodel import InputError, decoded_band
from xpmodel.plots.curves import decoded_curve
from xpmodel.plots.modes import Projection
from xpmodel.spectra.wavelengths import Wavelengths


@pytest.fixture(scope="module")
def flux() -> Projection:
    return Projection("flux", Wavelengths(GRID))


@pytest.mark.parametrize("mode", ["flux", "lambda2_flux"])
def test_the_latents_part_is_the_spread_of_decoded_draws_of_them(mode):
    """To first order: the widths are made a hundredth of what they are."""
    model, projection = random_model(), Projection(mode, Wavelengths(GRID))
    with_width = np.log(1e-4)
    model.network.log_var.weight.data.zero_()
    model.network.log_var.bias.data.fill_(with_width)
    star = random_spectra(model, 2)
    band = decoded_band(model, projection, star, row=1)
    mean, std = model.encode(star[1])
    np.testing.assert_allclose(std, 0.01, rtol=1e-5)
    z = mean + std * np.random.default_rng(0).normal(size=(4000, mean.shape[1]))
    drawn = projection.values(model.decode(z.astype(np.float32))[0], float(star.g_flux[1]))
    np.testing.assert_allclose(band.latents, drawn.std(axis=0), rtol=0.05)


def test_the_band_is_the_sum_of_its_parts_in_quadrature(flux):
    model, seeds = random_model(), [random_model(5), random_model(6)]
    star = random_spectra(model, 1)
    band = decoded_band(model, flux, star, ensemble=seeds)
    plain = decoded_curve(model, flux, model.encode(star)[0][0], float(star.g_flux[0]))
    np.testing.assert_allclose(band.scatter, plain.error)
    np.testing.assert_allclose(band.value, plain.value)
    every = []
    for one in (model, *seeds):
        coefficients = one.decode(one.encode(star)[0])[0][0].astype(float)
        every.append(coefficients @ flux.matrix * float(star.g_flux[0]))
    size = np.abs(plain.value).max()
    np.testing.assert_allclose(band.ensemble, np.std(every, axis=0, ddof=1), atol=1e-4 * size)
    wanted = np.sqrt(band.scatter**2 + band.latents**2 + band.ensemble**2)
    np.testing.assert_allclose(band.error, wanted)
    np.testing.assert_array_equal(band.curve.error, band.error)
    assert not decoded_band(model, flux, star).ensemble.any()


def test_the_latents_part_may_be_their_noise(flux):
    model, star = random_model(), random_spectra(random_model(), 1)
    posterior, noise = (decoded_band(model, flux, star, latents=k) for k in ("posterior", "noise"))
    assert np.abs(posterior.latents / noise.latents - 1).max() > 0.1
    star.errors[:] *= 2
    twice = decoded_band(model, flux, star, latents="noise")
    np.testing.assert_allclose(twice.latents, 2 * noise.latents, rtol=1e-4)
    with pytest.raises(InputError, match="posterior or noise"):
        decoded_band(model, flux, star, latents="sigma")
