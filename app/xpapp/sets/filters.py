"""Controls of the filter: named cuts, an expression, ranges dragged on histograms."""

from __future__ import annotations

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.events import SelectionGeometry
from bokeh.models import BoxAnnotation, BoxSelectTool, ColumnDataSource, Range1d
from bokeh.plotting import figure

from xpapp.colors import INK
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.inputs import Inputs
from xpapp.runtime.names import as_html, as_label
from xpapp.state.axis_span import axis_span
from xpapp.state.background import drawing, in_background
from xpapp.state.visit import Visit
from xpapp.widgets.material import TEXT, WIDE, column, column_choices, heading, row
from xpapp.widgets.text_line import status_line
from xpmodel import Catalog, circular
from xpmodel.catalog.named_cuts import CUTS, cut_report, needed_columns
from xpmodel.catalog.once import once_a_catalog
from xpmodel.columns import axis_label, parameters, period
from xpmodel.selection.expression import ExpressionError
from xpmodel.selection.filters import Filter

# Whose ranges are offered first, beside parameters of the atmosphere.
OTHERS = ("phot_g_mean_mag", "chi2")
N_BINS = 60
SHOWN, EVERY = "#2a78d6", "#b5b5b5"


class FilterControls:
    """Cuts and the expression; what the filter is, in words."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inputs = Inputs()
        filled = set(visit.catalog.filled)
        self._cuts = {
            f"{name} labels ({variant})": (name, variant)
            for variant, cuts in CUTS.items()
            for name, conditions in cuts.items()
            if conditions and set(needed_columns(name, variant)) <= filled
        }
        self.cuts = [
            pmui.Checkbox(label=label, margin=(0, 8), size="small") for label in self._cuts
        ]
        self.expression = pmui.TextInput(
            label="Condition, such as teff < 5000 and m_h > -1", **WIDE
        )
        self.problem = pn.pane.HTML("", sizing_mode="stretch_width", margin=(0, 10))
        self.said = status_line("")
        clear = pmui.Button(label="Show all stars", on_click=self._clear, **TEXT, **WIDE)
        none = status_line("The catalog lacks the columns of the named cuts.")
        self.panel = column(
            heading("Named cuts"),
            *self.cuts,
            *([] if self.cuts else [none]),
            heading("Condition"),
            self.expression,
            self.problem,
            self.said,
            clear,
            status_line("Ranges: drag on the histograms of the tab Ranges."),
        )
        self._inputs.watch(self._on_cuts, *self.cuts)
        self._inputs.watch(self._on_expression, self.expression)
        self.watchers = [visit.param.watch(self._follow, ["filter"])]
        self._follow()

    @guarded("Showing the filter")
    def _follow(self, *events: object) -> None:
        current = self._visit.filter
        with self._inputs.quiet():
            for box, cut in zip(self.cuts, self._cuts.values(), strict=True):
                box.value = cut in current.cuts
            if self.expression.value != current.expression:
                self.expression.value = current.expression
            self.problem.object = ""
            lines = [f"Shown: {as_html(str(current))}" if current else "All stars are shown."]
            for name, variant in current.cuts:
                report = cut_report(self._visit.catalog, name, variant)
                lines.append(f"<b>{name} ({variant})</b>: {report.n_kept:,} stars; alone")
                lines += [f"{as_html(k)}: −{n:,}" for k, n in report.removed.items()]
            self.said.object = "<br>".join(lines)

    @guarded("The cut")
    def _on_cuts(self, *events: object) -> None:
        chosen = zip(self.cuts, self._cuts.values(), strict=True)
        cuts = tuple(cut for box, cut in chosen if box.value)
        current = self._visit.filter
        self._visit.show(Filter(cuts, current.ranges, current.expression))

    @guarded("The condition")
    def _on_expression(self, *events: object) -> None:
        current, text = self._visit.filter, (self.expression.value or "").strip()
        new, catalog = Filter(current.cuts, current.ranges, text), self._visit.catalog

        def find() -> np.ndarray | ExpressionError:
            try:
                return new.mask(catalog)
            except ExpressionError as error:
                return error

        def show(found: np.ndarray | ExpressionError) -> None:
            if isinstance(found, ExpressionError):
                self.problem.object = _pointing_at(text, found)
            elif self._visit.filter == current:  # or another one came meanwhile
                self._visit.show(new, found)
                self.problem.object = ""

        in_background(self._visit, "The condition", find, show)

    @guarded("Showing all stars")
    def _clear(self, event: object) -> None:
        self.expression.value = ""
        self._visit.show(Filter())


def _pointing_at(text: str, error: ExpressionError) -> str:
    """An expression with the character at fault marked, and what is wrong, as HTML."""
    i = error.position
    before, at, after = text[:i], text[i : i + 1] or "␣", text[i + 1 :]
    parts = [as_html(part) for part in (before, at, after)]
    return (
        "<div role='alert' style='color:#d9480f;font-size:0.85rem'>"
        "<code style='white-space:pre-wrap'>"
        f"{parts[0]}<mark>{parts[1]}</mark>{parts[2]}</code><br>{as_html(str(error))}</div>"
    )


class RangeView:
    """Histograms of some columns: a drag on one keeps the stars between its ends."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        catalog = visit.catalog
        self._wanted = 0
        self._figures: dict[str, figure] = {}
        self._sources: dict[str, ColumnDataSource] = {}
        self._boxes: dict[str, BoxAnnotation] = {}
        self._figure_column = pn.Column(sizing_mode="stretch_width", margin=0)
        choices = {k: v for k, v in column_choices(catalog).items() if v not in self._first}
        self.more = pmui.Select(label="One more column", options=choices, searchable=True, **WIDE)
        add = pmui.Button(label="Show it", on_click=self._add, **TEXT, **WIDE)
        clear = pmui.Button(label="Forget all ranges", on_click=self._clear, **TEXT, **WIDE)
        self.panel = pn.Column(
            status_line(
                "Drag on a histogram to keep the stars in a range; a click on it forgets the "
                "range. Gray: all stars; blue: those shown; heights are roots of numbers."
            ),
            self._figure_column,
            row(self.more, add, clear),
            sizing_mode="stretch_width",
        )
        for name in [*self._first, *(r[0] for r in visit.filter.ranges)]:
            self._show(name)
        self.watchers = [visit.param.watch(self._follow, ["filter", "dark"])]
        self._follow()

    @property
    def _first(self) -> list[str]:
        numeric = self._visit.catalog.numeric
        first = (*parameters(), *OTHERS)
        return [name for name in first if name in numeric] or self._visit.catalog.latents

    def _show(self, name: str) -> None:
        if name in self._figures:
            return
        low, high = axis_span(self._visit.catalog, name)
        edges = np.linspace(low, high, N_BINS + 1)
        fig = figure(
            name=f"range_{name}",
            height=92,
            sizing_mode="stretch_width",
            x_range=Range1d(edges[0], edges[-1]),
            tools=[],
            toolbar_location=None,
            min_border=2,
        )
        fig.xaxis.axis_label = as_label(axis_label(name))
        fig.xaxis.axis_label_text_font_size = "11px"
        fig.xaxis.axis_label_standoff = 0
        fig.yaxis.visible = False
        fig.y_range.start = 0
        fig.grid.visible = False
        source = ColumnDataSource({"left": [], "right": [], "every": [], "shown": []})
        source.name = f"range_{name}_source"
        for column_name, color in (("every", EVERY), ("shown", SHOWN)):
            fig.quad(
                left="left", right="right", bottom=0, top=column_name, source=source, color=color
            )
        box = BoxAnnotation(fill_alpha=0.12, line_alpha=0.7, visible=False)
        fig.add_layout(box)
        tool = BoxSelectTool(dimensions="width", continuous=False, renderers=[])
        fig.add_tools(tool)
        fig.toolbar.active_drag = tool

        @guarded("The range")
        def on_drag(event: SelectionGeometry) -> None:
            ends = sorted((event.geometry["x0"], event.geometry["x1"]))
            if event.final and ends[1] > ends[0]:
                self._visit.show(self._visit.filter.with_range(name, *ends))

        @guarded("Forgetting the range")
        def on_tap(event: object) -> None:
            self._visit.show(self._visit.filter.without_range(name))

        fig.on_event(SelectionGeometry, on_drag)
        fig.on_event("tap", on_tap)
        source.data = {
            "left": edges[:-1],
            "right": edges[1:],
            "every": edges[1:] * 0,
            "shown": edges[1:] * 0,
        }
        self._figures[name], self._sources[name], self._boxes[name] = fig, source, box
        self._figure_column.append(pn.pane.Bokeh(fig, sizing_mode="stretch_width", margin=0))

    @guarded("Drawing the histograms")
    def _follow(self, *events: object) -> None:
        visit, catalog = self._visit, self._visit.catalog
        for name, _, _ in visit.filter.ranges:
            self._show(name)
        current, shown, names = visit.filter, visit.shown, list(self._sources)
        self._wanted += 1
        wanted = self._wanted

        def count() -> dict[str, tuple[np.ndarray, np.ndarray]]:
            return {name: _counts(catalog, name, current, shown) for name in names}

        def then(counts: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
            if wanted == self._wanted:
                for name, (every, passing) in counts.items():
                    self._draw(name, every, passing, current)

        drawing(visit, "Drawing the histograms", count, then)

    def _draw(self, name: str, every: np.ndarray, shown: np.ndarray, current: Filter) -> None:
        source = self._sources[name]
        source.data = dict(source.data) | {"every": np.sqrt(every), "shown": np.sqrt(shown)}
        ranges = {column: (low, high) for column, low, high in current.ranges}
        fig, box = self._figures[name], self._boxes[name]
        label = axis_label(name)
        box.fill_color = box.line_color = INK[self._visit.dark]
        box.visible = name in ranges
        if name in ranges:
            box.left, box.right = ranges[name]
            low, high = ranges[name]
            label += f": {low:.5g} to {high:.5g}"
        fig.xaxis.axis_label = as_label(label)

    @guarded("Showing a histogram")
    def _add(self, event: object) -> None:
        if self.more.value:
            self._show(self.more.value)
            self._follow()

    @guarded("Forgetting the ranges")
    def _clear(self, event: object) -> None:
        current = self._visit.filter
        self._visit.show(Filter(current.cuts, (), current.expression))


def _counts(
    catalog: Catalog, name: str, current: Filter, shown: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:  # (N_BINS,), (N_BINS,)
    """Numbers of all stars, and of those shown, in the bins of a histogram."""
    codes = _binned(catalog, name)
    # A column's own range does not empty its histogram: it shows what lies beyond.
    others = current.without_range(name)
    if others != current:
        shown = others.mask(catalog) if others else None
    every = np.bincount(codes, minlength=N_BINS + 1)[:N_BINS]
    if shown is None:
        return every, every
    return every, np.bincount(codes[shown], minlength=N_BINS + 1)[:N_BINS]


@once_a_catalog(at_most=64)
def _binned(catalog: Catalog, name: str) -> np.ndarray:  # (N,) uint8
    """The bin of each star in a histogram; N_BINS for those without a value.

    What lies beyond the axis counts in the bins at its ends.
    """
    values = catalog[name].astype(np.float64)
    low, high = axis_span(catalog, name)
    turn = period(name)
    if turn is not None:
        # What a patch of the sky leaves out lies to both of its sides.
        values = circular.turned(values, (low + high - turn) / 2, turn)
    scaled = np.clip((values - low) / (high - low) * N_BINS, 0, N_BINS - 1)
    codes = np.where(np.isfinite(values), np.nan_to_num(scaled), N_BINS).astype(np.uint8)
    return codes
