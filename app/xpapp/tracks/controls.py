"""Tracks and dividing lines to switch on; tracks of the visitor's own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import panel_material_ui as pmui
from param.parameterized import Event

from xpapp.runtime.callbacks import guarded
from xpapp.runtime.inputs import Inputs
from xpapp.runtime.names import as_html
from xpapp.state.track_names import LINES, choices
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpapp.widgets.material import TEXT, WIDE, column, heading
from xpapp.widgets.text_line import status_line
from xpmodel.tracks.latent_threshold import DIVISIONS
from xpmodel.tracks.own import MAX_BYTES, read_track


class TrackControls:
    """A switch for each track and line that the catalog can show."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inputs = Inputs()
        self.switches = {
            name: pmui.Checkbox(label=title, size="small", margin=(0, 8))
            for name, title in choices(visit.catalog).items()
        }
        self.said = status_line("")
        self.file = pmui.FileInput(
            label="A track of your own (CSV)", accept=".csv", max_file_size=MAX_BYTES, **WIDE
        )
        forget = pmui.Button(label="Forget own tracks", on_click=self._forget, **TEXT, **WIDE)
        none = status_line("The catalog has no labels to draw tracks by.")
        self.panel = column(
            *(self.switches.values() or [none]),
            self.said,
            heading("Your own"),
            status_line(
                "A table of bins, teff,teff_width,logg,logg_width …, or a line drawn in a map "
                "with the tool Freehand Draw."
            ),
            self.file,
            forget,
        )
        for name, switch in self.switches.items():
            self._inputs.watch(self._switcher(name), switch)
        self.file.param.watch(self._on_file, "value")
        self.watchers = [visit.param.watch(self._follow, ["tracks", "own_tracks", "track_point"])]
        self._follow()

    def _switcher(self, name: str) -> Callable[[Event], None]:
        @guarded("Drawing the track")
        def on_switch(event: object) -> None:
            self._visit.switch_track(name, self.switches[name].value)

        return on_switch

    @guarded("Listing the tracks")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        with self._inputs.quiet():
            for name, switch in self.switches.items():
                switch.value = name in visit.tracks
        lines = [
            "Bars: standard deviation of the bin's stars. Hollow: fewer than 10 stars. "
            "A click on a point moves z there."
        ]
        lines += measured.remarks(visit.catalog, visit.tracks)
        if set(LINES) & set(visit.tracks):
            lines += [
                f"Best single split of {' from '.join(DIVISIONS[name])}: {split.latent} = "
                f"{split.threshold:.3g}, balanced accuracy {split.balanced_accuracy:.1%}; "
                f"{measured.beside(visit.catalog, name)}"
                for name, split in measured.splits(visit.catalog).items()
            ]
        lines += [f"own: {as_html(definition.title)}" for definition in visit.own_tracks]
        if visit.track_point is not None:
            lines.append(f"chosen: <b>{as_html(visit.track_point.title)}</b>")
        self.said.object = "<br>".join(lines)

    @guarded("Reading the track")
    def _on_file(self, event: object) -> None:
        if not self.file.value:
            return
        stem = re.sub(r"[^\w-]+", "_", Path(self.file.filename or "own").stem)[:60]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{stem}.csv"
            path.write_bytes(self.file.value)
            definition = read_track(path)
        measured.own_track(self._visit.catalog, definition)
        self._visit.own_tracks = (*self._visit.own_tracks, definition)

    @guarded("Forgetting the tracks")
    def _forget(self, event: object) -> None:
        self._visit.own_tracks = ()
