"""Where a reconstruction is nearer to the truth than the observation."""

import numpy as np
import pytest

from xpmodel import load_model, open_catalog
from xpmodel.studies.reconstruction.denoising import denoising
from xpmodel.studies.reconstruction.evaluate import held_out
from xpmodel.studies.reconstruction.rivals import Reconstruction


@pytest.fixture(scope="module")
def opened(mock):
    catalog = open_catalog(mock.catalog)
    return catalog, load_model(mock.model, "cpu"), held_out(catalog)


def test_denoising_by_hand(opened):
    """A reconstruction that is the truth wins everywhere; one as wrong as can be, nowhere."""
    _, _, stars = opened
    truth = stars.spectra.coefficients.astype(float)
    rng = np.random.default_rng(0)
    n = len(truth)
    g_mag = rng.uniform(10, 12, n)
    places = np.arange(n)
    right = Reconstruction("right", places, truth * 1.001)
    wrong = Reconstruction("wrong", places[:100], truth[:100] * 3)
    part = Reconstruction("part", places, np.where(np.arange(110) < 32, truth, np.nan))
    noisy = truth * 1.05
    stars = stars.__class__(stars.train, stars.test, stars.spectra, stars.note)
    found = denoising(_with(stars, noisy), [right, wrong, part], truth, g_mag)
    assert found.g_mag.tolist() == [10.25, 10.75, 11.25, 11.75] and found.n.sum() == n
    assert found.observed == pytest.approx(np.full(4, 0.05), rel=1e-3)
    assert found.error["right"] == pytest.approx(np.full(4, 0.001), rel=1e-2)
    assert (found.better["right"] == 1).all() and (found.better["wrong"] == 0).all()
    assert "part" not in found.error
    assert found.better_from("right") == 10.0 and np.isnan(found.better_from("wrong"))


def test_denoising_of_the_same_stars(opened):
    """A rival of the stars that were observed best is held against these, not against all."""
    _, _, stars = opened
    truth = stars.spectra.coefficients.astype(float)
    n = len(truth)
    places = np.arange(0, n, 4)
    noisy = truth * 1.05
    noisy[places] = truth[places] * 1.01
    rival = Reconstruction("rival", places, truth[places] * 1.02)
    found = denoising(_with(stars, noisy), [rival], truth, np.full(n, 10.2))
    assert found.observed == pytest.approx([0.05], rel=1e-3)
    assert found.observed_of["rival"] == pytest.approx([0.01], rel=1e-2)
    assert found.better["rival"] == [0] and np.isnan(found.better_from("rival"))


def _with(stars, coefficients):
    from dataclasses import replace

    spectra = replace(stars.spectra, coefficients=coefficients)
    return replace(stars, spectra=spectra)
