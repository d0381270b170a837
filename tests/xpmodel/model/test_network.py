"""The network against a forward pass written out in numpy, and against the published figures."""

import numpy as np
import pytest
import torch

from tests.support.networks import numpy_decode, numpy_encode, random_network
from xpmodel.model.network import ScatterVAE, posterior_kl

SIZES = [
    (110, 6, (90, 70, 50, 30, 10)),
    (110, 2, (40, 8)),
    (12, 3, (7,)),
    (5, 9, (6, 6, 6)),
]


@pytest.fixture(scope="module")
def released(shared) -> ScatterVAE:
    checkpoint = torch.load(shared / "published/weight.pt", map_location="cpu", weights_only=True)
    network = ScatterVAE()
    network.load_state_dict(checkpoint["model_state_dict"], strict=True)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("sizes", SIZES)
def test_encoding_and_decoding_equal_the_forward_pass_in_numpy(sizes):
    network = random_network(1, *sizes)
    rng = np.random.default_rng(2)
    x, z = rng.normal(size=(20, sizes[0])), rng.normal(size=(20, sizes[1]))
    with torch.inference_mode():
        encoded = network.encode(torch.tensor(x, dtype=torch.float32))
        decoded = network.decode(torch.tensor(z, dtype=torch.float32))
    expected = (*numpy_encode(network, x), *numpy_decode(network, z))
    for found, wanted in zip((*encoded, *decoded), expected, strict=True):
        assert found.shape == wanted.shape
        assert wanted.std() > 1e-3
        np.testing.assert_allclose(found.numpy(), wanted, rtol=2e-4, atol=2e-5)
    assert ((decoded[1] > 0) & (decoded[1] < 1)).all()


def test_the_released_weights_equal_the_forward_pass_in_numpy(released):
    z = np.random.default_rng(3).normal(size=(50, 6))
    with torch.inference_mode():
        x, s = released.decode(torch.tensor(z, dtype=torch.float32))
        mean, log_var = released.encode(x)
    wanted = (*numpy_decode(released, z), *numpy_encode(released, x.numpy()))
    for found, expected in zip((x, s, mean, log_var), wanted, strict=True):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3, atol=2e-4)


def test_the_decoder_and_the_scatter_estimator_share_no_weights():
    network = ScatterVAE()
    pointers = [p.data_ptr() for p in network.parameters()]
    assert len(set(pointers)) == len(pointers)


def test_a_forward_pass_draws_around_the_mean():
    network = random_network(4, 12, 3, (7,))
    x = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.manual_seed(1)
        x_hat, scatter, mean, log_var = network(x)
        torch.manual_seed(1)
        z = mean + torch.randn(5, 3) * torch.exp(log_var / 2)
        for found, expected in zip((x_hat, scatter), network.decode(z), strict=True):
            torch.testing.assert_close(found, expected)
        torch.testing.assert_close((mean, log_var), network.encode(x))


def test_posterior_kl_is_that_of_normal_distributions():
    generator = torch.Generator().manual_seed(0)
    mean = 3 * torch.randn(40, 6, generator=generator, dtype=torch.float64)
    std = torch.exp(torch.randn(40, 6, generator=generator, dtype=torch.float64))
    normal = torch.distributions.Normal
    zero = torch.zeros((), dtype=torch.float64)
    expected = torch.distributions.kl_divergence(normal(mean, std), normal(zero, zero + 1))
    torch.testing.assert_close(posterior_kl(mean, std), expected, rtol=1e-12, atol=1e-12)
    assert (posterior_kl(torch.zeros(2, 3), torch.ones(2, 3)) == 0).all()


def test_the_published_kl_and_widths_of_the_latents(released):
    z = torch.randn(20_000, 6, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        mean, log_var = released.encode(released.decode(z)[0])
    std = torch.exp(0.5 * log_var)
    # To the rounding of the published figures, and the noise of 20,000 samples.
    widths = [0.095, 1.000, 0.151, 0.149, 0.007, 1.000]
    np.testing.assert_allclose(std.mean(0), widths, atol=0.0015)
    kl = posterior_kl(mean, std).mean(0)
    np.testing.assert_allclose(kl, [2.39, 0, 1.89, 2.00, 5.08, 0], atol=0.03)
    assert kl[[1, 5]].abs().max() < 1e-6


@pytest.mark.slow
def test_the_published_sensitivity_of_the_decoder(released):
    z = torch.randn(400, 6, generator=torch.Generator().manual_seed(0))
    jacobian = torch.func.vmap(torch.func.jacrev(lambda z: released.decoder(z[None])[0]))(z)
    sensitivity = (jacobian**2).sum(1).mean(0).sqrt()  # (400, 110, 6) -> (6,)
    # A mean of squares with a long tail: it depends on the samples by some per cent.
    published = np.array([3.04, 0.0008, 3.39, 3.20, 8.26, 0.0004])
    np.testing.assert_allclose(sensitivity, published, rtol=0.13)
