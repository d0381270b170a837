"""Neighbours against trying every star."""

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel import Catalog, InputError, open_catalog
from xpmodel.columns import steerable
from xpmodel.latent.neighbours import (
    EXTRAPOLATION,
    Nearness,
    Neighbours,
    describe_labels,
    neighbours_of,
)
from xpmodel.selection.recipe import make_recipe, replay_recipe
from xpmodel.selection.star_sources import MAX_NEAREST, NearestStars
from xpmodel.selection.steps import Step

N = 3000


def clustered(seed: int = 0) -> dict[str, np.ndarray]:
    """Latents of very different widths, with clusters, repeated stars and gaps; z3 inactive."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(6, 4))[rng.integers(0, 6, N)]
    z = centre + rng.normal(size=(N, 4)) * 10.0 ** rng.uniform(-3, 0, (N, 1))
    z[:, 0] *= 40.0
    z[:, 3] *= 0.01
    z[100:140] = z[60:100]
    columns = {f"z{i + 1}": z[:, i].astype(np.float32) for i in range(4)}
    columns |= {f"z{i + 1}_err": np.full(N, 0.1, np.float32) for i in range(4)}
    columns["z3"], columns["z3_err"] = np.zeros(N, np.float32), np.ones(N, np.float32)
    columns["z1"][7] = np.nan
    return columns


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    path = tmp_path_factory.mktemp("near") / "stars.parquet"
    return open_catalog(write_catalog(path, N, **clustered()))


def brute(catalog: Catalog, z: np.ndarray, k: int, exclude: int | None = None):
    names = ["z1", "z2", "z4"]
    points = np.stack([catalog[n] for n in names], axis=1).astype(np.float64)
    known = np.isfinite(points).all(axis=1)
    points /= points[known].std(axis=0)
    here = np.asarray(z, np.float64)[[0, 1, 3]]
    scale = np.stack([catalog[n][known] for n in names], axis=1).astype(np.float64).std(axis=0)
    away = np.sqrt(((points - here / scale) ** 2).sum(axis=1))
    away[~known] = np.inf
    if exclude is not None:
        away[exclude] = np.inf
    rows = np.lexsort((np.arange(len(away)), away))[:k]
    return rows, away[rows]


class Tried(Neighbours):
    """What CUDA does, on a CPU."""

    def _from_tree(self, point, k):
        return self._tried(point, k)


KINDS = {"tree": Neighbours, "tried": Tried}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 2, 50, N - 1, N + 10])
def test_nearest(kind, k, catalog):
    found_by = KINDS[kind](catalog)
    assert found_by.latents == ["z1", "z2", "z4"]
    rng = np.random.default_rng(3)
    points = [rng.normal(size=4) * [40, 1, 1, 0.01] for _ in range(5)]
    points += [[float(catalog[f"z{i}"][row]) for i in (1, 2, 3, 4)] for row in (0, 65, 105, 2000)]
    for z in points:
        near = found_by.nearest(z, k)
        rows, distance = brute(catalog, z, min(k, N - 1))
        np.testing.assert_array_equal(near.rows, rows)
        np.testing.assert_allclose(near.distance, distance, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_a_star_is_left_out(kind, catalog):
    z = [float(catalog[f"z{i}"][62]) for i in (1, 2, 3, 4)]
    near = KINDS[kind](catalog).nearest(z, 5, exclude=62)
    rows, distance = brute(catalog, z, 5, exclude=62)
    np.testing.assert_array_equal(near.rows, rows)
    assert near.rows[0] == 102 and near.distance[0] == 0  # its twin stays
    assert len(near.rows) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_ties_go_to_the_lower_rows(kind, tmp_path):
    """A grid: many stars are equally far, more of them than are asked for."""
    x, y = (v.ravel().astype(np.float32) for v in np.meshgrid(np.arange(20), np.arange(20)))
    errors = {f"z{i}_err": np.full(400, 0.1, np.float32) for i in (1, 2)}
    path = write_catalog(tmp_path / "grid.parquet", 400, 2, z1=x, z2=y, **errors)
    found_by = KINDS[kind](open_catalog(path))
    for k in (1, 2, 3, 4, 5, 7, 13, 30):
        near = found_by.nearest((10, 10), k)
        away = np.hypot(x - 10, y - 10)
        np.testing.assert_array_equal(near.rows, np.lexsort((np.arange(400), away))[:k])


@pytest.mark.cuda
def test_cuda_finds_the_same(catalog):
    on_cpu, on_cuda = Neighbours(catalog), Neighbours(catalog, "cuda")
    for row in range(0, 200, 3):
        if row != 7:
            z = [float(catalog[f"z{i}"][row]) + 1e-3 for i in (1, 2, 3, 4)]
            a, b = on_cpu.nearest(z, 50), on_cuda.nearest(z, 50)
            np.testing.assert_array_equal(a.rows, b.rows)
            np.testing.assert_array_equal(a.distance, b.distance)


def test_own_distances_and_nearness(catalog):
    found_by = Neighbours(catalog)
    rows = [r for r in range(N) if r != 7]
    own = []
    for row in rows[::10]:
        z = [float(catalog[f"z{i}"][row]) for i in (1, 2, 3, 4)]
        own.append(brute(catalog, z, 1, exclude=row)[1][0])
    all_own = found_by.own_distances
    assert len(all_own) == N - 1 and (np.diff(all_own) >= 0).all()
    assert np.isin(np.round(own, 10), np.round(all_own, 10)).all()
    for distance in (0.0, all_own[10], 0.01, all_own[-1], all_own[-1] * 1.01):
        nearness = found_by.nearness(float(distance))
        assert nearness.share == pytest.approx((all_own >= distance).mean())
    assert found_by.nearness(1e9).extrapolation
    assert found_by.nearness(1e9).text == "no star is near: extrapolation"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "as near as most stars"),
        (0.5, "like 1 star in 2"),
        (1 / 3, "like 1 star in 3"),
        (0.041, "like 1 star in 24"),
        (1 / 347, "like 1 star in 350"),
        (EXTRAPOLATION, "like 1 star in 1,000"),
        (0.9 * EXTRAPOLATION, "no star is near: extrapolation"),
        (float("nan"), "no star is near: extrapolation"),
    ],
)
def test_nearness_in_words(share, text):
    assert Nearness(1.0, share).text == text


def test_labels_in_words(tmp_path):
    teff = np.array([4700, 4720, 4740, 4760, 4780, np.nan], np.float32)
    columns = {"teff": teff, "m_h": np.full(6, -0.3, np.float32)}
    columns["alpha_m"] = np.full(6, np.nan, np.float32)
    catalog = open_catalog(write_catalog(tmp_path / "s.parquet", 6, **columns))
    found = describe_labels(catalog, np.arange(6))
    assert found["teff"].median == 4740 and found["teff"].n == 5
    low, high = np.percentile(teff[:5], [16, 84])
    assert found["teff"].spread == pytest.approx((high - low) / 2)
    assert found["teff"].text == "Teff 4740 ± 27 K"
    assert found["m_h"].text == "[M/H] −0.30 ± 0.00"
    assert set(found) <= set(steerable()) and "j_k" not in found
    assert describe_labels(catalog, np.array([5]))["teff"].text == "Teff unknown"


def test_bad_points(catalog):
    found_by = neighbours_of(catalog)
    assert neighbours_of(catalog) is found_by
    for z in ((1, 2, 3), (1, 2, 3, np.nan), (1, 2, 3, 4, 5)):
        with pytest.raises(InputError, match="4 finite latents"):
            found_by.nearest(z, 3)
    with pytest.raises(InputError, match="at least 1"):
        found_by.nearest((0, 0, 0, 0), 0)


def test_nearest_stars_as_a_set(catalog, tmp_path):
    z = tuple(float(catalog[f"z{i}"][62]) for i in (1, 2, 3, 4))
    for exclude in (None, int(catalog.source_id[62]), 5):
        source = NearestStars(z, 20, exclude)
        mask = source.mask(catalog)
        row = 62 if exclude == int(catalog.source_id[62]) else None
        rows, _ = brute(catalog, z, 20, exclude=row)
        np.testing.assert_array_equal(np.flatnonzero(mask), np.sort(rows))
        steps = [Step("replace", source)]
        (tmp_path / "r.json").write_text(make_recipe(steps, catalog, 20))
        np.testing.assert_array_equal(replay_recipe(tmp_path / "r.json", catalog), mask)
        assert NearestStars.from_json(source.to_json()) == source


@pytest.mark.parametrize(
    ("z", "k", "match"),
    [
        ((0.0,), 0, "1 to 100,000"),
        ((0.0,), MAX_NEAREST + 1, "1 to 100,000"),
        ((), 3, "finite"),
        ((np.inf, 0), 3, "finite"),
    ],
)
def test_bad_nearest_stars(z, k, match):
    with pytest.raises(InputError, match=match):
        NearestStars(z, k)


def test_nearest_stars_of_another_catalog(catalog):
    with pytest.raises(InputError, match="4 finite latents"):
        NearestStars((0.0, 0.0), 3).mask(catalog)
