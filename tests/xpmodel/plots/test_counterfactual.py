"""What a star would be with another label, in σ of its own errors."""

import numpy as np
import pytest

from xpmodel import InputError, Projection, Wavelengths, counterfactual, load_model, open_catalog
from xpmodel.plots import counterfactual as module
from xpmodel.spectra.spectra import Spectra

GRID = np.arange(400.0, 981.0, 5.0)
ROW = 12


@pytest.fixture(scope="module")
def catalog(mock):
    return open_catalog(mock.catalog)


@pytest.fixture(scope="module")
def model(mock):
    return load_model(mock.model, "cpu")


@pytest.fixture(scope="module")
def found(catalog, model):
    projection = Projection("flux", Wavelengths(GRID))
    return counterfactual(catalog, model, ROW, "teff", 60.0, projection)


def test_the_change_in_sigma_of_the_star(catalog, model, found):
    """Decoded at both ends by PyTorch, over the errors of the star's flux, independent here."""
    z = np.array([catalog[name][ROW] for name in catalog.latents])
    np.testing.assert_array_equal(found.z, z)
    assert found.steered.z != tuple(z.tolist())
    ends = np.array([z, found.steered.z], np.float32)
    star = catalog.spectra[ROW]
    change = np.diff(model.decode(ends)[0].astype(float), axis=0)[0] * star.g_flux[0]
    wavelengths = Wavelengths(GRID)
    errors = np.sqrt(star.errors[0].astype(float) ** 2 @ wavelengths.matrix**2)
    wanted = change @ wavelengths.matrix / errors
    np.testing.assert_allclose(found.sigmas, wanted, 0, 2e-3 * np.abs(wanted).max())
    assert found.rms == pytest.approx(np.sqrt(np.mean(wanted**2)), rel=2e-3)
    best = np.sqrt(((change / star.errors[0]) ** 2).sum())
    assert found.signal_to_noise == pytest.approx(best, rel=2e-3)
    assert "Teff +60: " in found.text and "σ in all" in found.text


def test_the_best_filter_sees_it_so(catalog, model, found):
    """A matched filter's answer to noise scatters by 1 where its answer to the change is S/N."""
    rng = np.random.default_rng(0)
    star = catalog.spectra[ROW]
    sigma = star.errors[0].astype(float)
    ends = [model.decode_point(z)[0] for z in (found.z, np.array(found.steered.z))]
    change = (ends[1] - ends[0]) * star.g_flux[0]
    weights = change / sigma**2
    noise = (sigma * rng.normal(size=(4000, 110))) @ weights
    assert change @ weights / noise.std() == pytest.approx(found.signal_to_noise, rel=0.05)


def test_correlated_errors():
    """With the covariance inverted whole."""
    rng = np.random.default_rng(1)
    rho = []
    for _ in range(2):
        a = rng.normal(size=(55, 80))
        c = a @ a.T
        d = np.sqrt(np.diag(c))
        rho.append(c / np.outer(d, d))
    errors = rng.uniform(0.5, 2.0, (1, 110)).astype(np.float32)
    star = Spectra(
        source_id=np.array([1]),
        coefficients=np.ones((1, 110)),
        errors=errors,
        g_flux=np.ones(1),
        g_flux_source="made up",
        correlations=np.array([rho]),
    )
    change = rng.normal(size=110)
    whole = np.zeros((110, 110))
    whole[:55, :55], whole[55:, 55:] = rho
    whole *= np.outer(errors[0], errors[0])
    wanted = np.sqrt(change @ np.linalg.solve(whole, change))
    assert module._signal_to_noise(change, star) == pytest.approx(wanted, rel=1e-4)


def test_the_real_pair(catalog, found):
    if found.pair is None:
        assert "no two stars" in found.pair_reason and found.pair_sigmas is None
        return
    first, second = (catalog.spectra[row] for row in found.pair.rows)
    star, matrix = catalog.spectra[ROW], Wavelengths(GRID).matrix
    flux = [(s.coefficients[0].astype(float) / s.g_flux[0]) @ matrix for s in (first, second)]
    errors = np.sqrt(star.errors[0].astype(float) ** 2 @ matrix**2)
    wanted = (flux[1] - flux[0]) * star.g_flux[0] / errors
    np.testing.assert_allclose(found.pair_sigmas, wanted, 0, 1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("row", "name", "change", "said"),
    [
        (ROW, "teff", 0.0, "give a change other than 0"),
        (ROW, "teff", float("nan"), "give a change other than 0"),
        (ROW, "vmic", 1.0, "no label 'vmic'"),
        (10**6, "teff", 10.0, "no row 1000000"),
    ],
)
def test_what_cannot_be(catalog, model, row, name, change, said):
    with pytest.raises(InputError, match=said):
        counterfactual(catalog, model, row, name, change, Projection("flux", Wavelengths(GRID)))
