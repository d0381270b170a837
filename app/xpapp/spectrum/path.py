"""Playing a path: between two points that were pinned, or along a track."""

from __future__ import annotations

from functools import partial

import panel as pn
from bokeh.models import Slider

from xpapp.runtime.callbacks import guarded
from xpapp.runtime.coalesce import Pace
from xpapp.runtime.names import as_html
from xpapp.spectrum.player import Player
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpapp.widgets.bokeh_widgets import button, native_row, select
from xpapp.widgets.text_line import LiveLine
from xpmodel.latent.paths import LatentPath

PINS = "pins"


class PathControls:
    """A choice of paths, a slider for the place on it, and a button that plays it."""

    def __init__(self, visit: Visit, player: Player) -> None:
        self._visit, self._cursor, self._player = visit, visit.cursor, player
        self._forgetting = False
        self.which = select(
            self._choices(), PINS, self._on_choice, "Choosing the path", name="path_choice"
        )
        self.which.sizing_mode = "stretch_width"
        self.play = button("▶ Play", self._toggle, "Playing the path", name="path_play", width=70)
        pins = [
            button(label, partial(self._pin, i), "Pinning z", width=100, name=f"pin{i}")
            for i, label in enumerate(("Pin start here", "Pin end here"))
        ]
        self.slider = Slider(
            name="path_place",
            title="place on the path",
            start=0,
            end=1,
            step=0.001,
            value=self._cursor.place,
            format="0.000",
            sizing_mode="stretch_width",
            margin=(2, 12),
        )
        self.slider.on_change("value", self._on_slider)
        self.said = LiveLine("0.78rem")
        self.panel = pn.Column(
            native_row(*pins, self.which, self.play),
            native_row(self.slider),
            self.said.pane,
            sizing_mode="stretch_width",
            margin=0,
        )
        self._following = Pace(guarded("Following the path")(self._follow), visit.turn, self.slider)
        self.watchers = [
            self._cursor.param.watch(self._on_change, ["place", "path", "pins", "playing"]),
            visit.param.watch(self._on_tracks, ["own_tracks"]),
        ]
        self._follow()

    def _choices(self) -> dict[str, str]:
        visit = self._visit
        return {PINS: "from pin to pin"} | measured.track_choices(visit.catalog, visit.own_tracks)

    @guarded("Listing the paths")
    def _on_tracks(self, *events: object) -> None:
        choices = self._choices()
        self.which.options = list(choices.items())
        if self.which.value not in choices:  # the track is forgotten; z stays on its path
            self._forgetting = True
            self.which.value = PINS
            self._forgetting = False

    def _path(self, choice: str) -> LatentPath:
        visit, cursor = self._visit, self._cursor
        if choice == PINS:
            pins = [pin or cursor.z for pin in cursor.pins]
            return LatentPath("from pin to pin", pins, cursor.metric)
        track = measured.chosen_track(visit.catalog, visit.own_tracks, choice)
        points = list(zip(*(track.mean[n] for n in visit.catalog.latents), strict=True))
        return LatentPath(track.definition.title, points, cursor.metric)

    def _on_choice(self, choice: str) -> None:
        if self._forgetting:
            return
        self._cursor.playing = False
        self._cursor.follow(self._path(choice))

    def _pin(self, which: int) -> None:
        self._cursor.pin(which)
        if self.which.value == PINS and all(self._cursor.pins):
            self._cursor.path = self._path(PINS)

    @guarded("Moving along the path")
    def _on_slider(self, attr: str, old: float, new: float) -> None:
        cursor = self._cursor
        if new != cursor.place:
            cursor.playing = False
            if cursor.path is None:
                cursor.path = self._path(self.which.value)
            cursor.go_along(float(new))

    def _toggle(self) -> None:
        if self._cursor.path is None:
            self._cursor.path = self._path(self.which.value)
        self._player.toggle()

    def _on_change(self, *events: object) -> None:
        self._following.soon()

    def _follow(self) -> None:
        cursor = self._cursor
        if self.slider.value != cursor.place:
            self.slider.value = cursor.place
        self.play.label = "❚❚ Pause" if cursor.playing else "▶ Play"
        ends = zip(("start", "end"), cursor.pins, strict=True)
        pinned = [f"{end} pinned" for end, pin in ends if pin is not None]
        title = "no path yet" if cursor.path is None else f"on: {as_html(cursor.path.title)}"
        self.said.text = " · ".join([title, *pinned])
