"""Objectives by hand."""

import pytest
import torch

from xpmodel import ScatterVAE
from xpmodel.training.config import TrainingConfig
from xpmodel.training.loss import Loss, objective, scatter_loss

pytestmark = pytest.mark.usefixtures("one_thread")


def a_loss():
    reconstruction = torch.tensor(-30.0, requires_grad=True)
    kl = torch.tensor([2.0, 0.1, 0.4], requires_grad=True)
    return Loss(reconstruction, kl)


@pytest.mark.parametrize(
    ("options", "weight", "expected"),
    [
        ({}, 1.0, -30 + 2.5),
        ({}, 0.25, -30 + 0.25 * 2.5),
        ({"free_bits": 0.25}, 1.0, -30 + 2.0 + 0.25 + 0.4),
        ({"free_bits": 0.25}, 2.0, -30 + 2 * 2.65),
        ({"loss": "paper"}, 1.0, -60 / 110 + 5.0 / 3),
        ({"loss": "paper", "free_bits": 0.25}, 0.5, -60 / 110 + 0.5 * 2 * 2.65 / 3),
    ],
)
def test_objective_by_hand(options, weight, expected):
    total = objective(a_loss(), TrainingConfig(latents=3, **options), weight).detach()
    assert float(total) == pytest.approx(expected, rel=1e-6)


def test_free_bits_leave_a_latent_below_them_alone():
    loss = a_loss()
    objective(loss, TrainingConfig(latents=3, free_bits=0.25), 1.0).backward()
    assert loss.kl_latents.grad.tolist() == [1.0, 0.0, 1.0]


def test_the_papers_loss_is_its_printed_means():
    """Eqs. 1-5 over all numbers at once: means of χ² + ln and of the KL, without the ½."""
    torch.manual_seed(0)
    network = ScatterVAE(110, 3, (12, 6)).double().eval()
    x, variance = torch.randn(7, 110).double(), torch.rand(7, 110).double() + 0.1
    eps = torch.randn(7, 3).double()
    x_hat, s, mean, log_var = network(x, eps)
    total = variance + s**2
    expected = ((x - x_hat) ** 2 / total + total.log()).mean()
    expected += (mean**2 + log_var.exp() - 1 - log_var).mean()
    found = objective(
        scatter_loss(network, x, variance, eps), TrainingConfig(latents=3, loss="paper"), 1.0
    )
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
