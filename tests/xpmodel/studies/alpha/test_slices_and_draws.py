import numpy as np
import pytest

from tests.support.alpha import alpha_columns
from tests.support.tracks import catalog_of
from xpmodel import InputError
from xpmodel.studies.alpha import forests
from xpmodel.studies.alpha.classifiers import Inputs, Verdict, alpha_sample, judge, latent_draw
from xpmodel.studies.alpha.draws import draws_table, over_draws
from xpmodel.studies.alpha.scores import Confusion
from xpmodel.studies.alpha.slices import TEFF_SLICES, by_teff, slice_name, slices_table


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    catalog = catalog_of(tmp_path_factory.mktemp("alpha") / "stars.parquet", alpha_columns(4000))
    return catalog, alpha_sample(catalog)


def called_by(sample, called, name):
    truth = sample.is_high[sample.test]
    return Verdict(name, 1, len(sample.train), called, Confusion.of(truth, called))


def test_slices_tell_where_a_classifier_knows_alpha(opened):
    """It knows α below 5000 K, and answers at random above."""
    catalog, sample = opened
    truth = sample.is_high[sample.test]
    teff = catalog["teff"][sample.rows[sample.test]]
    rng = np.random.default_rng(0)
    guess = rng.random(len(truth)) < 0.35
    knows = called_by(sample, np.where(teff < 5000, truth, guess), "latents")
    labels = called_by(sample, guess, "labels")
    found, skipped = by_teff(catalog, sample, [labels, knows])
    of = {(one.low, one.high, one.name): one for one in found}
    cool, hot = of[0.0, 5000.0, "latents"], of[5000.0, np.inf, "latents"]
    assert cool.scores["balanced_accuracy"].value == 1
    assert abs(hot.scores["balanced_accuracy"].value - 0.5) < 0.12
    assert cool.gain.low > 0.3 and hot.gain.value == 0
    assert cool.n_high + cool.n_low == (teff < 5000).sum()
    assert slice_name(0.0, 4000.0) in skipped  # no star is so cool
    table = slices_table(found, {})
    assert len(table) == len(found) and set(table["classifier"]) == {"labels", "latents"}


def test_slices_have_names():
    names = [slice_name(*one) for one in TEFF_SLICES]
    assert names[:2] == ["< 5000 K", "≥ 5000 K"] and "4000–4500 K" in names
    assert len(set(names)) == len(names)


def test_draws_scatter_by_the_posteriors_widths(opened):
    catalog, sample = opened
    latents = tuple(catalog.active)
    draws = np.stack([latent_draw(catalog, sample, latents, seed) for seed in range(50)])
    mean = np.stack([catalog[z][sample.rows] for z in latents], axis=1)
    assert draws.std(axis=0).mean() == pytest.approx(0.3, rel=0.02)
    assert np.abs((draws.mean(axis=0) - mean).mean()) < 0.01
    assert np.array_equal(draws[7], latent_draw(catalog, sample, latents, 7))


def test_scores_over_draws_and_over_forests(opened, monkeypatch):
    monkeypatch.setattr(forests, "TREES", 5)
    catalog, sample = opened
    found = over_draws(catalog, sample, 3, seed=5)
    assert [kind for kind, _ in found] == ["draws", "forests"] * 3
    table = draws_table(found, {})
    by_name = {row["classifier"]: row for row in table}
    of_draws = [row["accuracy"] for name, row in by_name.items() if name.startswith("draw ")]
    assert by_name["mean over draws"]["accuracy"] == pytest.approx(np.mean(of_draws))
    spread = by_name["standard deviation over draws"]["accuracy"]
    assert spread == pytest.approx(np.std(of_draws, ddof=1)) and spread > 0
    # z1 is α with noise of 0.2: another 0.3 of it costs accuracy.
    assert by_name["mean over forests"]["accuracy"] > by_name["mean over draws"]["accuracy"]
    latents = tuple(catalog.active)
    first = Inputs("draw", latents, latent_draw(catalog, sample, latents, 5))
    again = judge(sample, [first], 5)[1]
    assert np.array_equal(again.called, found[0][1].called)


def test_draws_need_an_active_latent(tmp_path):
    columns = alpha_columns(400)
    for z in ("z1", "z2", "z3"):
        columns[z] = np.zeros(400)
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    with pytest.raises(InputError, match="no latent is active, so none to draw"):
        over_draws(catalog, alpha_sample(catalog), 2)
