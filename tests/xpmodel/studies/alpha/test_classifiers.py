import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from tests.support.alpha import alpha_columns
from tests.support.loops import some
from tests.support.tracks import catalog_of
from xpmodel import InputError, open_catalog
from xpmodel.catalog.label_relations import high_alpha_mask
from xpmodel.studies.alpha.classifiers import (
    LARGER,
    Inputs,
    alpha_sample,
    classifier_inputs,
    judge,
    released_inputs,
)
from xpmodel.studies.alpha.forests import probabilities_out_of_fold
from xpmodel.studies.principal_components import fit_components


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    columns = alpha_columns()
    columns["mg_fe"][:40] = np.nan
    columns["k"][40:60] = np.nan
    columns["starflag"][60:100] = 1
    return catalog_of(tmp_path_factory.mktemp("alpha") / "stars.parquet", columns)


def test_sample(catalog):
    sample = alpha_sample(catalog)
    assert sample.rows.tolist() == list(range(100, 3000))
    assert sample.n_cut == 2960  # those without [Mg/Fe] or K pass the cut
    expected = high_alpha_mask(catalog["fe_h"], catalog["mg_fe"])[100:]
    assert np.array_equal(sample.is_high, expected)
    train, test = train_test_split(np.arange(2900), test_size=0.1, random_state=0)
    assert np.array_equal(sample.train, train) and np.array_equal(sample.test, test)


def test_inputs_are_stacked_star_by_star(catalog):
    sample = alpha_sample(catalog)
    inputs, skipped = classifier_inputs(catalog, sample)
    by_name = {one.name: one for one in inputs}
    assert list(by_name) == [
        *("[M/H]", "BP−RP", "J−K"),
        *("labels", "labels + colors", "latents", "labels + latents"),
    ]
    assert {"PCA", "coefficients"} == set(skipped)  # no spectra beside it
    assert "spectra" in skipped["PCA"]
    assert by_name["latents"].features == ("z1", "z3")  # the inactive one is left out
    row = sample.rows[17]
    wanted = [catalog[name][row] for name in ("teff", "logg", "m_h")]
    assert by_name["labels"].values[17].tolist() == wanted
    j, h, k = (catalog[name][row] for name in "jhk")
    assert by_name["labels + colors"].values[17].tolist() == [*wanted, j - h, j - k]
    assert by_name["BP−RP"].values[17].tolist() == [catalog["bp_rp"][row]]
    assert by_name["J−K"].values[17].tolist() == [j - k]


def test_released_rows_are_mixed(catalog):
    sample = alpha_sample(catalog, variant="released")
    inputs, _ = released_inputs(catalog, sample)
    labels = inputs[1].values
    m_h, teff = (catalog[name][sample.rows] for name in ("m_h", "teff"))
    assert labels[0].tolist() == m_h[:3].tolist()  # one label of three stars
    # 2,900 stars are no multiple of three: a row also joins two labels.
    assert labels[966].tolist() == [m_h[2898], m_h[2899], teff[0]]
    drawn = inputs[-1].values
    assert drawn.shape == (2900, 3)  # all latents, also the inactive one
    sigma = (drawn[:, 0] - catalog["z1"][sample.rows]) / catalog["z1_err"][sample.rows]
    assert abs(sigma.mean()) < 0.06 and sigma.std() == pytest.approx(1, abs=0.04)


@pytest.mark.slow
def test_verdicts(catalog):
    sample = alpha_sample(catalog)
    inputs, _ = classifier_inputs(catalog, sample)
    told = []
    verdicts = {v.name: v for v in judge(sample, inputs, progress=told.append)}
    assert told == [one.name for one in inputs]
    truth = sample.is_high[sample.test]
    assert verdicts[LARGER].confusion.scores()["accuracy"].value == pytest.approx((~truth).mean())
    # Independently: scikit-learn as the released code calls it.
    forest = RandomForestClassifier(random_state=0)
    x = np.stack([catalog[n][sample.rows] for n in ("z1", "z3")], axis=1)
    forest.fit(x[sample.train], sample.is_high[sample.train])
    assert np.array_equal(verdicts["latents"].called, forest.predict(x[sample.test]))
    accuracy = {n: v.confusion.scores()["accuracy"].value for n, v in verdicts.items()}
    assert accuracy["latents"] > accuracy["labels"] + 0.1  # z1 knows α, labels do not
    again = judge(sample, inputs)
    assert all(np.array_equal(v.called, verdicts[v.name].called) for v in some(again))


