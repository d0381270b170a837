"""Which points lie inside: against shapely on every point, and against a loop of our own."""

import numpy as np
import pytest
import shapely

from xpmodel.errors import InputError
from xpmodel.regions import MAX_VERTICES, Region, nearest_point, polygon_contains

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
    np.testing.assert_array_equal(polygon.ring, [(0, 0), (1, 0), (1, 1), (0, 0)])
    box = Region("box", ("a", "b"), ((0, 1), (2, 5)))
    np.testing.assert_array_equal(box.ring, [(0, 1), (2, 1), (2, 5), (0, 5), (0, 1)])


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
