"""Prefetching: a thread makes an iterator's next item while the present one is in use."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """What comes after the last item."""


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items; a thread makes the next one, and no more than that, while one is in use.

    What goes wrong in the thread is raised where its item would have come. Close the generator to
    stop early.
    """
    end = _End()
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, items, end)
        while not isinstance(item := coming.result(), _End):
            coming = maker.submit(next, items, end)
            yield item
