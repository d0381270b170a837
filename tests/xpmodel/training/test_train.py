import dataclasses
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.training import SMALL, some_spectra
from xpmodel import InputError, ScatterVAE, load_model
from xpmodel.model.network import VARIANTS
from xpmodel.spectra.train_test_split import train_test_rows
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.steps import draw, draw_test
from xpmodel.training.train import TrainingConfig, _untrained, scatter_loss, train

pytestmark = pytest.mark.usefixtures("one_thread")


def test_loss_by_hand():
    torch.manual_seed(0)
    network = ScatterVAE(110, 3, (12, 6)).double().eval()
    rng = np.random.default_rng(0)
    x, variance = rng.standard_normal((5, 110)), rng.uniform(0.1, 1, (5, 110))
    torch.manual_seed(1)
    with torch.no_grad():
        loss = scatter_loss(network, torch.from_numpy(x), torch.from_numpy(variance))
    torch.manual_seed(1)
    mean, log_var = (v.detach().numpy() for v in network.encode(torch.from_numpy(x)))
    eps = torch.randn(5, 3, dtype=torch.float64).numpy()
    z = mean + eps * np.exp(0.5 * log_var)
    x_hat, scatter = (v.detach().numpy() for v in network.decode(torch.from_numpy(z)))
    total = variance + scatter**2
    reconstruction = np.mean([
        sum(0.5 * ((x[i, j] - x_hat[i, j]) ** 2 / total[i, j] + np.log(total[i, j]))
            for j in range(110))
        for i in range(5)
    ])  # fmt: skip
    kl = np.mean(0.5 * (mean**2 + np.exp(log_var) - 1 - log_var), axis=0)
    assert float(loss.reconstruction) == pytest.approx(reconstruction, rel=1e-12)
    assert loss.kl_latents.numpy() == pytest.approx(kl, rel=1e-12)
    assert float(loss.kl) == pytest.approx(kl.sum(), rel=1e-12)
    assert float(loss.total) == pytest.approx(reconstruction + kl.sum(), rel=1e-12)


def test_training_learns_and_repeats(tmp_path):
    epochs = []
    before = torch.random.get_rng_state()
    model = train(some_spectra(), SMALL, device="cpu", progress=epochs.append)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].test_reconstruction < epochs[0].test_reconstruction - 10
    assert [epoch.learning_rate for epoch in epochs] == [SMALL.rate(e) for e in (1, 2, 3, 4)]
    for epoch in epochs:
        assert epoch.kl == pytest.approx(sum(epoch.kl_latents))
        assert len(epoch.kl_latents) == 2
    torch.manual_seed(99)
    assert train(some_spectra(), SMALL, device="cpu").hash == model.hash
    other = dataclasses.replace(SMALL, seed=1)
    assert train(some_spectra(), other, device="cpu").hash != model.hash
    model.save(tmp_path)
    assert load_model(tmp_path).hash == model.hash


@pytest.mark.parametrize("variant", VARIANTS)
def test_initial_weights_are_those_that_pytorch_draws(variant):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        wanted = ScatterVAE(110, 3, (12, 6), variant)
    before = torch.random.get_rng_state()
    found = _untrained(TrainingConfig(latents=3, layers=(12, 6), variant=variant, seed=7), 110)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert found.training
    assert list(found.state_dict()) == list(wanted.state_dict())
    for name, value in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name


def test_trainings_that_begin_at_once_begin_as_each_does_alone():
    def weights(seed: int) -> torch.Tensor:
        network = _untrained(TrainingConfig(seed=seed), 110)
        return torch.cat([value.flatten() for value in network.parameters()]).detach()

    seeds = list(range(40))
    alone = [weights(seed) for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(torch.equal, pool.map(weights, seeds), alone))


