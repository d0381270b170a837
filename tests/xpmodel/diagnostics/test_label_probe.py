import numpy as np
import pytest
from scipy.stats import median_abs_deviation
from sklearn.neighbors import KNeighborsRegressor

from tests.support.catalogs import write_catalog
from tests.support.commands import run
from xpmodel import InputError, load_model, open_catalog
from xpmodel.catalog.build import build_catalog
from xpmodel.catalog.named_cuts import cut_mask, gaia_enceladus_mask
from xpmodel.diagnostics.label_probe import probe
from xpmodel.mock.write import Sky, draw_chunk, write_mock
from xpmodel.spectra.spectra import read_spectra
from xpmodel.training.train import TrainingConfig, train

CONFIG = TrainingConfig(epochs=8, batch=128, learning_rate=3e-3, restart=8, latents=4)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A small mock sky, a model trained on it, and the catalog that they make."""
    folder = tmp_path_factory.mktemp("mock")
    source = write_mock(Sky(6000, seed=1), folder, workers=1)
    train(read_spectra(source), CONFIG, device="cpu").save(folder / "model")
    out = folder / "catalog.parquet"
    encoding = build_catalog(source, load_model(folder / "model", "cpu"), out)
    assert encoding.n_stars == 6000
    return open_catalog(out)


@pytest.mark.slow
def test_mock_to_catalog_keeps_labels_and_says_mock(catalog):
    table, truth, _ = draw_chunk(Sky(6000, seed=1), 0)
    assert np.array_equal(catalog.source_id, table["ids"])
    assert np.allclose(catalog["teff"], table["TEFF"])
    assert np.allclose(catalog["ra"], table["RA"])
    assert np.array_equal(catalog.spectra[17].coefficients[0], table["coeffs"][17])
    assert catalog.n_mock == 6000
    assert cut_mask(catalog, "good", "released").mean() == pytest.approx(0.40, abs=0.05)
    diamond = gaia_enceladus_mask(catalog, parallax=False)
    assert (truth["population"][diamond] == "Gaia-Enceladus").mean() > 0.9


def test_latents_tell_dwarfs_from_giants(catalog):
    rows = {row.label: row for row in probe(catalog)}
    assert list(rows) == ["teff", "logg", "m_h", "alpha_m"]
    for label in ("teff", "logg"):
        assert rows[label].neighbours < 0.7 * rows[label].spread
    assert rows["teff"].n_train + rows["teff"].n_test == 6000
    assert rows["teff"].error == pytest.approx(np.median(catalog["teff_err"]), rel=0.2)


def test_regressions_against_a_known_relation(tmp_path):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((6000, 2)).astype(np.float32)
    columns = {
        "z1": z[:, 0],
        "z2": z[:, 1],
        "teff": (5000 + 300 * z[:, 0] + 10 * rng.standard_normal(6000)).astype(np.float32),
        "logg": (np.abs(z[:, 0]) + 0.01 * rng.standard_normal(6000)).astype(np.float32),
    }
    path = write_catalog(tmp_path / "known.parquet", 6000, n_latents=2, **columns)
    teff, logg = probe(open_catalog(path))
    assert teff.linear == pytest.approx(10, rel=0.15)
    assert teff.spread == pytest.approx(300, rel=0.1)
    assert np.isnan(teff.error)
    # A fold is nothing to a straight line, and nothing hard for neighbours.
    assert logg.linear > 0.4
    assert logg.neighbours < 0.1


def test_what_is_known_without_latents(tmp_path):
    """BP−RP, [M/H] and all other labels alone, by scikit-learn's neighbors on the same split."""
    rng = np.random.default_rng(1)
    n = 4000
    m_h = rng.normal(-0.3, 0.3, n)
    color = rng.normal(1, 0.3, n)
    columns = {
        "z1": rng.standard_normal(n),
        "teff": 5000 - 1000 * (color - 1) + rng.normal(0, 30, n),
        "logg": rng.normal(2.5, 0.5, n),
        "m_h": m_h,
        "alpha_m": -0.3 * m_h + rng.normal(0, 0.02, n),
        "bp_rp": np.where(rng.random(n) < 0.1, np.nan, color),
    }
    columns = {name: values.astype(np.float32) for name, values in columns.items()}
    catalog = open_catalog(write_catalog(tmp_path / "c.parquet", n, n_latents=1, **columns))
    rows = {row.label: row for row in probe(catalog)}
    train, test = catalog.split
    teff, by_color = rows["teff"], rows["teff"].baselines["bp_rp"]
    assert set(teff.baselines) == {"bp_rp", "m_h", "others"}
    assert set(rows["m_h"].baselines) == {"bp_rp", "others"}
    assert teff.baselines["others"].columns == ("logg", "m_h", "alpha_m")
    seen = np.isfinite(catalog["bp_rp"])
    train, test = train[seen[train]], test[seen[test]]
    feature = catalog["bp_rp"][:, None].astype(float)
    label = catalog["teff"].astype(float)
    nearest = KNeighborsRegressor(16).fit(feature[train], label[train]).predict(feature[test])
    expected = median_abs_deviation(label[test] - nearest, scale="normal")
    assert by_color.neighbours == pytest.approx(expected, rel=1e-6)
    assert by_color.n_test == len(test) < teff.n_test
    # Latents know nothing here, color knows Teff, and [M/H] alone knows [α/M].
    assert by_color.neighbours < 60 < 200 < by_color.latents
    assert rows["alpha_m"].baselines["m_h"].neighbours == pytest.approx(0.02, rel=0.3)
    assert rows["alpha_m"].neighbours > 0.06


def test_the_command_prints_them_beside(catalog, tmp_path):
    said = run("probe", catalog.path).stdout
    header, teff = (line for line in said.splitlines() if line.split()[0] in ("label", "teff"))
    assert header.split()[1:] == [
        "spread",
        "linear",
        "nearest",
        "BP−RP",
        "[M/H]",
        "labels",
        "own",
        "error",
    ]
    row = probe(catalog)[0]
    alone = [row.baselines[name].neighbours for name in ("bp_rp", "m_h", "others")]
    expected = [row.spread, row.linear, row.neighbours, *alone, row.error]
    assert teff.split()[1:8] == [f"{value:.3g}" for value in expected]
    few = open_catalog(
        write_catalog(
            tmp_path / "few.parquet",
            400,
            n_latents=1,
            teff=np.linspace(4000, 5000, 400, dtype=np.float32),
        )
    )
    said = run("probe", few.path).stdout
    assert "no bp_rp, so no scatter from color alone" in said and "–" in said


def test_nothing_to_probe(catalog):
    class Unlabelled:
        path, filled = catalog.path, ["z1"]

    with pytest.raises(InputError, match="none of the labels"):
        probe(Unlabelled())
