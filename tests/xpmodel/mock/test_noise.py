import numpy as np
import pytest

from tests.support.loops import some
from xpmodel.mock import noise


def test_errors_follow_the_relation_and_grow_with_magnitude():
    rng = np.random.default_rng(0)
    for g_mag in (10.0, 14.0, 17.0):
        errors = noise.draw_errors(np.full(4000, g_mag), rng)
        off = np.log10(np.median(errors, axis=0)) - noise.relation(np.array([g_mag]))[0]
        assert np.abs(off).max() < 0.02
    faint, bright = (noise.relation(np.array([g]))[0] for g in (18.0, 12.0))
    assert (faint > bright).all()


def test_noise_has_its_errors_and_correlations():
    rng = np.random.default_rng(0)
    errors = noise.draw_errors(np.full(20_000, 15.0), rng)
    unit = noise.draw_noise(errors, rng) / errors
    assert np.allclose(unit.std(axis=0), 1, atol=0.03)
    expected = noise.correlations()
    for band in (0, 1):
        columns = unit[:, 55 * band : 55 * (band + 1)]
        assert np.abs(np.corrcoef(columns.T) - expected[band]).max() < 0.04
    assert np.abs(np.corrcoef(unit[:, 3], unit[:, 70])[0, 1]) < 0.03


def test_correlations_are_correlations():
    for matrix in some(noise.correlations()):
        assert np.allclose(np.diag(matrix), 1)
        assert np.allclose(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix)[0] > 0.1


def test_fit_recovers_its_own_relation():
    rng = np.random.default_rng(0)
    g_mag = rng.uniform(8, 19, 1500)
    errors = noise.draw_errors(g_mag, rng)
    fitted = noise.fit(errors[:, [0, 80]], np.ones(1500), g_mag)
    for row, j in zip(fitted, (0, 80), strict=True):
        off = noise._relation(row[None], g_mag)[:, 0] - noise.relation(g_mag)[:, j]
        assert np.abs(off).max() < 0.05


def test_mock_errors_are_those_of_real_stars(shared):
    from xpmodel import read_spectra
    from xpmodel.spectra.photometry import g_mag_from_flux

    real = read_spectra(
        shared / "real_xp/xp_continuous_1400.fits",
        photometry=shared / "real_xp/photometry_1400.csv",
    )
    g_mag = g_mag_from_flux(real.g_flux)
    usual = (g_mag > 10) & (g_mag < 18)
    ratio = np.log10(real.errors[usual] / real.g_flux[usual, None]) - noise.relation(g_mag[usual])
    assert np.median(ratio) == pytest.approx(0, abs=0.03)
    assert np.abs(np.median(ratio, axis=0)).max() < 0.05
