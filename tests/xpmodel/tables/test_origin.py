"""Where rows come from, through joining and selecting."""

from pathlib import Path

import numpy as np

from xpmodel.tables.origin import Origin


def places(origin: Origin) -> list[tuple[str, int]]:
    return [(origin.path(i).name, int(row)) for i, row in enumerate(origin.row)]


def test_rows_of_several_files():
    a, b = Origin.of(Path("a"), 10, 2), Origin.of(Path("b"), 0, 3)
    joined = Origin.join([a, Origin.of(Path("none"), 5, 0), Origin.join([b, a])])
    expected = [("a", 11), ("a", 12), ("b", 1), ("b", 2), ("b", 3), ("a", 11), ("a", 12)]
    assert places(joined) == expected
    assert places(joined[np.array([5, 2])]) == [("a", 11), ("b", 1)]
    assert places(joined[np.arange(7) > 4]) == expected[5:]
