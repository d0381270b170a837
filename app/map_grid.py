"""The open maps side by side, or one of them enlarged, or the corner view."""

from __future__ import annotations

import math

import panel as pn

from corner_view import CornerView
from guard import guarded
from map_view import MapView
from visit import Visit


class MapGrid:
    """Lays out a `MapView` for each open map of the visit."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.views: dict[str, MapView] = {}
        self._corner: CornerView | None = None
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)
        visit.param.watch(self._on_maps, ["maps", "enlarged", "corner"])
        self._lay_out()

    @guarded("Arranging the maps")
    def _on_maps(self, *events: object) -> None:
        keys = [state.key for state in self._visit.maps]
        if set(keys) != set(self.views) or any(e.name != "maps" for e in events):
            self._lay_out()

    def _lay_out(self) -> None:
        visit = self._visit
        keys = [state.key for state in visit.maps]
        for key in set(self.views) - set(keys):
            self.views.pop(key).close()
        for key in keys:
            if key not in self.views:
                self.views[key] = MapView(visit, key)
        if self._corner is not None:
            self._corner.close()
            self._corner = None
        if visit.corner:
            self._corner = CornerView(visit)
            self.panel.objects = [self._corner.panel]
            return
        shown = [visit.enlarged] if visit.enlarged in keys else keys
        per_row = math.ceil(math.sqrt(len(shown)))
        self.panel.objects = [
            pn.Row(
                *(self.views[key].panel for key in shown[i : i + per_row]),
                sizing_mode="stretch_both",
                margin=0,
            )
            for i in range(0, len(shown), per_row)
        ]
