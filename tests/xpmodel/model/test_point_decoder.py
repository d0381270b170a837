"""One point at a time against PyTorch's own."""

import numpy as np
import pytest
import torch

from tests.support.models import random_model
from xpmodel import InputError
from xpmodel.model.point_decoder import PointNetwork


@pytest.mark.parametrize("seed", range(5))
def test_a_point_as_in_double_precision(seed):
    model = random_model(seed)
    network = random_model(seed).network.double()
    for z in np.random.default_rng(seed).normal(0, 3, (20, model.n_latents)):
        coefficients, scatter = model.decode_point(tuple(z))
        with torch.inference_mode():
            x_hat, s_hat = (part[0].numpy() for part in network.decode(torch.from_numpy(z)[None]))
        np.testing.assert_allclose(coefficients, x_hat * model.sig + model.mu, rtol=1e-9)
        np.testing.assert_allclose(scatter, s_hat * model.sig, rtol=1e-9)
        for found, wanted in zip((coefficients, scatter), model.decode(z), strict=True):
            np.testing.assert_allclose(found / model.sig, wanted / model.sig, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("part", ["decoder", "scatter"])
def test_a_gradient_as_pytorchs_in_double_precision(seed, part):
    network = getattr(random_model(seed).network.double(), part)
    for z in np.random.default_rng(seed).normal(0, 3, (5, 3)):
        value, slopes = PointNetwork(network).gradient(z)
        point = torch.from_numpy(z)[None]
        wanted = torch.autograd.functional.jacobian(network, point)[0, :, 0].T
        np.testing.assert_allclose(value, network(point)[0].detach(), rtol=1e-9)
        np.testing.assert_allclose(slopes, wanted, rtol=1e-9, atol=1e-12)


def test_a_models_gradient():
    model = random_model()
    coefficients, slopes = model.decode_gradient([0.5, -1.0, 0.3])
    np.testing.assert_array_equal(coefficients, model.decode_point([0.5, -1.0, 0.3])[0])
    up, down = (model.decode_point([0.5, -1.0, 0.3 + step])[0] for step in (1e-5, -1e-5))
    np.testing.assert_allclose(slopes[2] / model.sig, (up - down) / 2e-5 / model.sig, atol=1e-8)
    with pytest.raises(InputError, match=r"z has shape \(2,\), expected \(3,\)"):
        model.decode_gradient([0.5, -1.0])


@pytest.mark.parametrize("z", [(1.0, 2.0), (), ((1.0, 2.0, 3.0),)])
def test_points_of_the_wrong_size(z):
    with pytest.raises(InputError, match="must hold the model's 3 latents"):
        random_model().decode_point(z)


@pytest.mark.cuda
def test_a_point_on_the_cpu_is_what_cuda_decodes():
    z, model = (0.3, -1.0, 2.0), random_model(0, device="cuda")
    for point, many in zip(model.decode_point(z), model.decode(np.array([z])), strict=True):
        np.testing.assert_allclose(point, many[0], rtol=1e-3, atol=1e-5)
