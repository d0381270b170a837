"""The engine against training written anew, plainly, from the published description."""

import numpy as np
import pytest
import torch

from tests.support.loops import some
from tests.support.plain_loss import N_BLOCKS, plain_loss
from tests.support.training import some_spectra
from xpmodel import ScatterVAE
from xpmodel.training.config import TrainingConfig
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.steps import Draws, Part, Steps, draw

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = TrainingConfig(batch=128, restart=5)


def plain_training(state, x, variance, n_steps, dtype):
    """Losses (n, 2), gradients of the last step, and what the weights have become."""
    running = {k: v.clone() for k, v in state.items() if "running" in k}
    p = {
        k: v.clone().requires_grad_()
        for k, v in state.items()
        if "running" not in k and "tracked" not in k
    }
    optimizer = torch.optim.AdamW(p.values(), lr=1e-4, foreach=False, fused=False)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=CONFIG.restart, eta_min=1e-10
    )
    losses, epoch = [], 0
    while len(losses) < n_steps:
        epoch += 1
        order, eps = draw(CONFIG, len(x), epoch, dtype)
        for rows, e in zip(order, eps, strict=True):
            reconstruction, kl = plain_loss(p, x[rows], variance[rows], e, running)
            optimizer.zero_grad()
            (reconstruction + kl).backward()
            optimizer.step()
            losses.append((reconstruction.item(), kl.item()))
            if len(losses) == n_steps:
                break
        schedule.step()
    gradients = {k: v.grad for k, v in p.items()}
    weights = {k: v.detach() for k, v in p.items()} | running
    return np.array(losses), gradients, weights


def start(dtype):
    data = TrainingData.of(some_spectra(1130), torch.device("cpu"))
    x, variance = data.x.to(dtype), data.variance.to(dtype)
    assert len(x) == 1017  # 7 batches, and 121 stars left over
    torch.manual_seed(5)
    network = ScatterVAE().to(dtype)
    state = {k: v.clone() for k, v in network.state_dict().items()}
    return network, state, x, variance


def is_felt(name):
    """Whether a parameter has a gradient: a bias in front of a batch norm has none but rounding."""
    return not name.endswith(".0.bias") or name.endswith(f".{N_BLOCKS}.0.bias")


def test_one_step_in_float32():
    """Losses to 1e-5, gradients to 1e-3 of a tensor's largest, weights to 1e-6 (a step is 1e-4)."""
    network, state, x, variance = start(torch.float32)
    losses, gradients, weights = plain_training(state, x, variance, 1, torch.float32)
    order, eps = draw(CONFIG, len(x), 1)
    steps = Steps(network, CONFIG, x[order[0]], variance[order[0]])  # of one batch
    steps.begin(1)
    draws = Draws(torch.arange(128)[None], eps[:1])
    parts = steps.take(Part(x[order[0]], variance[order[0]], draws))
    assert float(parts[0, 0]) == pytest.approx(losses[0, 0], rel=1e-5)
    assert float(parts[0, 1:].sum()) == pytest.approx(losses[0, 1], rel=1e-5)
    found = network.state_dict()
    for name, parameter in some(network.named_parameters()):
        if not is_felt(name):
            continue
        wanted = gradients[name]
        assert (parameter.grad - wanted).abs().max() < 1e-3 * wanted.abs().max(), name
        # AdamW's first step is the gradient's sign: only where that is no matter of rounding.
        clear = wanted.abs() > 1e-2 * wanted.abs().max()
        torch.testing.assert_close(found[name][clear], weights[name][clear], rtol=0, atol=1e-6)
        assert ((weights[name] - state[name]).abs() > 5e-5)[clear].all()  # and it was a step
    for name in (k for k in state if "running" in k):
        torch.testing.assert_close(found[name], weights[name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_200_steps_in_float64():
    """Through 29 epochs and 5 restarts of the rate: losses to 1e-9, weights to 1e-8."""
    network, state, x, variance = start(torch.float64)
    losses, _, weights = plain_training(state, x, variance, 200, torch.float64)
    steps = Steps(network, CONFIG, x, variance)
    found = []
    for epoch in range(1, 30):
        order, eps = draw(CONFIG, len(x), epoch, torch.float64)
        few = slice(0, 4 if epoch == 29 else 7)  # 28 epochs of 7 steps, and 4 more
        steps.begin(epoch)
        found.append(steps.take(Part(x, variance, Draws(order[few], eps[few]))).numpy())
    found = np.concatenate(found)
    assert len(found) == 200
    np.testing.assert_allclose(found[:, 0], losses[:, 0], rtol=1e-9)
    np.testing.assert_allclose(found[:, 1:].sum(1), losses[:, 1], rtol=1e-9)
    assert losses[-1, 0] < losses[0, 0] - 1
    for name, wanted in some(weights.items()):
        torch.testing.assert_close(network.state_dict()[name], wanted, rtol=0, atol=1e-8)


def test_rate_is_that_of_pytorchs_schedule():
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=500, eta_min=1e-10
    )
    config = TrainingConfig()
    for epoch in range(1, 1203):
        assert config.rate(epoch) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        schedule.step()


def test_the_released_loss_of_the_published_weights_on_real_stars(shared, capsys):
    from xpmodel import import_model, read_spectra
    from xpmodel.training.loss import scatter_loss

    real = shared / "real_xp"
    spectra = read_spectra(
        real / "xp_continuous_1400.fits", photometry=real / "photometry_1400.csv"
    )
    published = shared / "published"
    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    assert len(spectra) == 1400
    flux = spectra.g_flux[:, None]
    x = torch.from_numpy((spectra.coefficients / flux - model.mu) / model.sig)
    variance = torch.from_numpy((spectra.errors / flux / model.sig) ** 2)
    network = model.network.cpu().double().eval()
    eps = torch.randn((1400, 6), generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    with torch.no_grad():
        loss = scatter_loss(network, x, variance, eps)
        bright = np.flatnonzero(spectra.g_flux > np.percentile(spectra.g_flux, 80))
        best = scatter_loss(network, x[bright], variance[bright], eps[bright])
    with capsys.disabled():
        for name, part in (("all 1,400", loss), ("brightest fifth", best)):
            each = " ".join(f"{kl:.3g}" for kl in part.kl_latents.tolist())
            print(f"\npublished weights, {name}: reconstruction {part.reconstruction:.2f}, "
                  f"KL {part.kl:.2f} ({each}), loss {part.total:.2f}")  # fmt: skip
    assert torch.isfinite(loss.total) and torch.isfinite(loss.kl_latents).all()
    assert loss.kl_latents[[1, 5]].max() < 1e-3  # the two that the published model does not use
    assert loss.kl_latents[[0, 2, 3, 4]].min() > 0.5
