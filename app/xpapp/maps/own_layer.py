"""The visitor's own stars over a map."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Scatter
from bokeh.plotting import figure as Figure

from xpapp.maps.raster import View
from xpapp.maps.turned_layers import points_in_view
from xpapp.runtime.callbacks import guarded
from xpapp.state.map_state import MapState
from xpapp.state.visit import Visit
from xpapp.widgets.glyphs import Data, add_glyphs
from xpmodel.selection.regions import to_scale

COLOR = "#e6007e"
NO_STARS: Data = {"x": [], "y": [], "fill": [], "size": []}


class OwnLayer:
    """Diamonds of the visitor's own stars; hollow where the place is that of its neighbours.

    Parameters
    ----------
    figure : bokeh figure
    visit : Visit
    key : str
        Of the map.
    """

    def __init__(self, figure: Figure, visit: Visit, key: str) -> None:
        self._visit, self._key = visit, key
        self._source = ColumnDataSource(NO_STARS, name=f"{key}_own")
        glyph = Scatter(
            x="x",
            y="y",
            size="size",
            marker="diamond",
            fill_color="fill",
            line_color=COLOR,
            line_width=1.5,
        )
        add_glyphs(figure, (self._source, glyph))
        self._at: tuple[np.ndarray, np.ndarray] | None = None
        self._view: View | None = None
        self.watchers = [visit.cursor.param.watch(self._on_own, ["own", "own_star"])]
        self.draw()

    @guarded("Drawing your stars")
    def _on_own(self, *events: object) -> None:
        self.draw()

    @property
    def _state(self) -> MapState | None:
        return self._visit.map_state(self._key)

    def look(self, view: View) -> None:
        """Follow the part of the plane that the map shows."""
        self._view, state = view, self._state
        if state is not None and any(state.periods):
            self.draw()

    def draw(self) -> None:
        """Draw them where the map's columns put them."""
        cursor, state = self._visit.cursor, self._state
        self._at = None
        if state is None or cursor.own is None or not len(cursor.own):
            if len(self._source.data["x"]):
                self._source.data = NO_STARS
            return
        places = [cursor.own_values(name) for name in state.columns]
        known = all(own for _, own in places)
        x, y = points_in_view(places[0][0], places[1][0], state.periods, self._view)
        self._at = (x, y)
        size = np.full(len(x), 11.0)
        if cursor.own_star is not None:
            size[cursor.own_star] = 18.0
        fill = [COLOR if known else "#00000000"] * len(x)
        self._source.data = {"x": x, "y": y, "fill": fill, "size": size}

    def near(self, at: tuple[float, float], view: View, reach: float) -> int | None:
        """The star nearest to a place (in the axes' scales), if it is within reach [pixels]."""
        state = self._state
        if state is None or self._at is None:
            return None
        x, y = (to_scale(v, s) for v, s in zip(self._at, state.scales, strict=True))
        return view.nearest(x, y, at, reach)

    def describe(self, at: tuple[float, float], view: View, reach: float) -> str | None:
        """What is said of a star under the pointer."""
        index = self.near(at, view, reach)
        if index is None:
            return None
        own = self._visit.cursor.own
        chi2 = float(own.encoded.chi2_obs[index])
        return f"your star {int(own.source_id[index])}\nχ² obs {chi2:.3g}"
