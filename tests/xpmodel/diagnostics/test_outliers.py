"""Outlier scores against brute force; planted oddities; recipes."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.catalogs import rewrite, write_catalog
from tests.support.outliers import PLANTED, N, star_columns
from tests.support.tracks import catalog_of
from xpmodel import open_catalog
from xpmodel.diagnostics.outliers import (
    BIN_STARS,
    NEIGHBOURS,
    OutlierScores,
    deviation,
    neighbour_distance,
    outlier_table,
    outliers_of,
    rarity,
    score_outliers,
)
from xpmodel.errors import InputError
from xpmodel.selection.recipe import make_recipe, replay_recipe
from xpmodel.selection.star_sources import Outliers
from xpmodel.selection.steps import Step


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    path = tmp_path_factory.mktemp("outliers") / "stars.parquet"
    return open_catalog(write_catalog(path, N, **star_columns()))


def without(catalog, folder, *names):
    path = folder / "less.parquet"
    pq.write_table(pq.read_table(catalog.path).drop_columns(list(names)), path)
    return open_catalog(path)


def slow_deviation(values, magnitude):
    """Bin by bin, star by star."""
    log = np.log(values)
    order = sorted(range(len(values)), key=lambda i: magnitude[i])
    n_bins = len(order) // BIN_STARS
    bins = [[] for _ in range(n_bins)]
    for place, star in enumerate(order):
        bins[place * n_bins // len(order)].append(star)
    at = [np.median(magnitude[members]) for members in bins]
    middle = [np.median(log[members]) for members in bins]
    away = np.array([log[i] - np.interp(magnitude[i], at, middle) for i in range(len(log))])
    spread = [np.diff(np.percentile(away[members], [16, 84]))[0] / 2 for members in bins]
    return np.array([away[i] / np.interp(magnitude[i], at, spread) for i in range(len(log))])


def slow_rarity(values):
    return np.array([-np.log10(np.mean(values >= value)) for value in values])


def test_rarity_by_hand():
    expected = [-np.log10(p) for p in (1.0, 0.25, 0.75, 0.75)]
    found = rarity(np.array([1.0, 9.0, 2.0, 2.0, np.nan]))
    np.testing.assert_allclose(found[:4], expected, atol=1e-12)
    assert np.isnan(found[4])
    values = np.random.default_rng(0).integers(0, 40, 300).astype(float)
    np.testing.assert_allclose(rarity(values), slow_rarity(values), atol=1e-12)


def test_neighbour_distance_by_trying_all(catalog):
    z = np.stack([catalog[name].astype(float) for name in catalog.active], axis=1)
    z = z / z.std(axis=0)
    away = np.sqrt(((z[:, None] - z[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(
        neighbour_distance(catalog), np.sort(away, axis=1)[:, NEIGHBOURS], rtol=1e-9
    )


def test_deviation(catalog):
    values, g = catalog["chi2_obs"].astype(float), catalog["phot_g_mean_mag"].astype(float)
    found = deviation(values, g)
    np.testing.assert_allclose(found, slow_deviation(values, g), rtol=1e-9, atol=1e-9)


def test_deviation_is_the_same_at_any_magnitude():
    rng = np.random.default_rng(4)
    g = rng.uniform(9, 18, 20_000)
    # Values fall with magnitude, and scatter more at the faint end.
    found = deviation(np.exp(rng.normal(-g, 0.05 * (g - 8))), g)
    for low in range(9, 18):
        here = found[(g >= low) & (g < low + 1)]
        assert np.median(here) == pytest.approx(0, abs=0.1)
        assert np.std(here) == pytest.approx(1, abs=0.1)


def test_deviation_of_gaps_and_extremes(catalog):
    values, g = catalog["chi2_obs"].astype(float), catalog["phot_g_mean_mag"].astype(float)
    log = np.log(values)
    low, middle, high = np.percentile(log, (16, 50, 84))
    of_all = (log - middle) / (0.5 * (high - low))
    np.testing.assert_allclose(deviation(values, None), of_all, rtol=1e-9, atol=1e-12)
    g = np.where(np.arange(N) < 100, np.nan, g)
    np.testing.assert_allclose(deviation(values, g)[:100], of_all[:100], rtol=1e-9, atol=1e-12)
    values[:3] = np.nan, 0.0, np.inf
    found = deviation(values, g)
    assert np.isnan(found[0]) and np.isfinite(found[1:]).all()
    assert found[1] == found[1:].min() and found[2] == found[1:].max()
    np.testing.assert_array_equal(deviation(np.full(900, 2.0), np.arange(900.0)), 0)
    assert np.isnan(deviation(np.full(3, np.nan), None)).all()


def test_score_by_brute_force(catalog):
    scores = score_outliers(catalog)
    g = catalog["phot_g_mean_mag"].astype(float)
    width = [slow_deviation(catalog[f"{z}_err"].astype(float), g) for z in catalog.active]
    parts = {
        "misfit": slow_deviation(catalog["chi2_obs"].astype(float), g),
        "isolation": slow_deviation(neighbour_distance(catalog), g),
        "width": np.abs(width).max(axis=0),
    }
    assert list(scores.parts) == list(parts) and scores.missing == {}
    for name, values in parts.items():
        np.testing.assert_allclose(scores.parts[name], slow_rarity(values), rtol=1e-9, atol=1e-9)
    total = sum(slow_rarity(values) for values in parts.values())
    np.testing.assert_allclose(scores.score, total, rtol=1e-9, atol=1e-9)
    ranked = sorted(range(N), key=lambda row: (-scores.score[row], row))
    assert scores.ranked.tolist() == ranked


def test_planted_oddities_come_first(catalog):
    scores = score_outliers(catalog)
    for name, row in PLANTED.items():
        assert np.argmax(scores.parts[name]) == row
    assert set(PLANTED.values()) <= set(scores.ranked[:15].tolist())
    # The plain χ² of the star that does not fit is nothing among the bright ones.
    assert (catalog["chi2_obs"] > catalog["chi2_obs"][PLANTED["misfit"]]).sum() > 500


def test_the_same_at_equal_scores():
    scores = OutlierScores(np.array([1.0, 2.0, np.nan, 2.0, 1.0]), {}, {}, None)
    assert scores.ranked.tolist() == [1, 3, 0, 4]


def test_without_parts(catalog, tmp_path):
    full = score_outliers(catalog)
    less = without(catalog, tmp_path, "chi2_obs")
    scores = score_outliers(less)
    assert list(scores.parts) == ["isolation", "width"] and "misfit" in scores.missing
    expected = full.score - full.parts["misfit"]
    np.testing.assert_allclose(scores.score, expected, rtol=1e-9, atol=1e-9)
    assert "chi2_obs" not in outlier_table(less, scores, 5).colnames

    scores = score_outliers(without(catalog, tmp_path, "phot_g_mean_mag"))
    assert "compared with all stars" in scores.missing["magnitude"]
    of_all = slow_rarity(catalog["chi2_obs"].astype(float))
    np.testing.assert_allclose(scores.parts["misfit"], of_all, atol=1e-12)


def test_chi2_where_there_is_no_other(catalog, tmp_path):
    def rename(table):
        names = {"chi2": "chi2_other", "chi2_obs": "chi2"}
        return table.rename_columns([names.get(n, n) for n in table.column_names])

    pq.write_table(pq.read_table(catalog.path), tmp_path / "stars.parquet")
    scores = score_outliers(open_catalog(rewrite(tmp_path / "stars.parquet", rename)))
    assert scores.chi2 == "chi2"
    np.testing.assert_array_equal(scores.score, score_outliers(catalog).score)


def test_stars_with_gaps(catalog, tmp_path):
    columns = star_columns()
    columns["chi2_obs"][10] = np.nan
    for name in [f"z{i}{end}" for i in (1, 2, 3, 4) for end in ("", "_err")]:
        columns[name][[20, 21]] = np.nan
    columns["chi2_obs"][20] = np.nan
    less = open_catalog(write_catalog(tmp_path / "stars.parquet", N, **columns))
    scores = score_outliers(less)
    assert np.isnan(scores.score[20]) and 20 not in scores.ranked
    assert len(scores.ranked) == N - 1
    assert scores.score[10] == scores.parts["isolation"][10] + scores.parts["width"][10]
    assert scores.score[21] == scores.parts["misfit"][21]
    table = outlier_table(less, scores, 10 * N)
    assert len(table) == N - 1
    assert table.meta["stars"] == f"{N - 1} of {N - 1} with a score, of {N}"


def test_the_same_widths_say_nothing(tmp_path):
    rng = np.random.default_rng(0)
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": rng.normal(size=50)})
    scores = score_outliers(catalog)
    assert list(scores.parts) == ["isolation"]
    assert scores.missing["width"] == "the same for all stars that have it"


def test_an_autoencoder_has_no_widths(catalog, tmp_path):
    zeros = {f"z{i}_err": np.zeros(N) for i in (1, 2, 3, 4)}
    path = write_catalog(tmp_path / "stars.parquet", N, **star_columns() | zeros)
    scores = score_outliers(open_catalog(path))
    assert list(scores.parts) == ["misfit", "isolation"] and "width" in scores.missing
    assert np.argmax(scores.parts["isolation"]) == PLANTED["isolation"]


def test_nothing_to_score_by(tmp_path):
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": np.arange(8.0)})
    with pytest.raises(InputError, match=r"nothing to score stars by \(χ² .*chi2_obs.*of 8 stars"):
        score_outliers(catalog)


def test_table(catalog):
    scores = outliers_of(catalog)
    table = outlier_table(catalog, scores, 25)
    rows = scores.ranked[:25]
    assert table["source_id"].tolist() == catalog.source_id[rows].tolist()
    assert table["rank"].tolist() == list(range(1, 26))
    for name in ("phot_g_mean_mag", "chi2_obs", "teff", "z4"):
        np.testing.assert_array_equal(table[name], catalog[name][rows])
    parts = table["misfit"] + table["isolation"] + table["width"]
    np.testing.assert_allclose(table["score"], parts, rtol=1e-12)
    assert (np.diff(table["score"]) <= 0).all() and "m_h" not in table.colnames


def test_recipe(catalog, tmp_path):
    scores = outliers_of(catalog)
    source = Outliers(40)
    assert Outliers.from_json(json.loads(json.dumps(source.to_json()))) == source
    path = tmp_path / "outliers.json"
    path.write_text(make_recipe((Step("replace", source),), catalog, 40))
    mask = replay_recipe(path, open_catalog(catalog.path))
    assert sorted(scores.ranked[:40].tolist()) == np.flatnonzero(mask).tolist()
    assert Outliers(10 * N).mask(catalog).all()
    with pytest.raises(InputError, match="at least 1"):
        Outliers(0)
    for k in ("many", None, -3, [1]):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"steps": [{
            "operation": "replace", "kind": "outliers", "k": k}]}))  # fmt: skip
        with pytest.raises(InputError, match="outliers.json: "):
            replay_recipe(path, catalog)
