"""Statistics of angles against their definitions, written out."""

import numpy as np
import pytest
from scipy import stats

from xpmodel import circular

TURN = 360.0


def brute_median(values: np.ndarray) -> tuple[float, float]:
    """The least sum of ways from any place, on a fine grid and at all values; and where it is."""
    places = np.concatenate([values, np.linspace(0, TURN, 7201)])
    away = np.abs((values[None] - places[:, None] + 180) % TURN - 180).sum(axis=1)
    return float(away.min()), float(places[np.argmin(away)])


def near_zero(rng: np.random.Generator, n: int, spread: float) -> np.ndarray:
    return rng.normal(0.0, spread, n) % TURN


@pytest.mark.parametrize("n", [1, 2, 3, 10, 501])
@pytest.mark.parametrize("spread", [1e-3, 5.0, 60.0, 400.0])
def test_mean_median_and_spread_are_those_of_the_definitions(n, spread):
    values = near_zero(np.random.default_rng(n), n, spread)
    # scipy 1.16 has the mean direction and the circular standard deviation, in radians.
    assert circular.difference(
        circular.mean(values, TURN), stats.circmean(values, high=TURN), TURN
    ) == pytest.approx(0, abs=1e-8)
    assert circular.std(values, TURN) == pytest.approx(
        stats.circstd(values, high=TURN), rel=1e-6, abs=2e-5
    )
    found = circular.median(values, TURN)
    assert 0 <= found < TURN
    away = np.abs(circular.difference(values, found, TURN)).sum()
    assert away <= brute_median(values)[0] + 1e-6


def test_of_values_within_half_a_turn_they_are_the_line_s():
    line = np.random.default_rng(0).normal(3.0, 10.0, 400)
    there = line % TURN
    assert circular.difference(circular.median(there, TURN), np.median(line), TURN) == (
        pytest.approx(0, abs=1e-9)
    )
    assert circular.percentiles(there, (16, 50, 84), TURN) == pytest.approx(
        np.percentile(line, (16, 50, 84)), abs=1e-9
    )
    assert circular.std(there, TURN) == pytest.approx(line.std(), rel=0.02)


def test_groups_are_each_for_itself():
    rng = np.random.default_rng(3)
    group = rng.integers(0, 40, 900)
    group[group == 7] = 8  # a group without values
    values = rng.uniform(0, TURN, 900)
    values[::50] = np.nan
    means, spreads = circular.means(values, group, 40, TURN)
    medians = circular.medians(values, group, 40, TURN)
    for i in range(40):
        own = values[group == i]
        if i == 7:
            assert np.isnan([means[i], spreads[i], medians[i]]).all()
            continue
        assert means[i] == pytest.approx(circular.mean(own, TURN))
        assert spreads[i] == pytest.approx(circular.std(own, TURN))
        assert medians[i] == pytest.approx(circular.median(own, TURN))


def test_where_nothing_points_anywhere_there_is_no_mean():
    opposite = np.array([10.0, 190.0])
    assert np.isnan(circular.mean(opposite, TURN))
    assert circular.std(opposite, TURN) == np.inf
    for statistic in (circular.mean, circular.std, circular.median):
        assert np.isnan(statistic(np.array([np.nan, np.inf]), TURN))
    assert np.isnan(circular.percentiles(np.empty(0), (16, 84), TURN)).all()


def test_a_small_spread_keeps_its_digits():
    values = np.array([-1e-7, 1e-7]) % TURN
    assert circular.std(values, TURN) == pytest.approx(1e-7, rel=1e-3)
