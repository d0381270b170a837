"""The open maps side by side, or one of them enlarged, or the corner view."""

from __future__ import annotations

import math

import panel as pn
import panel_material_ui as pmui
from param.parameterized import Event

from xpapp.maps.corner import CornerView
from xpapp.maps.view import MapView, Place
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.coalesce import Pace
from xpapp.state.visit import Visit
from xpapp.widgets.material import TEXT
from xpapp.widgets.text_line import status_line
from xpmodel.selection.filters import Filter


class MapGrid:
    """Shows a `MapView` for each open map of the visit.

    Maps are made anew when they change their places, with what they showed: what a browser says
    of a figure that is being moved is lost, and the server would never know its size.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._views: dict[str, MapView] = {}
        self._corner: CornerView | None = None
        self._places: dict[str, Place] = {}
        self._keys: list[str] = []
        # The marks of all maps move as one message.
        self._marking: Pace | None = None
        self._maps = pn.Column(sizing_mode="stretch_both", margin=0)
        drop = pmui.Button(label="Drop the filter", on_click=self._drop_filter, **TEXT)
        self.nothing = pn.Row(
            status_line("<b>No star passes the filter</b>, so the maps are empty."),
            drop,
            sizing_mode="stretch_width",
            margin=0,
            visible=visit.n_shown == 0,
        )
        self.panel = pn.Column(self.nothing, self._maps, sizing_mode="stretch_both", margin=0)
        visit.param.watch(self._on_shown, ["shown"])
        visit.param.watch(self._on_maps, ["maps", "enlarged", "corner"])
        visit.cursor.param.watch(self._on_z, ["z", "star"])
        self._lay_out()

    @guarded("Arranging the maps")
    def _on_maps(self, *events: Event) -> None:
        keys = [state.key for state in self._visit.maps]
        if keys != self._keys or any(e.name != "maps" for e in events):
            self._lay_out()

    @guarded("Telling of the filter")
    def _on_shown(self, *events: object) -> None:
        self.nothing.visible = self._visit.n_shown == 0

    @guarded("Dropping the filter")
    def _drop_filter(self, event: object) -> None:
        self._visit.show(Filter())

    def _on_z(self, *events: object) -> None:
        if self._marking is not None:
            self._marking.soon()

    def _mark(self) -> None:
        for view in self._views.values():
            view.mark()

    def _lay_out(self) -> None:
        visit = self._visit
        self._keys = [state.key for state in visit.maps]
        self._places |= {key: view.place for key, view in self._views.items()}
        for view in self._views.values():
            view.close()
        if self._corner is not None:
            self._corner.close()
        self._views, self._corner, self._marking = {}, None, None
        if visit.corner:
            self._corner = CornerView(visit)
            self._maps.objects = [self._corner.panel]
            return
        shown = [visit.enlarged] if visit.enlarged in self._keys else self._keys
        self._views = {key: MapView(visit, key, self._places.get(key)) for key in shown}
        per_row = math.ceil(math.sqrt(len(shown)))
        self._marking = Pace(self._mark, visit.turn, next(iter(self._views.values())).figure)
        panels = [view.panel for view in self._views.values()]
        self._maps.objects = [
            pn.Row(*panels[i : i + per_row], sizing_mode="stretch_both", margin=0)
            for i in range(0, len(panels), per_row)
        ]
