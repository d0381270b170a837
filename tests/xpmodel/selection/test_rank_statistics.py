"""Ranks against brute force and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from xpmodel.selection.rank_statistics import holm, mann_whitney


@pytest.mark.parametrize("kind", ["continuous", "ties", "apart", "tiny"])
def test_cliffs_delta_by_brute_force(kind):
    rng = np.random.default_rng(3)
    for _ in range(20):
        n, m = rng.integers(1, 4 if kind == "tiny" else 60, 2)
        a, b = np.sort(rng.normal(size=n)), np.sort(rng.normal(0.5, 2, m))
        if kind == "ties":
            a, b = np.round(a), np.round(b)
        if kind == "apart":
            a = a + 100
        delta, p_value = mann_whitney(a, b)
        assert delta == pytest.approx(np.sign(a[:, None] - b).mean(), abs=1e-14)
        assert 0 <= p_value <= 1
        assert mann_whitney(b, a) == pytest.approx((-delta, p_value), abs=1e-14)


def test_by_hand():
    """A = 3, 4 and B = 1, 3: of four pairs A wins three and ties one."""
    delta, p_value = mann_whitney(np.array([3.0, 4.0]), np.array([1.0, 3.0]))
    assert delta == 0.75
    # U = 3.5, mean 2; variance 4/12 · (5 − 6/12) = 1.5; z = (1.5 − 0.5) / √1.5.
    assert p_value == pytest.approx(math.erfc(1 / math.sqrt(3)))
    assert mann_whitney(np.ones(3), np.ones(5)) == (0.0, 1.0)


def test_holm():
    corrected = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.5]))
    np.testing.assert_allclose(corrected, [0.04, np.nan, 0.09, 0.09, 0.5])
    np.testing.assert_array_equal(holm(np.array([0.9, 0.8])), [1, 1])
    assert holm(np.array([])).shape == (0,)
    # Never below what Benjamini and Hochberg's method gives, nor above Bonferroni's.
    p = np.random.default_rng(4).uniform(size=30) ** 3
    assert (holm(p) >= false_discovery_control(p) - 1e-15).all()
    assert (holm(p) <= np.minimum(30 * p, 1)).all()
