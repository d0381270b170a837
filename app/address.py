"""The visit's state in the browser's address, by a short name that the server keeps."""

from __future__ import annotations

from urllib.parse import parse_qs

import panel as pn

from guard import guarded, log, notify
from visit import Visit
from visit_file import VisitStore, restore, state_of
from xpmodel import InputError

KEY = "visit"
# The address follows when nothing has changed for so long [ms].
REST = 700
FOLLOWED = (
    "maps",
    "active_map",
    "enlarged",
    "coloring",
    "filter",
    "sets",
    "active_set",
    "operation",
    "tracks",
    "own_tracks",
    "z",
    "star",
    "g_mag",
    "lines",
)


class Address:
    """Brings back the visit that the address names, then keeps the address up to date."""

    def __init__(self, visit: Visit, store: VisitStore) -> None:
        self._visit, self._store = visit, store
        self._pending: object | None = None
        self._location = pn.state.location
        name = self._named()
        if name:
            try:
                restore(visit, store.load(name), f"visit {name}")
                visit.forget_past()
            except InputError as error:
                log.warning("%s", error)
                problem = f"The address's visit could not be opened: {error}"
                pn.state.onload(lambda: notify(problem))
        visit.param.watch(self._on_change, list(FOLLOWED))

    def _named(self) -> str:
        search = self._location.search if self._location is not None else ""
        return next(iter(parse_qs((search or "").lstrip("?")).get(KEY, [])), "")

    @guarded("Following the visit")
    def _on_change(self, *events: object) -> None:
        document = pn.state.curdoc
        if document is None or self._location is None:
            return
        if self._pending is not None:
            document.remove_timeout_callback(self._pending)
        self._pending = document.add_timeout_callback(self._write, REST)

    @guarded("Keeping the visit in the address")
    def _write(self) -> None:
        self._pending = None
        if self._visit.moving:  # a slider that is held
            self._on_change()
            return
        name = self._store.save(state_of(self._visit))
        if name != self._named():
            self._location.search = f"?{KEY}={name}"
