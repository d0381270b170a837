"""The split into training and test stars, as released."""

from __future__ import annotations

import math

import numpy as np

from xpmodel.errors import InputError

# What Laroche & Speagle (2024) trained with.
TEST_FRACTION = 0.1
SEED = 12345


def train_test_rows(
    n: int, test_fraction: float = TEST_FRACTION, seed: int = SEED
) -> tuple[np.ndarray, np.ndarray]:
    """Split N stars at random, as the released code does.

    The rows are those of scikit-learn's ``train_test_split(np.arange(n),
    test_size=test_fraction, random_state=seed)``, in its order.

    Parameters
    ----------
    n : int
        Stars, in the order of the file: all usable ones.
    test_fraction : float
        Between 0 and 1; of a fraction of a star a whole one is held out.
    seed : int

    Returns
    -------
    train, test : ndarray of int64
        Rows, none of them in both.

    Raises
    ------
    InputError
        If either would be empty.
    """
    n_test = math.ceil(test_fraction * n)
    if not 0 < n_test < n:
        raise InputError(
            f"{n} stars cannot be split into training and test stars (test fraction "
            f"{test_fraction:g}): both need at least one"
        )
    # The legacy generator: its stream is frozen, and it is what scikit-learn draws from.
    order = np.random.RandomState(seed).permutation(n)
    return order[n_test:], order[:n_test]
