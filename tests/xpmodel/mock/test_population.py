import numpy as np
import pytest

from tests.support.loops import some
from xpmodel.catalog.label_relations import gb_teff
from xpmodel.mock.population import POPULATIONS, draw_stars


@pytest.fixture(scope="module")
def stars():
    return draw_stars(40_000, np.random.default_rng(0))


def test_same_state_same_stars(stars):
    again = draw_stars(40_000, np.random.default_rng(0))
    assert np.array_equal(stars.teff, again.teff)
    assert np.array_equal(stars.jr, again.jr)


def test_everything_is_finite(stars):
    for name, values in some(vars(stars).items()):
        assert np.isfinite(values).all(), name


def test_mostly_giants_and_a_few_extremes(stars):
    assert 0.65 < stars.giant.mean() < 0.85
    assert 0.005 < (stars.teff > 7000).mean() < 0.03
    assert 0.01 < (stars.teff < 3700).mean() < 0.05


def test_giant_branch_is_hotter_where_metals_are_few(stars):
    branch = (stars.stage == 0) & (np.abs(stars.logg - 2) < 0.3)
    poor, rich = (stars.teff[branch & c].mean() for c in (stars.m_h < -0.5, stars.m_h > 0.1))
    assert poor > rich + 100


def test_giant_branch_follows_the_published_line(stars):
    # Teff/kK = 3.59 + 0.44 log g for log g < 3.65.
    branch = (stars.stage == 0) & (np.abs(stars.m_h + 0.1) < 0.1)
    off = stars.teff[branch] - (3590 + 440 * stars.logg[branch])
    assert abs(np.median(off)) < 60


def test_alpha_split_tells_the_discs_apart(stars):
    x = stars.fe_h
    high = stars.mg_fe > 0.1754 * x**3 + 0.1119 * x**2 - 0.1253 * x + 0.1353
    assert high[stars.population == 0].mean() < 0.02
    assert high[stars.population == 1].mean() > 0.85


def test_action_diamond_selects_mostly_gaia_enceladus(stars):
    total = np.abs(stars.lz) + np.abs(stars.jr) + np.abs(stars.jz)
    diamond = (np.abs(stars.lz) / total < 0.07) & ((stars.jz - stars.jr) / total < -0.3)
    assert diamond.sum() > 200
    assert (stars.population[diamond] == POPULATIONS.index("Gaia-Enceladus")).mean() > 0.95


def test_giant_branch_moves_with_metallicity_as_isochrones_do(stars):
    branch = stars.giant & (stars.logg > 1) & (stars.logg < 3.5)
    off = stars.teff[branch] - gb_teff(stars.logg[branch])
    assert np.polyfit(stars.m_h[branch], off, 1)[0] == pytest.approx(-380, abs=20)


def test_dwarfs_of_all_temperatures(stars):
    number, _ = np.histogram(stars.teff[~stars.giant], np.arange(3250, 7001, 250))
    assert number.min() > 20


def test_hot_stars_have_gravities_of_their_own(stars):
    hot = stars.teff > 7500
    assert np.std(stars.logg[hot]) > 0.15
    assert np.abs(np.corrcoef(stars.teff[hot], stars.logg[hot])[0, 1]) < 0.2


def test_no_star_is_beyond_the_galaxy(stars):
    assert stars.distance.max() <= 30
    assert (stars.distance > 20).mean() < 0.07


def test_oddities_are_marked(stars):
    odd = (stars.emission > 0) | ((stars.second_light > 0) & (stars.stage != 2))
    assert 0.01 < odd.mean() < 0.02
