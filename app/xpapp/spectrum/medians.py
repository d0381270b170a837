"""Spectra of many stars: medians of two sets and their ratio, or the spectra along a track."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, MultiLine, Patches, Range1d, Span
from bokeh.plotting import figure

from xpapp.browser.sender import Sender
from xpapp.runtime.callbacks import guarded, notify
from xpapp.runtime.names import as_html
from xpapp.spectrum.files import offer_plot
from xpapp.spectrum.view import LEFT, RIGHT, span
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpapp.widgets.bokeh_widgets import button, native_row, select
from xpapp.widgets.glyphs import Data, add_glyphs, empty
from xpapp.widgets.line_marks import LineMarks
from xpapp.widgets.text_line import LiveLine
from xpmodel import Wavelengths
from xpmodel.plots.modes import MODES, Projection
from xpmodel.plots.spectrum_plots import Group, Plot, Series, sets_plot, track_plot
from xpmodel.spectra.photometry import g_flux_from_mag

SETS, NONE, REST = "sets", "none", "all others shown"
OTHER = "#8c8c8c"
# How many stars of a set are taken.
SHARES = {"": "all of their stars", "20000": "20,000 of their stars", "2000": "2,000 of them"}
KINDS = {"both": "observed and decoded", "observed": "observed", "decoded": "decoded"}
# A set this small is drawn as soon as the tab is opened.
AT_ONCE = 20_000
NO_LINES: Data = {"xs": [], "ys": [], "color": [], "dash": []}
NO_AREAS: Data = {"xs": [], "ys": [], "color": []}


class GroupView:
    """The view of median spectra: computed in the background, drawn, offered as a file."""

    def __init__(
        self,
        visit: Visit,
        wavelengths: Wavelengths,
        sender: Callable[[Callable[[str], None]], Sender],
    ) -> None:
        self._visit, self._wavelengths = visit, wavelengths
        assert visit.model is not None  # without one there is no such view
        self._model = visit.model
        self._sender = sender(self._say)
        self._plot: Plot | None = None
        self._wanted = 0
        names = [s.name for s in visit.sets]
        chosen = "Choosing the spectra"
        self.what = select(self._choices(), SETS, self._on_choice, chosen)
        self.a = select(
            dict(zip(names, names, strict=True)), visit.active_set, self._on_choice, chosen
        )
        self.b = select({}, REST, self._on_choice, chosen)
        self.kind = select(KINDS, "both", self._on_choice, chosen)
        self.share = select(SHARES, "", self._on_choice, chosen)
        self.mode = select(
            {name: mode.title for name, mode in MODES.items()}, "flux", self._on_choice, chosen
        )
        for widget, name, width in (
            (self.what, "group_what", 150),
            (self.a, "group_a", 100),
            (self.b, "group_b", 110),
            (self.kind, "group_kind", 110),
            (self.share, "group_share", 112),
            (self.mode, "group_mode", 104),
        ):
            widget.update(name=name, width=width)
        self.draw = button("Draw", self.compute, "Drawing the spectra", name="group_draw")
        self.draw.width = 48
        self.figure = figure(
            name="group",
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            min_border_left=LEFT,
            sizing_mode="stretch_both",
            min_height=200,
            tools="xpan,xwheel_zoom,xbox_zoom,reset,save",
            active_scroll="xwheel_zoom",
        )
        self.ratio = figure(
            name="group_ratio",
            x_range=self.figure.x_range,
            y_range=Range1d(0, 1),
            min_border_left=LEFT,
            min_border_right=RIGHT,
            sizing_mode="stretch_width",
            height=150,
            tools="xpan,xwheel_zoom,reset",
            toolbar_location=None,
        )
        self.figure.toolbar.logo = None
        self._lines, self._areas = self._layers(self.figure, "group")
        self._ratio_lines, self._ratio_areas = self._layers(self.ratio, "group_ratio")
        self.ratio.add_layout(Span(location=1.0, line_color="gray", line_dash="dotted"))
        self._marks = [LineMarks(self.figure, True), LineMarks(self.ratio, False)]
        self.said = LiveLine("0.78rem")
        self.panel = pn.Column(
            native_row(self.what, self.mode, self.share),
            native_row(self.a, self.b, self.kind, self.draw),
            self.said.pane,
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", margin=0),
            pn.pane.Bokeh(self.ratio, sizing_mode="stretch_width", margin=0),
            native_row(*offer_plot(visit, self._sender, lambda: self._plot, "spectra")),
            sizing_mode="stretch_both",
            margin=0,
        )
        self.watchers = [
            visit.param.watch(self._follow, ["sets", "active_set", "own_tracks"]),
            visit.cursor.param.watch(self._on_look, ["lines"]),
            visit.param.watch(self._on_look, ["dark"]),
        ]
        self._follow()
        self._on_look()
        if 0 < visit.current.n_members <= AT_ONCE:
            self.compute()
        else:
            self._say("Choose two sets, or a track, and draw.")

    @staticmethod
    def _layers(fig: figure, name: str) -> tuple[ColumnDataSource, ColumnDataSource]:
        lines = ColumnDataSource(NO_LINES, name=f"{name}_lines")
        areas = ColumnDataSource(NO_AREAS, name=f"{name}_areas")
        line = MultiLine(xs="xs", ys="ys", line_color="color", line_dash="dash", line_width=1.5)
        area = Patches(xs="xs", ys="ys", fill_color="color", fill_alpha=0.2, line_alpha=0)
        add_glyphs(fig, (areas, area), (lines, line))
        return lines, areas

    def _say(self, text: str) -> None:
        self.said.text = text or "&nbsp;"

    def _choices(self) -> dict[str, str]:
        visit = self._visit
        tracks = measured.track_choices(visit.catalog, visit.own_tracks)
        return {SETS: "medians of A and B"} | {name: f"along: {t}" for name, t in tracks.items()}

    @guarded("Listing the sets")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        names = [s.name for s in visit.sets]
        choices = self._choices()
        self.what.options = list(choices.items())
        if self.what.value not in choices:  # the track is forgotten
            self.what.value = SETS
        self.a.options = [(n, f"A: {n}") for n in names]
        self.b.options = [(n, f"B: {n}") for n in (REST, NONE, *names)]
        if self.a.value not in names:
            self.a.value = visit.active_set
        if self.b.value not in (REST, NONE, *names):
            self.b.value = REST

    def _on_choice(self, value: str) -> None:
        of_sets = self.what.value == SETS
        for widget in (self.a, self.b, self.kind, self.share):
            widget.visible = of_sets
        if self._plot is not None:
            self._say("Changed: draw again.")

    @guarded("Marking the lines")
    def _on_look(self, *events: object) -> None:
        marked = self._visit.cursor.lines and self.mode.value != "coefficients"
        for marks in self._marks:
            marks.show(marked, self._visit.dark)

    def compute(self) -> None:
        """Compute what is chosen; what is chosen later replaces it."""
        visit = self._visit
        projection = Projection(self.mode.value, self._wavelengths, self._model)
        self._wanted += 1
        wanted, g_flux = self._wanted, float(g_flux_from_mag(visit.cursor.g_mag))
        limit = int(self.share.value) if self.share.value else None
        if self.what.value == SETS:
            groups = self._groups()
            if not groups:
                notify("Set A is empty: draw one, or choose another")
                return
            kinds = ("observed", "decoded") if self.kind.value == "both" else (self.kind.value,)

            def work() -> Plot:
                return sets_plot(
                    visit.catalog, self._model, projection, groups, kinds, g_flux, limit
                )
        else:
            track = measured.chosen_track(visit.catalog, visit.own_tracks, self.what.value)

            def work() -> Plot:
                return track_plot(visit.catalog, self._model, projection, track, g_flux)

        def then(plot: Plot) -> None:
            if wanted == self._wanted:
                self._show(plot)

        self._say("Computing …")
        in_background(visit, "Computing the spectra", work, then, self._say)

    def _groups(self) -> list[Group]:
        """Sets A and B: names, colors and stars."""
        visit, catalog = self._visit, self._visit.catalog
        a = visit.star_set(self.a.value)
        mask = a.mask(catalog)
        if not mask.any():
            return []
        found = [Group(f"A: {a.name}", a.color, mask)]
        if self.b.value == REST:
            shown = np.ones(len(catalog), bool) if visit.shown is None else visit.shown
            found.append(Group(f"B: {REST}", OTHER, shown & ~mask))
        elif self.b.value != NONE:
            b = visit.star_set(self.b.value)
            found.append(Group(f"B: {b.name}", b.color, b.mask(catalog)))
        return [group for group in found if group.mask.any()]

    def _show(self, plot: Plot) -> None:
        self._plot = plot
        look = MODES[plot.mode]
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = look.x_label, look.y_label
        self.ratio.yaxis.axis_label = plot.residual_label
        x = (plot.series or plot.residuals)[0].x
        self.figure.x_range.update(start=x[0], end=x[-1], reset_start=x[0], reset_end=x[-1])
        # A band that is far wider than its median does not hide it.
        span(self.figure.y_range, [one.value for one in plot.series])
        span(self.ratio.y_range, [one.value for one in plot.residuals] or [[0.0]])
        self.ratio.visible = bool(plot.residuals)
        _fill(plot.series, self._lines, self._areas)
        _fill(plot.residuals, self._ratio_lines, self._ratio_areas)
        self._say("<br>".join(map(as_html, plot.notes)))
        self._on_look()


def _fill(series: tuple[Series, ...], lines: ColumnDataSource, areas: ColumnDataSource) -> None:
    """Draw series as lines, with their bands."""
    drawn, bands = empty(NO_LINES), empty(NO_AREAS)
    for one in series:
        drawn["xs"].append(one.x)
        drawn["ys"].append(one.value)
        drawn["color"].append(one.color)
        drawn["dash"].append(one.dash)
        if one.low is not None and one.high is not None:
            known = np.isfinite(one.low) & np.isfinite(one.high)
            x, low, high = (v[known] for v in (one.x, one.low, one.high))
            bands["xs"].append(np.concatenate([x, x[::-1]]))
            bands["ys"].append(np.concatenate([low, high[::-1]]))
            bands["color"].append(one.color)
    lines.data, areas.data = drawn, bands
