"""The spectrum at z: decoded, before, observed or the nearest star's, and the residual."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models import (
    ColumnDataSource,
    GlyphRenderer,
    HoverTool,
    Legend,
    LegendItem,
    Line,
    Range1d,
    Span,
    VArea,
)
from bokeh.plotting import figure
from numpy.typing import ArrayLike

from xpapp.colors import ACCENT
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.coalesce import Pace
from xpapp.state.visit import Visit
from xpapp.widgets.glyphs import add_glyphs
from xpapp.widgets.line_marks import LineMarks
from xpapp.widgets.text_line import LiveLine
from xpmodel import Wavelengths
from xpmodel.catalog.catalog import LAST_GAIA_ID
from xpmodel.columns import number
from xpmodel.plots.curves import Curve, decoded_curve, observed_curve, residual
from xpmodel.plots.decoded_bands import latent_error
from xpmodel.plots.modes import LEAST_PARALLAX_OVER_ERROR, Projection
from xpmodel.plots.spectrum_plots import Plot, point_plot
from xpmodel.spectra.bands import N_BAND

# What the band is: of a point z, and where z is a star's.
BAND, STAR_BAND = "decoded ± 1 ŝ", "decoded ± (ŝ ⊕ posterior)"
NOTHING: dict[str, list[float]] = {"x": [], "value": []}
DECODED, NEAREST, BEFORE = "#2a78d6", "#b07aa1", "#8c8c8c"
# Room for an axis' labels, and for the toolbar: the plots' frames lie one above the other.
LEFT, RIGHT = 66, 32
# Beyond the curves, and how much of a range they fill at the least.
MARGIN, FILLED = 0.15, 0.5
# The residual's axis shows at least this many σ to each side, and never cuts the curve.
LEAST_RESIDUAL = 4.0


class SpectrumView:
    """Decodes whenever z moves; the nearest star's spectrum follows when there is time.

    Attributes
    ----------
    observed : Curve or None
        What is drawn of the star.
    """

    def __init__(self, visit: Visit, wavelengths: Wavelengths) -> None:
        self._visit, self._cursor = visit, visit.cursor
        assert visit.model is not None  # without one there is no such view
        self._model = visit.model
        self._wavelengths = wavelengths
        self._decoded: Curve | None = None
        self.observed: Curve | None = None
        self._nearest: tuple[int | None, str, float, bool] | None = None
        self._decode_ms = float("nan")
        self._before: tuple[tuple[float, ...], str, float] | None = None
        self.figure = figure(
            name="spectrum",
            x_range=Range1d(0, 1),
            # A DataRange1d would tell the server of each change.
            y_range=Range1d(0, 1),
            sizing_mode="stretch_both",
            min_height=170,
            min_border_left=LEFT,
            tools="xpan,xwheel_zoom,xbox_zoom,reset,save",
            active_scroll="xwheel_zoom",
        )
        self.residual_figure = figure(
            name="residual",
            x_range=self.figure.x_range,
            y_range=Range1d(-LEAST_RESIDUAL, LEAST_RESIDUAL),
            sizing_mode="stretch_width",
            height=110,
            min_border_left=LEFT,
            min_border_right=RIGHT,
            tools="xpan,xwheel_zoom,reset",
            toolbar_location=None,
            y_axis_label="residual [σ]",
            visible=False,
        )
        self._add_glyphs()
        self._marks = [LineMarks(self.figure, True), LineMarks(self.residual_figure, False)]
        self.status = LiveLine("0.8rem")
        self._decoding = Pace(
            guarded("Decoding")(self._decode), visit.turn, self.figure, eager=True
        )
        self._looking = Pace(
            guarded("Finding the nearest star")(self._look_around), visit.turn, self.figure
        )
        cursor = self._cursor
        shown = ["z", "previous_z", "g_mag", "star", "own_star", "own", "truncated"]
        cursor.param.watch(self._on_z, shown)
        cursor.param.watch(self._on_star, ["star"])
        cursor.param.watch(self._on_mode, ["mode"])
        cursor.param.watch(self._on_look, ["lines"])
        visit.param.watch(self._on_look, ["dark"])
        self._on_mode()

    def _add_glyphs(self) -> None:
        self._source, self._ghost, self._star, self._near = (
            ColumnDataSource(data, name=f"{name}_source")
            for name, data in (
                ("spectrum", NOTHING | {"lower": [], "upper": []}),
                ("previous", NOTHING),
                ("observed", NOTHING),
                ("nearest", NOTHING),
            )
        )
        self._residual = ColumnDataSource({"x": [], "residual": []}, name="residual_source")
        xy = {"x": "x", "y": "value"}
        look = {"line_color": BEFORE, "line_alpha": 0.8}
        fig = self.figure
        add_glyphs(
            fig,
            (self._ghost, Line(**xy, **look, line_dash="dashed")),
            (self._near, Line(**xy, line_color=NEAREST, line_alpha=0.9)),
            (self._source, VArea(x="x", y1="lower", y2="upper", fill_alpha=0.3)),
            (self._star, Line(**xy, line_color=ACCENT, line_width=1.5)),
            (self._source, Line(**xy, line_color=DECODED, line_width=2)),
        )
        before, near, band, observed, decoded = fig.renderers
        band.glyph.fill_color = DECODED
        fig.toolbar.logo = None
        self._legend = _add_legend(
            fig,
            {BAND: [decoded, band], "observed": [observed]}
            | {"nearest star": [near], "before": [before]},
        )
        fig.add_tools(
            HoverTool(renderers=[decoded], mode="vline", tooltips=[("x", "@x"), ("y", "@value")])
        )
        add_glyphs(
            self.residual_figure, (self._residual, Line(x="x", y="residual", line_color=ACCENT))
        )
        for level in (-3, 0, 3):
            self.residual_figure.add_layout(
                Span(location=level, line_alpha=0.4, line_color="gray", line_dash="dotted")
            )

    @property
    def decoded(self) -> Curve:
        """What is drawn of z."""
        assert self._decoded is not None, "nothing is decoded yet"
        return self._decoded

    # The state's changes

    def _on_z(self, *events: object) -> None:
        self._decoding.soon()
        self._looking.soon()

    @guarded("Showing the star's spectrum")
    def _on_star(self, *events: object) -> None:
        if self._cursor.star is not None:
            self._visit.catalog.spectra  # noqa: B018 (says so where they are missing)

    @guarded("Showing the spectrum in another way")
    def _on_mode(self, *events: object) -> None:
        self.projection = Projection(self._cursor.mode, self._wavelengths, self._model)
        look, x = self.projection.look, self.projection.x
        self.figure.xaxis.axis_label = look.x_label
        self.figure.yaxis.axis_label = look.y_label
        ends = {"start": x[0], "end": x[-1]}
        self.figure.x_range.update(**ends, reset_start=x[0], reset_end=x[-1])
        self._nearest = None
        self._on_z()
        self._on_look()

    @guarded("Marking the lines")
    def _on_look(self, *events: object) -> None:
        marked = self._cursor.lines and self._cursor.mode != "coefficients"
        for marks in self._marks:
            marks.show(marked, self._visit.dark)

    # Drawing

    def _frame(self) -> None:
        """Let the axis hold what is compared; not the spectrum from before."""
        shown = [self._source.data["lower"], self._source.data["upper"]]
        shown += [source.data["value"] for source in (self._star, self._near)]
        span(self.figure.y_range, shown)

    def _decode(self) -> None:
        cursor, projection = self._cursor, self.projection
        scale = cursor.scale
        begin = time.perf_counter()
        curve = decoded_curve(self._model, projection, cursor.z, scale)
        std = cursor.latent_std
        if std is not None:
            by_latents = latent_error(self._model, projection, np.array(cursor.z), std, scale)
            curve = replace(curve, error=np.hypot(curve.error, by_latents))
        self._decoded = curve
        self._name_band(BAND if std is None else STAR_BAND)
        self._decode_ms = 1e3 * (time.perf_counter() - begin)
        values = {"value": curve.value, "lower": curve.value - curve.error}
        values["upper"] = curve.value + curve.error
        if len(self._source.data["x"]) == len(curve.x):
            # An update sends these columns alone: the abscissas are in the browser already.
            self._source.data.update(values)
        else:
            self._source.data = {"x": curve.x} | values
        self._draw_before(scale)
        self._draw_observed(scale)
        self._frame()

    def _name_band(self, name: str) -> None:
        """Say what the band is made of."""
        item = self._legend.items[0]
        if item.label != value(name):
            item.label = value(name)

    def _draw_before(self, scale: float) -> None:
        """The spectrum that the last gesture began with, at the scale of now."""
        cursor = self._cursor
        key = (cursor.previous_z, cursor.mode, scale)
        if cursor.previous_z is None or self._before == key:
            return
        self._before = key
        curve = decoded_curve(self._model, self.projection, cursor.previous_z, scale)
        self._ghost.data = {"x": curve.x, "value": curve.value}

    def _draw_observed(self, scale: float) -> None:
        """The star's observed spectrum at that scale, and how far the decoded one is from it."""
        star = self._cursor.observed
        if star is None:
            self.observed = None
            self.residual_figure.visible = False
            if len(self._star.data["x"]):
                self._star.data = NOTHING
                self._residual.data = {"x": [], "residual": []}
            return
        curve = self.observed = observed_curve(star, self.projection, 0, scale)
        self._star.data = {"x": curve.x, "value": curve.value}
        values = residual(curve, self.decoded)
        self._residual.data = {"x": curve.x, "residual": values}
        finite = np.abs(values[np.isfinite(values)])
        limit = 1.05 * max(LEAST_RESIDUAL, float(finite.max(initial=0.0)))
        self.residual_figure.y_range.update(start=-limit, end=limit)
        self.residual_figure.visible = True

    def _look_around(self) -> None:
        """The observed spectrum of the nearest star, where no star is shown."""
        cursor = self._cursor
        row = None if self.observed is not None else int(cursor.near.rows[0])
        key = (row, cursor.mode, cursor.scale, cursor.truncated)
        if key != self._nearest:
            self._nearest = key
            self._near.data = NOTHING if row is None else self._observed_of(row)
            self._frame()
        self._say(row)

    def _observed_of(self, row: int) -> Mapping[str, ArrayLike]:
        catalog = self._visit.catalog
        if not catalog.has_spectra:
            return NOTHING
        star = self._cursor.shown(catalog.spectra[row])
        curve = observed_curve(star, self.projection, 0, self._cursor.scale)
        return {"x": curve.x, "value": curve.value}

    def _say(self, nearest: int | None) -> None:
        cursor, catalog = self._cursor, self._visit.catalog
        parts = []
        if cursor.own_star is not None:
            own, index = cursor.own, cursor.own_star
            parts += [f"<b>Your star {int(own.source_id[index])}</b>"]
            parts += [f"χ²<sub>obs</sub>&nbsp;{float(own.encoded.chi2_obs[index]):.3g}"]
        elif cursor.star is not None:
            source_id = int(catalog.source_id[cursor.star])
            kind = "Mock star" if source_id > LAST_GAIA_ID else "Gaia DR3"
            parts += [f"<b>{kind} {source_id}</b>"]
            # The catalog's χ² is that of the star's own latents.
            if cursor.at_star and "chi2_obs" in catalog.columns:
                chi2 = float(catalog["chi2_obs"][cursor.star])
                parts += [f"χ²<sub>obs</sub>&nbsp;{chi2:.3g}"]
        elif nearest is not None:
            parts += [f"nearest star {int(catalog.source_id[nearest])}"]
        parts += [self._brightness()]
        if cursor.truncated:
            parts += [self._truncation()]
        parts += [f"decoded in {self._decode_ms:.1f} ms"]
        self.status.text = " · ".join(parts)

    def _truncation(self) -> str:
        star = self._cursor.observed
        if star is None:
            return "observed spectra are truncated"
        if star.n_relevant_bases is None or not star.truncatable[0]:
            return "<b>not truncated: its relevant bases are not known</b>"
        bp, rp = map(int, star.n_relevant_bases[0])
        return f"observed: {bp} of {N_BAND} bases of BP, {rp} of RP"

    def _brightness(self) -> str:
        cursor = self._cursor
        if cursor.mode == "flux_1kpc":
            over = cursor.parallax_over_error
            if over < LEAST_PARALLAX_OVER_ERROR:
                return (
                    f"<b>not at 1 kpc: the parallax is {over:.1f} times its error, less than "
                    f"{LEAST_PARALLAX_OVER_ERROR:g}</b>"
                )
            if np.isfinite(cursor.scale):
                known = f"{over:.3g} times its error" if np.isfinite(over) else "error not known"
                return f"at 1 kpc (parallax {cursor.parallax:.3g} mas, {known})"
            return "<b>at 1 kpc: only where a parallax is known; click a star that has one</b>"
        if not self.projection.look.scaled:
            return "at any magnitude"
        text = f"G = {number('phot_g_mean_mag', cursor.g_mag)} mag"
        if cursor.star is None and cursor.own_star is None:
            return text
        own = abs(cursor.g_mag - cursor.star_g_mag) < 0.005
        return text + (" (its own)" if own else " (the star scaled to it)")

    def plot(self) -> Plot:
        """What is drawn, for a file."""
        cursor, catalog = self._cursor, self._visit.catalog
        meta: dict[str, Any] = {"z": list(cursor.z), "g_mag": float(cursor.g_mag)}
        if cursor.own_star is not None:
            meta["source_id"] = str(int(cursor.own.source_id[cursor.own_star]))
        elif cursor.star is not None:
            meta["source_id"] = str(int(catalog.source_id[cursor.star]))
        meta["band"] = BAND if cursor.latent_std is None else STAR_BAND
        return point_plot(catalog, self.projection, self.decoded, self.observed, meta)


def span(bounds: Range1d, shown: Sequence[ArrayLike]) -> None:
    """Let a range hold all finite values, with a margin; while they fill it well it stays.

    A new range makes the browser lay out the axis again, which takes it longer than the curve.
    """
    values = np.concatenate([np.asarray(v, np.float64) for v in shown])
    values = values[np.isfinite(values)]
    if len(values):
        low, high = float(values.min()), float(values.max())
        held = bounds.start <= low and high <= bounds.end
        if held and high - low > FILLED * (bounds.end - bounds.start):
            return
        pad = MARGIN * (high - low) or 1.0
        bounds.update(start=low - pad, end=high + pad)


def _add_legend(fig: figure, labels: dict[str, list[GlyphRenderer]]) -> Legend:
    items = [LegendItem(label=value(label), renderers=parts) for label, parts in labels.items()]
    legend = Legend(items=items, click_policy="hide", padding=0, margin=0)
    legend.orientation = "horizontal"
    fig.add_layout(legend, "above")
    return legend
