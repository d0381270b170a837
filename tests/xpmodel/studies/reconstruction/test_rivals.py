import numpy as np
import pytest

from xpmodel import InputError, load_model, open_catalog
from xpmodel.studies.reconstruction.evaluate import held_out
from xpmodel.studies.reconstruction.rivals import (
    Reconstruction,
    label_means,
    of_model,
    principal_components,
    taken,
)


@pytest.fixture(scope="module")
def opened(mock):
    catalog = open_catalog(mock.catalog)
    return catalog, load_model(mock.model, "cpu"), held_out(catalog)


def test_components_see_the_signal_not_the_faint_stars_noise(opened):
    """More components are never worse, and few hold what four latents made."""
    catalog, _, stars = opened
    found = principal_components(catalog, stars.train, stars.spectra)
    assert [one.name for one in found] == ["PCA 4", "PCA 6", "PCA 20"]
    residuals = [
        np.mean(((stars.spectra.coefficients - one.coefficients) / stars.spectra.errors) ** 2)
        for one in found
    ]
    assert residuals[0] > residuals[1] > residuals[2]


def test_label_means_by_brute_force(opened):
    catalog, _, stars = opened
    found = label_means(catalog, stars.train, stars.test, stars.spectra)
    names = ("teff", "logg", "m_h", "alpha_m")
    labels = np.stack([catalog[name].astype(float) for name in names], axis=1)
    known = [row for row in stars.train if np.isfinite(labels[row]).all()]
    scaled = labels / labels[known].std(axis=0)
    wanted = [i for i, row in enumerate(stars.test) if np.isfinite(labels[row]).all()]
    assert found.places.tolist() == wanted
    for number in (0, 5, 17):
        place = found.places[number]
        distance = np.linalg.norm(scaled[known] - scaled[stars.test[place]], axis=1)
        nearest = np.array(known)[np.argsort(distance)[:10]]
        spectra = catalog.spectra[nearest]
        mean = (spectra.coefficients / spectra.g_flux[:, None]).mean(axis=0)
        expected = mean * stars.spectra.g_flux[place]
        assert found.coefficients[number] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_of_model(opened):
    """The catalog's own latents give what encoding anew gives."""
    catalog, model, stars = opened
    z = np.stack([catalog[name][stars.test] for name in catalog.latents], axis=1)
    kept, anew = of_model("a", model, stars.spectra, z), of_model("b", model, stars.spectra)
    assert np.array_equal(kept.places, np.arange(len(stars.test)))
    scale = np.abs(kept.coefficients).max()
    assert np.allclose(kept.coefficients, anew.coefficients, atol=1e-4 * scale)
    z[3] = np.nan
    without = of_model("c", model, stars.spectra, z)
    assert 3 not in without.places and len(without.places) == len(stars.test) - 1


def test_no_labels(opened):
    catalog, _, stars = opened

    class Bare:
        path, numeric = catalog.path, ["z1"]

    with pytest.raises(InputError, match="no column teff, logg, m_h"):
        label_means(Bare(), stars.train, stars.test, stars.spectra)


def test_names_are_free():
    one = Reconstruction("PCA 4", np.arange(3))
    with pytest.raises(InputError, match="two reconstructions are named 'PCA 4'"):
        taken([one, one])
