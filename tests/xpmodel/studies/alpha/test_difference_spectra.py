import numpy as np
import pytest

from tests.support.loops import some
from tests.support.mock import mock_model
from xpmodel import InputError, load_model, open_catalog
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.alpha.difference_spectra import GRID, alpha_spectra
from xpmodel.studies.alpha.equal_pairs import Pairs


@pytest.fixture(scope="module")
def opened(mock):
    return open_catalog(mock.catalog), load_model(mock.model, "cpu")


def pairs_of(catalog, n=300):
    rows = np.random.default_rng(0).permutation(len(catalog))[: 2 * n]
    return Pairs(rows[:n], rows[n:], n, n, {})


@pytest.mark.slow
def test_against_plain_means(opened):
    """The difference of mean fluxes over their mean, star by star and wavelength by wavelength."""
    catalog, model = opened
    pairs = pairs_of(catalog)
    one = alpha_spectra(catalog, model, pairs)["flux"]
    wavelengths = Wavelengths(GRID)
    fluxes = []
    for rows in (pairs.high, pairs.low):
        z = np.stack([catalog[name][rows] for name in catalog.latents], axis=1)
        fluxes.append(np.array([wavelengths.flux(model.decode(star)[0]) for star in z], float))
    high, low = fluxes
    level = (high.mean(0) + low.mean(0)) / 2
    assert one.decoded == pytest.approx((high.mean(0) - low.mean(0)) / level, rel=1e-3, abs=1e-4)
    error = (high - low).std(0, ddof=1) / np.sqrt(len(pairs)) / level
    assert np.abs(one.decoded_error) == pytest.approx(np.abs(error), rel=1e-3)
    spectra = catalog.spectra[pairs.high]
    seen = wavelengths.flux(spectra.coefficients / spectra.g_flux[:, None]).mean(0)
    spectra = catalog.spectra[pairs.low]
    other = wavelengths.flux(spectra.coefficients / spectra.g_flux[:, None]).mean(0)
    assert one.observed == pytest.approx(2 * (seen - other) / (seen + other), rel=1e-3, abs=1e-4)


def test_gradient_is_the_small_difference(opened):
    """Pairs that differ by little in z: the decoded difference is the gradient times it."""
    catalog, model = opened
    rows = np.flatnonzero(np.isfinite(catalog["z1"]))[:1]
    step = np.array([2e-3, -1e-3, 0, 1e-3])

    class Moved:
        path, latents, model_hash, has_spectra = catalog.path, catalog.latents, model.hash, False

        def __getitem__(self, name):
            i = catalog.latents.index(name)
            z = float(catalog[name][rows[0]])
            return np.array([z + step[i] / 2, z - step[i] / 2] * 2)

    pairs = Pairs(np.array([0, 2]), np.array([1, 3]), 2, 2, {})
    for one in some(alpha_spectra(Moved(), model, pairs).values()):
        assert one.delta_z == pytest.approx(step)
        assert one.observed is None
        scale = np.abs(one.gradient).max()
        assert one.decoded == pytest.approx(one.gradient, abs=0.02 * scale)


def test_other_model(opened):
    catalog, _ = opened
    with pytest.raises(InputError, match="give the model that encoded it"):
        alpha_spectra(catalog, mock_model(seed=5), pairs_of(catalog))
