"""A slider with a lock for each latent, and the G magnitude of the flux shown."""

from __future__ import annotations

import panel as pn
from bokeh.models import Slider, SVGIcon, Toggle

from xpapp.runtime.callbacks import OnChange, guarded
from xpapp.runtime.coalesce import Pace
from xpapp.state.visit import Visit
from xpapp.widgets.bokeh_widgets import CONTROLS, decimals

INACTIVE_SPAN = (-3.0, 3.0)
STEPS = 1000
G_MAG_SPAN = (4.0, 21.0)
# A padlock; its shackle is open or closed.
_LOCK = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none"
stroke="gray" stroke-width="2"><rect x="5" y="11" width="14" height="10" rx="2"/>
<path d="M8 11V7a4 4 0 0 1 {}"/></svg>"""


class LatentSliders:
    """Bokeh's own sliders of latents: a move reaches the server in half the time of Panel's."""

    def __init__(self, visit: Visit) -> None:
        self._cursor = cursor = visit.cursor
        catalog = self._catalog = visit.catalog
        self.sliders, self.locks = [], []
        for index, name in enumerate(catalog.latents):
            active = name in catalog.active
            low, high = catalog.span(name) if active else INACTIVE_SPAN
            if not high > low:
                low, high = INACTIVE_SPAN
            slider = Slider(
                name=name,
                start=low,
                end=high,
                step=(high - low) / STEPS,
                value=min(max(cursor.z[index], low), high),
                format=decimals(name),
                sizing_mode="stretch_width",
                margin=(2, 6),
                styles={} if active else {"opacity": "0.45"},
            )
            slider.on_change("value", self._mover(index))
            slider.on_change("value_throttled", self._on_release)
            lock = Toggle(
                name=f"{name}_lock",
                label="",
                icon=SVGIcon(svg=_LOCK.format("8 0v4"), size="1.2em"),
                width=26,
                height=26,
                margin=(8, 0, 0, 4),
                stylesheets=[CONTROLS],
            )
            lock.on_change("active", self._locker(index))
            self.sliders.append(slider)
            self.locks.append(lock)
        self.g_mag = Slider(
            name="g_mag",
            title="G of the flux shown [mag]",
            start=G_MAG_SPAN[0],
            end=G_MAG_SPAN[1],
            step=0.05,
            value=cursor.g_mag,
            format=decimals("phot_g_mean_mag"),
            sizing_mode="stretch_width",
            margin=(2, 12),
        )
        self.g_mag.on_change("value", self._on_g_mag)
        pairs = [
            pn.Row(
                pn.pane.Bokeh(lock, width=36, margin=0),
                _pane(slider),
                sizing_mode="stretch_width",
                margin=0,
            )
            for lock, slider in zip(self.locks, self.sliders, strict=True)
        ]
        self.panel = pn.GridBox(
            *pairs, _pane(self.g_mag), ncols=2, sizing_mode="stretch_width", margin=0
        )
        self._following = Pace(guarded("Moving the sliders")(self._follow), visit.turn, self.g_mag)
        cursor.param.watch(self._on_change, ["z", "g_mag"])
        cursor.param.watch(self._on_keys, ["chosen", "locked"])
        self._on_keys()

    def _mover(self, index: int) -> OnChange:
        @guarded("Moving a latent")
        def on_value(attr: str, old: float, new: float) -> None:
            self._cursor.move(index, new)

        return on_value

    def _locker(self, index: int) -> OnChange:
        @guarded("Locking a latent")
        def on_active(attr: str, old: bool, new: bool) -> None:
            if new != (index in self._cursor.locked):
                self._cursor.lock(index, new)

        return on_active

    @guarded("Moving a latent")
    def _on_release(self, attr: str, old: float, new: float) -> None:
        self._cursor.release()

    @guarded("Changing the magnitude")
    def _on_g_mag(self, attr: str, old: float, new: float) -> None:
        self._cursor.g_mag = float(new)

    def _on_change(self, *events: object) -> None:
        self._following.soon()

    @guarded("Showing the locks")
    def _on_keys(self, *events: object) -> None:
        cursor, catalog = self._cursor, self._catalog
        for i, (slider, lock) in enumerate(zip(self.sliders, self.locks, strict=True)):
            name, locked = catalog.latents[i], i in cursor.locked
            mark = "▸ " if i == cursor.chosen else ""
            slider.title = mark + (name if name in catalog.active else f"{name} (inactive)")
            slider.disabled = locked
            lock.active = locked
            lock.icon.svg = _LOCK.format("8 0v4" if locked else "7.5 -2")

    def _follow(self) -> None:
        cursor = self._cursor
        moved = [*zip(self.sliders, cursor.z, strict=True), (self.g_mag, cursor.g_mag)]
        for slider, value in moved:
            if slider.value != value:
                # A star may lie beyond the percentiles that the range was taken from.
                slider.update(
                    start=min(slider.start, value), end=max(slider.end, value), value=value
                )


def _pane(slider: Slider) -> pn.pane.Bokeh:
    return pn.pane.Bokeh(slider, sizing_mode="stretch_width", margin=0)
