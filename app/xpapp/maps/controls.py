"""Controls of the active map's axes, and of the colors of all maps."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
from param.parameterized import Event

from xpapp.color_modes import COLOR_MODES, COLOR_SCALES, NO_COLUMN, ColorMode, color_mode
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.inputs import Inputs
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.widgets.material import TEXT, WIDE, column, column_choices, heading, row
from xpmodel.columns import describe


class MapControls:
    """Axes, scales and colors; open, close and enlarge."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inputs = Inputs()
        catalog = visit.catalog
        columns = column_choices(catalog)
        self._columns = columns
        searchable = {"searchable": True} | WIDE
        self.which = pmui.Select(label="Map", options={}, **WIDE)
        self.x = pmui.Select(label="Horizontal", options=columns, **searchable)
        self.y = pmui.Select(label="Vertical", options=columns, **searchable)
        self.x_log = pmui.Checkbox(label="log x", margin=(0, 8))
        self.y_log = pmui.Checkbox(label="log y", margin=(0, 8))
        modes = {mode.label: name for name, mode in COLOR_MODES.items()}
        self.how = pmui.Select(label="Color", options=modes, **WIDE)
        self.of = pmui.Select(label="Column", options=columns, **searchable)
        self.scale = pmui.RadioButtonGroup(label="Color scale", options=list(COLOR_SCALES), **WIDE)
        self.enlarge = pmui.Button(label="Enlarge", on_click=self._enlarge, **TEXT, **WIDE)
        opening = pmui.Button(label="Open another", on_click=self._open, **TEXT, **WIDE)
        closing = pmui.Button(label="Close", on_click=self._close, **TEXT, **WIDE)
        self.corner = pmui.Button(
            label="All pairs of latents", on_click=self._corner, **TEXT, **WIDE
        )
        sky = pmui.Button(label="Sky", on_click=self._sky, **TEXT, **WIDE)
        sky.disabled = not {"l", "b"} <= set(catalog.numeric)
        self.panel = column(
            self.which,
            self.x,
            self.y,
            row(self.x_log, self.y_log),
            row(self.enlarge, closing),
            row(opening, sky),
            self.corner,
            heading("Colors of all maps"),
            self.how,
            self.of,
            self.scale,
        )
        self._inputs.watch(self._on_axes, self.x, self.y, self.x_log, self.y_log)
        self._inputs.watch(self._on_color, self.how, self.of, self.scale)
        self._inputs.watch(self._on_which, self.which)
        visit.param.watch(self._follow, ["maps", "active_map", "coloring", "enlarged", "corner"])
        self._follow()

    @guarded("Showing the map's settings")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        state = visit.active_state
        coloring = visit.coloring
        with self._inputs.quiet():
            self.which.param.update(options=self._titles(), value=visit.active_map)
            self.x.value, self.y.value = state.columns
            self.x_log.value, self.y_log.value = (scale == "log" for scale in state.scales)
            self.how.value, self.scale.value = coloring.how, coloring.scale
            options = self._options(coloring.mode)
            self.of.visible = coloring.column != NO_COLUMN
            self.scale.visible = not coloring.mode.categorical
            if self.of.visible:
                self.of.param.update(options=options, value=coloring.column)
            self.corner.label = "Back to the maps" if visit.corner else "All pairs of latents"
            self.enlarge.label = "All maps" if visit.enlarged else "Enlarge"

    def _titles(self) -> dict[str, str]:
        return {
            f"{i}: {state.y} against {state.x}": state.key
            for i, state in enumerate(self._visit.maps, start=1)
        }

    def _options(self, mode: ColorMode) -> dict[str, str]:
        """Columns of which a mode can be, in the order of those of the axes."""
        columns = mode.columns(self._visit.catalog)
        numeric = {label: name for label, name in self._columns.items() if name in columns}
        others = [name for name in columns if name not in numeric.values()]
        return numeric | {describe(name): name for name in others}

    @guarded("Choosing a map")
    def _on_which(self, *events: object) -> None:
        if self.which.value:
            self._visit.active_map = self.which.value

    @guarded("Changing the axes")
    def _on_axes(self, *events: object) -> None:
        scales = ("log" if w.value else "linear" for w in (self.x_log, self.y_log))
        changes: dict[str, Any] = dict(zip(("x_scale", "y_scale"), scales, strict=True))
        key = self._visit.active_map
        self._visit.change_map(key, x=self.x.value, y=self.y.value, **changes)

    @guarded("Changing the colors")
    def _on_color(self, *events: Event) -> None:
        mode = color_mode(self.how.value)
        of, scale = self.of.value, self.scale.value
        if events[0].obj is self.how:  # each way has its own columns, and a scale that suits it
            of, scale = self._visit.coloring.column, mode.default_scale
        options = list(self._options(mode).values())
        if of not in options:
            of = mode.default_column(options)
        with pn.io.unlocked():
            self._visit.coloring = Coloring(mode.name, of, scale)

    @guarded("Opening a map")
    def _open(self, event: object) -> None:
        """Two active latents that no map shows yet, else the active map's columns again."""
        visit = self._visit
        shown = {frozenset(state.columns) for state in visit.maps}
        active = visit.catalog.active
        pairs = [(a, b) for i, a in enumerate(active) for b in active[i + 1 :]]
        free = [pair for pair in pairs if frozenset(pair) not in shown]
        visit.open_map(*(free[0] if free else visit.active_state.columns))

    @guarded("Opening the sky")
    def _sky(self, event: object) -> None:
        self._visit.open_map("l", "b")

    @guarded("Closing the map")
    def _close(self, event: object) -> None:
        self._visit.close_map(self._visit.active_map)

    @guarded("Showing all pairs of latents")
    def _corner(self, event: object) -> None:
        self._visit.corner = not self._visit.corner

    @guarded("Enlarging the map")
    def _enlarge(self, event: object) -> None:
        visit = self._visit
        visit.enlarged = "" if visit.enlarged else visit.active_map
