"""The edges of an outline's area: against its area strip by strip, and within bounds."""

from itertools import pairwise

import numpy as np
import pytest
import shapely

from tests.support.catalogs import write_catalog
from tests.support.commands import run
from xpmodel import Region, Step, make_recipe, open_catalog
from xpmodel._long_work import Canceled, watched
from xpmodel.errors import InputError
from xpmodel.selection import outline_edges, region_probability, regions
from xpmodel.selection.outline_edges import area_edges
from xpmodel.selection.region_probability import probability_inside
from xpmodel.selection.regions import polygon_contains
from xpmodel.selection.star_sources import Probable


def random_outline(seed: int, n: int, grid: int | None = None) -> np.ndarray:
    """Vertices anywhere, or on a grid, where edges meet in vertices and lie on each other."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)) if grid is None else rng.integers(0, grid, (n, 2)).astype(float)


def even_odd_area(outline: np.ndarray) -> float:
    """Area by the even-odd rule: strips between the heights of all vertices and crossings.

    Within one the edges do not cross, and it is as wide as in its middle. (shapely.make_valid has
    another area where edges lie on each other.)
    """
    ring = np.concatenate([outline, outline[:1]])
    heights = np.unique(shapely.get_coordinates(shapely.node(shapely.LineString(ring)))[:, 1])
    area = 0.0
    for low, high in pairwise(heights):
        y = 0.5 * (low + high)
        (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
        passing = (y0 > y) != (y1 > y)
        x0, y0, x1, y1 = (v[passing] for v in (x0, y0, x1, y1))
        x = np.sort(x0 + (x1 - x0) * (y - y0) / (y1 - y0))
        area += (high - low) * (x[1::2] - x[::2]).sum()
    return area


def signed_area(start: np.ndarray, end: np.ndarray) -> float:
    return 0.5 * float((start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]).sum())


@pytest.mark.parametrize("grid", [None, 3, 4, 8], ids=lambda g: f"grid {g}" if g else "anywhere")
@pytest.mark.parametrize("seed", range(12))
def test_the_area_is_that_of_the_even_odd_rule(seed, grid):
    """Also where edges lie on each other, touch in vertices or are passed to and fro."""
    outline = random_outline(seed, 5 + 3 * seed, grid)
    start, end = area_edges(outline)
    assert signed_area(start, end) == pytest.approx(even_odd_area(outline), abs=1e-9)


@pytest.mark.parametrize("grid", [None, 5])
def test_the_area_lies_on_the_left_of_each_edge(grid):
    outline = random_outline(3, 25, grid)
    start, end = area_edges(outline)
    along = end - start
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    middle = 0.5 * (start + end)
    assert polygon_contains(outline, *(middle + 1e-7 * normal).T).all()
    assert not polygon_contains(outline, *(middle - 1e-7 * normal).T).any()


def test_an_outline_of_many_crossings_is_done_after_all():
    """Tens of thousands of pieces; the area is that of the points in it."""
    outline = random_outline(1, 300)
    start, end = area_edges(outline)
    assert len(start) > 15_000
    rng = np.random.default_rng(2)
    low, high = outline.min(axis=0), outline.max(axis=0)
    inside = polygon_contains(outline, *rng.uniform(low, high, (200_000, 2)).T)
    assert signed_area(start, end) == pytest.approx(inside.mean() * np.prod(high - low), rel=0.02)


@pytest.mark.parametrize("n", [1_500, 20_000])
def test_more_crossings_than_can_be_had_are_refused(n):
    with pytest.raises(InputError, match="crosses itself more than 20,000 times: draw a simpler"):
        probability_inside(random_outline(1, n), *np.ones((4, 10)))


def test_many_vertices_without_a_crossing_are_no_matter():
    angle = np.linspace(0, 2 * np.pi, regions.MAX_VERTICES, endpoint=False)
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    stars = np.array([[0.0, 1.0, 3.0], [0.0, 0.0, 0.0]])
    found = probability_inside(outline, *stars, *np.full((2, 3), 1e-3))
    np.testing.assert_allclose(found, [1, 0.5, 0], atol=1e-3)


def test_more_pairs_than_can_be_had_are_refused(monkeypatch):
    monkeypatch.setattr(region_probability, "MAX_PAIRS", 10_000)
    outline = random_outline(1, 12)
    few, many = (np.zeros((2, n)) for n in (10, 5_000))
    wide = [np.full((2, n), 2.0) for n in (10, 5_000)]
    assert len(probability_inside(outline, *few, *wide[0])) == 10
    with pytest.raises(InputError, match="the errors of 5,000 stars reach over too many of the"):
        probability_inside(outline, *many, *wide[1])
    # The errors of distant edges do not matter.
    assert len(probability_inside(outline, *many, *np.full((2, 5_000), 1e-6))) == 5_000


@pytest.mark.parametrize("seed", range(3))
def test_blocks_do_not_matter(monkeypatch, seed):
    outline = random_outline(seed, 40, 6)
    wanted = area_edges(outline)
    points = np.random.default_rng(seed).uniform(-1, 7, (2, 3_000))
    inside = polygon_contains(outline, *points)
    monkeypatch.setattr(outline_edges, "BLOCK", 3)
    monkeypatch.setattr(regions, "TESTED_BLOCK", 7)
    np.testing.assert_array_equal(area_edges(outline), wanted)
    np.testing.assert_array_equal(polygon_contains(outline, *points), inside)


def test_the_recipe_of_such_an_outline_ends_in_one_line(tmp_path):
    path = write_catalog(tmp_path / "stars.parquet", 200)
    catalog = open_catalog(path)
    region = Region("polygon", ("z1", "z2"), tuple(map(tuple, random_outline(5, 1_500))))
    recipe = tmp_path / "recipe.json"
    recipe.write_text(make_recipe([Step("replace", Probable(region, 0.5))], catalog, 0))
    result = run("select", recipe, "--catalog", path, status=2)
    assert result.stdout == "" and result.stderr.count("\n") == 1
    assert f"{recipe}: the outline crosses itself more than 20,000 times" in result.stderr


@pytest.mark.parametrize("work", ["contains", "probability", "crossings"])
def test_it_can_be_given_up_in_its_midst(work):
    """Each passes checkpoints, says how far it is, and ends where one of them ends it."""
    outline = random_outline(1, 60 if work == "probability" else 2_000)
    x, y = np.random.default_rng(0).normal(size=(2, 20_000))
    error = np.full(20_000, 0.1)
    told = []

    def end(done: float) -> None:
        told.append(done)
        if len(told) == 3:
            raise Canceled

    with watched(end), pytest.raises(Canceled):
        if work == "contains":
            polygon_contains(outline, x, y)
        elif work == "probability":
            probability_inside(outline, x, y, error, error)
        else:
            outline_edges.check_crossings(np.concatenate([outline[:100], outline[:1]]))
    assert len(told) == 3 and all(0 <= done < 1 for done in told)
