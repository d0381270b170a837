import numpy as np
import pytest
from astropy.table import Table
from scipy.stats import kstest

from tests.support import commands
from xpmodel.studies.reconstruction.distributions import EDGES, distribution_of


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


def test_evaluate_writes_the_distributions_of_all_reconstructions(mock, tmp_path):
    commands.run("evaluate", mock.catalog, "--model", mock.model, "--out", tmp_path)
    table = Table.read(tmp_path / "residuals.ecsv")
    assert set(table["residual"]) == {"R(j), Eq. 6", "R(lambda), Eq. 8"}
    assert list(table["reconstruction"][:2]) == ["model", "PCA 4"]
    of_model = Table.read(tmp_path / "coefficients.ecsv")
    bands = Table.read(tmp_path / "residuals_j.ecsv")
    assert np.allclose(bands["model_p50"], of_model["model_bias"], atol=1e-6)
    assert np.allclose((bands["model_p84"] - bands["model_p16"]) / 2, of_model["model_spread"])
    for name in ("residuals_j.pdf", "residuals_lambda.pdf"):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF")
