import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from xpmodel import InputError, load_model, open_catalog
from xpmodel.studies.reconstruction.evaluate import held_out
from xpmodel.studies.reconstruction.label_cubic import label_cubic, polynomial
from xpmodel.studies.reconstruction.rivals import known_labels, label_means


@pytest.fixture(scope="module")
def opened(mock):
    catalog = open_catalog(mock.catalog)
    return catalog, load_model(mock.model, "cpu"), held_out(catalog)


class Colored:
    """A catalog with other columns than its own."""

    def __init__(self, catalog, **columns) -> None:
        self._catalog, self._columns = catalog, columns
        self.path, self.spectra = catalog.path, catalog.spectra
        self.numeric = [*catalog.numeric, *columns]

    def __getitem__(self, name):
        return self._columns[name] if name in self._columns else self._catalog[name]


def colored(catalog, seed=0):
    rng = np.random.default_rng(seed)
    n = len(catalog.source_id)
    color = np.where(rng.random(n) < 0.05, np.nan, rng.normal(1.1, 0.4, n)).astype(np.float32)
    return Colored(catalog, bp_rp=color)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_terms_are_those_of_scikit_learn(n):
    x = np.random.default_rng(n).normal(size=(20, n))
    expected = PolynomialFeatures(3).fit_transform(x)
    np.testing.assert_allclose(polynomial(x), expected, rtol=1e-12)


def test_against_scikit_learn(opened):
    catalog, _, stars = opened
    catalog = colored(catalog)
    found = label_cubic(catalog, stars.train, stars.test, stars.spectra)
    used, labels = known_labels(catalog, colors=True)
    assert used[-1] == "bp_rp" and used[:3] == ["teff", "logg", "m_h"]
    known = np.isfinite(labels).all(axis=1)
    fit = np.sort(stars.train[known[stars.train]])
    assert found.places.tolist() == np.flatnonzero(known[stars.test]).tolist()
    labels = np.clip(labels, *np.percentile(labels[fit], [0.1, 99.9], axis=0))
    scaler = StandardScaler().fit(labels[fit])
    terms = PolynomialFeatures(3)
    x = terms.fit_transform(scaler.transform(labels[fit]))
    spectra = catalog.spectra[fit]
    per_flux = spectra.coefficients / spectra.g_flux[:, None].astype(float)
    relative = spectra.errors / spectra.g_flux[:, None]
    weight = 1 / np.median(relative / np.median(relative, axis=0), axis=1) ** 2
    line = LinearRegression().fit(x, per_flux, sample_weight=weight)
    test = stars.test[found.places]
    expected = line.predict(terms.transform(scaler.transform(labels[test])))
    expected *= stars.spectra.g_flux[found.places, None]
    scale = np.abs(expected).max(axis=0)
    np.testing.assert_allclose(found.coefficients / scale, expected / scale, atol=1e-5)


def test_a_label_that_all_stars_share_does_no_harm(opened):
    """Its powers are no terms of their own: what is left is the cubic in the other labels."""
    catalog, _, stars = opened
    same, without = colored(catalog), colored(catalog)
    same._columns["alpha_m"] = np.where(np.isfinite(catalog["teff"]), 0.1, np.nan)
    without.numeric = [name for name in without.numeric if name != "alpha_m"]
    found, expected = (
        label_cubic(one, stars.train, stars.test, stars.spectra) for one in (same, without)
    )
    assert "alpha_m" in found.note and "alpha_m" not in expected.note
    assert found.places.tolist() == expected.places.tolist()
    scale = np.abs(expected.coefficients).max(axis=0)
    np.testing.assert_allclose(found.coefficients / scale, expected.coefficients / scale, atol=1e-5)


def test_nearest_in_labels_and_colors_by_brute_force(opened):
    catalog, _, stars = opened
    catalog = colored(catalog)
    found = label_means(catalog, stars.train, stars.test, stars.spectra, colors=True)
    assert found.name == "label + color mean" and found.note.endswith("bp_rp")
    _, labels = known_labels(catalog, colors=True)
    known = np.array([row for row in stars.train if np.isfinite(labels[row]).all()])
    scaled = labels / labels[known].std(axis=0)
    place = found.places[3]
    distance = np.linalg.norm(scaled[known] - scaled[stars.test[place]], axis=1)
    spectra = catalog.spectra[known[np.argsort(distance)[:10]]]
    mean = (spectra.coefficients / spectra.g_flux[:, None]).mean(axis=0)
    expected = mean * stars.spectra.g_flux[place]
    assert found.coefficients[3] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_what_is_missing_is_said(opened):
    catalog, _, stars = opened

    class Gray(Colored):
        def __init__(self, catalog) -> None:
            super().__init__(catalog)
            self.numeric = [n for n in catalog.numeric if n not in ("bp_rp", "j_h", "j_k")]

    with pytest.raises(InputError, match="no column of bp_rp, j_h, j_k, so no colors"):
        label_cubic(Gray(catalog), stars.train, stars.test, stars.spectra)
    few = Colored(catalog, bp_rp=np.where(np.arange(len(catalog)) < 5, 1.0, np.nan))
    with pytest.raises(InputError, match="training stars with teff, .* and the cubic has"):
        label_cubic(few, stars.train, stars.test, stars.spectra)
