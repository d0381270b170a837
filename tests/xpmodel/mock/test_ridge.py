"""Mock spectra on the ridge of real stars."""

from dataclasses import replace

import numpy as np
import pytest

from xpmodel.catalog.label_relations import ms_logg
from xpmodel.mock import ridge
from xpmodel.mock.population import draw_stars, plain_stars
from xpmodel.mock.ridge import splines, table, true_coefficients
from xpmodel.mock.spectrum import DWARF_COLORS, bp_rp, coefficients_of, model_flux
from xpmodel.spectra.photometry import synthetic_g_flux


@pytest.fixture(scope="module")
def stars():
    drawn = draw_stars(1500, np.random.default_rng(4))
    return drawn[(drawn.second_light == 0) & (drawn.emission == 0)]


@pytest.fixture(scope="module")
def generated(stars):
    return coefficients_of(model_flux(stars))


def test_the_same_stars_have_the_same_spectra_per_unit_g_flux(stars):
    few = stars[:20]
    coefficients = true_coefficients(few)
    assert np.array_equal(coefficients, true_coefficients(few))
    assert np.allclose(synthetic_g_flux(coefficients), 1)


def test_written_out_for_one_star(stars, generated):
    """The docstring's formula, with matrices rather than shortcuts."""
    t = table()
    color = bp_rp(generated)
    usual = (color > 0.7) & (color < 2.4)
    row = int(np.flatnonzero(usual)[5])
    sigma = ridge.scale()
    along = splines(color[[row]])[0]
    off = (generated[row] - along @ t.mock) / sigma
    p = t.directions.T
    a, spread = (
        np.array([[np.interp(color[row], ridge.SPREAD_KNOTS, m[:, i, j]) for j in range(6)]
                  for i in range(6)])
        for m in (t.kept, t.spread)
    )  # fmt: skip
    damp = np.eye(110) - t.damped.T @ np.diag(1 - t.damping) @ t.damped
    u = off - p @ p.T @ off
    moved = p @ (a @ p.T @ off + spread @ stars.residual[row]) + damp @ u
    expected = along @ t.real + sigma * moved
    expected /= synthetic_g_flux(expected[None])
    found = t.move(generated[[row]], stars.residual[[row]])[0]
    assert np.allclose(found, expected, atol=0.01 * sigma)


def test_mean_stars_of_a_color_land_on_the_real_ridge():
    t = table()
    color = np.linspace(0.4, 3.0, 30)
    found = t.move(splines(color) @ t.mock, np.zeros((30, 6)))
    assert (np.abs(found - splines(color) @ t.real) / ridge.scale()).max() < 5


def test_colors_are_those_of_dwarfs():
    teff = np.array(sorted(DWARF_COLORS), np.float64)
    found = bp_rp(true_coefficients(plain_stars(teff=teff, logg=ms_logg(teff))))
    assert np.abs(found - [DWARF_COLORS[int(t)] for t in teff]).max() < 0.1


def test_alpha_leaves_no_trace_without_its_signal(stars):
    richer = replace(stars, alpha_m=stars.alpha_m + 0.2)
    assert np.array_equal(true_coefficients(richer, 0.0), true_coefficients(stars, 0.0))


def test_a_stars_own_residual_knows_no_label(stars):
    for label in (stars.alpha_m, stars.m_h, stars.teff, stars.logg):
        off = label - label.mean()
        r = (stars.residual * off[:, None]).mean(axis=0) / off.std()
        assert np.abs(r).max() < 4 / np.sqrt(len(stars))


def test_labels_change_spectra_as_the_generator_has_it(stars):
    """The change with [M/H] and with [α/M] keeps its direction in warm giants."""
    from xpmodel import Wavelengths

    grid = Wavelengths()
    warm = stars[stars.giant & (stars.teff > 4500) & (stars.teff < 5200)][:100]
    inner = (grid.grid > 400) & (grid.grid < 980)
    for name, step, least in (("m_h", 0.15, 0.9), ("alpha_m", 0.05, 0.9), ("teff", 100, 0.9)):
        richer = replace(warm, **{name: getattr(warm, name) + step})
        changes = []
        for spectra in (lambda s: coefficients_of(model_flux(s)), true_coefficients):
            a, b = (grid.flux(spectra(s))[:, inner] for s in (warm, richer))
            change = (b - a) / a.mean(axis=1, keepdims=True)
            changes.append(change - change.mean(axis=1, keepdims=True))
        both = (changes[0] * changes[1]).sum(axis=1)
        norms = [np.sqrt((c**2).sum(axis=1)) for c in changes]
        assert np.median(both / norms[0] / norms[1]) > least
        assert np.median(norms[1] / norms[0]) == pytest.approx(1, abs=0.25)


def test_shrinkage_gives_the_real_covariance():
    rng = np.random.default_rng(0)
    real, mock = (np.cov(rng.standard_normal((6, 30)) * s) for s in (1.0, 1.5))
    a, left = ridge._shrinkage(real, mock)
    assert np.allclose(a @ mock @ a.T + left @ left.T, real)
    a, _ = ridge._shrinkage(real, 0.3 * real)
    assert np.allclose(a, np.eye(6))


def test_fit_finds_a_ridge_despite_outliers():
    rng = np.random.default_rng(1)
    color = rng.uniform(0.3, 2.8, 800)
    true = 100 * np.sin(color)[:, None] * ridge.scale()
    errors = np.tile(ridge.scale(), (800, 1))
    measured = true + errors * rng.standard_normal(true.shape)
    measured[::40] += 50 * ridge.scale()
    off = splines(color) @ ridge.fit_ridge(color, measured, errors) - true
    inner = (color > 0.5) & (color < 2.6)
    assert np.abs(off / ridge.scale())[inner].max() < 1.5


def test_mock_stars_are_where_real_ones_are(shared):
    """χ² and latents through the published model, of bright stars of usual colors."""
    from xpmodel.mock import noise
    from xpmodel.mock.report import _usual
    from xpmodel.model.import_released import import_model
    from xpmodel.spectra.photometry import g_flux_from_mag
    from xpmodel.spectra.spectra import Spectra, read_spectra

    rng = np.random.default_rng(0)
    stars = draw_stars(3000, rng)
    flux = g_flux_from_mag(stars.g_mag)[:, None]
    errors = noise.draw_errors(stars.g_mag, rng) * flux
    measured = true_coefficients(stars) * flux + noise.draw_noise(errors, rng)
    mock = Spectra(
        source_id=np.arange(3000), coefficients=measured, errors=errors, g_flux=flux[:, 0],
        g_flux_source="file",
    )  # fmt: skip
    real = read_spectra(
        shared / "real_xp/xp_continuous_1400.fits",
        photometry=shared / "real_xp/photometry_1400.csv",
    )
    model = import_model(shared / "published/weight.pt", shared / "published/norm_estimate.npz")
    mock_score, real_score = (model.score(_usual(s)) for s in (mock, real))
    assert np.median(real_score.chi2_obs) < 1.2
    assert np.median(mock_score.chi2_obs) < 2
    used = [0, 2, 3, 4]
    ratio = mock_score.mean.std(axis=0)[used] / real_score.mean.std(axis=0)[used]
    assert np.abs(ratio - 1).max() < 0.2
