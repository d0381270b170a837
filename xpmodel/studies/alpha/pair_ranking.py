"""Ranking of pairs: whether a classifier finds the high-α star of two with equal labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xpmodel.studies.alpha.equal_pairs import Pairs
from xpmodel.studies.alpha.forests import probabilities_out_of_fold
from xpmodel.studies.alpha.scores import Estimate, mean_estimate


@dataclass(frozen=True)
class Order:
    """How often a classifier puts the two stars of a pair in the right order.

    Attributes
    ----------
    name : str
        What the classifier knows.
    n_features : int
    right : Estimate
        Part of the pairs whose high-α star it finds the likelier one, ties counting half: 0.5 by
        chance.
    """

    name: str
    n_features: int
    right: Estimate


def order_pairs(
    pairs: Pairs,
    inputs: Mapping[str, np.ndarray],
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[Order]:
    """Grow forests on pairs, and see whether they order pairs that they never saw.

    Five-fold: each pair is judged once, by a forest grown on the other folds. The paired stars
    have equal labels, so what labels alone achieve shows how equal they really are.

    Parameters
    ----------
    pairs : Pairs
    inputs : mapping of str to ndarray, (N, F)
        Features of all stars that the pairs' rows count.
    seed : int
        Of folds, forests and bootstrap.
    progress : callable, optional
        Called with the name before each of the inputs.
    """
    rows = np.concatenate([pairs.high, pairs.low])
    is_high = np.arange(len(rows)) < len(pairs)
    pair = np.tile(np.arange(len(pairs)), 2)
    orders = []
    for name, values in inputs.items():
        if progress is not None:
            progress(name)
        probability = probabilities_out_of_fold(values[rows], is_high, pair, seed)
        high, low = probability[: len(pairs)], probability[len(pairs) :]
        right = (high > low) + 0.5 * (high == low)
        orders.append(Order(name, values.shape[1], mean_estimate(right, seed)))
    return orders
