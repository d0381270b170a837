"""Downloads offered to one visitor: the browser fetches the file, the page says how it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import panel as pn

from xpapp.browser.download_route import offer
from xpapp.browser.window import Bridge
from xpapp.runtime.callbacks import notify
from xpapp.state.visit import Visit


class Sender:
    """Offers files to one visitor.

    Parameters
    ----------
    visit : Visit
        Busy while a file is made.
    bridge : Bridge
    say : callable
        Is told what becomes of the file.
    """

    def __init__(self, visit: Visit, bridge: Bridge, say: Callable[[str], None]) -> None:
        self._visit, self._bridge, self._say = visit, bridge, say

    def send(self, filename: str, mime: str, write: Callable[[Path], object]) -> None:
        """Let the browser fetch a file, which is written to a path when it does."""
        visit, document = self._visit, pn.state.curdoc

        def tell(problem: Exception | None) -> None:
            visit.busy = False
            self._say(f"{filename}: sent" if problem is None else "")
            if problem is not None:
                notify(f"Exporting failed: {problem}")

        def done(problem: Exception | None) -> None:
            if document is not None and document.session_context is not None:
                document.add_next_tick_callback(lambda: tell(problem))

        visit.busy = True
        self._say(f"Making {filename} …")
        self._bridge.download(offer(filename, mime, write, done))
