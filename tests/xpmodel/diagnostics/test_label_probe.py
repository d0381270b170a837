import numpy as np
import pytest

from tests.support.catalogs import write_catalog
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


def test_nothing_to_probe(catalog):
    class Unlabelled:
        path, filled = catalog.path, ["z1"]

    with pytest.raises(InputError, match="none of the labels"):
        probe(Unlabelled())
