from dataclasses import replace

import numpy as np
import pytest

from xpmodel import Wavelengths
from xpmodel.mock.population import draw_stars
from xpmodel.mock.spectrum import coefficients_of, model_flux, wavelength_grid
from xpmodel.spectra.photometry import synthetic_g_flux


@pytest.fixture(scope="module")
def stars():
    return draw_stars(2000, np.random.default_rng(1))


def test_closed_loop_through_gaiaxpy(stars):
    flux = model_flux(stars)
    back = Wavelengths().flux(coefficients_of(flux))
    back /= back.mean(axis=1, keepdims=True)
    grid = wavelength_grid()
    inner = (grid > 400) & (grid < 1000)
    error = np.abs(back / flux - 1)[:, inner]
    assert np.median(error) < 0.005
    assert np.percentile(error, 99) < 0.03


def test_coefficients_are_per_unit_g_flux(stars):
    assert np.allclose(synthetic_g_flux(coefficients_of(model_flux(stars))), 1.0)


def test_spectra_know_alpha(stars):
    cool = stars[(stars.teff < 4600) & stars.giant & (stars.second_light == 0)]
    richer = replace(cool, alpha_m=cool.alpha_m + 0.2)
    ratio = model_flux(richer) / model_flux(cool)
    grid = wavelength_grid()
    near, far = (np.abs(grid - w).argmin() for w in (516, 560))
    assert (ratio[:, near] / ratio[:, far]).mean() < 0.99


def test_alpha_leaves_no_trace_without_its_signal(stars):
    richer = replace(stars, alpha_m=stars.alpha_m + 0.2)
    assert np.array_equal(model_flux(richer, 0.0), model_flux(stars, 0.0))


def test_dust_reddens_by_the_published_law(stars):
    import astropy.units as u
    from dust_extinction.parameter_averages import G23

    clear, dusty = (model_flux(replace(stars, ebv=np.full(len(stars), e))) for e in (0.0, 0.5))
    grid = wavelength_grid()
    expected = 3.1 * 0.5 * G23(Rv=3.1)(grid * u.nm)
    magnitudes = -2.5 * np.log10(dusty / clear)
    i, j = np.abs(grid - 450).argmin(), np.abs(grid - 900).argmin()
    found = (magnitudes[:, i] - magnitudes[:, j]).mean()
    assert found == pytest.approx(expected[i] - expected[j], rel=1e-4)


def test_a_star_without_lines_is_a_black_body(stars):
    # At 16,000 K the jumps and lines fade; beyond them the continuum is Planck's.
    hot = replace(
        stars[:1],
        teff=np.array([16000.0]),
        logg=np.array([4.0]),
        ebv=np.zeros(1),
        second_light=np.zeros(1),
        emission=np.zeros(1),
    )
    grid = wavelength_grid()
    flux = model_flux(hot)[0]
    planck = grid**-5.0 / np.expm1(1.4387769e7 / (grid * 16000.0))
    i, j = (np.abs(grid - w).argmin() for w in (560, 780))
    assert flux[i] / flux[j] == pytest.approx(planck[i] / planck[j], rel=0.01)


def test_emission_and_second_light_show(stars):
    star = replace(
        stars[:1], emission=np.zeros(1), second_light=np.zeros(1), ebv=np.zeros(1),
        teff=np.array([4500.0]),
    )  # fmt: skip
    plain = model_flux(star)[0]
    grid = wavelength_grid()
    h_alpha = np.abs(grid - 656).argmin()
    glowing = model_flux(replace(star, emission=np.array([3.0])))[0]
    assert glowing[h_alpha] / plain[h_alpha] > 2.5
    blend = replace(star, second_light=np.ones(1), second_teff=np.array([9000.0]))
    blue = np.abs(grid - 450).argmin()
    assert model_flux(blend)[0][blue] > 1.2 * plain[blue]
