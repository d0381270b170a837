"""Images of stars against counts, means and medians bin by bin."""

import numpy as np
import pytest

from xpapp.color_modes import CATEGORY, DENSITY, MEAN, MEDIAN, SPREAD
from xpapp.colors import BASE_LEVELS, FIRST_SET_LEVEL, NO_VALUE, category_palette, image_palette
from xpapp.maps.raster import LARGEST_BIN, Plane, View, draw_base, draw_sets

N = 20_000
VIEW = View((-2.0, 2.0), (-1.5, 1.5), 40, 30)


@pytest.fixture(scope="module")
def stars() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    x, y, value = rng.normal(size=(3, N)).astype(np.float32)
    x[:50] = np.nan
    value[100:400] = np.nan
    return {"x": x, "y": y, "value": value}


def bins(stars: dict[str, np.ndarray], view: View = VIEW) -> list[list[np.ndarray]]:
    """Rows of the stars of each bin, one bin at a time."""
    (x0, x1), (y0, y1) = sorted(view.x), sorted(view.y)
    x, y = (stars[name].astype(np.float64) for name in ("x", "y"))
    column = np.floor((x - x0) / (x1 - x0) * view.width)
    row = np.floor((y - y0) / (y1 - y0) * view.height)
    return [
        [np.flatnonzero((row == j) & (column == i)) for i in range(view.width)]
        for j in range(view.height)
    ]


def by_bin(stars, reduce) -> np.ndarray:
    return np.array([[reduce(rows) for rows in line] for line in bins(stars)])


def test_density(stars):
    base = draw_base(Plane(stars["x"], stars["y"]), VIEW, DENSITY, "log")
    counts = by_bin(stars, len)
    assert base.bin_size == 1 and base.n_in_view == counts.sum()
    np.testing.assert_array_equal(base.levels > 0, counts > 0)
    some = counts > 0
    expected = 1 + np.log(counts[some]) / np.log(counts.max()) * (BASE_LEVELS - 1)
    np.testing.assert_allclose(base.levels[some], expected, atol=1)


@pytest.mark.parametrize(
    ("how", "reduce"),
    [(MEAN, np.mean), (MEDIAN, np.median), (SPREAD, np.std)],
    ids=["mean", "median", "spread"],
)
def test_values(stars, how, reduce):
    value = stars["value"]

    def known(rows: np.ndarray) -> float:
        rows = rows[np.isfinite(value[rows])]
        return reduce(value[rows].astype(np.float64)) if len(rows) else np.nan

    expected, counts = by_bin(stars, known), by_bin(stars, len)
    base = draw_base(Plane(stars["x"], stars["y"]), VIEW, how, "linear", value)
    low, high = np.nanpercentile(expected, [1, 99])
    assert (base.scale.low, base.scale.high) == pytest.approx((low, high), abs=2e-3)
    has = np.isfinite(expected)
    levels = 1 + np.clip((expected[has] - low) / (high - low), 0, 1) * (BASE_LEVELS - 1)
    close = np.abs(base.levels[has] - levels) <= 1.5
    assert close.mean() > 0.995  # float32 puts a star at an edge into the next bin
    # Stars without a value are gray, not lost.
    assert (base.levels[(counts > 0) & ~has] == NO_VALUE).all()
    assert not base.levels[counts == 0].any()


