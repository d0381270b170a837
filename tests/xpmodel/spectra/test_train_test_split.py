import numpy as np
import pytest

from xpmodel.errors import InputError
from xpmodel.spectra.train_test_split import train_test_rows


def test_the_rows_are_those_of_scikit_learn():
    # train_test_split(np.arange(13), test_size=0.1, random_state=12345) of scikit-learn 1.x.
    train, test = train_test_rows(13)
    assert train.tolist() == [7, 3, 6, 10, 8, 12, 11, 4, 1, 5, 2]
    assert test.tolist() == [0, 9]


def test_sizes_are_those_of_the_released_training():
    train, test = train_test_rows(502_311)
    assert (len(train), len(test)) == (452_079, 50_232)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(502_311))


def test_another_seed_and_fraction():
    train, test = train_test_rows(100, test_fraction=0.25, seed=1)
    assert (len(train), len(test)) == (75, 25)
    assert test.tolist() != train_test_rows(100, test_fraction=0.25, seed=2)[1].tolist()


@pytest.mark.parametrize(("n", "fraction"), [(0, 0.1), (1, 0.1), (10, 0.0), (10, 1.0)])
def test_nothing_to_split(n, fraction):
    with pytest.raises(InputError, match=f"^{n} stars cannot be split"):
        train_test_rows(n, fraction)
