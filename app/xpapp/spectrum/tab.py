"""The spectrum tab: the spectrum at z, the nearest stars, and all controls that move z."""

from __future__ import annotations

import panel as pn
from bokeh.models import Toggle

from xpapp.browser.sender import Sender
from xpapp.browser.window import Bridge
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.watchers import stop
from xpapp.spectrum.files import offer_plot
from xpapp.spectrum.gradient import GradientView
from xpapp.spectrum.latent_sliders import LatentSliders
from xpapp.spectrum.near import NearView
from xpapp.spectrum.path import PathControls
from xpapp.spectrum.player import Player
from xpapp.spectrum.steer import SteerControls
from xpapp.spectrum.view import SpectrumView
from xpapp.state.visit import Visit
from xpapp.widgets.bokeh_widgets import CONTROLS, button, native_row, select
from xpapp.widgets.lazy_tabs import LazyTabs
from xpmodel import Wavelengths
from xpmodel.plots.modes import MODES

# What a click on a map means.
CLICKS = {"star": "click: star", "place": "click: place"}
START, BEFORE, SET, NEAREST = "start", "before", "set", "nearest"
GO = {
    "": "Go to …",
    START: "the catalog's median",
    BEFORE: "where z was before",
    SET: "the set's median",
    NEAREST: "the nearest star",
}


class SpectrumTab:
    """Spectrum, sliders, labels to steer by, paths."""

    def __init__(
        self, visit: Visit, wavelengths: Wavelengths, player: Player, bridge: Bridge
    ) -> None:
        self._visit, self._cursor = visit, visit.cursor
        self.spectrum = SpectrumView(visit, wavelengths)
        self.near = NearView(visit)
        self._gradient: GradientView | None = None
        self._below = pn.Column(sizing_mode="stretch_width", margin=0)
        cursor = self._cursor
        titles = {name: mode.title for name, mode in MODES.items()}
        self.mode = select(titles, cursor.mode, self._on_mode, "Changing the plot", name="mode")
        self.mode.width = 104
        self.go = select(GO, "", self._go, "Going there", name="go_to", width=82)
        self.click = select(CLICKS, cursor.click, self._on_click, "Choosing", name="click")
        self.click.width = 108
        self.lines = self._toggle("Lines", "lines")
        self.slopes = self._toggle("∂/∂z", "slopes")
        self.truncated = self._toggle("Truncate", "truncated")
        self.truncated.width = 60
        self.lines.on_change("active", self._on_lines)
        self.truncated.on_change("active", self._on_truncated)
        self.slopes.on_change("active", self._on_slopes)
        self.leave = button(
            "Forget the star", cursor.leave_star, "Dropping the star", name="leave", width=96
        )
        to_set = button("Set of these", self._to_set, "Making a set", name="near_set", width=80)
        sender = Sender(visit, bridge, self._say)
        bar = [self.mode, self.lines, self.slopes, self.go, self.click]
        saved = offer_plot(visit, sender, self.spectrum.plot, "spectrum")
        below = [to_set, self.leave, self.truncated, *saved]
        tools = LazyTabs(
            {"Latents": LatentSliders(visit).panel},
            {
                "Steer labels": lambda: SteerControls(visit, self.spectrum),
                "Path": lambda: PathControls(visit, player),
            },
            sizing_mode="stretch_width",
            sx={"& .MuiTab-root": {"minHeight": "28px", "padding": "2px 8px"}}
            | {"& .MuiTabs-root": {"minHeight": "28px"}},
        )
        self.panel = pn.Column(
            native_row(*bar),
            self.spectrum.status.pane,
            pn.pane.Bokeh(self.spectrum.figure, sizing_mode="stretch_both", margin=0),
            pn.pane.Bokeh(self.spectrum.residual_figure, sizing_mode="stretch_width", margin=0),
            self._below,
            self.near.panel,
            native_row(*below),
            tools.panel,
            sizing_mode="stretch_both",
            scroll="y-auto",
            margin=0,
        )
        cursor.param.watch(
            self._follow, ["mode", "lines", "truncated", "click", "star", "own_star"]
        )
        self._follow()

    def _toggle(self, label: str, name: str) -> Toggle:
        return Toggle(
            label=label, name=name, width=44, height=28, margin=(4, 2), stylesheets=[CONTROLS]
        )

    def _say(self, text: str) -> None:
        self.spectrum.status.text = text

    @guarded("Following the visit")
    def _follow(self, *events: object) -> None:
        cursor = self._cursor
        self.mode.value, self.click.value = cursor.mode, cursor.click
        self.lines.active, self.truncated.active = cursor.lines, cursor.truncated
        self.leave.disabled = cursor.star is None and cursor.own_star is None

    def _on_mode(self, mode: str) -> None:
        self._cursor.mode = mode

    def _on_click(self, click: str) -> None:
        self._cursor.click = click

    @guarded("Marking the lines")
    def _on_lines(self, attr: str, old: bool, new: bool) -> None:
        self._cursor.lines = new

    @guarded("Truncating the observed spectrum")
    def _on_truncated(self, attr: str, old: bool, new: bool) -> None:
        self._cursor.truncated = new

    @guarded("Differentiating the spectrum")
    def _on_slopes(self, attr: str, old: bool, new: bool) -> None:
        if self._gradient is not None:
            stop(self._gradient.watchers)
        gradient = self._gradient = GradientView(self._visit, self.spectrum) if new else None
        self._below.objects = [] if gradient is None else [gradient.panel]

    def _go(self, where: str) -> None:
        cursor, visit = self._cursor, self._visit
        try:
            match where:
                case "start":
                    cursor.reset()
                case "before":
                    cursor.go_back()
                case "set":
                    cursor.visit_median(visit.current.mask(visit.catalog))
                case "nearest":
                    cursor.visit_star(int(cursor.near.rows[0]))
        finally:
            self.go.value = ""

    def _to_set(self) -> None:
        """The stars that are near z now become a set."""
        source = self._cursor.near_source
        self._visit.new_set(source, name=f"{source.k} nearest")
