import numpy as np
import pytest

from xpmodel import InputError
from xpmodel.studies.alpha.equal_pairs import match_pairs

WITHIN = {"teff": 50.0, "m_h": 0.05}


def stars(n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = {"teff": rng.uniform(4500, 5200, n), "m_h": rng.uniform(-0.6, 0.2, n)}
    return labels, rng.random(n) < 0.4


def by_brute_force(labels, is_high, known):
    """Closest pairs first, looking at every pair."""
    scaled = np.stack([labels[name] / most for name, most in WITHIN.items()], axis=1)
    found = []
    for i in np.flatnonzero(is_high & known):
        for j in np.flatnonzero(~is_high & known):
            apart = np.abs(scaled[i] - scaled[j]).max()
            if apart <= 1:
                found.append((apart, i, j))
    pairs, taken = [], set()
    for _, i, j in sorted(found):
        if not {i, j} & taken:
            taken |= {i, j}
            pairs.append((i, j))
    return sorted(pairs)


@pytest.mark.parametrize("seed", range(3))
def test_against_brute_force(seed):
    labels, is_high = stars(seed=seed)
    known = np.random.default_rng(9).random(len(is_high)) < 0.9
    pairs = match_pairs(labels, is_high, known, WITHIN)
    assert sorted(zip(pairs.high.tolist(), pairs.low.tolist(), strict=True)) == by_brute_force(
        labels, is_high, known
    )
    assert pairs.n_high == (is_high & known).sum() and pairs.n_low == (~is_high & known).sum()


def test_equal_and_one_to_one():
    labels, is_high = stars(3000)
    labels["m_h"][:50] = np.nan
    pairs = match_pairs(labels, is_high, np.ones(3000, bool), WITHIN)
    assert is_high[pairs.high].all() and not is_high[pairs.low].any()
    for name, most in WITHIN.items():
        assert np.abs(labels[name][pairs.high] - labels[name][pairs.low]).max() <= most
    everyone = np.concatenate([pairs.high, pairs.low])
    assert len(np.unique(everyone)) == len(everyone) and everyone.min() >= 50


def test_no_pair():
    labels = {"teff": np.array([4000.0, 6000.0]), "m_h": np.zeros(2)}
    with pytest.raises(InputError, match="no high- and low-α stars equal within teff ± 50"):
        match_pairs(labels, np.array([True, False]), np.ones(2, bool), WITHIN)
    with pytest.raises(InputError, match="0 high-α and 2 low-α"):
        match_pairs(labels, np.zeros(2, bool), np.ones(2, bool), WITHIN)
    with pytest.raises(InputError, match="within 0 in teff"):
        match_pairs(labels, np.array([True, False]), np.ones(2, bool), {"teff": 0})
