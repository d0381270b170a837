import numpy as np
import pytest
from scipy.stats import kstest

from xpmodel import load_model, open_catalog
from xpmodel.studies.reconstruction.distributions import (
    EDGES,
    bands_table,
    distribution_of,
    distributions,
    distributions_table,
)
from xpmodel.studies.reconstruction.evaluate import compare, held_out
from xpmodel.studies.reconstruction.rivals import Reconstruction, of_model
from xpmodel.studies.reconstruction.tables import coefficients_table


def test_noise_over_its_error_is_a_unit_normal():
    noise = np.random.default_rng(0).standard_normal((4000, 20)).astype(np.float32)
    found = distribution_of("perfect", np.arange(20.0), noise)
    assert found.mean == pytest.approx(0, abs=0.02)
    assert found.sd == pytest.approx(1, abs=0.02) and found.half_range == pytest.approx(
        0.994, abs=0.02
    )
    assert found.beyond_3 == pytest.approx(0.0027, abs=6e-4)
    assert found.ks < 0.01
    assert found.percentiles.mean(axis=1) == pytest.approx([-1.96, -1, 0, 1, 1.96], abs=0.05)
    assert (found.density * np.diff(EDGES)).sum() == pytest.approx(1)


def test_distance_from_a_normal_is_scipys():
    residual = np.random.default_rng(1).standard_t(3, (300, 7)) + 0.2
    found = distribution_of("heavy", np.arange(7.0), residual)
    assert found.ks == pytest.approx(kstest(residual.ravel(), "norm").statistic, rel=1e-9)
    assert found.beyond_5 == np.mean(np.abs(residual) > 5)
    inside = np.mean(np.abs(residual) <= EDGES[-1])
    assert (found.density * np.diff(EDGES)).sum() == pytest.approx(inside)


def test_bands_agree_with_bias_and_spread_by_coefficient(mock):
    catalog, model = open_catalog(mock.catalog), load_model(mock.model, "cpu")
    stars = held_out(catalog)
    noise = stars.spectra.coefficients + 2 * stars.spectra.errors
    places = np.arange(len(stars.test))
    off = Reconstruction("off", places, noise)
    compared = compare(stars, [of_model("model", model, stars.spectra), off])
    found = {short: distributions(compared, short) for short in ("j", "lambda")}
    assert [one.name for one in found["j"]] == ["model", "off"]
    table = distributions_table(found, {})
    assert list(table["residual"]) == ["R(j), Eq. 6"] * 2 + ["R(lambda), Eq. 8"] * 2
    assert table["mean"][1] == pytest.approx(-2, abs=1e-4) and table["sd"][1] < 0.01
    by_coefficient = coefficients_table(compared, {})
    bands = bands_table(found["j"], "j", {})
    assert np.allclose(bands["model_p50"], by_coefficient["model_bias"], atol=1e-6)
    assert np.allclose(
        (bands["model_p84"] - bands["model_p16"]) / 2, by_coefficient["model_spread"], atol=1e-6
    )


def test_residuals_that_a_rival_lacks_are_left_out(mock):
    catalog, model = open_catalog(mock.catalog), load_model(mock.model, "cpu")
    stars = held_out(catalog)
    grid = np.array([500.0, 600.0])
    flux = np.ones((len(stars.test), 2))
    rival = Reconstruction("fluxes", np.arange(len(flux)), flux=flux, grid=grid)
    compared = compare(stars, [of_model("model", model, stars.spectra), rival])
    assert [one.name for one in distributions(compared, "j")] == ["model"]
    assert [one.name for one in distributions(compared, "lambda")] == ["model"]
