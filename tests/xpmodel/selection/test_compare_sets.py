"""Comparisons: ranks against scipy and brute force, percentiles against numpy."""

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import mannwhitneyu

from tests.support.catalogs import write_catalog
from tests.support.loops import some
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.selection.compare_sets import compare, compared_columns, histograms, summarize
from xpmodel.selection.rank_statistics import holm

N = 600


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    rng = np.random.default_rng(1)
    columns = {
        "teff": pa.array(rng.uniform(4000, 6000, N), pa.float32(), mask=rng.uniform(size=N) < 0.2),
        "teff_err": rng.uniform(10, 50, N),
        "parallax_error": rng.uniform(0.1, 0.2, N),
        "logg": np.round(rng.normal(3, 1, N)),  # with ties
        "starflag": rng.integers(0, 5, N),
        "ra": rng.uniform(0, 360, N),
        "chi2": rng.uniform(0, 2, N),
        "bp_rp": np.full(N, 0.8),
        "population": ["disc"] * N,
        "j": np.where(np.arange(N) % 50 == 0, np.inf, rng.normal(size=N)),
    }
    path = tmp_path_factory.mktemp("compare") / "stars.parquet"
    return open_catalog(write_catalog(path, N, **columns))


@pytest.fixture(scope="module")
def sets(catalog):
    teff = np.nan_to_num(catalog["teff"], nan=5000)
    rng = np.random.default_rng(2)
    return teff + rng.normal(0, 300, N) > 5000, teff + rng.normal(0, 300, N) < 5300


def finite(values):
    return values[np.isfinite(values)]


def test_columns_compared_by_default(catalog):
    expected = ["z1", "z2", "z3", "z4", "teff", "logg", "bp_rp", "j"]
    assert compared_columns(catalog) == expected
    comparison = compare(catalog, np.arange(N) < 300, np.arange(N) >= 300)
    assert sorted(d.name for d in comparison.columns) == sorted(expected)


