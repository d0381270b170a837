import numpy as np
import pytest

from tests.support.alpha import alpha_columns
from tests.support.tracks import catalog_of
from xpmodel import InputError
from xpmodel.studies.alpha import conditional, forests
from xpmodel.studies.alpha.control_tables import control_table, lines_of_control, seeds_table
from xpmodel.studies.alpha.measured_labels import track_moves
from xpmodel.studies.alpha.mock_control import (
    Finding,
    SkyResult,
    compare_with_truth,
    run_control,
)
from xpmodel.studies.alpha.star_slices import slices


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Enough to tell what latents know, in a tenth of the time."""
    monkeypatch.setattr(forests, "TREES", 10)
    monkeypatch.setattr(conditional, "ITERATIONS", 15)
    monkeypatch.setattr(conditional, "LEARNING_RATE", 0.3)


def sky(folder, *, signal, n=3000):
    """A catalog whose labels hardly tell α, and its truth."""
    columns = alpha_columns(n, signal=signal)
    catalog = catalog_of(folder / "stars.parquet", columns)
    rng = np.random.default_rng(3)
    truth = {name: columns[name] for name in ("teff", "logg", "m_h", "alpha_m", "fe_h", "mg_fe")}
    return catalog, truth | {"ebv": rng.uniform(0, 0.1, n)}


@pytest.mark.slow
@pytest.mark.parametrize("signal", [True, False])
def test_what_latents_know_follows_the_truth(tmp_path, signal):
    catalog, truth = sky(tmp_path, signal=signal)
    result = compare_with_truth(catalog, truth, float(signal))
    found = {one.measure: one for one in result.findings if one.stars == "all stars"}
    gain, partial = found["gain in accuracy by latents"], found["partial R² of [α/M]"]
    information, chi2 = found["mutual information [mnat]"], found["covariance measure, χ²"]
    assert chi2.dof == 2
    if signal:
        assert gain.value > 5 * gain.error
        assert information.value > 100 and partial.value > 0.5
        assert chi2.value > 500
    else:
        assert gain.value < 2 * gain.error
        assert information.value < 2 * information.error and partial.value < 2 * partial.error
        assert chi2.value < 15
    measured = {one.measure: one.value for one in result.measured}
    assert (measured["accuracy: latents"] > 0.85) == signal
    assert (measured["pairs: latents"] > 0.8) == signal
    moves = [value for name, value in measured.items() if "move in latents" in name]
    assert moves
    assert result.active == ["z1", "z3"]
    assert result.n_stars == 3000
    assert "PCA" in result.skipped  # this catalog has no spectra


def test_slices_are_those_of_the_claim():
    teff = np.array([4200.0, 4600, 5000, 4600, 6000])
    logg = np.array([1.5, 2.5, 3.0, 4.6, 4.2])
    parts = {name: np.flatnonzero(inside).tolist() for name, inside in slices(teff, logg).items()}
    assert parts == {
        "all stars": [0, 1, 2, 3, 4],
        "Teff < 5000 K": [0, 1, 3],
        "giants, Teff < 4500 K": [0],
        "giants, 4500 to 5000 K": [1],
        "giants, Teff ≥ 5000 K": [2],
        "dwarfs": [3, 4],
    }


def test_seeds_are_added_up():
    """Means and spreads of values; χ² and their degrees of freedom as sums, with one p."""

    def result(seed, signal, value, chi2):
        findings = [
            Finding(stars="all stars", measure="gain", value=value, error=0.1, by_chance=0.0),
            Finding(stars="all stars", measure="covariance measure, χ²", value=chi2, dof=3),
        ]
        return SkyResult(
            alpha_signal=signal, seed=seed, n_stars=9, n_high=3, active=["z1"], findings=findings,
            measured=[], skipped={},
        )  # fmt: skip

    results = [result(0, 1.0, 1.0, 30.0), result(0, 0.0, 0.0, 2.0)]
    results += [result(1, 1.0, 3.0, 50.0), result(1, 0.0, 0.2, 4.0)]
    table = control_table(results, {})
    gain, chi2 = table
    assert (gain["alpha"], gain["alpha_error"]) == (2.0, pytest.approx(0.1))
    assert gain["alpha_spread"] == pytest.approx(np.sqrt(2))
    assert gain["no_alpha"] == pytest.approx(0.1) and gain["by_chance"] == 0.0
    assert (chi2["no_alpha"], chi2["no_alpha_dof"]) == (6.0, 6)
    assert chi2["no_alpha_p"] == pytest.approx(0.4232, abs=1e-4)  # of χ²(6) at 6
    assert len(seeds_table(results, {})) == 8
    text = "\n".join(lines_of_control(table))
    assert "2.0000 ± 0.1000 (1.4142)" in text and "6.0 of 6 (p 0.42)" in text
    one_seed = control_table(results[:2], {})
    assert np.isnan(one_seed["alpha_spread"]).all()


def test_tracks_move_as_latents_do(tmp_path):
    """The move along fixed [M/H], against means taken by hand."""
    catalog, _ = sky(tmp_path, signal=True)
    numbers, skipped = track_moves(catalog)
    found = {one["measure"]: one for one in numbers}
    name = "from the low- to the high-α track"
    move, change = found[f"{name}: move in latents [sd]"], found[f"{name}: change of [α/M] [dex]"]
    assert change["value"] > 0.05
    # z1 is 8 [α/M] and what else moves is Teff, which does not know of α.
    along = 8 * change["value"] / catalog["z1"].std()
    assert move["value"] == pytest.approx(along, abs=0.1 + 4 * move["error"])
    assert not skipped


@pytest.mark.parametrize(
    ("stars", "seeds", "message"),
    [(100, 1, "100 stars are too few"), (2000, 0, "0 seeds: at least one")],
    ids=["stars", "seeds"],
)
def test_mistakes(tmp_path, stars, seeds, message):
    with pytest.raises(InputError, match=message):
        run_control(tmp_path, stars, seeds=seeds)


def test_a_catalog_without_active_latents_or_with_one_kind_of_stars(tmp_path):
    columns = alpha_columns(500)
    truth = {n: columns[n] for n in ("teff", "logg", "m_h", "alpha_m", "fe_h", "mg_fe")}
    truth["ebv"] = np.zeros(500)
    collapsed = columns | {"z1": np.zeros(500), "z3": np.zeros(500)}
    with pytest.raises(InputError, match="no latent is active; train longer"):
        compare_with_truth(catalog_of(tmp_path / "a.parquet", collapsed), truth, 1.0)
    catalog = catalog_of(tmp_path / "b.parquet", columns)
    with pytest.raises(InputError, match="500 high-α and 0 low-α stars with latents; needs 100"):
        compare_with_truth(catalog, truth | {"mg_fe": np.full(500, 9.0)}, 1.0)
