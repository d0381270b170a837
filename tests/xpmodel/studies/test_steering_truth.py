"""Steps of steering against the generator of the mock."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from tests.support.commands import run
from xpmodel import InputError, load_model, open_catalog
from xpmodel._folders import demo_model
from xpmodel.catalog.build import build_catalog
from xpmodel.catalog.label_relations import giant_mask
from xpmodel.latent.local_fit import fit_labels
from xpmodel.latent.neighbours import neighbours_of
from xpmodel.mock.truth import read_truth
from xpmodel.mock.write import TRUTH_FILE, Sky, write_mock
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies import steering_truth as study

N = 1500


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    source = write_mock(Sky(N, seed=5), folder, truth=True, workers=1)
    model = load_model(demo_model(), "cpu")
    build_catalog(source, model, folder / "stars.parquet")
    catalog = open_catalog(folder / "stars.parquet")
    return SimpleNamespace(catalog=catalog, model=model, truth=folder / TRUTH_FILE)


def test_correlation_and_amplitude_of_two_changes():
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(3, 200)) + 5.0
    change = 2.0 * wanted - 7.0
    change[1] = -0.5 * wanted[1] + 0.1 * rng.normal(size=200)
    change[2] = 1.0
    correlation, amplitude = study.alikeness(change, wanted)
    assert correlation[0] == pytest.approx(1) and amplitude[0] == pytest.approx(2)
    assert correlation[1] == pytest.approx(np.corrcoef(change[1], wanted[1])[0, 1])
    assert amplitude[1] == pytest.approx(change[1].std() / wanted[1].std())
    assert np.isnan(correlation[2]) and amplitude[2] == 0


def test_the_generator_changes_one_label_and_keeps_the_rest(sky):
    """A small step is a derivative: twice the step gives twice the change; dust stays dust."""
    true = read_truth(sky.truth, sky.catalog, study.TRUE)
    rows = np.flatnonzero(giant_mask(true["teff"], true["logg"]))[:4]
    small, large = (study.true_change(true, rows, "m_h", by) for by in (0.01, 0.02))
    np.testing.assert_allclose(large, 2 * small, rtol=0.1, atol=2e-5)
    without_dust = true | {"ebv": np.zeros(len(true["ebv"]))}
    assert not np.allclose(study.true_change(without_dust, rows, "m_h", 0.02), large, rtol=0.02)


def test_one_star_by_hand(sky):
    (found,) = [
        one
        for one in study.steps_against_truth(sky.catalog, sky.model, sky.truth, n_stars=2, seed=1)
        if one.group == "dwarfs" and one.name == "m_h"
    ]
    row = int(found.rows[0])
    z = np.array([sky.catalog[name][row] for name in sky.catalog.latents], float)
    direction = fit_labels(sky.catalog, neighbours_of(sky.catalog), z).direction("m_h")
    matrix = Wavelengths(np.arange(400.0, 981.0, 2.0)).matrix
    ends = sky.model.decode(np.array([z, z + 0.15 * direction.dz], np.float32))[0].astype(float)
    flux = ends @ matrix
    change = (flux[1] - flux[0]) / flux[0].mean()
    true = read_truth(sky.truth, sky.catalog, study.TRUE)
    wanted = study.true_change(true, np.array([row]), "m_h", 0.15)[0]
    assert found.correlation[0] == pytest.approx(np.corrcoef(change, wanted)[0, 1], abs=1e-3)
    assert found.amplitude[0] == pytest.approx(change.std() / wanted.std(), rel=1e-3)
    assert found.supported[0] == direction.supported


def test_the_command_prints_and_writes_the_table(sky, tmp_path):
    arguments = ["steering", sky.catalog.path, "--truth", sky.truth, "--out", tmp_path]
    done = run(*arguments, "--stars", "2")
    assert "cool giants" in done.output and "alpha_m" in done.output
    table = Table.read(tmp_path / "steering.ecsv")
    assert len(table) == 12 and set(table["group"]) == set(study.GROUPS)
    assert table.meta["seed"] == 0 and table.meta["mock_stars"] == f"{N} of {N}"
    known = np.isfinite(table["correlation"])
    assert (np.abs(table["correlation"][known]) <= 1).all()
    assert (table["n"] == 2).all() and (table["n_supported"] <= 2).all()


def test_what_it_cannot_do(sky, tmp_path):
    with pytest.raises(InputError, match="0 stars of each group"):
        study.steps_against_truth(sky.catalog, sky.model, sky.truth, n_stars=0)
    (tmp_path / "no.parquet").write_text("no")
    arguments = [sky.catalog.path, "--truth", tmp_path / "no.parquet", "--out", tmp_path]
    done = run("steering", *arguments, status=2)
    assert "not the truth of a mock sky" in done.output