def test_summaries(catalog, sets):
    names = ["logg", "teff", "starflag", "j"]
    summaries = summarize(catalog, sets[0], names)
    assert [s.name for s in summaries] == names
    for summary in summaries:
        values = finite(catalog[summary.name][sets[0]]).astype(np.float64)
        assert summary.n == len(values) and summary.n_missing == sets[0].sum() - len(values)
        percentiles = [summary.p16, summary.median, summary.p84]
        np.testing.assert_allclose(percentiles, np.percentile(values, [16, 50, 84]), rtol=1e-6)
        np.testing.assert_allclose(summary.mean, values.mean(), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(summary.sd, values.std(ddof=1), rtol=1e-5)
    assert [s.n for s in summarize(catalog, None, ["z1"])] == [N]


def test_ranks_are_those_of_scipy(catalog, sets):
    comparison = compare(catalog, *sets)
    for d in some(comparison.columns):
        a, b = (finite(catalog[d.name][s]).astype(np.float64) for s in sets)
        test = mannwhitneyu(a, b, method="asymptotic")
        np.testing.assert_allclose(d.superiority, test.statistic / (len(a) * len(b)), rtol=1e-12)
        if d.name != "bp_rp":  # all equal, for which scipy has no p-value
            np.testing.assert_allclose(d.p_value, test.pvalue, rtol=1e-9)
        assert d.a == summarize(catalog, sets[0], [d.name])[0]
        assert d.b == summarize(catalog, sets[1], [d.name])[0]


def test_the_column_that_differs_most_comes_first(catalog, sets):
    comparison = compare(catalog, *sets)
    assert comparison.columns[0].name == "teff" and comparison.columns[0].delta > 0.2
    deltas = [abs(d.delta) for d in comparison.columns]
    assert deltas == sorted(deltas, reverse=True)
    corrected = holm(np.array([d.p_value for d in comparison.columns]))
    np.testing.assert_array_equal([d.p_corrected for d in comparison.columns], corrected)
    assert comparison.n_a == sets[0].sum() and comparison.n_b == sets[1].sum()
    assert comparison.n_both == (sets[0] & sets[1]).sum() > 0


def test_a_set_with_itself(catalog, sets):
    comparison = compare(catalog, sets[0], sets[0])
    assert comparison.n_both == comparison.n_a
    assert all(d.delta == 0 and d.p_value == d.p_corrected == 1 for d in some(comparison.columns))


def test_nothing_to_compare(catalog, sets):
    none = np.zeros(N, bool)
    for pair in ((none, sets[0]), (sets[0], none), (none, none)):
        comparison = compare(catalog, *pair)
        for d in some(comparison.columns):
            assert math.isnan(d.delta) and math.isnan(d.p_value) and math.isnan(d.p_corrected)
    (summary,) = summarize(catalog, none, ["z1"])
    assert summary.n == summary.n_missing == 0 and math.isnan(summary.median)
    (summary,) = summarize(catalog, np.arange(N) == 1, ["z1"])
    assert summary.n == 1 and summary.median == summary.mean and math.isnan(summary.sd)


def test_a_column_without_a_value_comes_last(catalog, sets):
    comparison = compare(catalog, *sets, columns=["m_h", "z1", "z2"])
    assert [d.name for d in comparison.columns][-1] == "m_h"
    empty = comparison.columns[-1]
    assert empty.a.n == 0 and empty.a.n_missing == sets[0].sum() and math.isnan(empty.delta)
    p = np.sort([d.p_value for d in comparison.columns[:2]])
    assert min(d.p_corrected for d in comparison.columns[:2]) == pytest.approx(min(2 * p[0], 1))


def test_histograms(catalog, sets):
    edges, counts = histograms(catalog, sets, "teff", 30)
    assert edges.shape == (31,) and counts.shape == (2, 30)
    both = finite(catalog["teff"][sets[0] | sets[1]])
    assert edges[0] == both.min() and edges[-1] == both.max()
    for row, mask in zip(counts, sets, strict=True):
        values = finite(catalog["teff"][mask])
        assert row.sum() == len(values)
        np.testing.assert_array_equal(row, np.histogram(values, edges)[0])
    _, counts = histograms(catalog, sets, "teff", np.array([4500, 4600, 5000]))
    teff = catalog["teff"][sets[1]]
    wanted = [((teff >= 4500) & (teff < 4600)).sum(), ((teff >= 4600) & (teff <= 5000)).sum()]
    assert counts[1].tolist() == wanted


def test_histograms_of_little(catalog):
    none, everything = np.zeros(N, bool), np.ones(N, bool)
    edges, counts = histograms(catalog, [none, none], "teff", 5)
    assert (edges[0], edges[-1]) == (0, 1) and not counts.any()
    edges, counts = histograms(catalog, [everything, none], "bp_rp", 5)  # all equal
    assert (np.diff(edges) > 0).all() and counts.sum(axis=1).tolist() == [N, 0]
    assert histograms(catalog, [], "teff", 5)[1].shape == (0, 5)


def test_wrong_arguments(catalog, sets):
    for name in ("population", "source_id"):
        with pytest.raises(InputError, match=f"'{name}' holds no numbers"):
            compare(catalog, *sets, columns=[name])
    with pytest.raises(InputError, match="no column 'mass'"):
        summarize(catalog, sets[0], ["mass"])
    for wrong in (sets[0][:-1], sets[0].astype(int)):
        with pytest.raises(InputError, match="a mask of 600 bool, not"):
            compare(catalog, sets[0], wrong)
    for bins in (0, -3, [1.0], [1.0, 1.0], [2.0, 1.0], [0.0, np.nan]):
        with pytest.raises(InputError, match="bins"):
            histograms(catalog, sets, "teff", bins)


@pytest.mark.slow
def test_half_a_million_stars(tmp_path):
    n = 500_000
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet", n, n_latents=6))
    chosen = np.arange(n) % 2 == 0
    for name in catalog.latents:
        catalog[name]
    comparison = compare(catalog, chosen, ~chosen, catalog.latents)
    assert max(abs(d.delta) for d in comparison.columns) < 0.01
