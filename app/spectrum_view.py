"""The decoded spectrum at z, the one before, a star's observed one, and the residual."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, LabelSet, Range1d, Span
from bokeh.plotting import figure

from guard import guarded
from palettes import ACCENT, INK
from status import live_line
from visit import Visit
from xpmodel import Wavelengths
from xpmodel.catalog import LAST_GAIA_ID
from xpmodel.lines import LINES
from xpmodel.live import FluxCurve, decoded_curve, observed_curve, residual
from xpmodel.photometry import g_flux_from_mag

FLUX = {"wavelength": [], "flux": []}
DECODED = "#2a78d6"
# The residual's axis shows at least this many σ to each side, and never cuts the curve.
LEAST_RESIDUAL = 4.0
# Names of lines closer than this [nm] are written above each other.
NAME_WIDTH = 14.0
NAME_HEIGHT = 40


class SpectrumView:
    """Flux against wavelength; decodes whenever z moves."""

    def __init__(self, visit: Visit, wavelengths: Wavelengths) -> None:
        self._visit = visit
        self._wavelengths = wavelengths
        self._observed: FluxCurve | None = None
        self.decoded: FluxCurve | None = None

        x_range = Range1d(wavelengths.grid[0], wavelengths.grid[-1])
        tools = "xpan,xwheel_zoom,xbox_zoom,reset,save"
        self.figure = figure(
            name="spectrum",
            x_range=x_range,
            sizing_mode="stretch_both",
            min_height=200,
            tools=tools,
            active_scroll="xwheel_zoom",
            y_axis_label="flux [W m⁻² nm⁻¹]",
            x_axis_label="wavelength [nm]",
        )
        self.residual_figure = figure(
            name="residual",
            x_range=x_range,
            y_range=Range1d(-LEAST_RESIDUAL, LEAST_RESIDUAL),
            sizing_mode="stretch_width",
            height=130,
            tools="xpan,xwheel_zoom,reset",
            toolbar_location=None,
            y_axis_label="residual [σ]",
            visible=False,
        )
        self._add_glyphs()
        self.status = live_line()
        self.panel = pn.Column(
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", margin=0),
            pn.pane.Bokeh(self.residual_figure, sizing_mode="stretch_width", margin=0),
            sizing_mode="stretch_both",
            margin=0,
        )
        visit.param.watch(self._on_previous, ["previous_z"])
        visit.param.watch(self._on_star, ["star"])
        visit.param.watch(self._on_z, ["z", "g_mag"])
        visit.param.watch(self._on_lines, ["lines"])
        visit.param.watch(self._on_theme, ["dark"])
        self._on_z()
        self._on_theme()

    def _add_glyphs(self) -> None:
        fig = self.figure
        grid = self._wavelengths.grid
        nothing = np.full(len(grid), np.nan)
        self._source = ColumnDataSource(
            {"wavelength": grid, "flux": nothing, "lower": nothing, "upper": nothing},
            name="spectrum_source",
        )
        self._ghost = ColumnDataSource(FLUX, name="previous_source")
        self._star = ColumnDataSource(FLUX, name="observed_source")
        self._residual = ColumnDataSource(
            {"wavelength": [], "residual": []}, name="residual_source"
        )
        fig.line(
            "wavelength",
            "flux",
            source=self._ghost,
            line_alpha=0.8,
            line_dash="dashed",
            line_color="gray",
            legend_label="before",
        )
        fig.varea(
            "wavelength",
            "lower",
            "upper",
            source=self._source,
            fill_alpha=0.3,
            fill_color=DECODED,
            legend_label="± 1 ŝ",
        )
        observed = fig.line(
            "wavelength",
            "flux",
            source=self._star,
            line_color=ACCENT,
            line_width=1.5,
            legend_label="observed",
        )
        decoded = fig.line(
            "wavelength",
            "flux",
            source=self._source,
            line_color=DECODED,
            line_width=2,
            legend_label="decoded",
        )
        # The axis follows what is compared, not the spectrum from before.
        fig.y_range = DataRange1d(renderers=[decoded, observed])
        fig.toolbar.logo = None
        fig.legend.click_policy = "hide"
        fig.legend.padding = fig.legend.margin = 0
        fig.legend.orientation = "horizontal"
        fig.add_layout(fig.legend[0], "above")
        fig.add_tools(
            HoverTool(
                renderers=[decoded],
                mode="vline",
                tooltips=[("λ", "@wavelength{0} nm"), ("flux", "@flux{0.000e+0}")],
            )
        )
        self._lines = ColumnDataSource(
            {
                "x": [line.wavelength for line in LINES],
                "name": [line.name for line in LINES],
                "y": [4 + NAME_HEIGHT * level for level in _name_levels()],
            }
        )
        self._line_marks = fig.vspan(
            "x", source=self._lines, line_alpha=0.35, line_dash="dotted", visible=False
        )
        self._line_names = LabelSet(
            x="x",
            y="y",
            y_units="screen",
            text="name",
            source=self._lines,
            angle=np.pi / 2,
            text_font_size="10px",
            x_offset=-1,
            visible=False,
        )
        fig.add_layout(self._line_names)
        self.residual_figure.line(
            "wavelength", "residual", source=self._residual, line_color=ACCENT
        )
        for level in (-3, 0, 3):
            self.residual_figure.add_layout(
                Span(location=level, line_alpha=0.4, line_color="gray", line_dash="dotted")
            )

    @guarded("Decoding")
    def _on_z(self, *events: object) -> None:
        visit = self._visit
        if visit.model is None:
            return
        g_flux = float(g_flux_from_mag(visit.g_mag))
        curve = self.decoded = decoded_curve(visit.model, self._wavelengths, visit.z, g_flux)
        # An update sends these columns alone: the wavelengths are in the browser already.
        self._source.data.update(
            flux=curve.flux, lower=curve.flux - curve.error, upper=curve.flux + curve.error
        )
        if self._observed is not None:
            self._draw_observed(g_flux)
        self._say()

    @guarded("Keeping the spectrum from before")
    def _on_previous(self, *events: object) -> None:
        self._ghost.data = {k: self._source.data[k] for k in FLUX}

    @guarded("Showing the star's spectrum")
    def _on_star(self, *events: object) -> None:
        visit = self._visit
        self._observed = None
        if visit.star is not None:
            try:
                spectra = visit.catalog.spectra[visit.star]
                self._observed = observed_curve(spectra, self._wavelengths)
            finally:
                self.residual_figure.visible = self._observed is not None
        self._draw_observed(float(g_flux_from_mag(visit.g_mag)))
        self._say()

    def _draw_observed(self, g_flux: float) -> None:
        """A star's flux at the magnitude shown, and how far the decoded one is from it."""
        visit, observed, decoded = self._visit, self._observed, self.decoded
        self.residual_figure.visible = observed is not None
        if observed is None:
            self._star.data = FLUX
            self._residual.data = {"wavelength": [], "residual": []}
            return
        scale = g_flux / float(visit.catalog["phot_g_mean_flux"][visit.star])
        shown = FluxCurve(observed.wavelength, observed.flux * scale, observed.error * scale)
        self._star.data = {"wavelength": shown.wavelength, "flux": shown.flux}
        if decoded is not None:
            values = residual(shown, decoded)
            self._residual.data = {"wavelength": shown.wavelength, "residual": values}
            limit = 1.05 * max(LEAST_RESIDUAL, float(np.nanmax(np.abs(values))))
            self.residual_figure.y_range.update(start=-limit, end=limit)

    @guarded("Marking the lines")
    def _on_lines(self, *events: object) -> None:
        self._line_marks.visible = self._line_names.visible = self._visit.lines

    @guarded("Changing the theme")
    def _on_theme(self, *events: object) -> None:
        ink = INK[self._visit.dark]
        self._line_marks.glyph.line_color = ink
        self._line_names.text_color = ink

    def _say(self) -> None:
        visit = self._visit
        parts = [f"G = {visit.g_mag:.2f} mag"]
        if visit.star is not None:
            catalog = visit.catalog
            source_id = int(catalog.source_id[visit.star])
            own = abs(visit.g_mag - visit.star_g_mag) < 0.005
            parts[0] += " (its own)" if own else " (the star scaled to it)"
            kind = "Mock star" if source_id > LAST_GAIA_ID else "Gaia DR3"
            parts.insert(0, f"<b>{kind} {source_id}</b>")
            # The catalog's χ² is that of the star's own latents.
            if visit.at_star and "chi2_obs" in catalog.columns:
                chi2 = float(catalog["chi2_obs"][visit.star])
                parts.append(f"χ²<sub>obs</sub>&nbsp;{chi2:.3g}")
        self.status.text = " · ".join(parts)


def _name_levels() -> list[int]:
    """How high each line's name is written, so that neighbours do not cover each other."""
    levels: list[int] = []
    for i, line in enumerate(LINES):
        near = [
            levels[j]
            for j, other in enumerate(LINES[:i])
            if line.wavelength - other.wavelength < NAME_WIDTH
        ]
        levels.append(min(set(range(len(near) + 1)) - set(near)))
    return levels
