import numpy as np
import pytest

from raster import LARGEST_BIN, Points, View, shade


@pytest.fixture
def stars() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x, y, value = rng.normal(size=(3, 20_000)).astype(np.float32)
    x[::50] = np.nan
    y[7::90] = np.nan
    value[::3] = np.nan
    return x, y, value


# As many pixels as stars or fewer: a bin is a pixel.
VIEW = View((-1.5, 2.0), (-1.0, 1.75), 70, 55)


def histogram(x, y, view, weights=None) -> np.ndarray:  # (H, W)
    known = np.isfinite(x) & np.isfinite(y) & (True if weights is None else np.isfinite(weights))
    counts, _, _ = np.histogram2d(
        y[known].astype(np.float64),
        x[known].astype(np.float64),
        bins=(view.height, view.width),
        range=(sorted(view.y), sorted(view.x)),
        weights=None if weights is None else weights[known].astype(np.float64),
    )
    return counts


def test_counts_are_a_histogram(stars):
    x, y, _ = stars
    shaded = Points(x, y).draw(VIEW)
    counts = histogram(x, y, VIEW)
    assert shaded.image.dtype == np.uint8 and shaded.image.shape == counts.shape
    assert shaded.n_in_view == counts.sum()
    assert (shaded.low, shaded.high) == (1.0, counts.max())
    np.testing.assert_array_equal(shaded.image > 0, counts > 0)
    levels = 1 + 254 * np.log(counts[counts > 0]) / np.log(counts.max())
    np.testing.assert_allclose(shaded.image[counts > 0], levels, atol=0.51)


def test_mean_of_the_stars_that_have_a_value(stars):
    x, y, value = stars
    shaded = Points(x, y, value).draw(VIEW)
    numbers = histogram(x, y, VIEW, np.isfinite(value).astype(float))
    sums = histogram(x, y, VIEW, value)
    present = numbers > 0
    means = sums[present] / numbers[present]
    np.testing.assert_array_equal(shaded.image > 0, present)
    np.testing.assert_allclose((shaded.low, shaded.high), np.percentile(means, [1, 99]), rtol=1e-4)
    levels = 1 + 254 * np.clip((means - shaded.low) / (shaded.high - shaded.low), 0, 1)
    np.testing.assert_allclose(shaded.image[present], levels, atol=0.6)
    assert shaded.n_in_view == histogram(x, y, VIEW).sum()


def test_reversed_ranges_give_the_same_image(stars):
    x, y, _ = stars
    reversed_view = View(VIEW.x[::-1], VIEW.y[::-1], VIEW.width, VIEW.height)
    there, back = (Points(x, y).draw(view) for view in (VIEW, reversed_view))
    np.testing.assert_array_equal(there.image, back.image)
    assert reversed_view.pixel == VIEW.pixel == (3.5 / 70, 2.75 / 55)


def test_few_stars_get_larger_bins(stars):
    x, y, _ = stars
    view = View((-4, 4), (-4, 4), 803, 602)
    image = Points(x[:100], y[:100]).draw(view).image
    assert image.shape == (602 // LARGEST_BIN, 803 // LARGEST_BIN)


@pytest.mark.parametrize("with_value", [False, True])
def test_empty_view(stars, with_value):
    x, y, value = stars
    points = Points(x, y, value if with_value else None)
    shaded = points.draw(View((50, 51), (50, 51), 20, 10))
    assert not shaded.image.any() and shaded.n_in_view == 0
    assert np.isfinite([shaded.low, shaded.high]).all()


def test_nothing_but_nan():
    nan = np.full(10, np.nan, np.float32)
    one = np.ones(10, np.float32)
    assert not Points(nan, one).draw(VIEW).image.any()
    shaded = Points(one, one, nan).draw(VIEW)
    assert not shaded.image.any() and shaded.n_in_view == 10


def test_no_stars():
    nothing = np.empty(0, np.float32)
    shaded = Points(nothing, nothing).draw(VIEW)
    assert not shaded.image.any() and shaded.n_in_view == 0


def test_some_of_the_stars(stars):
    x, y, value = stars
    mask = x > 0.5
    image = Points(x, y, value).where(mask).draw(VIEW).image
    np.testing.assert_array_equal(image > 0, histogram(x[mask], y[mask], VIEW) > 0)


def test_shade():
    values = np.array([np.nan, -9.0, 0.0, 1.0, 2.0, 99.0])
    assert shade(values, 0.0, 2.0).tolist() == [0, 1, 1, 128, 255, 255]
    assert shade(values, 1.0, 1.0).tolist() == [0, 255, 255, 255, 255, 255]
