"""Which stars of the sets maps draw, found once for all maps."""

from __future__ import annotations

import threading
from typing import TypeAlias

import numpy as np

from xpmodel import Catalog
from xpmodel.selection.star_sets import StarSet

# Colors of sets, and the rows of their stars.
Drawn: TypeAlias = "tuple[list[str], list[np.ndarray]]"


class DrawnSets:
    """Finds the stars that are drawn; the maps' threads ask at once, for the same."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._drawn: tuple[tuple[object, ...], Drawn] | None = None
        self._rows: list[tuple[StarSet, np.ndarray]] = []
        self._rows_of: np.ndarray | None = None

    def of(self, sets: tuple[StarSet, ...], active_set: str, shown: np.ndarray | None) -> Drawn:
        """Colors of the visible sets, and the rows of those of their stars that are shown.

        The active set comes last, so that it is seen.
        """
        key = (sets, active_set, shown)
        with self._lock:
            if self._drawn is None or any(
                a is not b for a, b in zip(self._drawn[0], key, strict=True)
            ):
                seen = [s for s in sets if s.visible and s.n_members]
                seen.sort(key=lambda s: s.name == active_set)
                rows = [self._rows_shown(star_set, shown) for star_set in seen]
                self._rows = list(zip(seen, rows, strict=True))
                self._drawn = (key, ([s.color for s in seen], rows))
            return self._drawn[1]

    def _rows_shown(self, star_set: StarSet, shown: np.ndarray | None) -> np.ndarray:
        """Rows of a set's stars that are shown; the same array as before where it is the same."""
        if self._rows_of is not shown:
            self._rows, self._rows_of = [], shown
        for before, rows in self._rows:
            if before.has_stars_of(star_set):
                return rows
        mask = star_set.mask(self._catalog)
        return np.flatnonzero(mask if shown is None else mask & shown)
