"""The comparison of two sets: where they differ most, with histograms; or one in numbers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.models import ColumnDataSource, HTMLTemplateFormatter, TableColumn
from bokeh.plotting import figure

from xpapp.runtime.callbacks import guarded
from xpapp.runtime.inputs import Inputs
from xpapp.runtime.names import as_label
from xpapp.sets.chosen_set import ChosenSet
from xpapp.state.axis_span import axis_span
from xpapp.state.background import Work, drawing, in_background
from xpapp.state.visit import Visit
from xpapp.widgets.material import WIDE, row
from xpapp.widgets.small_table import SmallTable
from xpapp.widgets.text_line import status_line
from xpmodel import Catalog
from xpmodel.columns import axis_label
from xpmodel.selection.compare_sets import ColumnSummary, Comparison, compare, histograms

REST, ALL = "all other stars shown", "all stars shown"
N_BINS = 60
ROWS = 9
COLUMNS = {
    "column": ("column", 85),
    "delta": ("Cliff's δ", 52),
    "a": ("A: median (16–84 %)", 128),
    "b": ("B: median (16–84 %)", 128),
    "p": ("p, corrected", 70),
    "n": ("values in A, B", 110),
}


Masks: TypeAlias = tuple[np.ndarray, np.ndarray]
# Edges of bins, and the parts of A's and of B's stars in them.
Bars: TypeAlias = tuple[np.ndarray, np.ndarray]


class CompareView:
    """Set A against set B, ranked by how much their columns differ."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inputs = Inputs()
        self._chosen, self._against = ChosenSet(), ChosenSet()
        # What is to be compared, and what the table is of.
        self._wanted: Masks | None = None
        self._compared: Masks | None = None
        self._work: Work | None = None
        self._column = ""
        self.a = pmui.Select(label="A", **WIDE)
        self.b = pmui.Select(label="against B", **WIDE)
        self.said = status_line()
        self._table = SmallTable(
            "compare_source", ROWS, guarded("Drawing the histogram")(self._draw)
        )
        self._bars = ColumnDataSource({"left": [], "right": [], "a": [], "b": []})
        self._bars.name = "compare_histogram"
        self.figure = figure(
            name="compare", height=190, sizing_mode="stretch_width", toolbar_location=None, tools=[]
        )
        self._lines = [
            self.figure.step(
                "left", name, source=self._bars, mode="after", line_width=2, legend_label=label
            )
            for name, label in (("a", "A"), ("b", "B"))
        ]
        self.figure.y_range.start = 0
        self.figure.yaxis.axis_label = "part of the set's stars"
        self.panel = pn.Column(
            row(self.a, self.b),
            self.said,
            self._table.pane,
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_width"),
            status_line(
                "Cliff's δ: how much likelier a star of A has the larger value than one of B, "
                "−1 to 1. p: Mann–Whitney U, corrected by Holm for the number of columns; of "
                "large sets nearly every p is 0, so look at δ. Click a row for its histogram."
            ),
            sizing_mode="stretch_width",
        )
        self._inputs.watch(self._on_choice, self.a, self.b)
        self.watchers = [visit.param.watch(self._follow, ["sets", "active_set", "shown"])]
        self._follow()

    @guarded("Comparing the sets")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        names = [s.name for s in visit.sets]
        with self._inputs.quiet():
            a = self._chosen.follow(visit, visit.active_set, self.a.value)
            self.a.param.update(options=names, value=a)
            others = [*names, REST, ALL]
            kept = self.b.value if self.b.value in others else REST
            b = self._against.follow(visit, kept, self.b.value)
            self.b.param.update(options=others, value=b)
        self._compare()

    @guarded("Comparing the sets")
    def _on_choice(self, event: object) -> None:
        self._compare()

    def _masks(self) -> Masks:
        visit, catalog = self._visit, self._visit.catalog
        a = visit.star_set(self.a.value).mask(catalog)
        shown = np.ones(len(catalog), dtype=bool) if visit.shown is None else visit.shown
        if self.b.value == ALL:
            return a, shown
        return a, shown & ~a if self.b.value == REST else visit.star_set(self.b.value).mask(catalog)

    def _compare(self) -> None:
        self._color()
        catalog, masks = self._visit.catalog, self._masks()
        # A set that only has another name or color leaves the table, and what is chosen in it.
        if self._wanted is not None and all(map(np.array_equal, masks, self._wanted)):
            return
        self._wanted = masks
        if self._work is not None:
            self._work.cancel()

        def work() -> tuple[Comparison, Bars | None]:
            found = compare(catalog, *masks)
            return found, _bars(catalog, masks, found.columns[0].name) if found.columns else None

        def then(result: tuple[Comparison, Bars | None]) -> None:
            if self._wanted is not masks:  # others are compared by now
                return
            found, bars = result
            self._compared = masks
            both = f", {found.n_both:,} in both" if found.n_both else ""
            self.said.object = f"<b>A {found.n_a:,}</b> stars, <b>B {found.n_b:,}</b> stars{both}"
            self._list(found)
            if bars is not None:
                self._show(found.columns[0].name, bars)

        def say(text: str) -> None:
            if self._wanted is masks:
                self._wanted = None  # so that it can be asked for again
                self.said.object = text

        self.said.object = "Comparing …"
        self._work = in_background(self._visit, "Comparing the sets", work, then, say)

    def _list(self, found: Comparison) -> None:
        data = {
            "column": [c.name for c in found.columns],
            "delta": [_number(c.delta, "+.3f") for c in found.columns],
            "a": [_median(c.a) for c in found.columns],
            "b": [_median(c.b) for c in found.columns],
            "p": [_number(c.p_corrected, ".1e") for c in found.columns],
            "n": [f"{c.a.n:,}, {c.b.n:,}" for c in found.columns],
        }
        columns = [
            TableColumn(field=name, title=title, width=width, sortable=False)
            for name, (title, width) in COLUMNS.items()
        ]
        columns[0].formatter = HTMLTemplateFormatter(
            template='<b title="<%- value %>"><%- value %></b>'
        )
        names = [c.name for c in found.columns]
        self._table.show(data, columns, names, full=True)

    def _draw(self, name: str) -> None:
        """The histograms of a column."""
        catalog, masks = self._visit.catalog, self._compared
        if masks is None:
            return
        self._column = name

        def then(bars: Bars) -> None:
            if self._compared is masks and self._column == name:
                self._show(name, bars)

        drawing(self._visit, "Drawing the histogram", lambda: _bars(catalog, masks, name), then)

    def _show(self, name: str, bars: Bars) -> None:
        edges, parts = bars
        self._column = name
        self.figure.xaxis.axis_label = as_label(axis_label(name))
        self._bars.data = {"left": edges, "right": edges, "a": parts[0], "b": parts[1]}

    def _color(self) -> None:
        sets = {s.name: s.color for s in self._visit.sets}
        for line, chosen in zip(self._lines, (self.a.value, self.b.value), strict=True):
            line.glyph.line_color = sets.get(chosen, "#8c8c8c")


def _bars(catalog: Catalog, masks: Masks, name: str) -> Bars:
    edges, counts = histograms(catalog, masks, name, np.linspace(*axis_span(catalog, name), N_BINS))
    parts = counts / np.maximum([[mask.sum()] for mask in masks], 1)
    return edges, np.concatenate([parts, parts[:, -1:]], axis=1)


def _median(summary: ColumnSummary) -> str:
    if not summary.n:
        return "–"
    return f"{summary.median:.4g} ({summary.p16:.3g}, {summary.p84:.3g})"


def _number(value: float, digits: str) -> str:
    return f"{value:{digits}}" if np.isfinite(value) else "–"
