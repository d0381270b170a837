"""Sets to and from TOPCAT, Aladin and other programs on the server's machine, by SAMP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import panel as pn
import panel_material_ui as pmui

from xpapp.runtime.callbacks import guarded, notify
from xpapp.runtime.names import as_html
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpapp.widgets.material import TEXT, WIDE, column, heading, row
from xpapp.widgets.text_line import status_line
from xpmodel import InputError
from xpmodel.catalog.ids import find_ids
from xpmodel.export.samp import SampLink
from xpmodel.selection.star_sources import Ids


class SampControls:
    """Connect, send the active set, and make a set of each table that arrives.

    Only where the server was asked for it: whoever opens the page reaches the hub of the
    server's machine.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._link = SampLink()
        self._document = pn.state.curdoc
        self.said = status_line("Not connected.")
        connect = pmui.Button(label="Connect to SAMP", on_click=self._connect, **TEXT, **WIDE)
        self.send = pmui.Button(
            label="Send the active set", on_click=self._send, disabled=True, **TEXT, **WIDE
        )
        self.panel = column(heading("TOPCAT, Aladin"), row(connect, self.send), self.said)
        if self._document is not None:
            self._document.on_session_destroyed(lambda context: self._link.disconnect())

    async def _connect(self, event: object) -> None:
        # The hub may take its time, and the page is not to wait for it.
        await self._try(self._open)

    async def _send(self, event: object) -> None:
        visit = self._visit
        current, catalog = visit.current, visit.catalog
        mask = current.mask(catalog)

        def send() -> str:
            n = self._link.send(catalog, mask, current.name)
            return f"{as_html(current.name)}: sent to {n} program{'' if n == 1 else 's'}."

        await self._try(send)

    async def _try(self, work: Callable[[], str]) -> None:
        self._visit.work_begins()
        try:
            self.said.object = await asyncio.to_thread(work)
            self.send.disabled = False
        except InputError as error:
            notify(str(error))
        finally:
            self._visit.work_ends()

    def _open(self) -> str:
        self._link.connect()
        self._link.on_table(self._on_table, self._on_problem)
        return f"Connected; listening: {as_html(', '.join(self._link.clients)) or 'nobody yet'}."

    def _on_table(self, name: str, ids: np.ndarray) -> None:
        self._later(lambda: self._take(name, ids))

    def _on_problem(self, message: str) -> None:
        self._later(lambda: notify(message))

    def _later(self, work: Callable[[], None]) -> None:
        """Work in the page's own thread: these come from SAMP's."""
        if self._document is not None:
            self._document.add_next_tick_callback(work)

    @guarded("Taking the table")
    def _take(self, name: str, ids: np.ndarray) -> None:
        catalog = self._visit.catalog

        def found(result: tuple[np.ndarray, np.ndarray]) -> None:
            self._make_set(name, ids, *result)

        in_background(self._visit, "Taking the table", lambda: find_ids(catalog, ids), found)

    def _make_set(self, name: str, ids: np.ndarray, mask: np.ndarray, missing: np.ndarray) -> None:
        self.said.object = (
            f"{as_html(name[:80])}: {int(mask.sum()):,} of {len(ids):,} stars are in the catalog, "
            f"{len(missing):,} are not."
        )
        if mask.any():
            self._visit.new_set(Ids(tuple(ids.tolist())), name[:40] or "table", mask)
