"""Random forests that tell high- from low-α stars, with the released code's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from xpmodel._process_wide import warnings_put_back

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

TREES = 100
FOLDS = 5


def calls_of(
    features: np.ndarray, truth: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int = 0
) -> np.ndarray:
    """What a forest that was grown on some stars calls others.

    Parameters
    ----------
    features : ndarray, (N, F)
        Finite.
    truth : ndarray, (N,) bool
    train, test : ndarray of int64
        Rows to grow it on, and rows to call.
    seed : int
        Of the forest: scikit-learn's defaults with this ``random_state``, as the released code
        has them with 0.

    Returns
    -------
    ndarray, (len(test),) bool
    """
    forest = _grown(features[train], truth[train], seed)
    return forest.predict(features[test])


def probabilities_out_of_fold(
    features: np.ndarray,
    truth: np.ndarray,
    groups: np.ndarray,
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> np.ndarray:
    """Each star's probability to be high-α, by forests that never saw its group.

    Parameters
    ----------
    features : ndarray, (N, F)
    truth : ndarray, (N,) bool
    groups : ndarray, (N,) int64
        Stars that stay together: the two of a pair.
    seed : int
        Of the folds and of the forests.
    progress : callable, optional
        Called after each of the five folds.

    Returns
    -------
    ndarray, (N,) float64
    """
    names, group = np.unique(groups, return_inverse=True)
    place = np.argsort(np.random.default_rng(seed).permutation(len(names)))
    fold = place[group] % FOLDS
    probability = np.empty(len(truth))
    for number in range(FOLDS):
        test = fold == number
        forest = _grown(features[~test], truth[~test], seed)
        column = int(np.flatnonzero(forest.classes_)[0])
        probability[test] = forest.predict_proba(features[test])[:, column]
        if progress is not None:
            progress()
    return probability


def _grown(features: np.ndarray, truth: np.ndarray, seed: int) -> RandomForestClassifier:
    """A forest that was grown on all cores, tree by tree the same on any number of them."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=TREES, random_state=seed, n_jobs=-1)
    # The threads of scikit-learn 1.9 race for Python's filters of warnings.
    with warnings_put_back():
        forest.fit(features, truth)
    # In one: threads would add up what trees say in any order, and so round it differently.
    return forest.set_params(n_jobs=1)
