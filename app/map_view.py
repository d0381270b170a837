"""A map: any two columns of the catalog, its lasso, and the marker of z."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.events import PanStart, RangesUpdate, SelectionGeometry, Tap
from bokeh.models import (
    BoxSelectTool,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    Image,
    LassoSelectTool,
    LinearColorMapper,
    MultiLine,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    Scatter,
    WheelZoomTool,
)
from bokeh.plotting import figure

from glyphs import add_glyphs
from guard import guarded
from hover import Hover
from map_data import MapData
from map_state import MapState
from palettes import CLEAR, INK
from raster import View
from status import status_line
from track_layer import TrackLayer
from visit import Visit
from xpmodel import Region
from xpmodel.columns import axis_label
from xpmodel.regions import to_scale

# Drawn reversed, as astronomers do: hot and low-gravity stars on the left and on top, longitudes
# to the left.
REVERSED = {"teff", "logg", "phot_g_mean_mag", "abs_g_mag", "ra", "l"}
MARGIN = 0.05
EMPTY_IMAGE = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
NO_LINES = {"xs": [], "ys": [], "color": []}
# Shift, Alt.
OPERATION_OF_KEYS = {
    (False, False): None,
    (True, False): "add",
    (False, True): "subtract",
    (True, True): "intersect",
}
# A click this near [pixels] to a point of a track means the point.
REACH = 9.0


class MapView:
    """Draws two columns with Datashader and turns gestures into selections.

    Works on Bokeh directly: an outline's way through HoloViews' streams costs twice the time,
    and there an exception in one callback blocks all later gestures.

    Parameters
    ----------
    visit : Visit
    key : str
        Of the map, among those that the visit holds open.
    """

    def __init__(self, visit: Visit, key: str) -> None:
        self.key = key
        self._visit = visit
        self._state: MapState = visit.map_state(key)
        self._data = MapData(visit)
        self._modifiers: dict[str, bool] = {}
        self._redraw_pending = False
        self.status = status_line(size="0.76rem")
        self._pane = pn.pane.Bokeh(sizing_mode="stretch_both", margin=0)
        self.panel = pn.Column(
            self.status,
            self._pane,
            sizing_mode="stretch_both",
            margin=0,
            min_width=240,
            min_height=230,
        )
        self._build()
        self._watchers = [
            visit.param.watch(self._on_maps, ["maps"]),
            visit.param.watch(self._on_values, ["coloring", "shown"]),
            visit.param.watch(self._on_sets, ["sets", "active_set"]),
            visit.param.watch(self._on_z, ["z", "star"]),
            visit.param.watch(self._on_dark, ["dark"]),
            visit.param.watch(self._on_active, ["active_map"]),
        ]

    def close(self) -> None:
        """Stop following the visit."""
        for watcher in [*self._watchers, *self._tracks.watchers]:
            self._visit.param.unwatch(watcher)

    def _build(self) -> None:
        """Make the figure; it cannot change from a linear to a logarithmic axis."""
        x_type, y_type = self._state.scales
        self.figure = figure(
            name=self.key,
            x_axis_type=x_type,
            y_axis_type=y_type,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            sizing_mode="stretch_both",
            min_height=180,
            tools=[],
            output_backend="canvas",
            toolbar_location="above",
            # How long after the wheel's last turn the browser tells of it [ms].
            lod_timeout=40,
            # As much room as the labels ever need: other ones do not move the frame.
            min_border_left=56,
            min_border_right=52,
            min_border_top=2,
        )
        self._add_tools()
        self._add_layers()
        self._tracks = TrackLayer(self.figure, self._visit, self.key)
        self._hover = Hover(
            self.figure,
            self._visit,
            self._data,
            lambda: self.view,
            self._place,
            lambda at, view: self._tracks.describe(at, view, REACH),
        )
        self.figure.on_event(PanStart, self._on_pan_start)
        self.figure.on_event(SelectionGeometry, self._on_outline)
        self.figure.on_event(RangesUpdate, self._on_ranges)
        self.figure.on_event(Tap, self._on_tap)
        for size in ("inner_width", "inner_height"):
            self.figure.on_change(size, self._on_resize)
        self._pane.object = self.figure
        self._data.load(self._state)
        self._frame()
        self._on_dark()
        self.redraw()
        self._on_z()
        self._on_active()

    def _add_tools(self) -> None:
        # `renderers=[]`: the stars are an image, there is nothing for Bokeh to select. A final
        # outline is enough; a continuous one would send each of the mouse's moves.
        lasso = LassoSelectTool(continuous=False, renderers=[])
        box = BoxSelectTool(continuous=False, renderers=[])
        pan, wheel = PanTool(), WheelZoomTool(zoom_on_axis=True)
        self.figure.add_tools(lasso, box, pan, wheel, ResetTool(), SaveTool())
        self.figure.toolbar.active_drag = lasso
        self.figure.toolbar.active_scroll = wheel
        self.figure.toolbar.logo = None

    def _add_layers(self) -> None:
        fig, key = self.figure, self.key
        self._image = ColumnDataSource(EMPTY_IMAGE, name=f"{key}_image")
        self._mapper = LinearColorMapper(low=0, high=255, palette=[CLEAR] * 256)
        self._outlines = ColumnDataSource(NO_LINES, name=f"{key}_outlines")
        self._marker = ColumnDataSource({"x": [], "y": []}, name=f"{key}_marker")
        self._star = ColumnDataSource({"x": [], "y": []}, name=f"{key}_star")
        image = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mapper)
        outlines = MultiLine(xs="xs", ys="ys", line_color="color", line_width=1.5)
        self._marker_glyph = Scatter(x="x", y="y", marker="cross", size=20, line_width=2.5)
        self._star_glyph = Scatter(
            x="x", y="y", marker="circle", size=13, line_width=2, fill_alpha=0
        )
        add_glyphs(
            fig,
            (self._image, image),
            (self._outlines, outlines),
            (self._marker, self._marker_glyph),
            (self._star, self._star_glyph),
        )
        # The bar goes from 0 to 1 whatever the scale; its ticks say what that means.
        self._bar = ColorBar(
            color_mapper=LinearColorMapper(palette=["#000000"], low=0, high=1),
            ticker=FixedTicker(ticks=[]),
            width=8,
            padding=4,
            label_standoff=3,
        )
        fig.add_layout(self._bar, "right")

    @property
    def view(self) -> View | None:
        """What the browser shows; None before it has said how large the map is."""
        fig = self.figure
        try:
            width, height = int(fig.inner_width), int(fig.inner_height)
        except UnsetValueError:
            return None
        if width <= 0 or height <= 0:
            return None
        ends = [np.array([r.start, r.end], np.float64) for r in (fig.x_range, fig.y_range)]
        scaled = [to_scale(v, s) for v, s in zip(ends, self._state.scales, strict=True)]
        if not np.isfinite(scaled).all() or any(a == b for a, b in scaled):
            return None
        x, y = (tuple(map(float, v)) for v in scaled)
        return View(x, y, width, height)

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
        self._visit.active_map = self.key
        self._later(guarded("The selection")(lambda: self._visit.draw(region, operation)))

    @guarded("Drawing the map")
    def _on_ranges(self, event: RangesUpdate) -> None:
        fig = self.figure
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
        view = self.view
        if view is None or event.x is None or event.y is None:
            return
        self._visit.active_map = self.key
        if self._tracks.go_to(self._place(event.x, event.y), view, REACH):
            return
        row = self._data.nearest(view, self._place(event.x, event.y))
        if row is not None:
            self._visit.visit_star(row)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """A place in the axes' own scales."""
        pairs = zip((x, y), self._state.scales, strict=True)
        return tuple(float(to_scale(np.array([v]), scale)[0]) for v, scale in pairs)

    # The state's changes

    @guarded("Changing the axes")
    def _on_maps(self, *events: object) -> None:
        state = self._visit.map_state(self.key)
        if state is None or state == self._state:
            return
        before, self._state = self._state, state
        if state.scales != before.scales:
            for watcher in self._tracks.watchers:
                self._visit.param.unwatch(watcher)
            self._build()
            return
        self._data.load(state)
        self._frame()
        self._tracks.draw()
        self.redraw()
        self._on_z()

    def _frame(self) -> None:
        """Show all of the two columns, but for the farthest outliers."""
        catalog, fig = self._visit.catalog, self.figure
        axes = ((fig.xaxis, fig.x_range), (fig.yaxis, fig.y_range))
        for (axis, bounds), name, scale, turn in zip(
            axes, self._state.columns, self._state.scales, self._data.periods, strict=True
        ):
            inactive = name in catalog.latents and name not in catalog.active
            axis.axis_label = axis_label(name) + (" (inactive)" if inactive else "")
            start, end = self._data.span(name, scale)
            # A whole turn of a longitude has no margin.
            pad = 0.0 if turn is not None else MARGIN * (end - start) or 0.5
            start, end = start - pad, end + pad
            if scale == "log":
                start, end = 10.0**start, 10.0**end
            if name in REVERSED:
                start, end = end, start
            bounds.update(start=start, end=end, reset_start=start, reset_end=end)

    @guarded("Coloring the map")
    def _on_values(self, *events: object) -> None:
        self._data.load(self._state)
        self.redraw()

    @guarded("Changing the theme")
    def _on_dark(self, *events: object) -> None:
        ink = INK[self._visit.dark]
        for glyph in (self._marker_glyph, self._star_glyph):
            glyph.line_color = ink
        self._dress()

    @guarded("Showing the sets")
    def _on_sets(self, *events: object) -> None:
        self._data.load_sets()
        view = self.view
        if view is not None and self._data.base is not None:
            self._show(view)
        self._draw_outlines()
        self._say()

    @guarded("Moving the marker")
    def _on_z(self, *events: object) -> None:
        visit, axes = self._visit, self._state.columns
        latents = visit.catalog.latents
        here = [visit.z[latents.index(n)] for n in axes] if set(axes) <= set(latents) else None
        self._marker.data = self._point(here)
        star = visit.star
        there = [float(visit.catalog[n][star]) for n in axes] if star is not None else None
        self._star.data = self._point(there)

    def _point(self, at: list[float] | None) -> dict[str, list[float]]:
        if at is None or not np.isfinite(at).all():
            return {"x": [], "y": []}
        view = self.view
        if view is not None:
            at = [
                v if turn is None else v - turn * np.floor((v - min(ends)) / turn)
                for v, turn, ends in zip(at, self._data.periods, (view.x, view.y), strict=True)
            ]
        return {"x": [at[0]], "y": [at[1]]}

    @guarded("Marking the active map")
    def _on_active(self, *events: object) -> None:
        active = self._visit.active_map == self.key
        self.figure.outline_line_color = INK[self._visit.dark] if active else "#9a9a9a"
        self.figure.outline_line_width = 1.6 if active else 0.6
        self.figure.outline_line_alpha = 1.0

    # Drawing

    def _later(self, work: Callable[[], None]) -> None:
        """Turn the busy light on, let the browser hear of it, then work."""
        if self.figure.document is None:
            return

        def run() -> None:
            try:
                # All maps' images go out at once, as one message.
                with pn.io.unlocked():
                    work()
            finally:
                self._visit.busy = False

        self._visit.busy = True
        self.figure.document.add_next_tick_callback(run)

    def _redraw_soon(self) -> None:
        """Redraw once for however many changes of the view have come in by then."""
        if not self._redraw_pending:
            self._redraw_pending = True
            self._later(self._redraw_now)

    def _redraw_now(self) -> None:
        self._redraw_pending = False
        self.redraw()

    @guarded("Drawing the map")
    def redraw(self) -> None:
        """Draw the stars of the present view."""
        view = self.view
        if view is None:
            return
        self._data.draw(view)
        self._show(view)
        self._draw_outlines()
        self._dress()
        self._say()

    def _show(self, view: View) -> None:
        """Send the image; its colors go with it when they change."""
        palette = self._data.palette
        if self._mapper.palette != palette:
            self._mapper.palette = palette
        (x0, x1), (y0, y1) = (
            [10.0**v for v in sorted(ends)] if scale == "log" else sorted(ends)
            for ends, scale in zip((view.x, view.y), self._state.scales, strict=True)
        )
        image = self._data.image(view)
        self._image.data = {
            "image": [image],
            "x": [x0],
            "y": [y0],
            "dw": [x1 - x0],
            "dh": [y1 - y0],
        }

    def _dress(self) -> None:
        """The color bar and the colors of the image."""
        bar = self._bar
        self._data.dark = self._visit.dark
        base = self._data.base
        bar.visible = base is not None and base.scale is not None
        if bar.visible:
            ticks = base.scale.ticks
            bar.ticker.ticks = list(ticks)
            bar.major_label_overrides = ticks
            bar.color_mapper.palette = list(self._data.colors)
        if base is not None and self._mapper.palette != self._data.palette:
            self._mapper.palette = self._data.palette

    def _draw_outlines(self) -> None:
        """Outlines of the visible sets, wherever their two columns are shown."""
        here, scales = self._state.columns, self._state.scales
        data: dict[str, list[Any]] = {"xs": [], "ys": [], "color": []}
        for star_set in self._visit.sets:
            regions = [step.source for step in star_set.steps if isinstance(step.source, Region)]
            for region in regions if star_set.visible else ():
                if set(region.columns) != set(here):
                    continue
                turned = region.columns != here
                ring = region.ring(scales[::-1] if turned else scales)
                x, y = ring.T[::-1] if turned else ring.T
                data["xs"].append(x.tolist())
                data["ys"].append(y.tolist())
                data["color"].append(star_set.color)
        if dict(self._outlines.data) != data:
            self._outlines.data = data

    def _say(self) -> None:
        visit, base = self._visit, self._data.base
        if base is None:
            return
        text = f"{base.n_in_view:,} of {visit.n_shown:,} stars in view"
        text += f" · {self._data.legend}"
        self.status.object = text
