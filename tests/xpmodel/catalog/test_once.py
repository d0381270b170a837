"""What is made of a catalog once for all who ask, whoever asks at the same time."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel import neighbours_of, open_catalog
from xpmodel.catalog.once import once_a_catalog
from xpmodel.diagnostics.outliers import outliers_of
from xpmodel.latent import metric
from xpmodel.latent.metric import latent_points_of
from xpmodel.selection.star_sources import NearestStars

N = 300


@pytest.fixture
def path(tmp_path):
    return write_catalog(tmp_path / "stars.parquet", N, phot_g_mean_mag=np.linspace(8, 17, N))


def test_two_who_ask_at_once_get_the_same_made_once(path):
    made, began, go = [], threading.Event(), threading.Event()

    @once_a_catalog(at_most=1)
    def slow(catalog):
        made.append(threading.get_ident())
        began.set()
        go.wait(10)
        return object()

    catalog = open_catalog(path)
    with ThreadPoolExecutor(8) as asking:
        first = asking.submit(slow, catalog)
        assert began.wait(10)
        others = [asking.submit(slow, catalog) for _ in range(7)]
        go.set()
        assert {id(other.result(10)) for other in others} == {id(first.result(10))}
    assert len(made) == 1


def test_one_that_is_made_slowly_keeps_nobody_from_another(path):
    began, go = threading.Event(), threading.Event()

    @once_a_catalog(at_most=2)
    def made_of(catalog, name):
        if name == "slow":
            began.set()
            assert go.wait(10)
        return name

    catalog = open_catalog(path)
    with ThreadPoolExecutor(1) as asking:
        slow = asking.submit(made_of, catalog, "slow")
        assert began.wait(10)
        assert made_of(catalog, "quick") == "quick"
        go.set()
        assert slow.result(10) == "slow"


def test_what_fails_is_tried_again(path):
    tries = []

    @once_a_catalog(at_most=1)
    def fails_first(catalog):
        tries.append(catalog)
        if len(tries) == 1:
            raise ValueError("not yet")
        return "made"

    catalog = open_catalog(path)
    with pytest.raises(ValueError, match="not yet"):
        fails_first(catalog)
    assert fails_first(catalog) == fails_first(catalog) == "made" and len(tries) == 2


def test_of_many_the_last_ones_are_kept(path):
    made = []

    @once_a_catalog(at_most=2)
    def named(catalog, name):
        made.append(name)
        return name

    catalog, other = open_catalog(path), open_catalog(path)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert named(catalog, name) == name
    assert made == ["a", "b", "c", "b"]
    named(other, "a")
    assert made[-1] == "a"


def test_the_tree_is_built_once_by_all_who_ask_at_once(path, monkeypatch):
    built, barrier = [], threading.Barrier(6)

    def counted(*args, **options):
        built.append(threading.get_ident())
        return tree(*args, **options)

    tree = metric.cKDTree
    monkeypatch.setattr(metric, "cKDTree", counted)
    catalog = open_catalog(path)
    works = [
        lambda: neighbours_of(catalog).nearest((0, 0, 0, 0), 5),
        lambda: neighbours_of(catalog, device="cpu").nearness(0.1),
        lambda: NearestStars((0, 0, 0, 0), 5).mask(catalog),
        lambda: outliers_of(catalog),
        lambda: latent_points_of(catalog).own_distances,
        lambda: latent_points_of(catalog).neighbour_distance(3),
    ]

    def at_once(work):
        barrier.wait(10)
        work()

    with ThreadPoolExecutor(len(works)) as asking:
        list(asking.map(at_once, works))
    assert len(built) == 1


def test_a_replaced_catalog_is_not_kept(path):
    catalog = open_catalog(path)
    neighbours_of(catalog).nearness(0.1)
    neighbours_of(catalog, "cpu")
    outliers_of(catalog)
    latent_points_of(catalog)
    gone = weakref.ref(catalog)
    del catalog
    gc.collect()
    assert gone() is None


def test_the_ends_of_a_column_are_found_once(path, monkeypatch):
    catalog = open_catalog(path)
    found = catalog.span("z1"), catalog.span("z1", 16, 84), catalog.span("teff")
    monkeypatch.setattr(np, "percentile", None)
    assert (catalog.span("z1"), catalog.span("z1", 16, 84)) == found[:2]
    assert found[0] != found[1] and np.isnan(found[2]).all()
