"""The visitor's own stars over a map."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Scatter, Segment
from bokeh.plotting import figure as Figure

from xpapp.maps.raster import View
from xpapp.maps.turned_layers import points_in_view
from xpapp.runtime.callbacks import guarded
from xpapp.state.map_state import MapState
from xpapp.state.visit import Visit
from xpapp.widgets.glyphs import Data, add_glyphs
from xpmodel.columns import error_columns
from xpmodel.own.stars import OwnStars
from xpmodel.selection.regions import to_scale

COLOR = "#e6007e"
NO_STARS: Data = {"x": [], "y": [], "fill": [], "size": []}
NO_BARS: Data = {"x0": [], "y0": [], "x1": [], "y1": []}
# Of more stars only the chosen one has bars.
MOST_BARS = 200


def known_error(own: OwnStars, name: str) -> np.ndarray:
    """Standard deviations of a column of the visitor's stars, (N,), of latents their noise.

    NaN where they are not known.
    """
    given = (own.values(column) for column in error_columns(name))
    found = next((values for values in given if values is not None), None)
    return np.full(len(own), np.nan) if found is None else found


class OwnLayer:
    """Diamonds of the visitor's own stars; hollow where the place is that of its neighbours.

    With bars of ± one standard deviation where it is known; in latents it is their noise.

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
        self._bars = ColumnDataSource(NO_BARS, name=f"{key}_own_bars")
        bar = Segment(x0="x0", y0="y0", x1="x1", y1="y1", line_color=COLOR, line_alpha=0.7)
        add_glyphs(figure, (self._bars, bar), (self._source, glyph))
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
                self._source.data, self._bars.data = NO_STARS, NO_BARS
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
        self._bars.data = self._bars_at(x, y, state.columns) if known else NO_BARS

    def _bars_at(self, x: np.ndarray, y: np.ndarray, columns: tuple[str, str]) -> Data:
        """Bars along both axes, of all stars or of the chosen one alone."""
        own, chosen = self._visit.cursor.own, self._visit.cursor.own_star
        rows = np.arange(len(own))
        if len(own) > MOST_BARS:
            rows = rows[[]] if chosen is None else rows[[chosen]]
        bars: Data = {name: [] for name in NO_BARS}
        dx, dy = (known_error(own, name) for name in columns)
        for along_x, along_y in ((dx, np.zeros(len(own))), (np.zeros(len(own)), dy)):
            for i in rows[np.isfinite((along_x + along_y)[rows])]:
                ends = (x[i] - along_x[i], y[i] - along_y[i], x[i] + along_x[i], y[i] + along_y[i])
                for name, end in zip(bars, ends, strict=True):
                    bars[name].append(float(end))
        return bars

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
