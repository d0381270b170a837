"""The player of a path: z moves along it by itself."""

from __future__ import annotations

import panel as pn
from bokeh.server.callbacks import PeriodicCallback

from xpapp.runtime.callbacks import notify
from xpapp.state.cursor import Cursor

# A path is played in about this long [s], with a step each so many [ms].
SECONDS, TICK = 8.0, 50


class Player:
    """Moves z along the path while the cursor is playing; stops at its end."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._timer: PeriodicCallback | None = None
        cursor.param.watch(self._on_playing, ["playing"])

    def toggle(self) -> None:
        """Play on, from the start if the end is reached, or pause."""
        cursor = self._cursor
        if not cursor.playing and cursor.place >= 1:
            cursor.go_along(0.0)
        cursor.playing = not cursor.playing

    def _on_playing(self, *events: object) -> None:
        document = pn.state.curdoc
        if document is None:
            return
        if self._cursor.playing and self._timer is None:
            self._timer = document.add_periodic_callback(self._step, TICK)
        elif not self._cursor.playing and self._timer is not None:
            document.remove_periodic_callback(self._timer)
            self._timer = None

    def _step(self) -> None:
        cursor = self._cursor
        try:
            cursor.go_along(min(cursor.place + TICK / (1e3 * SECONDS), 1.0))
        except Exception as error:  # noqa: BLE001  or the failure would come again with each tick
            cursor.playing = False
            notify(f"Playing the path failed: {error}")
        if cursor.place >= 1:
            cursor.playing = False
