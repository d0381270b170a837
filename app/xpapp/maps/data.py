"""The data of a map: the stars on its axes, their colors, the sets over them."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np

from xpapp.color_modes import StarValues
from xpapp.colors import image_palette
from xpapp.maps.raster import Base, Plane, View, draw_base, draw_sets
from xpapp.state.axis_span import axis_span
from xpapp.state.drawn_sets import Drawn, DrawnSets
from xpapp.state.map_state import Coloring, MapState
from xpapp.state.visit import Visit
from xpmodel import Catalog
from xpmodel.selection.regions import nearest_point, to_scale
from xpmodel.selection.star_sets import StarSet


class Moment(NamedTuple):
    """What maps read of a visit, as it was: a thread reads it while the visit goes on."""

    catalog: Catalog
    shown: np.ndarray | None
    coloring: Coloring
    sets: tuple[StarSet, ...]
    active_set: str
    drawn_sets: DrawnSets
    dark: bool

    @classmethod
    def of(cls, visit: Visit) -> Moment:
        """The visit as it is now."""
        return cls(*(getattr(visit, name) for name in cls._fields))

    @property
    def drawn(self) -> Drawn:
        """As of the visit."""
        return self.drawn_sets.of(self.sets, self.active_set, self.shown)


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

    def __init__(self, visit: Visit | Moment) -> None:
        self._visit = visit
        self._loaded: tuple[MapState, Coloring, np.ndarray | None] | None = None
        self._view: View | None = None
        self._rows: np.ndarray | None = None
        self._planes: list[tuple[np.ndarray, Plane]] = []
        self._sets: list[Plane] = []
        self._stars = StarValues()
        self.base: Base | None = None
        self.dark = visit.dark
        self.set_colors: list[str] = []
        self.periods: tuple[float | None, float | None] = (None, None)

    def at(self, moment: Moment) -> MapData:
        """Data that start from these, which stay as they are, and follow the visit as it was."""
        data = copy.copy(self)
        data._visit = moment
        return data

    def show(self, state: MapState, view: View) -> np.ndarray:  # (H, W) uint8
        """The image of a view; what is as it was before is not made anew."""
        visit, loaded = self._visit, self._loaded
        same = loaded is not None and loaded[:2] == (state, visit.coloring)
        same = same and loaded is not None and loaded[2] is visit.shown
        if same:
            self.load_sets()
        else:
            self.load(state)
        if not same or view != self._view:
            self.draw(view)
        return self.image(view)

    def load(self, state: MapState) -> None:
        """Take the axes of a map, and the visit's filter, colors and sets."""
        catalog, shown = self._visit.catalog, self._visit.shown
        coloring = self._visit.coloring
        x, y = state.columns
        stars = Plane(catalog[x], catalog[y], state.scales, state.periods)
        mode, scale = coloring.mode.drawn(coloring.column, coloring.scale)
        values = mode.star_values(catalog, coloring.column)
        if values.values is not None and shown is not None:
            values = values._replace(values=values.values[shown])
        # Nothing is taken before all could be read: a map that could not keeps what it had.
        self._planes = []
        self.periods = state.periods
        self._all, self._stars = stars, values
        self.plane = stars if shown is None else stars.some(shown)
        self._rows = None if shown is None else np.flatnonzero(shown)
        self._mode, self._scale, self._column = mode, scale, coloring.column
        self._loaded = state, coloring, shown
        self.load_sets()

    def load_sets(self) -> None:
        """Take the visit's visible sets."""
        self.set_colors, rows = self._visit.drawn
        # Those of sets that are as they were stay, with what is counted of them.
        before = {id(some): (some, plane) for some, plane in self._planes}
        self._planes = [before.get(id(some)) or (some, self._all.some(some)) for some in rows]
        self._sets = [plane for _, plane in self._planes]

    def draw(self, view: View) -> Base:
        """Aggregate the stars in a view."""
        n_categories = len(self._stars.names)
        self.base = draw_base(
            self.plane, view, self._mode, self._scale, self._stars.values, n_categories
        )
        self._view = view
        return self.base

    @property
    def _drawn(self) -> Base:
        assert self.base is not None, "nothing is drawn yet"
        return self.base

    def image(self, view: View) -> np.ndarray:  # (H, W) uint8
        """The image of the view that was drawn, with the sets as they are now."""
        return draw_sets(self._drawn, self._sets, view)

    @property
    def colors(self) -> tuple[str, ...]:
        """Colors of the bins, from low to high."""
        return self._mode.palette(self.dark, self._stars.names)

    @property
    def palette(self) -> list[str]:
        """Colors of all levels of the image."""
        return image_palette(self.colors, self.set_colors)

    @property
    def legend(self) -> str:
        """What the colors stand for, as HTML."""
        legend = self._mode.legend(self._column, self._stars.names)
        scale = self._drawn.scale
        if scale is None or self._mode.from_one or scale.kind == self._scale:
            return legend
        return f"{legend}, linear: not all positive"

    def span(self, name: str, scale: str) -> tuple[float, float]:
        """Ends of an axis, in its own scale: nearly all values."""
        catalog = self._visit.catalog
        if scale == "linear":
            return axis_span(catalog, name)
        values = to_scale(catalog[name], scale)
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [0.1, 99.9]) if len(values) else (0.0, 1.0)
        return float(low), float(high)

    def nearest(self, view: View, at: tuple[float, float]) -> int | None:
        """Row of the star shown that is nearest to a place, as seen on the screen.

        Along a longitude the shorter way counts, also where it leads over the map's edge.
        """
        near = nearest_point(*self.plane.around(at), at, view.pixel)
        return near if near is None or self._rows is None else int(self._rows[near])

    def bin_at(self, view: View, at: tuple[float, float]) -> tuple[int, str]:
        """Number of stars in the bin at a place, and what is said of their values, if anything."""
        x, y = self.plane.within(view)
        height, width = self._drawn.levels.shape
        inside = np.ones(len(x), dtype=bool)
        for values, place, ends, n in ((x, at[0], view.x, width), (y, at[1], view.y, height)):
            low = min(ends)
            step = abs(ends[1] - ends[0]) / n
            # Both by the same sum: a single star lies in the very middle, on a bin's edge.
            inside &= np.floor((values.astype(np.float64) - low) / step) == np.floor(
                (place - low) / step
            )
        n_inside, stars = int(np.count_nonzero(inside)), self._stars
        if stars.values is None or not n_inside:
            return n_inside, ""
        told = self._mode.describe_bin(stars.values[inside], self._column, stars.names)
        return n_inside, told
