"""A map: any two columns of the catalog, its lasso, and the marker of z."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import panel as pn
from bokeh.events import PanStart, RangesUpdate, SelectionGeometry, Tap
from bokeh.model import Model
from bokeh.models import BoxSelectTool, FreehandDrawTool, LassoSelectTool

from xpapp.assets import script
from xpapp.maps.data import MapData, Moment
from xpapp.maps.far_layer import FarLayer
from xpapp.maps.figure import MapFigure
from xpapp.maps.hover import Hover
from xpapp.maps.marks import move_marks
from xpapp.maps.own_layer import OwnLayer
from xpapp.maps.raster import View
from xpapp.maps.track_layer import TrackLayer
from xpapp.maps.turned_layers import rings_in_view
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.names import as_label
from xpapp.runtime.watchers import stop
from xpapp.state.background import drawing, in_background
from xpapp.state.map_state import MapState
from xpapp.state.visit import Visit
from xpapp.widgets.text_line import LiveLine
from xpmodel import Region
from xpmodel.columns import axis_label, column_of

MARGIN = 0.05
# Tools that draw while the mouse is dragged.
DRAWING = (LassoSelectTool, BoxSelectTool, FreehandDrawTool)
# Shift, Alt.
OPERATION_OF_KEYS = {
    (False, False): None,
    (True, False): "add",
    (False, True): "subtract",
    (True, True): "intersect",
}
Place = tuple[MapState, tuple[float, float], tuple[float, float]]
# A click this near [pixels] to a point of a track means the point.
REACH = 9.0
# A hand's outline has hundreds; one of more may take seconds, and is tested in the background.
MANY_VERTICES = 1_000


class MapView:
    """Draws two columns with Datashader and turns gestures into selections.

    Works on Bokeh directly: an outline's way through HoloViews' streams costs twice the time,
    and there an exception in one callback blocks all later gestures.

    Parameters
    ----------
    visit : Visit
    key : str
        Of the map, among those that the visit holds open.
    place : tuple, optional
        What an earlier view of the map had shown; used if its axes are the same still.
    """

    def __init__(self, visit: Visit, key: str, place: Place | None = None) -> None:
        self.key = key
        self._visit = visit
        state = visit.map_state(key)
        assert state is not None, f"the map {key} is not open"
        self._state = state
        self._data = MapData(visit)
        self._modifiers: dict[str, bool] = {}
        self._redraw_pending = False
        self._closed = False
        # Whether a drawing is under way, and whether it is not of the newest state any more.
        self._drawing = self._changed = False
        self.status = LiveLine("0.76rem")
        self._pane = pn.pane.Bokeh(sizing_mode="stretch_both", margin=0)
        self.panel = pn.Column(
            self.status.pane,
            self._pane,
            sizing_mode="stretch_both",
            margin=0,
            min_width=240,
            min_height=230,
        )
        self._build()
        if place is not None and place[0] == self._state:
            x_range, y_range = self._figure.plot.x_range, self._figure.plot.y_range
            x_range.update(start=place[1][0], end=place[1][1])
            y_range.update(start=place[2][0], end=place[2][1])
        self._watchers = [
            visit.param.watch(self._on_maps, ["maps"]),
            visit.param.watch(self._on_stars, ["coloring", "shown", "sets", "active_set"]),
            visit.param.watch(self._on_look, ["dark", "active_map"]),
        ]

    @property
    def figure(self) -> Model:
        """What is on the page."""
        return self.status.model

    @property
    def place(self) -> Place:
        """The map's axes, and the part of each that it shows."""
        plot = self._figure.plot
        x, y = plot.x_range, plot.y_range
        return self._state, (x.start, x.end), (y.start, y.end)

    def close(self) -> None:
        """Stop following the visit."""
        stop([*self._watchers, *self._tracks.watchers, *self._own.watchers])
        self._closed = True

    def _build(self) -> None:
        self._figure = MapFigure(self.key, self._state.scales)
        plot = self._figure.plot
        self._tracks = TrackLayer(plot, self._visit, self.key)
        self._own = OwnLayer(plot, self._visit, self.key)
        self._far = FarLayer(plot, self._visit, self.key)
        Hover(
            plot,
            self._visit,
            lambda: self._data,
            lambda: self._figure.view,
            self._figure.place,
            self._describe,
        )
        drawing = [tool for tool in plot.tools if isinstance(tool, DRAWING)]
        begins = script(__file__, "drag_begins.js", plot=plot, tools=drawing)
        plot.js_on_event(PanStart, begins)
        plot.on_event(PanStart, self._on_pan_start)
        plot.on_event(SelectionGeometry, self._on_outline)
        plot.on_event(RangesUpdate, self._on_ranges)
        plot.on_event(Tap, self._on_tap)
        for size in ("inner_width", "inner_height"):
            plot.on_change(size, self._on_resize)
        self._pane.object = plot
        self._frame()
        self._on_look()
        self.redraw()
        self.mark()

    def _describe(self, at: tuple[float, float], view: View) -> str | None:
        """What is said of what lies over the stars under the pointer."""
        return self._own.describe(at, view, REACH) or self._tracks.describe(at, view, REACH)

    # Gestures

    @guarded("Reading the drag")
    def _on_pan_start(self, event: PanStart) -> None:
        # The outline's own event does not say which keys were held; this one comes first.
        self._modifiers = dict(event.modifiers or {})

    @guarded("The selection")
    def _on_outline(self, event: SelectionGeometry) -> None:
        geometry: dict[str, Any] = event.geometry
        if not event.final:
            return
        outline: tuple[tuple[float, float], ...]
        if geometry["type"] == "rect":
            outline = ((geometry["x0"], geometry["y0"]), (geometry["x1"], geometry["y1"]))
            kind = "box"
        elif geometry["type"] == "poly" and len(geometry["x"]) >= 3:
            outline = tuple(zip(map(float, geometry["x"]), map(float, geometry["y"]), strict=True))
            kind = "polygon"
        else:
            return
        held, self._modifiers = self._modifiers, {}
        region = Region(kind, self._state.columns, outline, self._state.scales)
        operation = OPERATION_OF_KEYS[bool(held.get("shift")), bool(held.get("alt"))]
        visit = self._visit
        visit.active_map = self.key
        if len(outline) > MANY_VERTICES:
            inside = partial(region.mask, visit.catalog)
            draw = partial(visit.draw, region, operation or visit.operation)
            in_background(visit, "The selection", inside, draw)
        else:
            self._later(guarded("The selection")(lambda: visit.draw(region, operation)))

    @guarded("Drawing the map")
    def _on_ranges(self, event: RangesUpdate) -> None:
        fig = self._figure.plot
        for axis, low, high in (
            (fig.x_range, event.x0, event.x1),
            (fig.y_range, event.y0, event.y1),
        ):
            axis.update(start=low, end=high)
        self._redraw_soon()

    @guarded("Drawing the map")
    def _on_resize(self, attr: str, old: int, new: int) -> None:
        self._redraw_soon()

    @guarded("Going to the nearest star")
    def _on_tap(self, event: Tap) -> None:
        view = self._figure.view
        if view is None or event.x is None or event.y is None:
            return
        self._visit.active_map = self.key
        if self._tracks.go_to(self._figure.place(event.x, event.y), view, REACH):
            return
        own = self._own.near(self._figure.place(event.x, event.y), view, REACH)
        if own is not None:
            self._visit.cursor.visit_own(own)
            return
        # Alt turns the choice round.
        place = (self._visit.cursor.click == "place") != bool((event.modifiers or {}).get("alt"))
        if place:
            self._visit.cursor.visit_place(self._state.columns, (event.x, event.y))
            return
        if self._data.base is None:  # nothing is drawn yet
            return
        row = self._data.nearest(view, self._figure.place(event.x, event.y))
        if row is not None:
            self._visit.cursor.visit_star(row)

    # The state's changes

    @guarded("Changing the axes")
    def _on_maps(self, *events: object) -> None:
        state = self._visit.map_state(self.key)
        if state is None or state == self._state:
            return
        # What the columns need is read before the figure has them.
        moment, data = Moment.of(self._visit), self._data

        def read() -> None:
            data.at(moment).load(state)
            for name, scale in zip(state.columns, state.scales, strict=True):
                data.span(name, scale)

        drawing(self._visit, "Changing the axes", read, lambda _: self._change_axes(state))

    def _change_axes(self, state: MapState) -> None:
        if self._closed or self._visit.map_state(self.key) != state:  # another one came meanwhile
            return
        before, self._state = self._state, state
        self._data = MapData(self._visit)
        if state.scales != before.scales:
            stop([*self._tracks.watchers, *self._own.watchers])
            self._build()
            return
        self._figure.clear()
        self._frame()
        self._tracks.draw()
        self._own.draw()
        self.redraw()
        self.mark()

    def _frame(self) -> None:
        """Show all of the two columns, but for the farthest outliers."""
        catalog, fig = self._visit.catalog, self._figure.plot
        axes = ((fig.xaxis, fig.x_range), (fig.yaxis, fig.y_range))
        for (axis, bounds), name, scale, turn in zip(
            axes, self._state.columns, self._state.scales, self._state.periods, strict=True
        ):
            inactive = name in catalog.latents and name not in catalog.active
            axis.axis_label = as_label(axis_label(name) + (" (inactive)" if inactive else ""))
            start, end = self._data.span(name, scale)
            # A whole turn of a longitude has no margin.
            whole = turn is not None and end - start >= turn
            pad = 0.0 if whole else MARGIN * (end - start) or 0.5
            start, end = start - pad, end + pad
            if scale == "log":
                start, end = 10.0**start, 10.0**end
            if column_of(name).reversed:
                start, end = end, start
            bounds.update(start=start, end=end, reset_start=start, reset_end=end)

    def _on_stars(self, *events: object) -> None:
        self.redraw()

    @guarded("Changing the map's look")
    def _on_look(self, *events: object) -> None:
        visit = self._visit
        self._figure.frame(visit.active_map == self.key, visit.dark)
        self._data.dark = visit.dark
        self._dress()

    @guarded("Moving the marker")
    def mark(self) -> None:
        """Put the marks of z and of the chosen star where they are now."""
        move_marks(self._figure, self._visit.cursor, self._state)

    # Drawing

    def _later(self, work: Callable[[], None]) -> None:
        """Turn the busy light on, let the browser hear of it, then work."""
        document = self._figure.plot.document

        def run() -> None:
            try:
                # All maps' images go out at once, as one message.
                with pn.io.unlocked():
                    work()
            finally:
                self._visit.work_ends()

        document.add_next_tick_callback(run)
        self._visit.work_begins()

    def _redraw_soon(self) -> None:
        """Redraw once for however many changes of the view have come in by then."""
        if self._figure.plot.document is None:  # on its way from one place of the page to another
            self.redraw()
        elif not self._redraw_pending:
            self._redraw_pending = True
            self._later(self._redraw_now)

    def _redraw_now(self) -> None:
        self._redraw_pending = False
        self.redraw()

    @guarded("Drawing the map")
    def redraw(self) -> None:
        """Draw the stars of the present view, in a thread where a browser shows them.

        One drawing at a time: of what changes meanwhile, the newest is drawn after it.
        """
        view, state = self._figure.view, self._state
        if view is None:
            return
        if self._drawing:
            self._changed = True
            return
        data = self._data.at(Moment.of(self._visit))

        def show(image: np.ndarray) -> None:
            self._drawing = False
            changed, self._changed = self._changed, False
            if not self._closed and state == self._state:
                self._show(data, image, view)
            if changed and not self._closed:
                self.redraw()

        def failed() -> None:
            self._drawing = self._changed = False
            self.status.text = "The map could not be drawn."

        self._drawing = True
        self.status.text = "…"
        try:
            drawing(self._visit, "Drawing the map", lambda: data.show(state, view), show, failed)
        except Exception:
            failed()
            raise

    def _show(self, data: MapData, image: np.ndarray, view: View) -> None:
        """Send the image; its colors go with it when they change."""
        data.dark = self._visit.dark
        self._data = data
        self._figure.color(data.palette)
        self._figure.show(image, view)
        self._tracks.look(view)
        self._own.look(view)
        self._far.look(view)
        self._draw_outlines()
        self._dress()
        self.mark()
        self._say()

    def _dress(self) -> None:
        """The color bar and the colors of the image."""
        if self._data.base is not None:
            self._figure.explain(self._data.base.scale, self._data.colors)
            self._figure.color(self._data.palette)

    def _draw_outlines(self) -> None:
        """Outlines of the visible sets, wherever their two columns are shown."""
        here, scales, view = self._state.columns, self._state.scales, self._figure.view
        data: dict[str, list[Any]] = {"xs": [], "ys": [], "color": []}
        for star_set in self._visit.sets:
            regions = [step.source for step in star_set.steps if isinstance(step.source, Region)]
            for region in regions if star_set.visible else ():
                if set(region.columns) != set(here):
                    continue
                turned = region.columns != here
                ring = region.ring(scales[::-1] if turned else scales)
                ring = ring[:, ::-1] if turned else ring
                for x, y in (one.T for one in rings_in_view(ring, self._state.periods, view)):
                    data["xs"].append(x.tolist())
                    data["ys"].append(y.tolist())
                    data["color"].append(star_set.color)
        if dict(self._figure.outlines.data) != data:
            self._figure.outlines.data = data

    def _say(self) -> None:
        visit, base = self._visit, self._data.base
        if base is None:
            return
        text = f"{base.n_in_view:,} of {visit.n_shown:,} stars in view"
        text += f"{self._far.text} · {self._data.legend}"
        self.status.text = text
