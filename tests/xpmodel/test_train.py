import numpy as np
import pytest
import torch

from xpmodel import InputError, ScatterVAE, Spectra, load_model
from xpmodel.train import Recipe, scatter_loss, train

SMALL = Recipe(epochs=4, batch=64, learning_rate=3e-3, restart=4, latents=2, layers=(16, 8))


def some_spectra(n=600, seed=0):
    """Spectra that two numbers determine, with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n, 2))
    shape = rng.standard_normal((2, 110))
    g_flux = rng.uniform(1e3, 1e5, n)
    errors = np.full((n, 110), 0.05) * g_flux[:, None]
    coefficients = (1 + hidden @ shape) * g_flux[:, None] + errors * rng.standard_normal((n, 110))
    return Spectra(np.arange(1, n + 1), coefficients, errors, g_flux, "file")


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
    draw = torch.randn(5, 3, dtype=torch.float64).numpy()
    z = mean + draw * np.exp(0.5 * log_var)
    x_hat, scatter = (v.detach().numpy() for v in network.decode(torch.from_numpy(z)))
    total = variance + scatter**2
    reconstruction = np.mean([
        sum(0.5 * ((x[i, j] - x_hat[i, j]) ** 2 / total[i, j] + np.log(total[i, j]))
            for j in range(110))
        for i in range(5)
    ])  # fmt: skip
    kl = np.mean((0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)).sum(axis=1))
    assert float(loss.reconstruction) == pytest.approx(reconstruction, rel=1e-12)
    assert float(loss.kl) == pytest.approx(kl, rel=1e-12)
    assert float(loss.total) == pytest.approx(reconstruction + kl, rel=1e-12)


def test_training_learns_and_repeats(tmp_path):
    epochs = []
    model = train(some_spectra(), SMALL, device="cpu", progress=epochs.append)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].test_reconstruction < epochs[0].test_reconstruction
    again = train(some_spectra(), SMALL, device="cpu")
    assert again.hash == model.hash
    model.save(tmp_path)
    assert load_model(tmp_path).hash == model.hash
    assert model.description["training"]["n_train"] == 540


def test_normalisation_is_that_of_the_training_stars():
    from xpmodel.split import train_test_rows

    spectra = some_spectra()
    model = train(spectra, SMALL, device="cpu")
    rows, _ = train_test_rows(len(spectra))
    per_flux = (spectra.coefficients / spectra.g_flux[:, None])[rows]
    assert np.allclose(model.mu, per_flux.mean(axis=0))
    assert np.allclose(model.sig, per_flux.std(axis=0))


def test_too_few_stars_for_a_batch():
    with pytest.raises(InputError, match="540 training stars do not fill a batch of 1024"):
        train(some_spectra(), Recipe(epochs=1), device="cpu")


def test_a_loss_that_is_not_finite_stops():
    spectra = some_spectra()
    spectra.coefficients[:, 3] = np.nan
    with pytest.raises(InputError, match="not finite in epoch 1"):
        train(spectra, SMALL, device="cpu")


def test_command_keeps_a_model_that_is_there(tmp_path):
    from click.testing import CliRunner

    from xpmodel.cli import main

    train(some_spectra(), SMALL, device="cpu").save(tmp_path)
    before = (tmp_path / "model.json").read_bytes()
    result = CliRunner().invoke(main, ["train", "stars.h5", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds a model" in result.output
    assert (tmp_path / "model.json").read_bytes() == before


@pytest.mark.parametrize("change", [{"epochs": 0}, {"batch": 0}, {"learning_rate": 0.0}])
def test_impossible_recipes(change):
    with pytest.raises(InputError):
        Recipe(**change)
