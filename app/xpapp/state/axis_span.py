"""What part of a column an axis shows at first."""

from __future__ import annotations

import numpy as np

from xpmodel import Catalog, circular
from xpmodel.columns import period

# Percentiles of the values beyond which a star counts as a far outlier.
LOW, HIGH = 0.1, 99.9


def axis_span(catalog: Catalog, name: str) -> tuple[float, float]:
    """Ends of a linear axis: nearly all values of a column; the lower end is below the other one.

    Around a single value it is 1 wide, and 0 to 1 where there is none. A longitude is shown a whole
    turn, the Galactic center in its middle; or the part of it that holds nearly all stars, if that
    is at most half of it: then its ends may lie beyond those of the column.
    """
    turn = period(name)
    if turn is None:
        return _wide(*catalog.span(name, LOW, HIGH))
    return _arc(catalog, name, turn) or ((-turn / 2, turn / 2) if name == "l" else (0.0, turn))


def _arc(catalog: Catalog, name: str, turn: float) -> tuple[float, float] | None:
    """The part of a turn that holds nearly all stars; None if it is more than half of it."""
    values = catalog[name][np.isfinite(catalog[name])]
    middle = circular.mean(values, turn)
    if not np.isfinite(middle):
        return None
    ways = np.percentile(circular.difference(values, middle, turn), (LOW, HIGH))
    if ways[1] - ways[0] > turn / 2:
        return None
    if name == "l" and middle > turn / 2:
        middle -= turn
    return _wide(*(middle + ways).tolist())


def _wide(low: float, high: float) -> tuple[float, float]:
    if not np.isfinite([low, high]).all():
        return 0.0, 1.0
    # Values that only rounding tells apart are one: between its ends an axis must have places.
    least = 1e-6 * max(abs(low), abs(high))
    return (low, high) if high - low > least else (low - 0.5, high + 0.5)
