"""Components against a singular value decomposition."""

import numpy as np
import pytest

from xpmodel import load_model, open_catalog
from xpmodel.studies.principal_components import fit_components
from xpmodel.studies.reconstruction.evaluate import held_out


@pytest.fixture(scope="module")
def opened(mock):
    catalog = open_catalog(mock.catalog)
    return catalog, load_model(mock.model, "cpu"), held_out(catalog)


def test_components_against_a_singular_value_decomposition(opened):
    catalog, _, stars = opened
    fitted = fit_components(catalog, stars.train, 6)
    spectra = catalog.spectra[np.sort(stars.train)]
    flux = spectra.g_flux[:, None]
    x, errors = spectra.coefficients / flux, spectra.errors / flux
    scale = np.median(errors, axis=0)
    weight = 1 / np.median(errors / scale, axis=1) ** 2
    mean = np.average(x, axis=0, weights=weight)
    scaled = (x - mean) / scale * np.sqrt(weight / weight.sum())[:, None]
    _, _, axes = np.linalg.svd(scaled, full_matrices=False)
    assert fitted.mean == pytest.approx(mean, rel=1e-4, abs=1e-7)
    for own, other in zip(fitted.axes, axes, strict=False):
        assert abs(own @ other) == pytest.approx(1.0, abs=1e-4)
    assert fitted.axes @ fitted.axes.T == pytest.approx(np.eye(6), abs=1e-9)


def test_all_components_give_the_spectra_back(opened):
    catalog, _, stars = opened
    fitted = fit_components(catalog, stars.train, 110)
    spectra = stars.spectra
    wanted = spectra.coefficients / spectra.g_flux[:, None]
    assert np.allclose(fitted.reconstruct(spectra, 110), wanted, atol=1e-8)
