import numpy as np
import pytest
from astropy.table import Table

from tests.support.commands import run
from xpmodel.studies.alpha import conditional, forests


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Enough to run through, in a tenth of the time."""
    monkeypatch.setattr(forests, "TREES", 5)
    monkeypatch.setattr(conditional, "ITERATIONS", 5)


@pytest.mark.slow
def test_control(tmp_path):
    result = run(
        "control", "--out", tmp_path, "--stars", 2000, "--epochs", 1, "--seeds", 1, "--seed", 4,
        "--device", "cpu",
    )  # fmt: skip
    table = Table.read(tmp_path / "control.ecsv")
    accuracy = table[(table["measure"] == "accuracy, true labels")]
    assert (accuracy["alpha"] == accuracy["no_alpha"]).all()  # the same stars in both skies
    assert {"all stars", "Teff < 5000 K", "measured labels"} <= set(table["stars"])
    chi2 = table[table["measure"] == "covariance measure, χ²"]
    assert (chi2["alpha_dof"] >= 1).all() and np.isfinite(chi2["no_alpha_p"]).all()
    assert any(measure.startswith("gain: labels + latents") for measure in table["measure"])
    seeds = Table.read(tmp_path / "control_seeds.ecsv")
    assert set(seeds["seed"]) == {4} and set(seeds["alpha_signal"]) == {0, 1}
    for name in ("alpha_1", "alpha_0"):
        kept = {path.name for path in (tmp_path / "seed_4" / name).iterdir()}
        assert {"catalog.parquet", "model", "truth.parquet", "xp_apogee_mock.h5"} <= kept
    assert result.stderr.splitlines()[0] == "seed 4, α signal 1: making 2000 mock stars"
    assert "2,000 mock stars" in result.stdout
    assert "α in spectra" in result.stdout and "no α" in result.stdout
    assert "mock" in table.meta


def test_too_few_stars(tmp_path):
    result = run("control", "--out", tmp_path, "--stars", 100, status=2)
    assert "100 stars are too few" in result.stderr and result.stderr.count("\n") == 1
