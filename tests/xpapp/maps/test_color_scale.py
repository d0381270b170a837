"""From values of bins to places on the color bar, and its ticks."""

import numpy as np
import pytest

from tests.support.loops import some
from xpapp.maps.color_scale import ColorScale


@pytest.mark.parametrize("kind", ["linear", "log", "equalized"])
def test_color_scale(kind):
    values = np.random.default_rng(8).lognormal(3, 1, 3000)
    scale = ColorScale.of(values, kind)
    order = np.argsort(values)
    fractions = scale.fractions(values)[order]
    assert (np.diff(fractions) >= 0).all() and fractions[0] == 0 and fractions[-1] == 1
    middle = fractions[len(fractions) // 2]
    ends = np.percentile(values, [1, 50, 99])
    logs = np.log(ends)
    wanted = {
        "linear": (ends[1] - ends[0]) / (ends[2] - ends[0]),
        "log": (logs[1] - logs[0]) / (logs[2] - logs[0]),
        "equalized": 0.5,
    }[kind]
    assert middle == pytest.approx(wanted, abs=0.01)
    for place, label in some(scale.ticks.items()):
        # A tick's label says the value of its place.
        assert scale.fractions(np.array([float(label)]))[0] == pytest.approx(place, abs=0.03)
    assert 2 <= len(scale.ticks) <= 7


def test_logarithm_of_what_is_not_positive_is_linear():
    assert ColorScale.of(np.array([-1.0, 2.0, 3.0]), "log").kind == "linear"
    assert ColorScale.of(np.array([np.nan]), "log").ticks
    assert (
        ColorScale.of(np.full(5, 2.0), "linear").levels(np.full(3, 2.0), 127).tolist() == [127] * 3
    )


def test_numbers_of_stars_begin_at_one():
    counts = np.array([[np.nan, 3.0], [7.0, 400.0]])
    scale = ColorScale.of(counts, "log", from_one=True)
    assert (scale.low, scale.high) == (1.0, 400.0)
    levels = scale.levels(counts, 127)
    assert levels.dtype == np.uint8 and levels[0, 0] == 0 and levels[1, 1] == 127
    expected = 1 + np.log([3.0, 7.0]) / np.log(400.0) * 126
    np.testing.assert_array_equal(levels[[0, 1], [1, 0]], np.round(expected))


def test_values_beyond_the_percentiles_take_the_end_colors():
    values = np.concatenate([np.linspace(0, 1, 1001), [-1e6, 1e6]])
    scale = ColorScale.of(values, "linear")
    assert -0.01 < scale.low < scale.high < 1.01
    assert scale.levels(np.array([-1e6, 1e6]), 127).tolist() == [1, 127]


@pytest.mark.parametrize("kind", ["linear", "log", "equalized"])
def test_no_value_is_no_level(kind):
    values = np.array([1.0, np.nan, 2.0, 4.0])
    levels = ColorScale.of(values, kind).levels(values, 127)
    assert levels[1] == 0 and (levels[[0, 2, 3]] > 0).all()


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (3900.0, 6100.0, ["4000", "4500", "5000", "5500", "6000"]),
        (-0.031, 0.012, ["-0.03", "-0.02", "-0.01", "0.00", "0.01"]),
        (2.0, 2.0, ["2"]),
    ],
    ids=str,
)
def test_linear_ticks_are_round(low, high, labels):
    ticks = ColorScale("linear", low, high).ticks
    assert list(ticks.values()) == labels
    assert list(ticks) == sorted(ticks)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1.0, 1000.0, ["1", "10", "100", "1000"]),
        (1.0, 30.0, ["1", "3", "10", "30"]),
        (1.0, 6.0, ["1", "2", "5"]),
        (4.1, 4.9, ["4.1"]),
    ],
    ids=str,
)
def test_logarithmic_ticks_are_few(low, high, labels):
    assert list(ColorScale("log", low, high).ticks.values()) == labels
