import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from xpmodel.studies.alpha.equal_pairs import Pairs
from xpmodel.studies.alpha.marginals import ks_distance, marginals, marginals_table, overlap


@pytest.mark.parametrize("decimals", [1, 8])
def test_distance_is_scipys_with_ties_and_without(decimals):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 700).round(decimals), rng.normal(0.3, 1.2, 400).round(decimals)
    assert ks_distance(a, b) == pytest.approx(ks_2samp(a, b).statistic)


def test_overlap_of_two_normals_is_the_closed_form():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 60_000), rng.normal(1, 1, 60_000)
    assert overlap(a, b) == pytest.approx(2 * norm.cdf(-0.5), abs=0.01)
    assert overlap(a, a) == 1 and overlap(a, a + 100) < 0.01
    assert overlap(np.zeros(5), np.zeros(9)) == 1


def test_pairs_of_equal_labels_leave_what_speaks_of_alpha_only():
    """One column follows a label, in which the sequences differ; another one follows α."""
    rng = np.random.default_rng(2)
    n = 3000
    is_high = np.arange(n) < n // 2
    label = rng.normal(0, 1, n) - is_high
    nearest = np.argsort(np.argsort(label[~is_high]))  # pairs by rank would not be equal
    assert len(nearest) == n // 2
    pairs_high, pairs_low = np.arange(500), np.arange(n // 2, n // 2 + 500)
    label[pairs_low] = label[pairs_high]
    columns = {
        "follows_label": label + rng.normal(0, 0.1, n),
        "follows_alpha": is_high + rng.normal(0, 1, n),
    }
    pairs = Pairs(pairs_high, pairs_low, n // 2, n // 2, {"m_h": 0.01})
    by_label, by_alpha = marginals(columns, is_high, pairs, seed=3)
    assert by_label.ks > 0.2
    assert by_label.pair_ks < by_label.pair_ks_by_chance
    assert by_alpha.pair_ks > 2 * by_alpha.pair_ks_by_chance
    assert by_alpha.pair_ks_by_chance == pytest.approx(1.358 * np.sqrt(2 / 500), rel=0.15)
    table = marginals_table([by_label, by_alpha], {})
    assert list(table["n_pairs"]) == [500, 500]


def test_without_pairs():
    (one,) = marginals({"z1": np.arange(10.0)}, np.arange(10) < 4, None)
    assert one.ks == 1 and np.isnan(one.pair_ks) and len(one.pair_high) == 0