def test_categories(stars):
    rng = np.random.default_rng(6)
    codes = rng.integers(-1, 3, N).astype(np.float32)
    base = draw_base(Plane(stars["x"], stars["y"]), VIEW, CATEGORY, "linear", codes)
    shades = BASE_LEVELS // 3
    for line, drawn in zip(bins(stars), base.levels, strict=True):
        for rows, level in zip(line, drawn, strict=True):
            counts = np.bincount(codes[rows][codes[rows] >= 0].astype(int), minlength=3)
            if counts.max() == 0:
                assert level == (NO_VALUE if len(rows) else 0)
            else:
                assert counts[(level - 1) // shades] == counts.max()
    assert len(category_palette(3)) == 3 * shades


def test_sets_lie_over_the_base(stars):
    plane = Plane(stars["x"], stars["y"])
    base = draw_base(plane, VIEW, DENSITY, "log")
    first, second = stars["x"] > 0.5, stars["y"] > 0.5
    image = draw_sets(base, [plane.some(first), plane.some(second)], VIEW)
    half = (256 - FIRST_SET_LEVEL) // 2
    for line, drawn, below in zip(bins(stars), image, base.levels, strict=True):
        for rows, level, under in zip(line, drawn, below, strict=True):
            if second[rows].any():
                assert level >= FIRST_SET_LEVEL + half
            elif first[rows].any():
                assert FIRST_SET_LEVEL <= level < FIRST_SET_LEVEL + half
            else:
                assert level == under
    assert base.levels.max() <= BASE_LEVELS  # and what lies below is as it was


@pytest.mark.parametrize("n", [0, 1, 2, 7, 40])
def test_palette_has_a_color_for_each_level(n):
    palette = image_palette(["#112233"] * BASE_LEVELS, ["#445566"] * n)
    assert len(palette) == 256 and palette[0].endswith("00")
    used = (256 - FIRST_SET_LEVEL) // n * n if n else 0
    assert all(c.startswith("#445566") for c in palette[FIRST_SET_LEVEL:][:used])
    shades = image_palette(category_palette(3), ["#445566"] * n)
    assert all(len(color) == 9 for color in shades) and len(shades) == 256


def test_few_stars_make_large_bins():
    x = np.linspace(-1, 1, 50, dtype=np.float32)
    base = draw_base(Plane(x, x), View((-1, 1), (-1, 1), 400, 400), DENSITY, "log")
    assert base.bin_size == LARGEST_BIN and base.levels.shape == (100, 100)


def test_logarithmic_axis(stars):
    x = np.where(stars["x"] > 1, 10 ** stars["x"], -1.0)
    plane = Plane(x, stars["y"], scales=("log", "linear"))
    view = View((0.0, 3.0), (-2.0, 2.0), 30, 20)
    inside = (stars["x"] > 1) & (stars["x"] <= 3) & (np.abs(stars["y"]) <= 2)
    assert draw_base(plane, view, DENSITY, "log").n_in_view == inside.sum() > 100


def test_longitudes_turn():
    rng = np.random.default_rng(7)
    longitude, y = rng.uniform(0, 360, N), rng.normal(size=N)
    plane = Plane(longitude, y, periods=(360.0, None))
    view = View((40.0, -30.0), (-1.0, 1.0), 20, 20)
    inside = ((longitude <= 40) | (longitude >= 330)) & (np.abs(y) <= 1)
    assert draw_base(plane, view, DENSITY, "log").n_in_view == pytest.approx(inside.sum(), abs=2)
    whole = draw_base(plane, View((180.0, -180.0), (-9.0, 9.0), 20, 20), DENSITY, "log")
    assert whole.n_in_view == N


@pytest.mark.parametrize("low", [-180.0, 0.0, 123.4567, -359.99999, 17.3])
def test_a_whole_turn_shows_every_star(low):
    rng = np.random.default_rng(9)
    longitude = np.concatenate(
        [rng.uniform(0, 360, N), (low + np.linspace(-1e-5, 1e-5, 999)) % 360]
    )
    plane = Plane(longitude, np.zeros(len(longitude)), periods=(360.0, None))
    view = View((low, low + 360.0), (-1.0, 1.0), 300, 20)
    base = draw_base(plane, view, DENSITY, "log")
    assert base.n_in_view == len(longitude) == int(plane.counts(view, 1).sum())


def test_empty_view(stars):
    plane = Plane(stars["x"], stars["y"])
    far = View((90.0, 91.0), (90.0, 91.0), 30, 20)
    for how in (DENSITY, MEAN, MEDIAN, SPREAD):
        base = draw_base(plane, far, how, "log", stars["value"])
        assert base.n_in_view == 0 and not base.levels.any()


def test_the_nearest_of_points():
    view = View((0.0, 10.0), (0.0, 1.0), 100, 100)  # a pixel is 0.1 by 0.01
    x, y = np.array([2.0, 2.4, np.nan]), np.array([0.5, 0.5, 0.5])
    assert view.nearest(x, y, (2.3, 0.5), 9) == 1
    assert view.nearest(x, y, (2.1, 0.52), 9) == 0
    assert view.nearest(x, y, (2.0, 0.4), 9) is None
    assert view.nearest(x, y, (2.0, 0.415), 9) == 0
    assert view.nearest(np.empty(0), np.empty(0), (0.0, 0.0), 9) is None
