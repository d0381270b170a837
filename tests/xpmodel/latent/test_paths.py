"""Places on ways through latent space, by hand."""

import numpy as np
import pytest

from xpmodel import InputError
from xpmodel.latent.metric import LatentMetric
from xpmodel.latent.paths import LatentPath

BOTH = LatentMetric(2, [0, 1], [1.0, 1.0])


def test_even_speed_between_uneven_points():
    # Lengths 3 and 1 in the first latent's standard deviations; the second one does not count.
    path = LatentPath("L", [[0, 5], [6, 7], [8, -9]], LatentMetric(2, [0], [2.0]))
    np.testing.assert_allclose(path.places, [0, 0.75, 1])
    assert path.at(0) == (0, 5) and path.at(1) == (8, -9)
    assert path.at(0.375) == pytest.approx((3, 6))
    assert path.at(0.875) == pytest.approx((7, -1))
    assert path.at(-1) == path.at(0) and path.at(9) == path.at(1)


def test_length_in_several_latents():
    path = LatentPath("L", [[0, 0], [3, 4], [3, 9]], BOTH)
    np.testing.assert_allclose(path.places, [0, 0.5, 1])


def test_points_that_repeat_or_are_missing():
    nan = np.nan
    path = LatentPath("L", [[nan, nan], [0, 0], [0, 0], [nan, 1], [1, 0]], BOTH)
    np.testing.assert_array_equal(path.points, [[0, 0], [1, 0]])
    assert path.at(0.5) == (0.5, 0)


@pytest.mark.parametrize("points", [[[0, 0]], [[1, 2], [1, 2]], [[np.nan, 0], [1, 2]]])
def test_no_path(points):
    with pytest.raises(InputError, match="a way: a path needs two different points"):
        LatentPath("a way", points, BOTH)


def test_points_that_differ_only_in_an_inactive_latent():
    with pytest.raises(InputError, match="two different points"):
        LatentPath("a way", [[0, 1], [0, 2]], LatentMetric(2, [0], [1.0]))
