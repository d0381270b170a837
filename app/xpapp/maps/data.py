"""What a map draws: the stars on its axes, their colors, the sets over them."""

from __future__ import annotations

import functools
import html

import numpy as np
import pandas as pd

from xpapp.colors import (
    category_colors,
    category_palette,
    density_palette,
    image_palette,
    value_palette,
)
from xpapp.maps.raster import Base, Plane, View, draw_base, draw_sets
from xpapp.state.map_state import CATEGORY, DENSITY, MAX_CATEGORIES, SETS, MapState
from xpapp.state.visit import Visit
from xpmodel import Catalog
from xpmodel.columns import axis_label, period
from xpmodel.selection.regions import nearest_point, to_scale


class MapData:
    """The stars of one map, read from the visit.

    Attributes
    ----------
    base : Base or None
        The bins as last drawn.
    dark : bool
        For which ground the colors are.
    set_colors : list of str
        Of the sets that are drawn.
    periods : tuple of float or None
        After which step each axis begins anew.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._rows: np.ndarray | None = None
        self._sets: list[Plane] = []
        self._value: np.ndarray | None = None
        self.base: Base | None = None
        self.dark = visit.dark
        self.set_colors: list[str] = []
        self.periods: tuple[float | None, float | None] = (None, None)

    def load(self, state: MapState) -> None:
        """Take the axes of a map, and the visit's filter, colors and sets."""
        catalog, shown = self._visit.catalog, self._visit.shown
        coloring = self._visit.coloring
        self._state = state
        self.periods = tuple(map(period, state.columns))
        self._all = Plane(*(catalog[n] for n in state.columns), state.scales, self.periods)
        self.plane = self._all if shown is None else self._all.some(shown)
        self._rows = None if shown is None else np.flatnonzero(shown)
        self._value, self._names = None, []
        if coloring.how == CATEGORY and coloring.column != SETS:
            self._value, self._names = categories(catalog, coloring.column)
        elif coloring.how not in (CATEGORY, DENSITY):
            self._value = np.asarray(catalog[coloring.column], np.float32)
        if self._value is not None and shown is not None:
            self._value = self._value[shown]
        self.load_sets()

    def load_sets(self) -> None:
        """Take the visit's visible sets."""
        self.set_colors, rows = self._visit.drawn
        self._sets = [self._all.some(some) for some in rows]

    def draw(self, view: View) -> None:
        """Aggregate the stars in a view."""
        coloring = self._visit.coloring
        how, scale = coloring.how, coloring.scale
        if self._value is None:  # the sets are drawn over the density
            how, scale = DENSITY, scale if coloring.how == DENSITY else "log"
        self.base = draw_base(self.plane, view, how, scale, self._value)

    def image(self, view: View) -> np.ndarray:  # (H, W) uint8
        """The image of the view that was drawn, with the sets as they are now."""
        return draw_sets(self.base, self._sets, view)

    @property
    def colors(self) -> tuple[str, ...]:
        """Colors of the bins, from low to high."""
        if self._names:
            return category_palette(len(self._names))
        return density_palette(self.dark) if self._value is None else value_palette(self.dark)

    @property
    def palette(self) -> list[str]:
        """Colors of all levels of the image."""
        return image_palette(self.colors, self.set_colors)

    @property
    def legend(self) -> str:
        """What the colors stand for, as HTML."""
        coloring = self._visit.coloring
        if self._value is None:
            return "stars per bin"
        if not self._names:
            scale = "" if self.base.scale.kind == coloring.scale else ", linear: not all positive"
            return f"{coloring.how} {html.escape(axis_label(coloring.column))}{scale}"
        pairs = zip(self._names, category_colors(len(self._names)), strict=True)
        return " ".join(
            f"<span style='color:{color}'>■</span>&nbsp;{html.escape(name)}"
            for name, color in pairs
        )

    def span(self, name: str, scale: str) -> tuple[float, float]:
        """Ends of an axis, in its own scale: nearly all values; a whole turn of a longitude."""
        turn = period(name)
        if turn is not None and scale == "linear":
            # The Galactic center is in the middle.
            return (-turn / 2, turn / 2) if name == "l" else (0.0, turn)
        catalog = self._visit.catalog
        if scale == "linear":
            low, high = catalog.span(name)
        else:
            values = to_scale(catalog[name], scale)
            values = values[np.isfinite(values)]
            low, high = np.percentile(values, [0.1, 99.9]) if len(values) else (0.0, 1.0)
        return (float(low), float(high)) if np.isfinite([low, high]).all() else (0.0, 1.0)

    def nearest(self, view: View, at: tuple[float, float]) -> int | None:
        """Row of the star shown that is nearest to a place, as seen on the screen."""
        near = nearest_point(*self.plane.within(view), at, view.pixel)
        return near if near is None or self._rows is None else int(self._rows[near])

    def bin_at(self, view: View, at: tuple[float, float]) -> tuple[int, np.ndarray | None]:
        """Number of stars in the bin at a place, and their values where values color it."""
        x, y = self.plane.within(view)
        height, width = self.base.levels.shape
        inside = np.ones(len(x), dtype=bool)
        for values, place, ends, n in ((x, at[0], view.x, width), (y, at[1], view.y, height)):
            low = min(ends)
            step = abs(ends[1] - ends[0]) / n
            edge = low + np.floor((place - low) / step) * step
            inside &= (values >= edge) & (values < edge + step)
        values = None if self._value is None else self._value[inside]
        return int(np.count_nonzero(inside)), values

    def category(self, code: float) -> str:
        """Name of a category."""
        return self._names[int(code)]


@functools.lru_cache(maxsize=8)
def categories(catalog: Catalog, column: str) -> tuple[np.ndarray, list[str]]:
    """Codes of a column of text, and their names, most frequent first.

    Beyond a few categories the rarer ones share the last code. Missing is -1.
    """
    codes, names = pd.factorize(pd.Series(catalog[column], dtype=object))
    order = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(names)), kind="stable")
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(names)), -1
    labels = [str(names[i]) for i in order]
    if len(labels) > MAX_CATEGORIES:
        rest = len(labels) - MAX_CATEGORIES + 1
        labels = [*labels[: MAX_CATEGORIES - 1], f"{rest} others"]
        rank = np.minimum(rank, MAX_CATEGORIES - 1)
    return rank[codes].astype(np.float32), labels
