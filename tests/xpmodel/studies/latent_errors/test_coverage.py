"""Coverage of bands, on spectra that scatter as the bands say."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models import random_model, random_spectra
from xpmodel.studies.latent_errors.coverage import BANDS, EXPECTED, band_coverage


@pytest.fixture(scope="module")
def stars():
    model = random_model()
    spectra = random_spectra(model, 300)
    return model, spectra, np.linspace(11, 17, 300)


def test_truths_that_scatter_by_the_models_scatter_lie_within_it(stars):
    model, spectra, g_mag = stars
    coefficients, scatter = model.decode(model.encode(spectra)[0])
    noise = scatter * np.random.default_rng(2).normal(size=scatter.shape)
    truth = (coefficients + noise).astype(float) * spectra.g_flux[:, None]
    found = band_coverage(model, spectra, g_mag, truth)
    assert found.n.sum() == 300 and set(found.truth) == set(list(BANDS)[:3])
    full = found.n > 40
    assert found.truth["ŝ"][full] == pytest.approx(np.tile(EXPECTED, (full.sum(), 1)), abs=0.06)
    wider = found.truth["ŝ ⊕ posterior"][full] - found.truth["ŝ"][full]
    assert (wider >= 0).all()


def test_an_ensemble_widens_the_band_and_without_truth_there_is_none(stars):
    model, spectra, g_mag = stars
    found = band_coverage(model, spectra, g_mag, None, [random_model(4), random_model(5)])
    assert found.n_models == 3 and set(found.observed) == set(BANDS)
    full = found.n > 0
    with_seeds, without = (
        found.observed[name][full] for name in ("ŝ ⊕ posterior ⊕ seeds", "ŝ ⊕ posterior")
    )
    assert (with_seeds >= without).all() and (with_seeds > without).any()
    assert all(np.isnan(shares).all() for shares in found.truth.values())


def test_a_star_without_a_magnitude_counts_in_no_bin(stars):
    model, spectra, g_mag = stars
    g_mag = np.where(np.arange(300) < 10, np.nan, g_mag)
    assert band_coverage(model, replace(spectra), g_mag, None).n.sum() == 290