def test_the_description_is_what_repeats_the_run():
    spectra = some_spectra()
    said = train(spectra, SMALL, device="cpu").description["training"]
    options = {field.name: said[field.name] for field in dataclasses.fields(TrainingConfig)}
    assert TrainingConfig(**options) == SMALL
    assert (said["n_train"], said["n_test"], said["n_left_out"]) == (540, 60, 0)
    assert said["torch"] == torch.__version__ and said["device"] == "cpu"
    spectra.errors[7, 7] *= 1.001
    assert TrainingData.of(spectra, torch.device("cpu")).sha256 != said["data_sha256"]


def test_an_epochs_means_are_over_its_batches_and_the_test_stars():
    """The first epoch again, with a rate at which nothing moves but the running statistics."""
    config = dataclasses.replace(SMALL, epochs=1, learning_rate=1e-12)
    epochs = []
    model = train(some_spectra(), config, device="cpu", progress=epochs.append)
    data = TrainingData.of(some_spectra(), torch.device("cpu"))
    order, eps = draw(config, 540, 1)
    assert order.shape == (8, 64)  # of 540 stars 28 are left
    losses = []
    with torch.no_grad():
        for rows, e in zip(order, eps, strict=True):
            network = model.network.train()
            losses.append(scatter_loss(network, data.x[rows], data.variance[rows], e))
    model = train(some_spectra(), config, device="cpu")
    with torch.no_grad():
        test = scatter_loss(model.network, data.test_x, data.test_variance, draw_test(config, 60))
    assert epochs[0].reconstruction == pytest.approx(
        np.mean([float(loss.reconstruction) for loss in losses]), rel=1e-5
    )
    assert epochs[0].kl == pytest.approx(np.mean([float(loss.kl) for loss in losses]), rel=1e-5)
    assert epochs[0].test_reconstruction == pytest.approx(float(test.reconstruction), rel=1e-5)
    assert epochs[0].test_kl == pytest.approx(float(test.kl), rel=1e-5)


def test_draws_of_an_epoch():
    order, eps = draw(SMALL, 540, 3)
    again = draw(SMALL, 540, 3)
    assert torch.equal(order, again.order) and torch.equal(eps, again.eps)
    assert len(order.unique()) == 8 * 64
    assert order.max() > 500  # no star is always the one left over
    others = draw(SMALL, 540, 4), draw(dataclasses.replace(SMALL, seed=1), 540, 3)
    for other in others:
        assert not torch.equal(order, other.order)
        assert abs(float((eps * other.eps).mean())) < 0.15
    assert float(eps.mean()) == pytest.approx(0, abs=0.1)
    assert float(eps.std()) == pytest.approx(1, abs=0.1)


def test_normalization_is_that_of_the_training_stars():
    spectra = some_spectra()
    model = train(spectra, SMALL, device="cpu")
    rows, test_rows = train_test_rows(len(spectra))
    per_flux = spectra.coefficients / spectra.g_flux[:, None]
    assert np.allclose(model.mu, per_flux[rows].mean(axis=0), rtol=1e-12)
    assert np.allclose(model.sig, per_flux[rows].std(axis=0), rtol=1e-12)
    data = TrainingData.of(spectra, torch.device("cpu"))
    x = (per_flux - model.mu) / model.sig
    variance = (spectra.errors / spectra.g_flux[:, None] / model.sig) ** 2
    for found, expected, which in (
        (data.x, x, rows), (data.variance, variance, rows),
        (data.test_x, x, test_rows), (data.test_variance, variance, test_rows),
    ):  # fmt: skip
        assert found.dtype == torch.float32
        np.testing.assert_allclose(found.numpy(), expected[which], rtol=1e-6, atol=1e-6)


def test_rows_that_cannot_be_trained_on_are_left_out_and_counted():
    good = some_spectra()
    rows = np.delete(np.arange(600), [3, 50, 51, 52, 599, 77])
    bad = some_spectra()
    bad.coefficients[3, 0] = np.nan
    bad.errors[50, 109] = 0.0
    bad.errors[51, 5] = -1.0
    bad.errors[52, 5] = np.nan
    bad.g_flux[599] = 0.0
    bad.g_flux[77] = np.inf
    model = train(bad, SMALL, device="cpu")
    assert model.description["training"]["n_left_out"] == 6
    assert model.hash == train(good[rows], SMALL, device="cpu").hash
    bad.g_flux[:] = np.nan
    with pytest.raises(InputError, match="0 of 600 spectra are usable"):
        train(bad, SMALL, device="cpu")


