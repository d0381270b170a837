"""The tooltip of a map: the bin's stars and value, and the nearest star's id."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.events import MouseLeave, MouseMove
from bokeh.models import ColumnDataSource, Tooltip
from bokeh.plotting import figure as Figure

from xpapp.assets import script
from xpapp.maps.data import MapData
from xpapp.maps.raster import View
from xpapp.runtime.callbacks import guarded
from xpapp.state.visit import Visit
from xpapp.widgets.glyphs import Data
from xpmodel.catalog.catalog import LAST_GAIA_ID

# The pointer must rest so long [ms] before the server is asked.
REST = 90
NOWHERE: Data = {"x": [], "y": [], "left": [], "top": []}
Describe = Callable[[tuple[float, float], View], str | None]


class Hover:
    """A tooltip at the pointer, written by the server so that ids stay exact.

    Parameters
    ----------
    figure : bokeh figure
    visit : Visit
    data : callable
        What is drawn, as `MapData`.
    view : callable
        What the browser shows.
    place : callable
        From the data coordinates of a place to those in the axes' own scales.
    others : callable
        Is asked first, and may know the place better.
    """

    def __init__(
        self,
        figure: Figure,
        visit: Visit,
        data: Callable[[], MapData],
        view: Callable[[], View | None],
        place: Callable[[float, float], tuple[float, float]],
        others: Describe,
    ) -> None:
        self._visit, self._data, self._view, self._place = visit, data, view, place
        self._others = others
        self._at = ColumnDataSource(NOWHERE, name=f"{figure.name}_pointer")
        self.tip = Tooltip(
            name=f"{figure.name}_hover",
            content="",
            position=(0.0, 0.0),
            visible=False,
            interactive=False,
            styles={"white-space": "pre", "font-size": "11px"},
        )
        figure.elements.append(self.tip)
        both = {"at": self._at, "tip": self.tip}
        moves = script(__file__, "pointer_moves.js", rest=REST, **both)
        leaves = script(__file__, "pointer_leaves.js", **both)
        figure.js_on_event(MouseMove, moves)
        figure.js_on_event(MouseLeave, leaves)
        self.tip.js_on_change("visible", script(__file__, "tip_appears.js", at=self._at))
        self._at.on_change("data", self._on_rest)

    @guarded("Telling what is under the pointer")
    def _on_rest(self, attr: str, old: object, new: dict[str, list[float]]) -> None:
        view = self._view()
        if view is None or self._data().base is None or not len(new["x"]):
            return
        x, y, left, top = (float(new[name][0]) for name in NOWHERE)
        at = self._place(x, y)
        if not np.isfinite(at).all():
            return
        text = self._others(at, view) or self._say(at, view)
        self.tip.update(content=text, position=(left, top), visible=True)

    def _say(self, at: tuple[float, float], view: View) -> str:
        n, said = self._data().bin_at(view, at)
        lines = [f"{n:,} star{'' if n == 1 else 's'} in this bin"]
        if said:
            lines.append(said)
        row = self._data().nearest(view, at)
        if row is not None:
            source_id = int(self._visit.catalog.source_id[row])
            kind = "mock star" if source_id > LAST_GAIA_ID else "Gaia DR3"
            lines.append(f"nearest: {kind} {source_id}")
        return "\n".join(lines)
