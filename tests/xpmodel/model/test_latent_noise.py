"""The noise of latents against automatic differentiation by PyTorch, and against repeated noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.models import K, random_model, random_spectra
from xpmodel import InputError, latent_covariance, load_model
from xpmodel.model.latent_noise import EncoderJacobian, noise_covariance, noise_std


def wanted_jacobian(model, spectra) -> np.ndarray:  # (N, K, 110)
    x = (spectra.coefficients / spectra.g_flux[:, None] - model.mu) / model.sig
    network = model.network.double()
    slopes = torch.func.vmap(torch.func.jacrev(lambda row: network.encode(row[None])[0][0]))
    found = slopes(torch.from_numpy(x)).detach().numpy()
    model.network.float()
    return found


def random_correlations(n: int, seed: int = 3) -> np.ndarray:  # (n, 2, 55, 55)
    factors = np.random.default_rng(seed).normal(size=(n, 2, 55, 80))
    covariance = factors @ factors.swapaxes(-1, -2)
    sigma = np.sqrt(np.diagonal(covariance, axis1=2, axis2=3))
    return covariance / sigma[..., None] / sigma[..., None, :]


@pytest.mark.parametrize("which", ["random", "demo"])
def test_slopes_of_the_encoder_equal_those_of_pytorch(which):
    model = random_model() if which == "random" else load_model("demo", "cpu")
    spectra = random_spectra(model, 20)
    wanted = wanted_jacobian(model, spectra)
    x = torch.from_numpy((spectra.coefficients / spectra.g_flux[:, None] - model.mu) / model.sig)
    found = EncoderJacobian(model.network)(x.float()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_the_covariance_is_j_c_j_transposed_with_full_correlations_where_they_are_known():
    model = random_model()
    rho = random_correlations(5)
    rho[3] = np.nan
    spectra = replace(random_spectra(model, 5), correlations=rho)
    jacobian = wanted_jacobian(model, spectra)
    sigma = spectra.errors / spectra.g_flux[:, None] / model.sig
    full = np.zeros((5, 110, 110))
    full[:, :55, :55], full[:, 55:, 55:] = rho[:, 0], rho[:, 1]
    full[3] = np.eye(110)
    full *= sigma[:, :, None] * sigma[:, None, :]
    wanted = jacobian @ full @ jacobian.swapaxes(1, 2)
    found = latent_covariance(model, spectra)
    assert found.shape == (5, K, K) and found.dtype == np.float64
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())
    noise = model.score(spectra).noise
    np.testing.assert_allclose(noise**2, np.diagonal(wanted, axis1=1, axis2=2), rtol=2e-3)


def test_noise_in_a_catalog_is_the_root_of_the_diagonal():
    model = random_model()
    spectra = random_spectra(model, 30)
    covariance = latent_covariance(model, spectra, batch=7)
    wanted = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    encoded = model.score(spectra)
    assert encoded.noise.dtype == np.float32
    np.testing.assert_allclose(encoded.noise, wanted, rtol=1e-4)
    np.testing.assert_allclose(covariance, covariance.swapaxes(1, 2))


@pytest.mark.parametrize("correlated", [False, True])
def test_noise_is_the_scatter_under_repeated_noise_where_that_is_small(correlated):
    """Errors a tenth of those of a bright star: the encoder is linear over them."""
    model = load_model("demo", "cpu")
    spectra = random_spectra(model, 4, seed=5)
    spectra = replace(spectra, errors=0.02 * model.sig * spectra.g_flux[:, None])
    rho = random_correlations(4) if correlated else np.broadcast_to(np.eye(55), (4, 2, 55, 55))
    if correlated:
        spectra = replace(spectra, correlations=rho)
    n = 2000
    draws = np.random.default_rng(6).normal(size=(4, n, 2, 55))
    noise = (np.linalg.cholesky(rho)[:, None] @ draws[..., None])[..., 0].reshape(4, n, 110)
    many = (spectra.coefficients[:, None] + noise * spectra.errors[:, None]).reshape(-1, 110)
    repeated = replace(spectra[np.repeat(np.arange(4), n)], coefficients=many, correlations=None)
    z = model.encode(repeated)[0].reshape(4, n, -1).astype(np.float64)
    wanted = latent_covariance(model, spectra)
    scatter = z.std(axis=1)
    np.testing.assert_allclose(model.score(spectra).noise, scatter, rtol=0.08)
    for star in range(4):
        sigma = np.sqrt(np.diag(wanted[star]))
        error = np.abs(np.cov(z[star].T) - wanted[star]) / np.outer(sigma, sigma)
        assert error.max() < 0.12


def test_noise_of_a_spectrum_that_is_no_number_is_none():
    model = random_model()
    spectra = random_spectra(model, 3)
    spectra.coefficients[1, 7] = np.nan
    noise = model.score(spectra).noise
    assert np.isnan(noise[1]).all() and np.isfinite(noise[[0, 2]]).all()
    assert np.isnan(latent_covariance(model, spectra)[1]).all()


def test_no_stars_have_no_covariance():
    model = random_model()
    none = random_spectra(model, 3)[np.zeros(0, int)]
    assert latent_covariance(model, none).shape == (0, K, K)
    assert model.score(none).noise.shape == (0, K)


def test_a_batch_of_no_stars_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        latent_covariance(random_model(), random_spectra(random_model()), batch=0)


def test_deviations_that_cancel_are_none():
    """Two coefficients that are wholly correlated, and a latent that is their difference."""
    jacobian, sigma = torch.zeros(1, 1, 110), torch.ones(1, 110)
    jacobian[0, 0, 0], jacobian[0, 0, 1] = 1.0, -1.0
    rho = np.broadcast_to(np.eye(55), (1, 2, 55, 55)).copy()
    rho[0, 0, 0, 1] = rho[0, 0, 1, 0] = 1.0
    assert noise_std(jacobian, sigma, rho) == 0
    assert noise_covariance(jacobian, sigma) == 2
