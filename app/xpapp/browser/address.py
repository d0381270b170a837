"""The visit's state in the browser's address, by a short name that the server keeps."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs

import panel as pn

from xpapp.runtime.callbacks import guarded, log, notify
from xpapp.state.background import quietly
from xpapp.state.visit import Visit
from xpapp.state.visit_file import restore, state_of
from xpapp.state.visit_store import VisitStore
from xpmodel import InputError
from xpmodel.selection.star_sets import sets_to_json

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
)
OF_CURSOR = ("z", "star", "g_mag", "lines", "mode", "locked")


def named_visit() -> str:
    """The name of the visit that the address names; empty where it names none."""
    search = pn.state.location.search if pn.state.location is not None else ""
    return next(iter(parse_qs((search or "").lstrip("?")).get(KEY, [])), "")


class Address:
    """Brings back the visit that the address names, then keeps the address up to date.

    Parameters
    ----------
    visit : Visit
    store : VisitStore
    fresh : bool
        Bring nothing back: the visit begins anew, whatever the address names.
    """

    def __init__(self, visit: Visit, store: VisitStore, *, fresh: bool = False) -> None:
        self._visit, self._store = visit, store
        self._sets: tuple[object, dict[str, Any]] | None = None
        self._pending = False
        self._changed = 0.0
        self._location = pn.state.location
        name = "" if fresh else named_visit()
        if name:
            try:
                left_out = restore(visit, store.load(name), f"visit {name}")
                visit.forget_past()
                if left_out:
                    told = f"Of the address's visit was left out: {'; '.join(left_out)}"
                    pn.state.onload(lambda: notify(told))
            except InputError as error:
                log.warning("%s", error)
                problem = f"The address's visit could not be opened: {error}"
                pn.state.onload(lambda: notify(problem))
        visit.param.watch(self._on_change, list(FOLLOWED))
        visit.cursor.param.watch(self._on_change, list(OF_CURSOR))

    @guarded("Following the visit")
    def _on_change(self, *events: object) -> None:
        # One timer for however many changes come: a drag has hundreds.
        self._changed = time.monotonic()
        if not self._pending:
            self._wait(REST)

    def _wait(self, rest: float) -> None:
        document = pn.state.curdoc
        self._pending = document is not None and self._location is not None
        if document is not None and self._pending:
            document.add_timeout_callback(self._write, max(rest, 1))

    @guarded("Keeping the visit in the address")
    def _write(self) -> None:
        self._pending = False
        cursor = self._visit.cursor
        quiet = 1e3 * (time.monotonic() - self._changed)
        if cursor.moving or cursor.playing or quiet < REST:
            self._wait(REST if quiet >= REST else REST - quiet)
            return

        def save() -> str:
            try:
                name = self._store.save(state_of(self._visit, self._packed_sets()))
            except FileNotFoundError:  # somebody has emptied the folder
                self._sets = None
                name = self._store.save(state_of(self._visit, self._packed_sets()))
            if self._store.prune_is_due():
                self._store.prune()
            return name

        # In a thread: thousands of ids are megabytes, and a disk may take its time.
        quietly("Keeping the visit in the address", save, self._point_to)

    def _point_to(self, name: str) -> None:
        if self._location is not None and name != named_visit():
            self._location.search = f"?{KEY}={name}"

    def _packed_sets(self) -> dict[str, Any]:
        """The sets as the store keeps them, made when they have changed."""
        sets = self._visit.sets
        if self._sets is None or self._sets[0] is not sets:
            self._sets = (sets, self._store.packed(sets_to_json(sets)))
        return self._sets[1]
