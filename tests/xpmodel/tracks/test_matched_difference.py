import numpy as np
import pytest
from scipy import stats

from tests.support.loops import some
from tests.support.tracks import catalog_of
from xpmodel.errors import InputError
from xpmodel.tracks.matched_difference import (
    MATCHED_BY,
    WITHIN,
    against_equals,
    differences_table,
    sign_flip_test,
)
from xpmodel.tracks.matching import pair_nearest


def sky(path, n=3000, offset=0.0, seed=0):
    """Stars whose z1 follows [M/H]; a metal-poor tenth is of a kind that has more z2."""
    rng = np.random.default_rng(seed)
    is_kind = rng.random(n) < 0.1
    m_h = np.where(is_kind, rng.normal(-1.2, 0.3, n), rng.normal(-0.6, 0.5, n))
    columns = {
        "m_h": m_h,
        "teff": 4800 + rng.normal(0, 40, n),
        "logg": 2.4 + rng.normal(0, 0.1, n),
        "alpha_m": 0.1 - 0.05 * is_kind + rng.normal(0, 0.02, n),
        "z1": 2 * m_h + rng.normal(0, 0.3, n),
        "z2": offset * is_kind + rng.normal(0, 1, n),
    }
    return catalog_of(path, columns), is_kind


def test_the_sign_flips_agree_with_hotelling():
    """Where differences are normal, p is that of Hotelling's T² by the F distribution."""
    rng = np.random.default_rng(1)
    for offset in (0.0, 0.1, 0.2):
        d = rng.normal(0, 1, (120, 3)) @ rng.normal(0, 1, (3, 3)) + offset
        t_squared, p = sign_flip_test(d, draws=4999)
        n, k = d.shape
        mean = d.mean(axis=0)
        assert t_squared == pytest.approx(n * mean @ np.linalg.solve(np.cov(d.T), mean))
        by_f = stats.f.sf(t_squared * (n - k) / (k * (n - 1)), k, n - k)
        assert p == pytest.approx(by_f, abs=0.02)


def test_all_signs_by_brute_force():
    d = np.random.default_rng(2).normal(0.4, 1, (9, 2))
    inverse = np.linalg.inv(d.T @ d)
    signs = np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1).T
    sums = signs @ d
    size = np.einsum("ij,jk,ik->i", sums, inverse, sums)
    exact = (size >= d.sum(axis=0) @ inverse @ d.sum(axis=0) * (1 - 1e-12)).mean()
    assert sign_flip_test(d, draws=20_000)[1] == pytest.approx(exact, abs=0.01)


def test_random_stars_in_place_of_the_kind_give_uniform_p(tmp_path):
    """The null: stars drawn at random, as many as there are of the kind, differ in nothing."""
    catalog, is_kind = sky(tmp_path / "stars.parquet", n=1200)
    found = []
    for seed in range(40):
        drawn = np.random.default_rng(seed).permutation(is_kind)
        found.append(against_equals(catalog, drawn, ("m_h",), seed=seed).p)
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_a_kind_that_differs_in_metallicity_alone_is_not_told_from_its_equals(tmp_path):
    catalog, is_kind = sky(tmp_path / "stars.parquet")
    z1 = catalog["z1"]
    assert stats.ttest_ind(z1[is_kind], z1[~is_kind]).pvalue < 1e-9
    for matched in MATCHED_BY[:2]:
        one = against_equals(catalog, is_kind, matched)
        assert one.p > 0.01 and one.p_partners > 0.01
        assert one.alpha_m == pytest.approx(-0.05, abs=5 * one.alpha_m_error)


def test_a_kind_that_differs_is_found(tmp_path):
    catalog, is_kind = sky(tmp_path / "stars.parquet", offset=0.5)
    one = against_equals(catalog, is_kind, ("teff", "logg", "m_h"))
    assert one.p == pytest.approx(1e-4)
    assert one.p_partners > 0.01
    spread = catalog["z2"].std()
    assert one.difference["z2"] == pytest.approx(0.5 / spread, abs=0.3)
    assert 0 < one.n_pairs <= one.n_kind == is_kind.sum()
    table = differences_table([one], catalog, seed=0)
    assert table["p"][0] == one.p and table.meta["within"] == WITHIN


def test_what_cannot_be_matched_is_said(tmp_path):
    catalog, is_kind = sky(tmp_path / "stars.parquet", n=300)
    with pytest.raises(InputError, match="no numbers in sfd_ebv, phot_g_mean_mag to find"):
        against_equals(catalog, is_kind, MATCHED_BY[2])
    with pytest.raises(InputError, match=r"0 pairs of 0 stars .* within \[M/H\] ± 0.05: needs 20"):
        against_equals(catalog, np.zeros(300, bool), ("m_h",))
    inactive = catalog_of(tmp_path / "flat.parquet", {"z1": np.zeros(30), "m_h": np.zeros(30)})
    with pytest.raises(InputError, match="no latent is active"):
        against_equals(inactive, np.arange(30) < 10, ("m_h",))


def test_pairs_are_close_and_no_star_is_in_two():
    rng = np.random.default_rng(5)
    first, second = rng.random((50, 2)) * 8, rng.random((80, 2)) * 8
    i, j = pair_nearest(first, second)
    assert len(set(i)) == len(set(j)) == len(i) > 20
    apart = np.abs(first[:, None] - second[None]).max(axis=2)
    assert (apart[i, j] <= 1).all()
    alone = np.setdiff1d(np.arange(50), i)
    free = np.setdiff1d(np.arange(80), j)
    assert (apart[np.ix_(alone, free)] > 1).all()
    assert apart.min() == apart[i, j].min()
    for nobody in some([(first[:0], second), (first, second[:0])]):
        assert [len(part) for part in pair_nearest(*nobody)] == [0, 0]