def test_a_coefficient_without_spread():
    spectra = some_spectra()
    spectra.coefficients[:, 5] = 0.0
    with pytest.raises(InputError, match="coefficient 5 is the same for all 540 training stars"):
        train(spectra, SMALL, device="cpu")


def test_too_few_stars_for_a_batch():
    with pytest.raises(InputError, match="540 training stars do not fill a batch of 1024"):
        train(some_spectra(), TrainingConfig(epochs=1), device="cpu")


def test_a_loss_that_is_not_finite_says_which_batch():
    spectra = some_spectra()
    row = train_test_rows(600)[0][draw(SMALL, 540, 1).order[4, 10]]
    spectra.errors[row] = 1e200  # beyond float32
    with pytest.raises(InputError, match="not finite in epoch 1, batch 5 of 8"):
        train(spectra, SMALL, device="cpu")


def test_weights_that_are_not_finite_after_the_last_batch(monkeypatch):
    """Its loss was still finite, and no other batch follows to show it."""
    from xpmodel.training.steps import Steps

    run = Steps.take

    def spoil(steps, part):
        parts = run(steps, part)
        with torch.no_grad():
            steps.network.mu.weight[0, 0] = torch.nan
        return parts

    monkeypatch.setattr(Steps, "take", spoil)
    with pytest.raises(InputError, match="not finite in epoch 1, after its last batch"):
        train(some_spectra(), SMALL, device="cpu")


@pytest.mark.slow
def test_on_a_machine_with_little_installed():
    """PyTorch, numpy, pandas, pyarrow and safetensors suffice for training and its benchmark."""
    code = """
import sys
missing = ("click h5py astropy astropy_healpix matplotlib scipy sklearn tqdm gaiaxpy shapely dask "
           "astroquery dust_extinction panel bokeh holoviews datashader tensorboard pytest")
sys.modules.update(dict.fromkeys(missing.split()))  # importing what is None there fails
from tests.support.training import some_spectra, SMALL
from xpmodel.training.train import train
print(train(some_spectra(), SMALL, device="cpu").hash)
from tests.bench.train import rows
for row in rows(n_stars=2000, epochs=1):
    print(row.name, row.ours > 0, row.floor > 0)
"""
    folder = Path(__file__).resolve().parents[3]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    first, *rest = run.stdout.splitlines()
    assert len(first) == 64
    assert rest and all(line.endswith("True True") for line in rest)


@pytest.mark.cuda
def test_cpu_and_gpu_train_alike():
    """The same draws everywhere: after a few steps the two differ by rounding alone."""
    config = dataclasses.replace(SMALL, epochs=2, learning_rate=1e-4)
    cpu, gpu = [], []
    train(some_spectra(), config, device="cpu", progress=cpu.append)
    train(some_spectra(), config, device="cuda", progress=gpu.append)
    for a, b in zip(cpu, gpu, strict=True):
        assert b.reconstruction == pytest.approx(a.reconstruction, rel=1e-3)
        assert b.kl == pytest.approx(a.kl, rel=1e-3, abs=1e-4)


@pytest.mark.cuda
def test_cpu_and_gpu_give_the_same_latents(tmp_path):
    """To 1e-3 of a latent's standard deviation over the stars, and 1e-3 of posterior widths."""
    spectra = some_spectra()
    train(spectra, SMALL, device="cpu").save(tmp_path)
    (mean, std), (mean_gpu, std_gpu) = (
        load_model(tmp_path, device).encode(spectra) for device in ("cpu", "cuda")
    )
    assert (np.abs(mean_gpu - mean) / mean.std(axis=0)).max() < 1e-3
    np.testing.assert_allclose(std_gpu, std, rtol=1e-3)
