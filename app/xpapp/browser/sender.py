"""Downloads offered to one visitor: the browser fetches the file, the page says how it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import panel as pn

from xpapp.browser.download_route import MAX_AGE, NotSent, Offer, offer, withdraw_late
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

    def send(
        self, filename: str, mime: str, write: Callable[[Path], object], held: int = 0
    ) -> None:
        """Let the browser fetch a file.

        Parameters
        ----------
        filename, mime : str
        write : callable
            Writes the file to a path, in a thread, when the browser asks for it.
        held : int
            Bytes that it keeps in memory until then, where they are many.
        """
        visit, document = self._visit, pn.state.curdoc

        def tell(problem: Exception | None) -> None:
            visit.work_ends()
            match problem:
                case None:
                    self._say(f"{filename}: sent")
                case NotSent():
                    self._say(f"{filename} {problem}")
                case _:
                    self._say("")
                    notify(f"Exporting failed: {problem}")

        def done(problem: Exception | None) -> None:
            if document is not None and document.session_context is not None:
                document.add_next_tick_callback(lambda: tell(problem))

        visit.work_begins()
        self._say(f"Making {filename} …")
        self._bridge.download(offer(Offer(visit, filename, mime, write, done, held)))
        if document is not None:
            document.add_timeout_callback(withdraw_late, round(1000 * (MAX_AGE + 1)))
