"""The one distance in latent space: by hand, and made once for all who ask."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from tests.xpmodel.catalog.test_catalog import write_catalog
from xpmodel import InputError, Neighbours, neighbours_of, open_catalog
from xpmodel.diagnostics.label_probe import probe
from xpmodel.diagnostics.outliers import neighbour_distance, outliers_of
from xpmodel.latent import metric as module
from xpmodel.latent.metric import LatentMetric, LatentPoints
from xpmodel.selection.star_sources import NearestStars

N = 300


@pytest.fixture
def catalog(tmp_path):
    """z2 is inactive, z3 the same for all; star 5 has no latents; Teff follows z1."""
    z = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
    columns = {"z1": 20 * z[:, 0], "z2": z[:, 1], "z3": np.full(N, 2, np.float32)}
    columns |= {"z1_err": np.full(N, 0.1, np.float32), "z2_err": np.ones(N, np.float32)}
    columns |= {"z3_err": np.full(N, 0.1, np.float32), "teff": 5000 + 100 * z[:, 0]}
    columns["z2"] *= 0
    columns["z1"][5] = np.nan
    return open_catalog(write_catalog(tmp_path / "stars.parquet", N, 3, **columns))


def test_by_hand():
    metric = LatentMetric(3, [0, 2], [2.0, 0.5])
    np.testing.assert_array_equal(metric.coordinates([[4, 9, 1], [0, 0, -1]]), [[2, 2], [0, -2]])
    np.testing.assert_array_equal(metric.length(np.array([[6, 9, 2], [0, 7, 0]])), [5, 0])
    np.testing.assert_array_equal(metric.step(np.array([1, -4])), [2, 0, -2])
    np.testing.assert_array_equal(metric.spread, [2, 0, 0.5])


def test_of_a_catalog(catalog):
    points = LatentPoints(catalog)
    assert points.latents == ["z1", "z3"] and points.metric.index == [0, 2]
    known = np.arange(N) != 5
    np.testing.assert_array_equal(points.rows, np.flatnonzero(known))
    np.testing.assert_allclose(
        points.metric.scale, [catalog["z1"][known].astype(np.float64).std(), 1], rtol=1e-12
    )
    away = np.abs(np.subtract.outer(points.coordinates[:, 0], points.coordinates[:, 0]))
    for k in (1, 10):
        np.testing.assert_allclose(points.neighbour_distance(k), np.sort(away)[:, k], rtol=1e-12)
    np.testing.assert_array_equal(points.own_distances, np.sort(points.neighbour_distance(1)))


def test_no_latents(tmp_path):
    path = write_catalog(tmp_path / "a.parquet", 3, 1, z1=np.full(3, np.nan, np.float32))
    with pytest.raises(InputError, match="no star has latents"):
        LatentPoints(open_catalog(path))


def test_one_tree_for_all_who_ask(catalog, monkeypatch):
    built = []

    def counting(*args, **options):
        built.append(args)
        return cKDTree(*args, **options)

    monkeypatch.setattr(module, "cKDTree", counting)
    z = (0.0, 0.0, 2.0)
    near = neighbours_of(catalog).nearest(z, 5)
    for other in (neighbours_of(catalog, "cpu"), neighbours_of(catalog, device="cpu")):
        assert other is neighbours_of(catalog)
    np.testing.assert_array_equal(Neighbours(catalog).nearest(z, 5).rows, near.rows)
    assert NearestStars(z, 5).mask(catalog).sum() == 5
    neighbours_of(catalog).nearness(0.1)
    assert "isolation" in outliers_of(catalog).parts
    neighbour_distance(catalog, 3)
    assert len(built) == 1


def test_a_change_of_the_distance_reaches_all(catalog, monkeypatch):
    """In a metric that is twice as long all distances are."""
    z = (3.0, 0.0, 2.0)
    near, isolation = Neighbours(catalog).nearest(z, 5), neighbour_distance(catalog)
    (before,) = probe(catalog)
    monkeypatch.setattr(LatentMetric, "scaled", lambda self, v: 2 * v / self.scale)
    catalog = open_catalog(catalog.path)  # nothing of it is kept yet
    again = Neighbours(catalog).nearest(z, 5)
    np.testing.assert_allclose(again.distance, 2 * near.distance, rtol=1e-12)
    np.testing.assert_allclose(neighbour_distance(catalog), 2 * isolation, rtol=1e-12)
    assert probe(catalog)[0].neighbours == before.neighbours


def test_a_star_without_latents_is_not_probed(catalog):
    (teff,) = probe(catalog)
    assert teff.n_train + teff.n_test == N - 1
    assert teff.linear < 1
