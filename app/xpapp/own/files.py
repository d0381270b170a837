"""Files of spectra that a visitor gives: read, encoded, shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import panel as pn

from xpapp.browser.upload_route import Inbox, close_inbox, open_inbox
from xpapp.browser.window import Bridge
from xpapp.runtime.callbacks import guarded, notify
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpmodel.latent.nearby_stars import ManySurroundings
from xpmodel.own.given_files import MAX_BYTES, read_own
from xpmodel.own.stars import OwnStars
from xpmodel.tables.packed import given_name


class OwnFiles:
    """Takes what the bridge sends, as long as the page is open.

    Parameters
    ----------
    visit : Visit
    bridge : Bridge
        Is told where to send files.
    show : callable
        Brings the visitor's own stars to the front.
    """

    def __init__(self, visit: Visit, bridge: Bridge, show: Callable[[], None]) -> None:
        self._visit, self._show = visit, show
        self._document = pn.state.curdoc
        if self._document is None or visit.model is None:
            return
        self._model = visit.model
        token = open_inbox(Inbox(MAX_BYTES, self._begin, self._read, self._done))
        bridge.param.update(inbox=token, max_bytes=MAX_BYTES)
        pn.state.on_session_destroyed(lambda context: close_inbox(token))

    def _begin(self) -> None:
        self._soon(self._visit.work_begins)

    def _soon(self, work: Callable[[], None]) -> None:
        document = self._document
        if document is not None and document.session_context is not None:  # or the visitor has gone
            document.add_next_tick_callback(work)

    def _read(self, name: str, path: Path) -> OwnStars:
        return read_own(path, self._model, name=name, max_bytes=MAX_BYTES)

    def _done(self, name: str, stars: OwnStars | None, problem: Exception | None) -> None:
        if stars is None:
            said = f"{given_name(name)} could not be read: {problem}"
            self._soon(guarded("Telling of the file")(lambda: self._refuse(said)))
        else:
            self._soon(guarded("Showing your stars")(lambda: self._take(stars)))

    def _refuse(self, said: str) -> None:
        self._visit.work_ends()
        notify(said)

    def _take(self, stars: OwnStars) -> None:
        self._visit.work_ends()
        cursor = self._visit.cursor

        def show() -> None:
            self._show()
            if len(stars):
                cursor.visit_own(len(cursor.own) - len(stars))

        take_in_background(self._visit, stars, show)


def take_in_background(visit: Visit, stars: OwnStars, then: Callable[[], None]) -> None:
    """Add stars to a visitor's own; what is near them is found in a thread.

    Parameters
    ----------
    visit : Visit
    stars : OwnStars
    then : callable
        Is called when they are there.
    """
    cursor, before = visit.cursor, visit.cursor.own

    def take(joined: tuple[OwnStars, ManySurroundings | None]) -> None:
        if cursor.own is not before:  # others came, or these were forgotten, meanwhile
            take_in_background(visit, stars, then)
            return
        cursor.take_own(*joined)
        then()

    in_background(visit, "Finding the stars near yours", lambda: cursor.joined(before, stars), take)
