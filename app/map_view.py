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
    BoxZoomTool,
    ColorBar,
    ColumnDataSource,
    LassoSelectTool,
    LinearColorMapper,
    LogColorMapper,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

from guard import guarded
from palettes import (
    CLEAR,
    INK,
    SELECTED,
    density_palette,
    mean_palette,
    selected_palette,
)
from raster import Points, Shaded, View
from status import status_line
from visit import DENSITY, Visit
from xpmodel import Region
from xpmodel.columns import describe
from xpmodel.regions import nearest_point

# Drawn reversed, as astronomers do: hot and low-gravity stars on the left and on top.
REVERSED = {"teff", "logg", "phot_g_mean_mag", "ra"}
MARGIN = 0.05
EMPTY_IMAGE = {"image": [], "x": [], "y": [], "dw": [], "dh": []}


class MapView:
    """Draws `Visit.x` against `Visit.y` with Datashader and turns gestures into selections.

    Works on Bokeh directly: an outline's way through HoloViews' streams costs twice the time,
    and there an exception in one callback blocks all later gestures.
    """

    def __init__(self, visit: Visit, name: str = "map") -> None:
        self._visit = visit
        self._points: Points | None = None
        self._chosen_points: Points | None = None
        self._bin_size = 1
        self._modifiers: dict[str, bool] = {}
        self._n_in_view = 0
        self._redraw_pending = False

        self.figure = figure(
            name=name,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            sizing_mode="stretch_both",
            min_width=300,
            min_height=260,
            tools=[],
            output_backend="canvas",
        )
        self._add_tools()
        self._add_layers()
        self.status = status_line()
        self.panel = pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", margin=0)

        self.figure.on_event(PanStart, self._on_pan_start)
        self.figure.on_event(SelectionGeometry, self._on_outline)
        self.figure.on_event(RangesUpdate, self._on_ranges)
        self.figure.on_event(Tap, self._on_tap)
        for size in ("inner_width", "inner_height"):
            self.figure.on_change(size, self._on_resize)
        visit.param.watch(self._on_axes, ["x", "y"])
        visit.param.watch(self._on_color, ["color", "dark"])
        visit.param.watch(self._on_selection, ["selected"])
        visit.param.watch(self._on_z, ["z", "star"])
        self._on_axes()
        self._on_z()

    def _add_tools(self) -> None:
        # `renderers=[]`: the stars are an image, there is nothing for Bokeh to select. A final
        # outline is enough; a continuous one would send each of the mouse's moves.
        lasso = LassoSelectTool(continuous=False, renderers=[])
        box = BoxSelectTool(continuous=False, renderers=[])
        pan, wheel = PanTool(), WheelZoomTool(zoom_on_axis=True)
        self.figure.add_tools(lasso, box, pan, wheel, BoxZoomTool(), ResetTool(), SaveTool())
        self.figure.toolbar.active_drag = lasso
        self.figure.toolbar.active_scroll = wheel
        self.figure.toolbar.logo = None

    def _add_layers(self) -> None:
        fig = self.figure
        self._stars = ColumnDataSource(EMPTY_IMAGE, name="map_image")
        self._chosen = ColumnDataSource(EMPTY_IMAGE, name="map_selected")
        self._mapper = LinearColorMapper(low=0, high=255, palette=[CLEAR] * 256)
        chosen = LinearColorMapper(low=0, high=255, palette=[CLEAR, *selected_palette()])
        self._stars_glyph = fig.image(source=self._stars, color_mapper=self._mapper)
        fig.image(source=self._chosen, color_mapper=chosen)
        self._outlines = ColumnDataSource({"xs": [], "ys": []}, name="map_outlines")
        fig.multi_line("xs", "ys", source=self._outlines, line_color=SELECTED, line_width=1.5)
        self._marker = ColumnDataSource({"x": [], "y": []}, name="map_marker")
        self._marker_glyph = fig.scatter(
            "x", "y", source=self._marker, marker="cross", size=22, line_width=2.5
        )
        self._star = ColumnDataSource({"x": [], "y": []}, name="map_star")
        self._star_glyph = fig.scatter(
            "x", "y", source=self._star, marker="circle", size=13, line_width=2, fill_alpha=0
        )
        # A color bar cannot change from a linear to a logarithmic mapper: one of each.
        self._bars = {
            kind: ColorBar(color_mapper=mapper, width=10, padding=6, title="", visible=False)
            for kind, mapper in (
                ("log", LogColorMapper(palette=["#000000"], low=1, high=10)),
                ("linear", LinearColorMapper(palette=["#000000"], low=0, high=1)),
            )
        }
        for bar in self._bars.values():
            fig.add_layout(bar, "right")

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
        x, y = ((r.start, r.end) for r in (fig.x_range, fig.y_range))
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
        operation = "add" if held.get("shift") else "subtract" if held.get("alt") else None
        region = Region(kind, (self._visit.x, self._visit.y), outline)
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
        x, y = (self._visit.catalog[name] for name in (self._visit.x, self._visit.y))
        row = nearest_point(x, y, (event.x, event.y), view.pixel)
        if row is not None:
            self._visit.visit_star(row)

    # The state's changes

    @guarded("Changing the axes")
    def _on_axes(self, *events: object) -> None:
        visit, catalog = self._visit, self._visit.catalog
        for axis, name, bounds in (
            (self.figure.xaxis, visit.x, self.figure.x_range),
            (self.figure.yaxis, visit.y, self.figure.y_range),
        ):
            inactive = name in catalog.latents and name not in catalog.active
            axis.axis_label = describe(name) + (" (inactive)" if inactive else "")
            low, high = catalog.span(name)
            pad = MARGIN * (high - low) or 0.5
            start, end = low - pad, high + pad
            if name in REVERSED:
                start, end = end, start
            bounds.update(start=start, end=end, reset_start=start, reset_end=end)
        self._on_color()
        self._draw_outlines()
        self._on_z()

    @guarded("Coloring the map")
    def _on_color(self, *events: object) -> None:
        visit, catalog = self._visit, self._visit.catalog
        value = None if visit.color == DENSITY else catalog[visit.color]
        self._points = Points(catalog[visit.x], catalog[visit.y], value)
        self._choose()
        palette = density_palette(visit.dark) if value is None else mean_palette()
        self._mapper.palette = [CLEAR, *palette]
        kind = "log" if value is None else "linear"
        for name, bar in self._bars.items():
            bar.visible = name == kind
            bar.color_mapper.palette = palette
        title = "stars per bin" if value is None else f"mean {describe(visit.color)}"
        self._bars[kind].title = title
        for glyph in (self._marker_glyph, self._star_glyph):
            glyph.glyph.line_color = INK[visit.dark]
        self.redraw()

    @guarded("Showing the selection")
    def _on_selection(self, *events: object) -> None:
        self._draw_outlines()
        self._choose()
        view = self.view
        if view is not None:
            self._draw_selected(view)
        self._say()

    @guarded("Moving the marker")
    def _on_z(self, *events: object) -> None:
        visit = self._visit
        axes = (visit.x, visit.y)
        latents = visit.catalog.latents
        here = (visit.z[latents.index(n)] for n in axes) if set(axes) <= set(latents) else None
        self._marker.data = _point(here)
        star = visit.star
        there = (float(visit.catalog[n][star]) for n in axes) if star is not None else None
        self._star.data = _point(there)

    # Drawing

    def _later(self, work: Callable[[], None]) -> None:
        """Turn the busy light on, let the browser hear of it, then work."""
        if self.figure.document is None:
            return

        def run() -> None:
            try:
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
        if view is None or self._points is None:
            return
        shaded = self._points.draw(view)
        self._stars.data = _image(shaded, view)
        self._n_in_view, self._bin_size = shaded.n_in_view, shaded.bin_size
        kind = "log" if self._visit.color == DENSITY else "linear"
        high = shaded.high if shaded.high > shaded.low else shaded.low * 1.001 + 1e-6
        self._bars[kind].color_mapper.update(low=shaded.low, high=high)
        self._draw_selected(view)
        self._say()

    def _choose(self) -> None:
        selected = self._visit.selected
        chosen = self._points is not None and selected is not None
        self._chosen_points = self._points.where(selected) if chosen else None

    def _draw_selected(self, view: View) -> None:
        """Draw the selected stars in the bins of all; what is not selected steps back."""
        chosen = self._chosen_points
        self._stars_glyph.glyph.global_alpha = 1.0 if chosen is None else 0.55
        self._chosen.data = (
            EMPTY_IMAGE if chosen is None else _image(chosen.draw(view, self._bin_size), view)
        )

    def _draw_outlines(self) -> None:
        here = (self._visit.x, self._visit.y)
        rings = []
        for step in self._visit.steps:
            if step.operation == "replace":
                rings = []
            if step.region.columns == here:
                rings.append(step.region.ring)
            elif step.region.columns == here[::-1]:
                rings.append(step.region.ring[:, ::-1])
        self._outlines.data = {
            "xs": [ring[:, 0].tolist() for ring in rings],
            "ys": [ring[:, 1].tolist() for ring in rings],
        }

    def _say(self) -> None:
        visit = self._visit
        n = len(visit.catalog)
        text = f"{self._n_in_view:,} of {n:,} stars in view"
        if visit.selected is not None:
            text = f"<b>{visit.n_selected:,} of {n:,} selected</b> · {text}"
        self.status.object = f"{text}"


def _point(position: Any) -> dict[str, list[float]]:
    if position is None:
        return {"x": [], "y": []}
    x, y = position
    return {"x": [x], "y": [y]} if np.isfinite([x, y]).all() else {"x": [], "y": []}


def _image(shaded: Shaded, view: View) -> dict[str, list[Any]]:
    (x0, x1), (y0, y1) = sorted(view.x), sorted(view.y)
    return {"image": [shaded.image], "x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}
