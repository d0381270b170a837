"""Weights of the loss, free bits, and the networks without scatter or without width."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.support.training import SMALL, some_spectra, write_spectra
from xpmodel import InputError, Model, ScatterVAE, encode_files, load_model, open_catalog
from xpmodel.cli.main import main
from xpmodel.training.loss import scatter_loss
from xpmodel.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_options_do_what_they_say():
    """In a training, against the same without them."""

    def kl(**options):
        recipe = dataclasses.replace(SMALL, epochs=12, restart=12, **options)
        epochs = []
        train(some_spectra(), recipe, device="cpu", progress=epochs.append)
        return np.array(epochs[-1].kl_latents)

    usual, pressed, collapsed = (kl(beta=beta) for beta in (1.0, 20.0, 200.0))
    assert pressed.sum() < 0.7 * usual.sum()
    assert collapsed.max() < 0.02
    assert kl(beta=20.0, kl_warmup=10).sum() > 1.3 * pressed.sum()
    assert kl(beta=200.0, free_bits=1.0).min() > 0.1
    assert kl(loss="paper").sum() < 0.5 * usual.sum()


def small(variant):
    return train(some_spectra(), dataclasses.replace(SMALL, variant=variant), device="cpu")


def test_variants_have_the_same_size_but_for_what_they_lack():
    def parts(variant):
        state = ScatterVAE(variant=variant).state_dict()
        return {name: tuple(tensor.shape) for name, tensor in state.items()}

    whole, vae, autoencoder = (parts(v) for v in ("scatter-vae", "vae", "autoencoder"))
    assert vae == {k: v for k, v in whole.items() if not k.startswith("scatter")}
    assert autoencoder == {k: v for k, v in vae.items() if not k.startswith("log_var")}
    with pytest.raises(ValueError, match="is none of"):
        ScatterVAE(variant="other")


@pytest.mark.parametrize("variant", ["vae", "autoencoder"])
def test_a_variant_saved_and_used(variant, tmp_path):
    model = small(variant)
    model.save(tmp_path)
    loaded = load_model(tmp_path, "cpu")
    assert loaded.network.variant == variant
    assert loaded.hash == model.hash
    assert loaded.description["training"]["variant"] == variant
    z = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    coefficients, scatter = loaded.decode(z)
    assert (scatter == 0).all() and coefficients.std() > 0
    for point, expected in zip(z, coefficients, strict=True):
        at, none = loaded.decode_point(point)
        np.testing.assert_allclose(at, expected, rtol=1e-4, atol=1e-5)
        assert none.shape == (110,) and (none == 0).all()
    spectra = some_spectra()
    encoded = loaded.score(spectra)
    np.testing.assert_array_equal(encoded.chi2, encoded.chi2_obs)
    mean, std = loaded.encode(spectra)
    np.testing.assert_array_equal(mean, encoded.mean)
    if variant == "autoencoder":
        assert (std == 0).all() and (encoded.std == 0).all()
        assert np.isnan(encoded.kl).all()
    else:
        assert (std > 0).all() and np.isfinite(encoded.kl).all()


def test_the_autoencoders_loss_and_draws():
    """χ² with the observed errors alone; nothing is drawn."""
    model = small("autoencoder")
    x, variance = torch.randn(9, 110), torch.rand(9, 110) + 0.1
    with torch.no_grad():
        loss = scatter_loss(model.network, x, variance)
        again = scatter_loss(model.network, x, variance)
        x_hat = model.network.decoder(model.network.mu(model.network.encoder(x)))
    expected = 0.5 * ((x - x_hat) ** 2 / variance + variance.log()).sum(1).mean()
    assert float(loss.reconstruction) == float(again.reconstruction)
    assert float(loss.reconstruction) == pytest.approx(float(expected), rel=1e-5)
    assert loss.kl_latents.tolist() == [0.0, 0.0]


def test_a_catalog_of_an_autoencoder(tmp_path):
    source = write_spectra(tmp_path / "stars.h5", 300)
    encode_files(source, small("autoencoder"), tmp_path / "stars.parquet")
    catalog = open_catalog(tmp_path / "stars.parquet")
    assert np.isposinf(catalog.kl).all()
    assert catalog.active == ["z1", "z2"]
    assert (catalog["z1_err"] == 0).all()
    assert np.isnan(catalog["kl"]).all()
    assert len(set(catalog.default_axes)) == 2


def test_a_star_without_width_leaves_the_kl_of_a_latent_finite(mock, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(mock.catalog)
    std = table["z1_err"].to_numpy().copy()
    std[5] = 0.0
    at = table.column_names.index("z1_err")
    pq.write_table(table.set_column(at, "z1_err", pa.array(std)), tmp_path / "stars.parquet")
    before, after = open_catalog(mock.catalog).kl, open_catalog(tmp_path / "stars.parquet").kl
    assert after[0] == pytest.approx(before[0], rel=0.01)


def test_a_model_of_an_unknown_variant(tmp_path):
    small("vae").save(tmp_path)
    path = tmp_path / "model.json"
    said = json.loads(path.read_text())
    for variant in ("other", 7, ["vae"], "scatter-vae"):
        path.write_text(json.dumps(said | {"variant": variant}))
        with pytest.raises(InputError, match="model"):
            load_model(tmp_path)


def test_a_model_saved_before_there_were_variants(tmp_path):
    torch.manual_seed(0)
    model = Model(ScatterVAE(110, 2, (16, 8)), np.zeros(110), np.ones(110), device="cpu")
    model.save(tmp_path)
    path = tmp_path / "model.json"
    said = json.loads(path.read_text())
    del said["variant"]
    path.write_text(json.dumps(said))
    assert load_model(tmp_path).hash == model.hash


@pytest.mark.parametrize(
    ("option", "variant"), [("--no-scatter", "vae"), ("--autoencoder", "autoencoder")]
)
def test_variants_on_the_command_line(option, variant, tmp_path):
    source = write_spectra(tmp_path / "stars.h5", 300)
    command = ["train", str(source), "--out", str(tmp_path / "model"), "--device", "cpu"]
    command += ["--epochs", "2", "--batch", "64"]
    result = CliRunner().invoke(main, [*command, option])
    assert result.exit_code == 0, result.output
    assert load_model(tmp_path / "model").network.variant == variant
    other = "--autoencoder" if option == "--no-scatter" else "--no-scatter"
    result = CliRunner().invoke(main, [*command, option, other])
    assert result.exit_code == 2 and "give one of them" in result.output
