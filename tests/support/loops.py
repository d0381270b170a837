"""A loop of assertions over nothing would pass: it says so instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def some(things: Iterable[T]) -> list[T]:
    """The things, of which there is at least one: files found, rows read, lines of a table.

    Raises
    ------
    AssertionError
        When there is none.
    """
    found = list(things)
    assert found, "nothing to look at: what the test loops over is empty"
    return found
