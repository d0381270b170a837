"""Which points lie inside: against shapely on every point, and against a loop of our own."""

import json
import math

import numpy as np
import pytest
import shapely

from tests.support.catalogs import write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.selection.regions import (
    MAX_TURNS,
    MAX_VERTICES,
    Region,
    nearest_point,
    polygon_contains,
)

SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]
CONCAVE = [(0, 0), (4, 0), (4, 3), (3, 3), (3, 1), (1, 1), (1, 3), (0, 3)]
BOWTIE = [(0, 0), (2, 2), (2, 0), (0, 2)]
STAR = [(np.sin(t), np.cos(t)) for t in np.arange(5) * 4 * np.pi / 5]  # winds round twice


def in_shapely(outline, x, y) -> np.ndarray:
    # Without a repeated vertex GEOS takes some outlines for the rectangle about them: see below.
    polygon = shapely.Polygon([*outline, outline[0], outline[0]])
    return shapely.contains_xy(polygon, np.float64(x), np.float64(y))


def even_odd(outline, x, y) -> np.ndarray:
    """Crossings of the ray to the right of each point; of no use on the outline itself."""
    inside = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if y0 == y1:
            continue
        crossed = ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        inside ^= crossed
    return inside


def check(outline, x, y) -> np.ndarray:
    """Our answer, the same as shapely's on every point."""
    outline = np.asarray(outline, np.float64)
    found = polygon_contains(outline, x, y)
    assert found.dtype == bool and found.shape == x.shape
    wrong = np.flatnonzero(found != in_shapely(outline, x, y))
    assert not len(wrong), [(x[i], y[i], found[i]) for i in wrong[:5]]
    return found


