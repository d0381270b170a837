"""Sliders of labels: z moves so that one label changes while the others stay."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.models import Slider

from xpapp.runtime.callbacks import OnChange, guarded
from xpapp.runtime.coalesce import Pace
from xpapp.runtime.names import as_html
from xpapp.spectrum.suppose import SupposeControls
from xpapp.spectrum.view import SpectrumView
from xpapp.state.background import drawing
from xpapp.state.visit import Visit
from xpapp.widgets.bokeh_widgets import decimals
from xpapp.widgets.text_line import LiveLine
from xpmodel.columns import steerable, symbol
from xpmodel.latent.steering import Direction, Steered

# A slider spans these percentiles of the catalog's values, in so many steps.
SPAN, STEPS = (0.5, 99.5), 200


class SteerControls:
    """A slider for each label; says what is held, and where the data do not support it."""

    def __init__(self, visit: Visit, spectrum: SpectrumView | None = None) -> None:
        self._visit, self._cursor = visit, visit.cursor
        catalog = visit.catalog
        self.sliders: dict[str, Slider] = {}
        self._shown: dict[str, float] = {}
        for name in steerable():
            if name not in catalog.numeric:
                continue
            low, high = catalog.span(name, *SPAN)
            if not high > low:
                continue
            slider = Slider(
                name=f"steer_{name}",
                title=symbol(name),
                start=low,
                end=high,
                step=(high - low) / STEPS,
                value=low,
                format=decimals(name),
                sizing_mode="stretch_width",
                margin=(2, 12),
            )
            slider.on_change("value", self._steerer(name))
            slider.on_change("value_throttled", self._on_release)
            self.sliders[name] = slider
        self.said = LiveLine("0.78rem")
        panes = [
            pn.pane.Bokeh(slider, sizing_mode="stretch_width", margin=0)
            for slider in self.sliders.values()
        ]
        none = [] if panes else [pn.pane.HTML("The catalog has no labels to steer by.")]
        self.panel = pn.Column(
            pn.GridBox(*panes, *none, ncols=2, sizing_mode="stretch_width", margin=0),
            self.said.pane,
            sizing_mode="stretch_width",
            margin=0,
        )
        self.suppose: SupposeControls | None = None
        if spectrum is not None and self.sliders:
            self.suppose = SupposeControls(visit, spectrum, list(self.sliders))
            self.panel.append(self.suppose.panel)
        self._steered: Steered | None = None
        self._held = ""
        self._target: tuple[str, float] | None = None
        self._steering = Pace(
            guarded("Steering")(self._steer), visit.turn, self.said.model, eager=True
        )
        self._looking = Pace(
            guarded("Fitting the labels")(self._follow), visit.turn, self.said.model
        )
        self.watchers = [self._cursor.param.watch(self._on_z, ["z"])]
        if self.suppose is not None:
            self.watchers += self.suppose.watchers
        self._follow()

    def _steerer(self, name: str) -> OnChange:
        @guarded("Steering")
        def on_value(attr: str, old: float, new: float) -> None:
            if new != self._shown.get(name):
                self._held, self._target = name, (name, float(new))
                self._steering.soon()

        return on_value

    @guarded("Steering")
    def _on_release(self, attr: str, old: float, new: float) -> None:
        self._cursor.release()
        self._held = ""
        self._looking.soon()
        steered = self._steered
        if steered is not None and steered.z == self._cursor.z:
            asked = self._cursor.asked(steered.direction.name)

            def tell(found: Direction) -> None:
                if steered.z == self._cursor.z:
                    self._say(steered, found)

            drawing(self._visit, "Asking the stars", asked, tell)

    def _on_z(self, *events: object) -> None:
        self._looking.soon()

    def _steer(self) -> None:
        if self._target is not None:
            target, self._target = self._target, None
            self._steered = self._cursor.steer(*target)
            self._say(self._steered)

    def _follow(self) -> None:
        """Let the sliders show the labels fitted at z, but for the one that is held."""
        fit = self._cursor.local_fit()
        for name, slider in self.sliders.items():
            value = fit.labels[name].value if name in fit.labels else float("nan")
            slider.disabled = not np.isfinite(value)
            if slider.disabled or name == self._held:
                continue
            value = min(max(value, slider.start), slider.end)
            self._shown[name] = value
            slider.value = value
        if self._steered is None or self._steered.z != self._cursor.z:
            self._say(None)

    def _say(self, steered: Steered | None, asked: Direction | None = None) -> None:
        if steered is None:
            self.said.text = (
                "Labels as a local linear regression on the nearest stars has them at z; a slider "
                "moves z along one of them while the others, color and dust stay."
            )
            return
        direction = asked or steered.direction
        title = symbol(direction.name)
        parts = [f"{title} {steered.value:.4g} ± {steered.predictive_error:.2g} for a star here"]
        parts.append(as_html(direction.held_text))
        support = direction.support
        reason = steered.reason or direction.reason
        if reason:
            parts.append(f"<b>not supported: {as_html(reason)}</b>")
        elif support is not None:
            shown = f"{support.shown:+.2g} ± {support.shown_error:.2g}"
            shown = f"supported: the nearest stars show {shown} for {support.change:+.2g}"
            parts.append(shown.replace("-", "−"))
        self.said.text = " · ".join(parts)
