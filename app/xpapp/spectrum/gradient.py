"""The gradient view: what each latent does to the decoded spectrum at z."""

from __future__ import annotations

import panel as pn
from bokeh.models import ColumnDataSource, Legend, LegendItem, Line, Range1d
from bokeh.plotting import figure

from xpapp.colors import SET_COLORS
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.coalesce import Pace
from xpapp.spectrum.view import LEFT, RIGHT, SpectrumView, span
from xpapp.state.visit import Visit
from xpapp.widgets.glyphs import add_glyphs
from xpapp.widgets.line_marks import LineMarks
from xpmodel.plots.curves import decoded_gradient


class GradientView:
    """∂/∂z_i of what the spectrum's plot shows, for each active latent."""

    def __init__(self, visit: Visit, spectrum: SpectrumView) -> None:
        self._visit, self._spectrum = visit, spectrum
        assert visit.model is not None  # without one there is no such view
        self._model = visit.model
        catalog = visit.catalog
        self._latents = catalog.active or catalog.latents
        self.figure = figure(
            name="gradient",
            x_range=spectrum.figure.x_range,
            y_range=Range1d(0, 1),
            sizing_mode="stretch_width",
            height=150,
            min_border_left=LEFT,
            min_border_right=RIGHT,
            tools="xpan,xwheel_zoom,reset",
            toolbar_location=None,
            y_axis_label="∂/∂z",
        )
        self._source = ColumnDataSource(self._nothing, name="gradient_source")
        lines = [
            Line(x="x", y=name, line_color=color, line_width=1.5)
            for name, color in zip(self._latents, SET_COLORS * 99, strict=False)
        ]
        add_glyphs(self.figure, *((self._source, line) for line in lines))
        items = [
            LegendItem(label=f"∂/∂{name}", renderers=[drawn])
            for name, drawn in zip(self._latents, self.figure.renderers, strict=True)
        ]
        legend = Legend(items=items, click_policy="hide", padding=0, margin=0)
        legend.orientation = "horizontal"
        self.figure.add_layout(legend, "above")
        self._marks = LineMarks(self.figure, False)
        self.panel = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        self._drawing = Pace(
            guarded("Differentiating the spectrum")(self._draw), visit.turn, self.figure
        )
        cursor = visit.cursor
        self.watchers = [
            cursor.param.watch(self._on_change, ["z", "g_mag", "mode", "star", "own_star"]),
            cursor.param.watch(self._on_look, ["lines", "mode"]),
            visit.param.watch(self._on_look, ["dark"]),
        ]
        self._on_look()
        self._draw()

    @property
    def _nothing(self) -> dict[str, list[float]]:
        return {name: [] for name in ("x", *self._latents)}

    def _on_change(self, *events: object) -> None:
        self._drawing.soon()

    @guarded("Marking the lines")
    def _on_look(self, *events: object) -> None:
        cursor = self._visit.cursor
        self._marks.show(cursor.lines and cursor.mode != "coefficients", self._visit.dark)

    def _draw(self) -> None:
        visit, projection = self._visit, self._spectrum.projection
        slopes = decoded_gradient(self._model, projection, visit.cursor.z, visit.cursor.scale)
        of = dict(zip(visit.catalog.latents, slopes, strict=True))
        self._source.data = {"x": projection.x} | {name: of[name] for name in self._latents}
        span(self.figure.y_range, [of[name] for name in self._latents])