@pytest.mark.slow
def test_scrambled_labels_fall_to_chance(catalog):
    """What the labels know is lost by mixing rows, as in the published table."""
    sample = alpha_sample(catalog, variant="released")
    inputs, _ = classifier_inputs(catalog, sample)
    honest = judge(sample, [one for one in inputs if one.name == "labels"])[1]
    mixed = judge(sample, released_inputs(catalog, sample)[0][1:2])[1]
    balanced = [v.confusion.scores()["balanced_accuracy"].value for v in (honest, mixed)]
    assert balanced[0] > 0.6 and balanced[1] == pytest.approx(0.5, abs=0.08)


def test_spectra(mock, tmp_path):
    """Coefficients over G flux, and components of the training stars alone."""
    original = open_catalog(mock.catalog)
    n = len(original)
    columns = {z: original[z] for z in original.latents}
    columns |= alpha_columns(n) | columns
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    catalog.__dict__["spectra"] = original.spectra
    sample = alpha_sample(catalog)
    inputs, skipped = classifier_inputs(catalog, sample)
    assert not skipped
    principal, coefficients = inputs[-2:]
    assert principal.name == f"PCA, {len(catalog.active)} components"
    spectra = original.spectra[sample.rows]
    raw = spectra.coefficients / spectra.g_flux[:, None]
    assert np.allclose(coefficients.values, raw, rtol=1e-6)
    fitted = fit_components(original, sample.rows[sample.train], len(catalog.active))
    assert np.array_equal(principal.values, fitted.project(spectra))
    assert coefficients.n_train is None  # all of these few


def test_subsample(catalog):
    sample = alpha_sample(catalog)
    one = Inputs("few", ("z1",), classifier_inputs(catalog, sample)[0][0].values, n_train=50)
    assert judge(sample, [one])[1].n_train == 50


def test_bad_catalogs(tmp_path):
    columns = alpha_columns(300)
    few = {name: values[:30] for name, values in columns.items()}
    with pytest.raises(InputError, match="needs 20 of either kind"):
        alpha_sample(catalog_of(tmp_path / "few.parquet", few))
    del columns["mg_fe"]
    with pytest.raises(InputError, match="no column mg_fe.*--labels"):
        alpha_sample(catalog_of(tmp_path / "none.parquet", columns))
    unflagged = {n: v for n, v in alpha_columns(300).items() if n != "starflag"}
    with pytest.raises(InputError, match="column starflag has no values"):
        alpha_sample(catalog_of(tmp_path / "noflags.parquet", unflagged))
    lean = {n: v for n, v in alpha_columns(300).items() if n not in ("h", "logg")}
    lean = catalog_of(tmp_path / "lean.parquet", lean)
    inputs, skipped = classifier_inputs(lean, alpha_sample(lean, "full"))
    assert [one.name for one in inputs] == ["[M/H]", "BP−RP", "J−K", "latents"]
    assert "logg" in skipped["labels"] and "j_h" in skipped["labels + colors"]


@pytest.mark.slow
def test_out_of_fold():
    """Each star once, by forests that never saw its group."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 2)
    truth = np.tile([True, False], 200)
    # The group's number alone tells nothing of stars of unseen groups.
    noise = probabilities_out_of_fold(groups[:, None] + rng.random((400, 1)), truth, groups)
    assert ((noise > 0.5) == truth).mean() < 0.62
    signal = probabilities_out_of_fold(truth[:, None] + rng.normal(0, 0.1, (400, 1)), truth, groups)
    assert ((signal > 0.5) == truth).all()
