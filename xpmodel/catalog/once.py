"""What is made of a catalog once for all who ask, and goes when the catalog goes."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from xpmodel.catalog.catalog import Catalog

Given = ParamSpec("Given")
Made = TypeVar("Made")


class _Place(Generic[Made]):
    """Where one thing is kept; whoever comes while it is being made waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: list[Made] = []

    def get(self, make: Callable[[], Made]) -> Made:
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(make())
        return self._made[0]


def once_a_catalog(
    at_most: int,
) -> Callable[
    [Callable[Concatenate[Catalog, Given], Made]], Callable[Concatenate[Catalog, Given], Made]
]:
    """Let a function of a catalog keep what it makes, beside the catalog and no longer than it.

    Two threads that ask at once get the same, made once. What is made must not refer to the
    catalog, which would then live for ever.

    Parameters
    ----------
    at_most : int
        How many things are kept of one catalog, for as many further arguments; of more, those
        asked for last.
    """

    def decorate(
        make: Callable[Concatenate[Catalog, Given], Made],
    ) -> Callable[Concatenate[Catalog, Given], Made]:
        of_catalogs: WeakKeyDictionary[Catalog, OrderedDict[Any, _Place[Made]]]
        of_catalogs = WeakKeyDictionary()
        choosing = threading.Lock()

        def kept(catalog: Catalog, /, *args: Given.args, **kwargs: Given.kwargs) -> Made:
            key = (args, tuple(sorted(kwargs.items())))
            with choosing:
                places = of_catalogs.setdefault(catalog, OrderedDict())
                place = places.setdefault(key, _Place())
                places.move_to_end(key)
                if len(places) > at_most:
                    places.popitem(last=False)
            return place.get(lambda: make(catalog, *args, **kwargs))

        functools.update_wrapper(kept, make)
        return kept

    return decorate
