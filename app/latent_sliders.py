"""A slider for each latent, and the G magnitude of the flux shown."""

from __future__ import annotations

import panel as pn
from bokeh.models import Slider

from guard import guarded
from visit import Visit

INACTIVE_SPAN = (-3.0, 3.0)
STEPS = 1000
G_MAG_SPAN = (4.0, 21.0)


class LatentSliders:
    """Bokeh's own sliders: a move reaches the server in half the time of Panel's."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        catalog = visit.catalog
        self.sliders = []
        for index, name in enumerate(catalog.latents):
            active = name in catalog.active
            low, high = catalog.span(name) if active else INACTIVE_SPAN
            if not high > low:
                low, high = INACTIVE_SPAN
            slider = Slider(
                name=name,
                title=name if active else f"{name} (inactive)",
                start=low,
                end=high,
                step=(high - low) / STEPS,
                value=min(max(visit.z[index], low), high),
                format="0.000",
                sizing_mode="stretch_width",
                margin=(2, 12),
                styles={} if active else {"opacity": "0.45"},
            )
            slider.on_change("value", self._mover(index))
            slider.on_change("value_throttled", self._on_release)
            self.sliders.append(slider)
        self.g_mag = Slider(
            name="g_mag",
            title="G of the flux shown [mag]",
            start=G_MAG_SPAN[0],
            end=G_MAG_SPAN[1],
            step=0.05,
            value=visit.g_mag,
            format="0.00",
            sizing_mode="stretch_width",
            margin=(2, 12),
        )
        self.g_mag.on_change("value", self._on_g_mag)
        controls = [*self.sliders, self.g_mag]
        self.panel = pn.GridBox(
            *(pn.pane.Bokeh(c, sizing_mode="stretch_width", margin=0) for c in controls),
            ncols=2,
            sizing_mode="stretch_width",
        )
        visit.param.watch(self._on_z, ["z"])
        visit.param.watch(self._on_g, ["g_mag"])

    def _mover(self, index: int):  # -> Bokeh's callback for one slider
        @guarded("Moving a latent")
        def on_value(attr: str, old: float, new: float) -> None:
            # What the views change goes out at once, as one message instead of one each.
            with pn.io.unlocked():
                self._visit.move(index, new)

        return on_value

    @guarded("Moving a latent")
    def _on_release(self, attr: str, old: float, new: float) -> None:
        self._visit.release()

    @guarded("Changing the magnitude")
    def _on_g_mag(self, attr: str, old: float, new: float) -> None:
        with pn.io.unlocked():
            self._visit.g_mag = float(new)

    @guarded("Moving the sliders")
    def _on_z(self, *events: object) -> None:
        for slider, value in zip(self.sliders, self._visit.z, strict=True):
            if slider.value != value:
                # A star may lie beyond the percentiles that the range was taken from.
                slider.update(
                    start=min(slider.start, value), end=max(slider.end, value), value=value
                )

    @guarded("Moving the sliders")
    def _on_g(self, *events: object) -> None:
        g_mag = self._visit.g_mag
        if self.g_mag.value != g_mag:
            self.g_mag.update(
                start=min(self.g_mag.start, g_mag), end=max(self.g_mag.end, g_mag), value=g_mag
            )
