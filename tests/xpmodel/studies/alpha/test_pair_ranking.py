"""Which of two stars of equal labels is the high-α one."""

import numpy as np
import pytest

from xpmodel.studies.alpha.equal_pairs import Pairs
from xpmodel.studies.alpha.pair_ranking import order_pairs


@pytest.mark.slow
def test_order_of_pairs():
    """Right where the feature tells, half where it does not, half of the ties."""
    rng = np.random.default_rng(0)
    n = 400
    pairs = Pairs(np.arange(n), np.arange(n, 2 * n), n, n, {})
    is_high = np.arange(2 * n) < n
    noise = rng.normal(size=2 * n)
    # Alike within a pair, as labels are: it tells nothing.
    same = np.tile(rng.normal(size=n), 2)
    known = is_high + rng.normal(0, 0.1, 2 * n)
    faint = is_high + rng.normal(0, 1.0, 2 * n)
    inputs = {"known": known, "faint": faint, "noise": noise, "same": same}
    orders = order_pairs(pairs, {name: values[:, None] for name, values in inputs.items()})
    right = {order.name: order.right for order in orders}
    assert right["known"].value > 0.99
    assert 0.6 < right["faint"].value < 0.8  # at best Φ(1/√2) = 0.76
    assert right["noise"].low - 0.02 < 0.5 < right["noise"].high + 0.02
    assert right["same"].value == 0.5  # all ties
