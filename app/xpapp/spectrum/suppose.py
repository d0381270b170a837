"""What a star would be with another label: its spectrum changes, in σ of its own errors."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn
from bokeh.models import ColumnDataSource, Legend, LegendItem, Line, NumericInput, Range1d
from bokeh.plotting import figure

from xpapp.runtime.callbacks import guarded
from xpapp.runtime.names import as_html
from xpapp.spectrum.view import DECODED, LEFT, NEAREST, RIGHT, SpectrumView, span
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpapp.widgets.bokeh_widgets import CONTROLS, button, native_row, select
from xpapp.widgets.glyphs import add_glyphs
from xpapp.widgets.text_line import LiveLine
from xpmodel import InputError, counterfactual
from xpmodel.columns import column_of, symbol
from xpmodel.plots.counterfactual import Counterfactual

NOTHING: dict[str, list[float]] = {"x": [], "decoded": [], "pair": []}
# What a label without a step of its own is changed by.
STEP = 0.1


class SupposeControls:
    """A label, an amount and a button; the change beside the nearest real pair's.

    The button takes the star that z came from. z goes to where it would be, the decoded spectrum
    of the star itself stays as the dashed line, its observed one as it is.
    """

    def __init__(self, visit: Visit, spectrum: SpectrumView, labels: Sequence[str]) -> None:
        self._visit, self._cursor, self._spectrum = visit, visit.cursor, spectrum
        self.label = select(
            {name: symbol(name) for name in labels},
            labels[-1] if "alpha_m" not in labels else "alpha_m",
            self._on_label,
            "Choosing the label",
            name="suppose_label",
            width=90,
        )
        self.amount = NumericInput(
            name="suppose_amount",
            mode="float",
            value=self._step(self.label.value),
            width=80,
            height=28,
            margin=(4, 2),
            stylesheets=[CONTROLS],
        )
        self.go = button(
            "This star, but …", self._suppose, "Changing the star", name="suppose", width=130
        )
        self.said = LiveLine("0.78rem", "suppose_said")
        self._source = ColumnDataSource(NOTHING, name="suppose_source")
        self.figure = self._figure()
        self.panel = pn.Column(
            native_row(self.go, self.label, self.amount),
            self.said.pane,
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0),
            sizing_mode="stretch_width",
            margin=0,
        )
        self.watchers = [self._cursor.param.watch(self._on_change, ["star", "own_star", "mode"])]
        self._on_change()

    def _figure(self) -> figure:
        fig = figure(
            name="suppose_figure",
            x_range=self._spectrum.figure.x_range,
            y_range=Range1d(-1, 1),
            sizing_mode="stretch_width",
            height=130,
            min_border_left=LEFT,
            min_border_right=RIGHT,
            tools="xpan,xwheel_zoom,reset",
            toolbar_location=None,
            y_axis_label="change [σ]",
            visible=False,
        )
        add_glyphs(
            fig,
            (self._source, Line(x="x", y="pair", line_color=NEAREST, line_alpha=0.9)),
            (self._source, Line(x="x", y="decoded", line_color=DECODED, line_width=2)),
        )
        pair, decoded = fig.renderers
        items = [
            LegendItem(label="decoded", renderers=[decoded]),
            LegendItem(label="nearest real pair", renderers=[pair]),
        ]
        legend = Legend(items=items, click_policy="hide", padding=0, margin=0)
        legend.orientation = "horizontal"
        fig.add_layout(legend, "above")
        return fig

    @staticmethod
    def _step(name: str) -> float:
        return column_of(name).steer_step or STEP

    def _on_label(self, name: str) -> None:
        self.amount.value = self._step(name)

    @guarded("Following the star")
    def _on_change(self, *events: object) -> None:
        """What is drawn is of one star in one mode."""
        cursor = self._cursor
        self.go.disabled = cursor.star is None or not self._visit.catalog.has_spectra
        if self.figure.visible:
            self.figure.visible = False
            self._source.data = NOTHING
        if not self._visit.catalog.has_spectra:
            self.said.text = "The catalog's spectra are not beside it: no star's errors are known."
        elif cursor.star is None:
            self.said.text = "Click a star of a map: what would it be with another label?"
        else:
            self.said.text = "&nbsp;"

    def _suppose(self) -> None:
        cursor, visit = self._cursor, self._visit
        if cursor.star is None:
            raise InputError("z came from no star of the catalog: click one on a map")
        if self.amount.value is None:
            raise InputError("give by how much the label shall change")
        model, projection = visit.model, self._spectrum.projection
        assert model is not None  # without one there is no such view
        row, name, change = cursor.star, str(self.label.value), float(self.amount.value)
        locked, mode = tuple(cursor.locked), cursor.mode

        def work() -> Counterfactual:
            return counterfactual(visit.catalog, model, row, name, change, projection, locked)

        def show(found: Counterfactual) -> None:
            if cursor.star == row and cursor.mode == mode:
                cursor.suppose(found)
                self._show(found)

        self.said.text = "Asking the stars …"
        in_background(visit, "Changing the star", work, show, self._tell)

    def _tell(self, text: str) -> None:
        self.said.text = text

    def _show(self, found: Counterfactual) -> None:
        nothing = [float("nan")] * len(found.x)
        pair = nothing if found.pair_sigmas is None else found.pair_sigmas
        self._source.data = {"x": found.x, "decoded": found.sigmas, "pair": pair}
        span(self.figure.y_range, [found.sigmas, pair])
        self.figure.visible = True
        direction = found.steered.direction
        parts = [as_html(found.text), as_html(direction.held_text)]
        if reason := found.steered.reason:
            parts.append(f"<b>not supported: {as_html(reason)}</b>")
        else:
            parts.append("supported")
        if found.pair is None:
            parts.append(as_html(found.pair_reason))
        else:
            ids = [int(self._visit.catalog.source_id[row]) for row in found.pair.rows]
            difference, error = found.pair.difference[found.name]
            text = f"real pair {ids[0]}, {ids[1]}: {difference:+.2g} ± {error:.2g}"
            parts.append(text.replace("-", "−"))
        self.said.text = " · ".join(parts)