def points(outline, rng, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Points about an outline: over and beyond its box, on vertices and edges, and next to them."""
    outline = np.asarray(outline, np.float64)
    low, high = outline.min(0), outline.max(0)
    spread = rng.uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), (n, 2))
    ends = np.roll(outline, -1, axis=0)
    edges = outline + rng.uniform(size=(50, 1, 1)) * (ends - outline)
    corners = rng.choice([low[0], high[0]], 20), rng.choice([low[1], high[1]], 20)
    close = [outline, edges.reshape(-1, 2), (outline + ends) / 2, np.stack(corners, axis=1)]
    close = np.concatenate(close)
    near = [np.nextafter(close, np.inf), np.nextafter(close, -np.inf)]
    return np.concatenate([spread, close, *near]).T


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("outline", [SQUARE, CONCAVE, BOWTIE, STAR, SQUARE[::-1]])
def test_outlines_of_every_kind(outline, closed):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1.5, 4.5, (2, 3000))
    drawn = [*outline, outline[0]] if closed else outline
    found = check(drawn, x, y)
    assert found.any() and not found.all()
    np.testing.assert_array_equal(found, even_odd(outline, x, y))
    check(drawn, *points(outline, rng))


def test_what_an_outline_crosses_twice_is_outside():
    """The middle of a pentagram lies outside by the even-odd rule."""
    x, y = np.array([0.0, 0.0, 5.0]), np.array([0.0, 0.9, 0.0])
    np.testing.assert_array_equal(polygon_contains(np.array(STAR), x, y), [False, True, False])


@pytest.mark.parametrize("seed", range(8))
def test_random_outlines(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        outline = rng.normal(size=(rng.integers(3, 30), 2)) * 10 ** rng.uniform(-3, 3, 2)
        check(outline, *points(outline, rng, 500))
        x, y = (
            rng.uniform(*limits, 500) for limits in zip(outline.min(0), outline.max(0), strict=True)
        )
        np.testing.assert_array_equal(
            polygon_contains(outline, x, y), even_odd(outline.tolist(), x, y)
        )


@pytest.mark.parametrize("seed", range(8))
def test_random_outlines_on_a_lattice(seed):
    """Many points lie exactly on edges and vertices; many edges lie along each other."""
    rng = np.random.default_rng(100 + seed)
    for _ in range(40):
        size = rng.integers(2, 9)
        outline = rng.integers(0, size + 1, (rng.integers(3, 15), 2)).astype(float)
        grid = np.arange(-1, size + 1.01, 0.5)
        check(outline, *(v.ravel() for v in np.meshgrid(grid, grid)))


@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_lattice_that_falls_on_the_borders_of_the_cells(size):
    rng = np.random.default_rng(size)
    for _ in range(5):
        outline = rng.integers(0, size + 1, (12, 2)).astype(float)
        outline[:2] = (0, 0), (size, size)
        check(outline, *rng.integers(-1, size + 2, (2, 5000)).astype(float))


@pytest.mark.parametrize(
    "outline",
    [
        [(0, 0), (0, 0), (1, 0), (1, 0), (1, 1), (1, 1), (1, 1), (0, 1)],
        [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0, 0)],
        [(0, 0), (1, 0), (2, 0), (1, 0), (1, 1)],
        [(0, 0), (1, 0), (1, 1), (0, 0), (1, 0), (1, 1)],
    ],
)
def test_repeated_vertices_and_edges(outline):
    check(outline, *points(outline, np.random.default_rng(1)))


@pytest.mark.parametrize(
    "outline",
    [
        [(1, 1), (1, 1), (1, 1)],
        [(0, 0), (1, 1), (0, 0)],
        [(0, 0), (1, 2), (2, 4)],
        [(0, 1), (5, 1), (3, 1)],
        [(2, 0), (2, 5), (2, 1), (2, 3)],
        # GEOS 3.14 and shapely.contains_xy take this for a rectangle.
        [(0, 1), (0, 0), (0, 1), (2, 1)],
    ],
)
def test_an_outline_without_width_holds_nothing(outline):
    x, y = points(outline, np.random.default_rng(2))
    region = Region("polygon", ("a", "b"), tuple(outline))
    assert not region.contains(x, y).any()
    assert not check(outline, x, y).any()


@pytest.mark.parametrize(
    ("offset", "span"),
    [
        (1e6, 1e-3),
        (-1e6, 1e-3),
        (1e6, 1e-6),
        (1e6, 1e-8),  # about a hundred float64 lie within
        (1e6, 1e-9),
        (1e15, 100.0),
        (4.5e15, 5.0),
        (0.0, 1e-12),
        (0.0, 1e-150),
        (0.0, 1e-310),
        (0.0, 1e150),
    ],
)
def test_far_from_the_origin_small_and_large(offset, span):
    rng = np.random.default_rng(3)
    for _ in range(20):
        outline = offset + span * rng.uniform(-0.5, 0.5, (rng.integers(3, 12), 2))
        # Beyond the box too, and far from it, where a product may overflow.
        x, y = offset + span * rng.uniform(-0.6, 0.6, (2, 2000))
        x[:3], y[:3] = (0, 1e300, -1e300), offset
        check(outline, x, y)
        check(outline, *points(outline, rng, 5))


def test_the_largest_outline_there_is():
    outline = np.array([(-1.7, -1.7), (1.7, -1.7), (0, 1.7)]) * 1e308
    x, y = np.array([0, 0, 1.7e308, np.nan]), np.array([0, -1.75e308, 1e308, 0])
    with np.errstate(all="ignore"):  # shapely's
        np.testing.assert_array_equal(
            polygon_contains(outline, x, y), shapely.contains_xy(shapely.Polygon(outline), x, y)
        )


def test_axes_of_very_different_sizes():
    rng = np.random.default_rng(4)
    outline = rng.normal(size=(15, 2)) * (1e-9, 1e9) + (1, -3e9)
    check(outline, *points(outline, rng))


def test_single_precision_and_whole_numbers():
    rng = np.random.default_rng(5)
    outline = rng.normal(size=(20, 2))
    x, y = rng.normal(size=(2, 5000)).astype(np.float32)
    x[:20], y[:20] = outline.T
    assert check(outline, x, y).any()
    whole = rng.integers(-3, 4, (2, 500))
    check(outline, *whole)
    check(outline, x[::2], y[1::2])
    for array in (x, y):
        array.setflags(write=False)
    check(outline, x, y)


@pytest.mark.parametrize("kind", ["polygon", "box"])
def test_nan_and_infinite_points_are_outside(kind):
    bad = np.array([np.nan, np.inf, -np.inf])
    x = np.concatenate([bad, np.full(3, 0.5), bad, [0.5]])
    y = np.concatenate([np.full(3, 0.5), bad, bad, [0.5]])
    outline = ((0, 0), (1, 1)) if kind == "box" else tuple(SQUARE)
    region = Region(kind, ("a", "b"), outline)
    for dtype in (np.float64, np.float32):
        found = region.contains(x.astype(dtype), y.astype(dtype))
        np.testing.assert_array_equal(found, [False] * 9 + [True])


@pytest.mark.parametrize("kind", ["polygon", "box"])
def test_no_points(kind):
    region = Region(kind, ("a", "b"), ((0, 0), (1, 1), (1, 0))[: 2 if kind == "box" else 3])
    assert region.contains(np.empty(0), np.empty(0)).shape == (0,)


def test_a_lasso_over_half_a_million_points():
    rng = np.random.default_rng(6)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 1 + 0.4 * np.sin(5 * angle) + 0.05 * rng.normal(size=200)
    outline = np.stack([radius * np.cos(angle), 3 * radius * np.sin(angle)], axis=1)
    x, y = rng.normal(size=(2, 500_000)).astype(np.float32)
    polygon = shapely.Polygon(outline)
    shapely.prepare(polygon)
    wanted = np.flatnonzero(shapely.contains_xy(polygon, x, y))
    assert len(wanted) > 50_000
    np.testing.assert_array_equal(np.flatnonzero(polygon_contains(outline, x, y)), wanted)


def test_the_sides_of_a_box_belong_to_it():
    region = Region("box", ("a", "b"), ((2, -1), (0, 3)))
    x = np.array([0, 2, 1, 1, 0, 2, np.nextafter(2, 3), np.nextafter(0, -1), 1])
    y = np.array([0, 0, -1, 3, -1, 3, 0, 0, np.nextafter(3, 4)])
    np.testing.assert_array_equal(region.contains(x, y), [True] * 6 + [False] * 3)


def test_the_sides_of_a_box_are_not_rounded_to_the_column():
    """0.1 in float32 is above 0.1 in float64."""
    region = Region("box", ("a", "b"), ((0, 0), (0.1, 1)))
    assert not region.contains(np.float32([0.1]), np.float32([0.5])).any()


def test_a_box_without_width_holds_the_points_on_it():
    region = Region("box", ("a", "b"), ((1, 0), (1, 2)))
    np.testing.assert_array_equal(
        region.contains(np.array([1.0, 1.1]), np.array([1.0, 1.0])), [True, False]
    )


def test_the_ring_is_the_outline_closed():
    polygon = Region("polygon", ("a", "b"), ((0, 0), (1, 0), (1, 1)))
    wanted = [(0, 0), (1, 0), (1, 1), (0, 0)]
    np.testing.assert_array_equal(polygon.ring(), wanted)
    np.testing.assert_array_equal(polygon.ring(("linear", "linear")), wanted)
    box = Region("box", ("a", "b"), ((0, 1), (2, 5)))
    np.testing.assert_array_equal(box.ring(), [(0, 1), (2, 1), (2, 5), (0, 5), (0, 1)])


@pytest.mark.parametrize(
    ("kind", "columns", "outline", "message"),
    [
        ("circle", ("a", "b"), SQUARE, "region kind 'circle' is unknown"),
        ("polygon", ("a",), SQUARE, "needs two columns"),
        ("polygon", ("a", "b", "c"), SQUARE, "needs two columns"),
        ("polygon", ("a", "b"), SQUARE[:2], "a polygon cannot have 2 vertices"),
        ("polygon", ("a", "b"), [], "a polygon cannot have 0 vertices"),
        ("polygon", ("a", "b"), [(0, 0)] * (MAX_VERTICES + 1), "cannot have 20001 vertices"),
        ("box", ("a", "b"), SQUARE, "a box cannot have 4 vertices"),
        ("box", ("a", "b"), SQUARE[:1], "a box cannot have 1 vertices"),
        ("polygon", ("a", "b"), [*SQUARE, (np.nan, 0)], "must be finite"),
        ("box", ("a", "b"), [(0, 0), (1, np.inf)], "must be finite"),
        ("polygon", ("a", "b"), [(0, 0, 0), (1, 1, 1), (2, 0, 2)], "pairs"),
        ("polygon", ("a", "b"), [(0, 0), (1, 1), (2,)], "pairs"),
        ("polygon", ("a", "b"), [(0, 0), (1, 1), ("a", 2)], "pairs"),
    ],
)
def test_regions_that_are_none(kind, columns, outline, message):
    with pytest.raises(InputError, match=message):
        Region(kind, columns, tuple(outline))


SCALES = [("linear", "linear"), ("log", "linear"), ("linear", "log"), ("log", "log")]


def logs(values, scale: str) -> np.ndarray:
    """log10, one number at a time; NaN where there is none."""
    if scale == "linear":
        return np.float64(values)
    values = np.float64(values).tolist()
    return np.array([math.log10(v) if v > 0 else math.nan for v in values])


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("seed", range(3))
def test_logarithmic_axes(scales, seed):
    """Outlines that cross themselves over three decades; some points have no logarithm."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        outline = 10 ** rng.uniform(-1, 2, (rng.integers(5, 12), 2))
        # Beyond the outline too, and then what has no logarithm.
        points = 10 ** rng.uniform(-1.5, 2.5, (2, 500))
        for values in points:
            bad = [0.0, -0.0, -1.0, np.nan, np.inf, -np.inf]
            values[rng.integers(0, 500, 120)] = bad * 20
            values[rng.integers(0, 500, 50)] *= -1
        region = Region("polygon", ("a", "b"), tuple(map(tuple, outline)), scales)
        found = region.contains(*points)
        x, y = (logs(v, s) for v, s in zip(points, scales, strict=True))
        corners = np.stack([logs(v, s) for v, s in zip(outline.T, scales, strict=True)], axis=1)
        with np.errstate(invalid="ignore"):
            wanted = even_odd(corners.tolist(), x, y) & np.isfinite(x) & np.isfinite(y)
        assert 0 < found.sum() < 400
        np.testing.assert_array_equal(found, wanted)


def test_an_edge_on_a_logarithmic_axis_is_not_straight_on_a_linear_one():
    """The edge from (1, 1) to (100, 100) goes by (10, 50.5), or by (10, 10)."""
    outline = ((1.0, 1.0), (100.0, 100.0), (100.0, 1.0))
    x, y = np.float64([10, 10, 10]), np.float64([5, 20, 60])
    for scales, inside in (
        (("linear", "linear"), [True, False, False]),
        (("log", "log"), [True, False, False]),
        (("log", "linear"), [True, True, False]),
    ):
        region = Region("polygon", ("a", "b"), outline, scales)
        assert region.contains(x, y).tolist() == inside
    y = np.float64([1.5, 3, 12])  # linear in x, log in y: at x = 10 the edge is at 10**(2/11)
    region = Region("polygon", ("a", "b"), outline, ("linear", "log"))
    assert region.contains(x, y).tolist() == [v < 10 ** (2 / 11) for v in y] == [True, False, False]


@pytest.mark.parametrize("scales", SCALES)
def test_the_sides_of_a_box_belong_to_it_on_every_scale(scales):
    """Each side on a star, in float32 as well, whose logarithm would not be that of float64."""
    rng = np.random.default_rng(7)
    values = rng.uniform(1e-3, 1e3, (2, 400)).astype(np.float32)
    for i, j in rng.integers(0, 400, (100, 2)):
        corners = tuple(tuple(map(float, values[:, k])) for k in (i, j))
        region = Region("box", ("a", "b"), corners, scales)
        low, high = np.float64(corners).min(0), np.float64(corners).max(0)
        exact = values.astype(np.float64)
        wanted = ((exact >= low[:, None]) & (exact <= high[:, None])).all(0)
        for points in (values, exact):
            found = region.contains(*points)
            np.testing.assert_array_equal(found, wanted)
            assert found[i] and found[j]
        beyond = np.nextafter(low, 0), np.nextafter(high, np.inf)
        assert not region.contains(*np.array(beyond).T).any()
        bad = np.array([0, -1.0, np.nan, np.inf])
        assert not region.contains(bad, np.full(4, corners[0][1])).any()


def test_stars_in_float32_on_a_logarithmic_axis():
    """An edge just beside a star: its logarithm is not rounded to float32."""
    values = np.random.default_rng(8).uniform(0.01, 100, 300).astype(np.float32)
    for value in values:
        left, right = float(value) * (1 - 1e-12), float(value) * (1 + 1e-12)
        for low, inside in ((left, True), (right, False)):
            outline = ((low, 0.0), (low * 2, 0.0), (low * 2, 1.0), (low, 1.0))
            region = Region("polygon", ("a", "b"), outline, ("log", "linear"))
            assert region.contains(np.array([value]), np.array([0.5]))[0] == inside


@pytest.mark.parametrize("scales", [("log", "linear"), ("linear", "log"), ("log", "log")])
def test_an_outline_that_has_no_logarithm(scales):
    for value in (0.0, -1.0):
        vertex = tuple(value if s == "log" else 1.0 for s in scales)
        for kind, rest in (("box", ((2.0, 3.0),)), ("polygon", ((2.0, 3.0), (4.0, 1.0)))):
            with pytest.raises(InputError, match="on a logarithmic axis must be positive"):
                Region(kind, ("a", "b"), (vertex, *rest), scales)
    linear = tuple(-5.0 if s == "linear" else 1.0 for s in scales)
    Region("box", ("a", "b"), (linear, (2.0, 3.0)), scales)


@pytest.mark.parametrize("scales", [("log",), ("log", "sqrt"), ("log", ""), (), ("linear",) * 3])
def test_scales_that_are_none(scales):
    with pytest.raises(InputError, match="scales are linear or log"):
        Region("box", ("a", "b"), ((1, 1), (2, 2)), scales)


@pytest.mark.parametrize("kind", ["polygon", "box"])
@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("drawn", SCALES)
def test_a_ring_on_a_map_with_other_scales(kind, scales, drawn):
    """Its points lie on the region's own straight edges, all along them, corners among them."""
    corners = np.array([(1.0, 2.0), (300.0, 5.0), (40.0, 800.0), (0.5, 90.0)])
    if kind == "box":
        corners = np.array([(1.0, 2.0), (300.0, 2.0), (300.0, 800.0), (1.0, 800.0)])
    outline = corners[[0, 2]] if kind == "box" else corners
    region = Region(kind, ("a", "b"), tuple(map(tuple, outline)), scales)
    ring = region.ring(drawn)
    if drawn == scales:
        np.testing.assert_array_equal(ring, [*corners, corners[0]])
        return
    assert len(ring) > 100 and ring.shape[1] == 2
    np.testing.assert_allclose(ring[-1], ring[0], rtol=1e-14)
    own = np.stack([logs(v, s) for v, s in zip(ring.T, scales, strict=True)], axis=1)
    ends = np.stack([logs(v, s) for v, s in zip(corners.T, scales, strict=True)], axis=1)
    n = (len(ring) - 1) // 4
    for i, (a, b) in enumerate(zip(ends, np.roll(ends, -1, axis=0), strict=True)):
        along = np.linspace(0, 1, n + 1)[:, None]
        np.testing.assert_allclose(own[i * n : (i + 1) * n + 1], a + along * (b - a), atol=1e-12)


def turned(values, turn: float = 360.0) -> list[np.ndarray]:
    """What values are after every number of whole turns that can matter."""
    return [values + turn * k for k in range(-12, 13)]


@pytest.mark.parametrize("column", ["ra", "l"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (10, 50),
        (-30, 20),
        (340, 390),
        (-400, -330),
        (700, 730),
        (-180, 180),
        (-170, 190),
        (0, 360),
        (-50, 320),  # a little more than a turn
        (-200, 900),  # three turns
        (-1000, -990),
        (359, 361),
    ],
)
@pytest.mark.parametrize("kind", ["polygon", "box"])
def test_longitudes_wrap(column, axis, low, high, kind):
    rng = np.random.default_rng(abs(low) + high)
    x, y = rng.uniform(0, 360, 3000), rng.uniform(-90, 90, 3000)
    x[:4] = 0, np.nextafter(360, 0), 180, np.nan
    outline = np.array([(low, -40.0), (high, 55.0)])
    if kind == "polygon":
        along = rng.uniform(low, high, 9)
        along[:2] = low, high
        outline = np.stack([along, rng.uniform(-80, 80, 9)], axis=1)
    wanted = np.zeros(len(x), bool)
    for there in turned(x):
        if kind == "box":
            wanted |= (there >= low) & (there <= high) & (y >= -40) & (y <= 55)
        else:
            wanted |= even_odd(outline.tolist(), there, y)
    columns = (column, "other") if axis == 0 else ("other", column)
    points = (x, y) if axis == 0 else (y, x)
    region = Region(kind, columns, tuple(map(tuple, outline[:, :: 1 if axis == 0 else -1])))
    found = region.contains(*points)
    np.testing.assert_array_equal(found, wanted)
    assert 0 < found.sum() < len(x) and not found[3]
    # The same outline a turn further on holds the same stars.
    shift = np.array([360.0, 0.0] if axis == 0 else [0.0, 360.0])
    further = Region(kind, columns, tuple(map(tuple, np.array(region.outline) + shift)))
    assert (further.contains(*points) != found).sum() == 0


def test_other_columns_do_not_wrap():
    x = np.array([5.0, 355.0])
    for column, inside in (("ra", [True, True]), ("l", [True, True]), ("dec", [True, False])):
        region = Region("box", (column, "b"), ((-10, -1), (10, 1)))
        assert region.contains(x, np.zeros(2)).tolist() == inside
    assert Region("box", ("ra", "l"), ((-10, -10), (10, 10))).contains(x, x[::-1]).all()


def test_a_box_of_a_whole_turn_holds_all_longitudes():
    x = np.concatenate([np.random.default_rng(9).uniform(0, 360, 2000), [0, np.nextafter(360, 0)]])
    for low in (-180, -0.1, 0, 123.4, 359.9):
        region = Region("box", ("ra", "b"), ((low, -1), (low + 360.0, 1)))
        assert region.contains(x, np.zeros(len(x))).all()


def test_the_sides_of_a_box_across_zero_belong_to_it():
    region = Region("box", ("ra", "b"), ((-10, -1), (10, 1)))
    x = np.array([350, 10, np.nextafter(350, 0), np.nextafter(10, 20), 0])
    assert region.contains(x, np.zeros(5)).tolist() == [True, True, False, False, True]


@pytest.mark.parametrize("kind", ["polygon", "box"])
@pytest.mark.parametrize("far", [1e6, 1e17, 1e19, 1e300])
def test_an_outline_many_turns_away_is_none(kind, far):
    """It would take as many tests of all stars, or never end."""
    for corner in (far, -far):
        outline = ((0.0, 0.0), (corner, 1.0), (5.0, 1.0))[: 2 if kind == "box" else 3]
        with pytest.raises(InputError, match=f"an outline in ra may reach over {MAX_TURNS} turns"):
            Region(kind, ("ra", "dec"), outline)
        assert Region(kind, ("teff", "dec"), outline).contains(np.ones(3), np.ones(3) / 2).shape


def test_a_polygon_of_a_turn_and_a_little():
    """Half a degree beyond the turn, where it is the highest."""
    outline = ((0.0, 0.0), (360.5, 0.0), (360.5, 1.0))
    x = np.array([0.25, 0.75, 359.0])
    region = Region("polygon", ("ra", "b"), outline)
    assert region.contains(x, np.full(3, 0.99)).tolist() == [True, False, True]


def test_a_polygon_of_many_turns():
    """A sliver up to the limit: at longitude x it reaches from 0 to x / 360 / 100."""
    outline = ((0.0, 0.0), (360.0 * MAX_TURNS, 0.0), (360.0 * MAX_TURNS, 1.0))
    x = np.random.default_rng(10).uniform(0, 360, 200)
    region = Region("polygon", ("ra", "b"), outline)
    y = (x + 360 * (MAX_TURNS - 1)) / 360 / MAX_TURNS
    assert region.contains(x, y - 1e-9).all() and not region.contains(x, y + 1e-9).any()


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("kind", ["polygon", "box"])
def test_json(kind, scales):
    rng = np.random.default_rng(11)
    outline = rng.uniform(0.1, 9, (2 if kind == "box" else 7, 2))
    region = Region(kind, ("ra", "µ"), tuple(map(tuple, outline)), scales)
    content = json.loads(json.dumps(region.to_json()))
    again = Region.from_json(content)
    assert again == region and hash(again) == hash(region)
    assert again.outline == tuple(map(tuple, outline.tolist()))
    assert again.needs == ("ra", "µ")
    # A region that is linear is written as the version before wrote it, which knew no scales.
    assert content.get("scales", ["linear", "linear"]) == list(scales)
    assert ("scales" in content) == (scales != ("linear", "linear"))


def test_json_of_the_version_before():
    content = {"kind": "box", "columns": ["z1", "z2"], "outline": [[0, 1], [2, 3.5]]}
    region = Region.from_json(content)
    assert region == Region("box", ("z1", "z2"), ((0.0, 1.0), (2.0, 3.5)), ("linear", "linear"))


@pytest.mark.parametrize(
    "entries",
    [
        {"scales": None},
        {"scales": "log"},
        {"scales": 5},
        {"scales": ["log"]},
        {"scales": ["log", "loglog"]},
        {"scales": [None, None]},
        {"scales": ["log", "log"], "outline": [[0, 0], [1, 1]]},
        {"columns": ["ra", "dec"], "outline": [[0, 0], [1e300, 1]]},
    ],
)
def test_bad_json(entries):
    content = {"kind": "box", "columns": ["z1", "z2"], "outline": [[1, 1], [2, 2]]}
    with pytest.raises((InputError, TypeError, ValueError)):
        Region.from_json(content | entries)


def test_the_stars_of_a_catalog(tmp_path):
    n = 300
    rng = np.random.default_rng(12)
    values = {"ra": rng.uniform(0, 360, n), "dec": rng.uniform(-90, 90, n)}
    values |= {"teff": rng.uniform(3e3, 7e3, n), "population": ["disc"] * n}
    values["ra"][:9] = np.nan
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", n, **values))
    region = Region("box", ("ra", "teff"), ((-90, 4000), (90, 5000)), ("linear", "log"))
    ra, teff = values["ra"], values["teff"].astype(np.float32)
    wanted = ((ra <= 90) | (ra >= 270)) & (teff >= 4000) & (teff <= 5000)
    np.testing.assert_array_equal(region.mask(catalog), wanted)
    assert 0 < wanted.sum() < n
    center = Region("box", ("l", "b"), ((-30, -90), (30, 90)))
    offset = (catalog["l"] + 180) % 360 - 180
    np.testing.assert_array_equal(center.mask(catalog), np.abs(offset) <= 30)
    for column, message in (("population", "holds no numbers"), ("mass", "no column 'mass'")):
        for columns in ((column, "z1"), ("z1", column)):
            with pytest.raises(InputError, match=message):
                Region("box", columns, ((0, 0), (1, 1))).mask(catalog)


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_point_is_that_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 300)) * [[1.0], [1e4]]
    x[rng.integers(0, 300, 30)] = np.nan
    y[rng.integers(0, 300, 30)] = np.inf
    for at in rng.normal(size=(10, 2)) * (1, 1e4):
        scale = 0.01, 130.0
        best, least = None, np.inf
        for i in range(300):
            distance = ((x[i] - at[0]) / scale[0]) ** 2 + ((y[i] - at[1]) / scale[1]) ** 2
            if distance < least:
                best, least = i, distance
        found = nearest_point(x, y, tuple(at), scale)
        assert found == best and isinstance(found, int)


def test_the_nearest_of_no_points():
    nothing = np.full(3, np.nan)
    assert nearest_point(nothing, np.zeros(3), (0, 0), (1, 1)) is None
    assert nearest_point(np.empty(0), np.empty(0), (0, 0), (1, 1)) is None
    assert nearest_point(np.float32([np.nan, 5]), np.float32([0, 5]), (0, 0), (1, 1)) == 1
