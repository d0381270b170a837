"""The Bokeh figure of a map: tools, layers, color bar, and what part of the plane it shows."""

from __future__ import annotations

import numpy as np
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

from xpapp.colors import CLEAR, INK
from xpapp.maps.color_scale import ColorScale
from xpapp.maps.raster import View
from xpapp.runtime.private_parts import inner_size
from xpapp.widgets.glyphs import Data, add_glyphs
from xpmodel.selection.regions import to_scale

NO_IMAGE: Data = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
NO_LINES: Data = {"xs": [], "ys": [], "color": []}
NO_POINT: Data = {"x": [], "y": []}


class MapFigure:
    """What is drawn of a map; it cannot change from a linear to a logarithmic axis.

    Attributes
    ----------
    plot : bokeh figure
    outlines, marker, star : ColumnDataSource
        Outlines of sets, the place of z, and that of the chosen star.
    """

    def __init__(self, key: str, scales: tuple[str, str]) -> None:
        self._scales = scales
        self.plot = figure(
            name=key,
            x_axis_type=scales[0],
            y_axis_type=scales[1],
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            sizing_mode="stretch_both",
            min_height=180,
            tools=[],
            output_backend="canvas",
            toolbar_location="above",
            # How long after the wheel's last turn the browser tells of it [ms].
            lod_timeout=20,
            # As much room as the labels ever need: other ones do not move the frame.
            min_border_left=56,
            min_border_right=52,
            min_border_top=2,
        )
        self._add_tools()
        self._image = ColumnDataSource(NO_IMAGE, name=f"{key}_image")
        self._mapper = LinearColorMapper(low=0, high=255, palette=[CLEAR] * 256)
        self.outlines = ColumnDataSource(NO_LINES, name=f"{key}_outlines")
        self.marker = ColumnDataSource(NO_POINT, name=f"{key}_marker")
        self.star = ColumnDataSource(NO_POINT, name=f"{key}_star")
        self._marks = (
            Scatter(x="x", y="y", marker="cross", size=20, line_width=2.5),
            Scatter(x="x", y="y", marker="circle", size=13, line_width=2, fill_alpha=0),
        )
        image = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mapper)
        outlines = MultiLine(xs="xs", ys="ys", line_color="color", line_width=1.5)
        add_glyphs(
            self.plot,
            (self._image, image),
            (self.outlines, outlines),
            (self.marker, self._marks[0]),
            (self.star, self._marks[1]),
        )
        # On a layer of their own: the browser need not draw the image again when they move.
        for renderer in self.plot.renderers[-2:]:
            renderer.level = "overlay"
        # The bar goes from 0 to 1 whatever the scale; its ticks say what that means.
        self._bar = ColorBar(
            color_mapper=LinearColorMapper(palette=["#000000"], low=0, high=1),
            ticker=FixedTicker(ticks=[]),
            width=8,
            padding=4,
            label_standoff=3,
        )
        self.plot.add_layout(self._bar, "right")

    def _add_tools(self) -> None:
        # `renderers=[]`: the stars are an image, there is nothing for Bokeh to select. A final
        # outline is enough; a continuous one would send each of the mouse's moves.
        lasso = LassoSelectTool(continuous=False, renderers=[])
        box = BoxSelectTool(continuous=False, renderers=[])
        pan, wheel = PanTool(), WheelZoomTool(zoom_on_axis=True)
        self.plot.add_tools(lasso, box, pan, wheel, ResetTool(), SaveTool())
        self.plot.toolbar.active_drag = lasso
        self.plot.toolbar.active_scroll = wheel
        self.plot.toolbar.logo = None

    @property
    def view(self) -> View | None:
        """What the browser shows; None before it has said how large the map is."""
        fig = self.plot
        size = inner_size(fig)
        if size is None or min(size) <= 0:
            return None
        ends = [np.array([r.start, r.end], np.float64) for r in (fig.x_range, fig.y_range)]
        scaled = [to_scale(v, s) for v, s in zip(ends, self._scales, strict=True)]
        if not np.isfinite(scaled).all() or any(a == b for a, b in scaled):
            return None
        x, y = ((float(start), float(end)) for start, end in scaled)
        return View(x, y, *size)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A place in the axes' own scales."""
        pairs = zip((x, y), self._scales, strict=True)
        x, y = (float(to_scale(np.array([v]), scale)[0]) for v, scale in pairs)
        return x, y

    def show(self, image: np.ndarray, view: View) -> None:
        """Send the image of a view."""
        (x0, x1), (y0, y1) = (
            [10.0**v for v in sorted(ends)] if scale == "log" else sorted(ends)
            for ends, scale in zip((view.x, view.y), self._scales, strict=True)
        )
        place = {"x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}
        self._image.data = {"image": [image], **place}

    def clear(self) -> None:
        """Show no image."""
        self._image.data = dict(NO_IMAGE)

    def color(self, palette: list[str]) -> None:
        """Take the colors of all levels of the image."""
        if self._mapper.palette != palette:
            self._mapper.palette = palette

    def explain(self, scale: ColorScale | None, colors: tuple[str, ...]) -> None:
        """Let the color bar say what colors mean; categories have none."""
        self._bar.visible = scale is not None
        if scale is not None:
            self._bar.ticker.ticks = list(scale.ticks)
            self._bar.major_label_overrides = scale.ticks
            self._bar.color_mapper.palette = list(colors)

    def dim_marker(self, dim: bool) -> None:
        """Let the mark of z step back, where its place is only inferred."""
        self._marks[0].line_alpha = 0.5 if dim else 1.0

    def frame(self, active: bool, dark: bool) -> None:
        """Draw marks and the frame in ink; the active map's frame is bold."""
        for mark in self._marks:
            mark.line_color = INK[dark]
        self.plot.update(
            outline_line_color=INK[dark] if active else "#9a9a9a",
            outline_line_width=1.6 if active else 0.6,
            outline_line_alpha=1.0,
        )
