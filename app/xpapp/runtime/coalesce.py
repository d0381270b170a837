"""Coalescing of redraws: many changes in a short time cause one, of the newest state."""

from __future__ import annotations

import time
from collections.abc import Callable

import panel as pn
from bokeh.document import Document
from bokeh.model import Model

# A server that comes to its work later than this [s] has more to do than it can.
LATE = 0.006


class Turn:
    """The server's next turn for one visit: its work is done, and its changes go out, as one.

    Attributes
    ----------
    on_time : bool
        Whether the last turn came when it should.
    """

    def __init__(self) -> None:
        self._waiting: dict[Callable[[], None], None] = {}
        self._since = 0.0
        self.on_time = True

    def add(self, work: Callable[[], None], document: Document) -> None:
        """Do work when it comes, once however often it was added."""
        if not self._waiting:
            self._since = time.monotonic()
            document.add_next_tick_callback(self._run)
        self._waiting[work] = None

    def _run(self) -> None:
        self.on_time = time.monotonic() - self._since < LATE
        waiting, self._waiting = self._waiting, {}
        with pn.io.unlocked():
            for work in waiting:
                work()


class Pace:
    """Runs work for the newest state only, together with the other work of the page.

    A fast drag sends more moves than can be drawn: those that have arrived by the server's next
    turn are answered as one, so no stale work queues up, and the last one is always answered.

    Parameters
    ----------
    work : callable
        Reads the state when it runs.
    turn : Turn
        Of the visit.
    model : bokeh model
        While it is on no page, the work is done at once.
    eager : bool
        Do the work at once as long as the server keeps up; wait for its next turn when it lags.
    """

    def __init__(
        self, work: Callable[[], None], turn: Turn, model: Model, eager: bool = False
    ) -> None:
        self._work, self._turn, self._model, self._eager = work, turn, model, eager

    def soon(self) -> None:
        """Do the work soon, if it is not to be done anyway."""
        document = self._model.document
        if document is None or document.session_context is None:
            self._work()
            return
        if self._eager and self._turn.on_time:
            with pn.io.unlocked():  # what changes goes out as one message, now
                self._work()
        else:
            self._turn.add(self._work, document)
