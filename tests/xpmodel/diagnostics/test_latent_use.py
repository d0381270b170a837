"""What a model makes of its latents, against published figures, finite differences and SciPy."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from tests.support.loops import some
from tests.support.mock import INACTIVE
from tests.support.tracks import catalog_of, star_columns
from xpmodel import Model, import_model, load_model, open_catalog
from xpmodel.diagnostics.latent_use import (
    OBSERVED,
    beyond_color,
    check_made_by,
    describe_model,
    follow_labels,
    followed,
    following_table,
    sensitivity,
    use_of_catalog,
    use_of_prior,
    use_table,
)
from xpmodel.errors import InputError
from xpmodel.model.network import ScatterVAE


@pytest.fixture(scope="module")
def model(mock):
    return load_model(mock.model, "cpu")


@pytest.fixture(scope="module")
def catalog(mock):
    return open_catalog(mock.catalog)


@pytest.mark.slow
def test_published_model(shared):
    """The figures that are known of the released weights, from another program."""
    published = shared / "published"
    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    use = use_of_prior(model)
    assert use.active.tolist() == [True, False, True, True, True, False]
    # The mean square slope has a long tail: its root varies by 2 to 3 % between 10,000 draws.
    expected = [3.04, 0.0008, 3.39, 3.20, 8.26, 0.0004]
    np.testing.assert_allclose(use.sensitivity, expected, rtol=0.08)
    np.testing.assert_allclose(use.kl, [2.39, 0, 1.89, 2.00, 5.08, 0], rtol=0.01, atol=1e-6)
    widths = [0.095, 1.000, 0.151, 0.149, 0.007, 1.000]
    np.testing.assert_allclose(use.width, widths, rtol=0.03)
    few, same, others = (use_of_prior(model, n=100, seed=seed).kl for seed in (0, 0, 1))
    np.testing.assert_array_equal(few, same)
    assert not np.array_equal(few, others)


def test_sensitivity_by_differences(model):
    z = np.random.default_rng(0).normal(size=(50, model.n_latents))
    decoder = model.network.decoder.double()
    try:
        expected = []
        for k in range(model.n_latents):
            step = np.zeros(model.n_latents)
            step[k] = 1e-4
            up, down = (decoder(torch.as_tensor(z + s)) for s in (step, -step))
            slopes = (up - down).detach().numpy() / 2e-4
            expected.append(np.sqrt((slopes**2).sum(axis=1).mean()))
    finally:
        decoder.float()
    np.testing.assert_allclose(sensitivity(model, z), expected, rtol=1e-4)


def test_use_of_prior_is_the_encoding_of_what_is_decoded(model):
    use = use_of_prior(model, n=300, seed=5)
    z = np.random.default_rng(5).standard_normal((300, model.n_latents)).astype(np.float32)
    coefficients, _ = model.decode(z)
    x = torch.as_tensor((coefficients - model.mu) / model.sig, dtype=torch.float32)
    with torch.inference_mode():
        mean, log_var = (t.numpy().astype(float) for t in model.network.encode(x))
    std = np.exp(0.5 * log_var)
    kl = 0.5 * (mean**2 + std**2 - 1 - log_var)
    np.testing.assert_allclose(use.kl, kl.mean(axis=0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(use.width, std.mean(axis=0), rtol=1e-3)
    inactive = [z for z, active in zip(use.latents, use.active, strict=True) if not active]
    assert inactive == [INACTIVE]


@pytest.mark.slow
def test_use_of_catalog(model, catalog):
    use = use_of_catalog(model, catalog, n=100, seed=3)
    assert (use.n, use.n_of, use.n_differentiated) == (len(catalog), len(catalog), 100)
    for k, name in enumerate(some(catalog.latents)):
        mean, std = (catalog[c].astype(float) for c in (name, f"{name}_err"))
        kl = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).mean()
        assert use.kl[k] == pytest.approx(kl) and use.active[k] == (kl > 0.01)
        assert use.width[k] == pytest.approx(std.mean())
        np.testing.assert_allclose(use.percentiles[k], np.percentile(std, [16, 50, 84]))
    everywhere = use_of_catalog(model, catalog).sensitivity
    z = np.stack([catalog[name] for name in catalog.latents], axis=1)
    np.testing.assert_allclose(everywhere, sensitivity(model, z))
    np.testing.assert_allclose(use.sensitivity, everywhere, rtol=0.3, atol=1e-4)

    table = use_table(use, {})
    assert table["state"].tolist() == ["active", "active", "collapsed", "active"]
    assert str(table["kl"].unit) == "nat" and table["width_p50"][0] == use.percentiles[0, 1]


def test_another_models_catalog(catalog, tmp_path):
    torch.manual_seed(0)
    other = Model(ScatterVAE(110, 4, (40, 16)), np.zeros(110), np.ones(110), device="cpu")
    with pytest.raises(InputError, match=r"stars.parquet: was made by another model \("):
        use_of_catalog(other, catalog)
    nameless = catalog_of(tmp_path / "stars.parquet", {"z1": np.arange(9.0)})
    with pytest.raises(InputError, match="does not say which model made it"):
        check_made_by(other, nameless)


def test_following_as_scipy(tmp_path):
    catalog = catalog_of(tmp_path / "stars.parquet", star_columns(2000))
    following = follow_labels(catalog)
    assert following.labels == [n for n in (*followed(), *OBSERVED) if n in catalog.numeric]
    assert following.latents == ["z1", "z2", "z3"]
    for i, name in enumerate(some(following.labels)):
        known = np.isfinite(catalog[name]) & np.isfinite(catalog["z3"])
        assert following.n[i] == known.sum() < len(catalog)
        for k, z in enumerate(some(following.latents)):
            if z == "z2":  # without ranks
                assert np.isnan(following.rho[k, i])
                continue
            expected = spearmanr(catalog[z][known], catalog[name][known]).statistic
            assert following.rho[k, i] == pytest.approx(expected, abs=1e-12)
    label, rho, n = following.label_of("z3")
    assert label == "logg" and rho > 0.8 and n == following.n[following.labels.index("logg")]
    assert following.label_of("z2") is None
    table = following_table(catalog, following)
    assert table["follows"].tolist()[1:] == ["none", "logg"] and table["n"][2] == n
    assert table["state"].tolist() == ["active", "collapsed", "active"]
    assert table.meta["stars_with_label"]["logg"] == n


def test_following_downwards_by_hand(tmp_path):
    z = np.array([0.3, -1.0, 2.0, 0.9, -0.2])
    columns = {"z1": z, "teff": np.exp(-z), "m_h": [1, 1, 1, 1, 1], "fe_h": [1, 2, *[np.nan] * 3]}
    columns["bp_rp"] = [1, 2, 3, 3, 5]
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    following = follow_labels(catalog)
    rho = dict(zip(following.labels, following.rho[0], strict=True))
    assert rho["teff"] == pytest.approx(-1)
    assert np.isnan(rho["m_h"]) and np.isnan(rho["fe_h"])
    ranks = np.corrcoef(rankdata(z), [1, 2, 3.5, 3.5, 5])[0, 1]
    assert rho["bp_rp"] == pytest.approx(ranks)
    assert following.label_of("z1")[0] == "teff"


def test_without_labels(tmp_path):
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": np.arange(9.0)})
    following = follow_labels(catalog)
    assert following.labels == [] and following.label_of("z1") is None
    assert following_table(catalog, following).colnames == ["latent", "state"]


def test_autoencoder():
    torch.manual_seed(0)
    network = ScatterVAE(110, 3, (20, 8), "autoencoder")
    model = Model(network, np.zeros(110), np.ones(110), device="cpu")
    use = use_of_prior(model, n=50)
    assert np.isinf(use.kl).all() and use.active.all() and not use.width.any()
    assert (use.sensitivity > 0).all()
    assert describe_model(model)[0].startswith("autoencoder, layers 110 → 20 → 8 → 3, ")


def test_description(model):
    lines = describe_model(model)
    n = sum(tensor.numel() for tensor in model.network.parameters())
    assert lines[0] == f"scatter-vae, layers 110 → 40 → 16 → 4, {n:,} parameters"
    assert f"hash: {model.hash}" in lines
    assert "estimates, not the originals: mu, sig" in lines
    assert 'source: "tests/support/mock.py"' in lines
    assert not any(line.startswith(("mu:", "sig:", "format:")) for line in lines)
    odd = Model(model.network, model.mu, model.sig, {"note\x1b": "a\x1b[2Jb"}, "cpu")
    assert describe_model(odd)[-1] == 'note\\u001b: "a\\u001b[2Jb"'


def test_what_a_latent_follows_beyond_color(tmp_path):
    """By regressing the ranks on those of the color, and correlating what is left."""
    rng = np.random.default_rng(0)
    n = 3000
    color = rng.normal(1, 0.3, n)
    columns = {
        "bp_rp": color,
        "z1": -3 * color + rng.normal(0, 0.1, n),
        "z2": rng.normal(0, 1, n),
        "teff": 5000 - 900 * color + rng.normal(0, 100, n),
    }
    columns["m_h"] = columns["z2"] + color + rng.normal(0, 0.3, n)
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    ranks = {name: rankdata(catalog[name]) for name in columns}
    for latent, label in [("z1", "teff"), ("z2", "m_h")]:
        left = [
            ranks[name] - np.polyval(np.polyfit(ranks["bp_rp"], ranks[name], 1), ranks["bp_rp"])
            for name in (latent, label)
        ]
        expected = np.corrcoef(*left)[0, 1]
        assert beyond_color(catalog, latent, label) == pytest.approx(expected, abs=1e-6)
    assert abs(beyond_color(catalog, "z1", "teff")) < 0.06
    assert beyond_color(catalog, "z2", "m_h") > 0.8
    table = following_table(catalog, follow_labels(catalog))
    assert table["rho_color"][0] == pytest.approx(spearmanr(columns["z1"], color)[0], abs=1e-3)
    assert table["rho_left"][1] == beyond_color(catalog, "z2", "m_h")
    gray = catalog_of(tmp_path / "gray.parquet", {"z1": rng.normal(size=9), "teff": np.arange(9)})
    assert np.isnan(beyond_color(gray, "z1", "teff"))
    assert "rho_color" not in following_table(gray, follow_labels(gray)).colnames
    same = catalog_of(
        tmp_path / "same.parquet", {"z1": np.arange(9.0), "teff": np.arange(9), "bp_rp": np.ones(9)}
    )
    assert np.isnan(beyond_color(same, "z1", "teff"))
    alike = {name: np.arange(9.0) for name in ("z1", "teff", "bp_rp")}
    assert np.isnan(beyond_color(catalog_of(tmp_path / "alike.parquet", alike), "z1", "teff"))
