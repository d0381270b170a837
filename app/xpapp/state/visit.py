"""The state of one visit: the only thing on the page that changes. Views read it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import param

from xpapp.colors import SET_COLORS
from xpapp.runtime.coalesce import Turn
from xpapp.state.cursor import Cursor
from xpapp.state.drawn_sets import Drawn, DrawnSets
from xpapp.state.map_state import Coloring, MapState, default_maps
from xpapp.state.new_sets import free_color, free_name
from xpmodel import Catalog, InputError, Model, Region, Step
from xpmodel.selection.filters import Filter
from xpmodel.selection.star_sets import ALGEBRA, MAX_NAME, StarSet, combine, complement
from xpmodel.selection.star_sources import AllStars, Source
from xpmodel.selection.steps import OPERATIONS

UNDO_STEPS = 100
MAX_MAPS = 9
MAX_SETS = 200
SIGNS = dict(zip(ALGEBRA, "∪∩∖△", strict=True))


@dataclass(frozen=True, eq=False)
class _Moment:
    """What undo brings back."""

    sets: tuple[StarSet, ...]
    active_set: str
    filter: Filter
    # The stars that it lets pass, one bit each; None for all.
    shown: np.ndarray | None


class Visit(param.Parameterized):
    """Maps, colors, filter, sets of stars, tracks and the point z of one visitor.

    Gestures call the methods; views watch the parameters. The point z, and how its spectrum is
    shown, are the cursor's.
    """

    maps = param.Parameter(doc="The open maps, a tuple of MapState.")
    active_map = param.String(doc="Key of the map that the side bar's controls are about.")
    enlarged = param.String(doc="Key of the map that alone is shown; empty for all of them.")
    corner = param.Boolean(False, doc="Whether all pairs of latents are shown, and no map.")
    coloring = param.Parameter(Coloring(), doc="What colors the maps.")
    filter = param.Parameter(Filter(), doc="Which stars are shown.")
    shown = param.Parameter(doc="The stars that the filter lets pass, (N,) bool; None for all.")
    sets = param.Parameter(doc="The named sets, a tuple of StarSet.")
    active_set = param.String(doc="Name of the set that the next gesture changes.")
    operation: param.Selector[str] = param.Selector(default="replace", objects=list(OPERATIONS[:4]))
    tracks = param.Parameter((), doc="Names of the tracks that are drawn, and of the splits.")
    own_tracks = param.Parameter((), doc="Tracks of the visitor's own, TrackDefinitions.")
    track_point = param.Parameter(doc="The point of a track that was clicked, or None.")
    dark = param.Boolean(False, doc="Whether the page is dark.")
    works = param.Parameter((), doc="What is done in the background, a tuple of Work.")
    busy = param.Boolean(False, doc="Whether work for this visitor is under way.")

    def __init__(self, catalog: Catalog, model: Model | None, **params: Any) -> None:
        self.catalog = catalog
        self.model = model
        self.turn = Turn()
        self.cursor = Cursor(catalog, model)
        self._past: deque[_Moment] = deque(maxlen=UNDO_STEPS)
        self._future: list[_Moment] = []
        self.drawn_sets = DrawnSets(catalog)
        self._n_under_way = 0
        maps = default_maps(catalog)
        start = {
            "maps": maps,
            "active_map": maps[0].key,
            "sets": (StarSet("A", SET_COLORS[0]),),
            "active_set": "A",
        }
        super().__init__(**(start | params))

    # Work under way

    def work_begins(self) -> None:
        """Be busy until this work, and all other that is under way, has ended."""
        self._n_under_way += 1
        self.busy = True

    def work_ends(self) -> None:
        """One of the works under way has ended."""
        self._n_under_way -= 1
        self.busy = self._n_under_way > 0

    # Maps

    def map_state(self, key: str) -> MapState | None:
        """An open map; None where it was closed."""
        return next((state for state in self.maps if state.key == key), None)

    @property
    def active_state(self) -> MapState:
        """The map that the side bar's controls are about."""
        state = self.map_state(self.active_map)
        assert state is not None, "the active map is open"
        return state

    def change_map(self, key: str, **changes: str) -> None:
        """Change a map's axes or scales."""
        self.maps = tuple(replace(m, **changes) if m.key == key else m for m in self.maps)

    def open_map(self, x: str, y: str) -> None:
        """Open one more map, and make it the active one.

        Raises
        ------
        InputError
            When too many are open.
        """
        if len(self.maps) >= MAX_MAPS:
            raise InputError(f"{MAX_MAPS} maps are open: close one first")
        keys = {state.key for state in self.maps}
        key = next(k for i in range(1, 99) if (k := f"map{i}") not in keys)
        maps = (*self.maps, MapState(key, x, y))
        self.param.update(maps=maps, active_map=key, enlarged="")

    def close_map(self, key: str) -> None:
        """Close a map.

        Raises
        ------
        InputError
            When it is the last one.
        """
        left = tuple(state for state in self.maps if state.key != key)
        if not left:
            raise InputError("it is the last map: open another one first")
        active = self.active_map if self.active_map != key else left[-1].key
        self.param.update(maps=left, active_map=active, enlarged="")

    # Sets

    def star_set(self, name: str) -> StarSet:
        """The set of some name.

        Raises
        ------
        InputError
            When there is none.
        """
        for star_set in self.sets:
            if star_set.name == name:
                return star_set
        raise InputError(f"there is no set {name!r}")

    @property
    def current(self) -> StarSet:
        """The set that the next gesture changes."""
        return self.star_set(self.active_set)

    @property
    def drawn(self) -> Drawn:
        """Colors of the visible sets, and the rows of those of their stars that are shown."""
        return self.drawn_sets.of(self.sets, self.active_set, self.shown)

    def draw(
        self, region: Region, operation: str | None = None, inside: np.ndarray | None = None
    ) -> None:
        """Apply an outline, of the stars shown, to the active set.

        Parameters
        ----------
        inside : ndarray, (N,) bool, optional
            The stars that lie inside, where they are known already.
        """
        self.apply(region, operation, inside)

    def apply(
        self, source: Source, operation: str | None = None, named: np.ndarray | None = None
    ) -> None:
        """Apply what names stars, of those shown, to the active set.

        Parameters
        ----------
        named : ndarray, (N,) bool, optional
            The stars that it names, where they are known already.
        """
        step = Step(operation or self.operation, source, self.filter or None)
        named = source.mask(self.catalog) if named is None else named
        if self.shown is not None:
            named = named & self.shown
        self._change_set(self.active_set, self.current.then(step, self.catalog, named))

    def clear(self) -> None:
        """Empty the active set."""
        if self.current.steps:
            self._change_set(self.active_set, self.current.emptied())

    def new_set(
        self, source: Source | None = None, name: str = "", named: np.ndarray | None = None
    ) -> None:
        """Add a set, of the stars of a source if there is one, and make it active.

        Parameters
        ----------
        named : ndarray, (N,) bool, optional
            The stars that the source names, where they are known already.

        Raises
        ------
        InputError
            When there are too many.
        """
        self._check_room()
        added = StarSet(free_name(self.sets, name), free_color(self.sets))
        if source is not None:
            added = added.then(Step("replace", source), self.catalog, named)
        self._remember(sets=(*self.sets, added), active_set=added.name)

    def set_of_shown(self) -> None:
        """Add the set of all stars that the filter lets pass."""
        self.new_set(self.filter or AllStars(), "shown", self.shown)

    def combine(self, a: str, how: str, b: str) -> None:
        """Add the union, intersection, difference or symmetric difference of two sets.

        Raises
        ------
        InputError
            When there are too many, or it would have too many steps.
        """
        self._check_room()
        name = free_name(self.sets, f"{a} {SIGNS[how]} {b}")
        parts = (name, free_color(self.sets), self.star_set(a), how, self.star_set(b), self.catalog)
        self._remember(sets=(*self.sets, combine(*parts)), active_set=name)

    def complement(self, a: str) -> None:
        """Add the set of all stars that one lacks.

        Raises
        ------
        InputError
            When there are too many, or it would have too many steps.
        """
        self._check_room()
        name = free_name(self.sets, f"not {a}")
        added = complement(name, free_color(self.sets), self.star_set(a), self.catalog)
        self._remember(sets=(*self.sets, added), active_set=name)

    def _check_room(self) -> None:
        if len(self.sets) >= MAX_SETS:
            raise InputError(f"there are {MAX_SETS} sets: delete one first")

    def change_set(self, name: str, /, **changes: Any) -> None:
        """Change a set's name, color or visibility.

        Raises
        ------
        InputError
            When the new name is empty, too long or taken.
        """
        new = str(changes.get("name", name)).strip()
        if not 0 < len(new) <= MAX_NAME:
            raise InputError(f"a set's name has 1 to {MAX_NAME} characters")
        if new != name and any(s.name == new for s in self.sets):
            raise InputError(f"there is a set {new!r} already")
        self._change_set(name, replace(self.star_set(name), **(changes | {"name": new})))

    def delete_set(self, name: str) -> None:
        """Delete a set; in the place of the last one comes an empty one."""
        left = tuple(s for s in self.sets if s.name != name) or (StarSet("A", SET_COLORS[0]),)
        names = [s.name for s in left]
        active = self.active_set if self.active_set in names else names[-1]
        self._remember(sets=left, active_set=active)

    def _change_set(self, name: str, changed: StarSet) -> None:
        sets = tuple(changed if s.name == name else s for s in self.sets)
        active = changed.name if self.active_set == name else self.active_set
        self._remember(sets=sets, active_set=active)

    # Filter

    def show(self, new: Filter, shown: np.ndarray | None = None) -> None:
        """Show the stars that a filter lets pass.

        Parameters
        ----------
        shown : ndarray, (N,) bool, optional
            These stars, where they are known already.

        Raises
        ------
        InputError
            When the filter cannot be applied to this catalog; then nothing changes.
        """
        if new != self.filter:
            self._remember(filter=new, shown=self._passing(new, shown))

    def _passing(self, new: Filter, shown: np.ndarray | None) -> np.ndarray | None:
        """What a moment keeps of the stars that a filter lets pass, found here if need be."""
        if not new:
            return None
        return np.packbits(new.mask(self.catalog) if shown is None else shown)

    @property
    def n_shown(self) -> int:
        """Number of stars that the filter lets pass."""
        return len(self.catalog) if self.shown is None else int(np.count_nonzero(self.shown))

    # Undo

    @property
    def can_undo(self) -> bool:
        """Whether a change of sets or filter can be undone."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether an undone change can be done again."""
        return bool(self._future)

    def undo(self) -> None:
        """Take the last change of sets or filter back."""
        if self._past:
            now = self._moment
            moment = self._past.pop()
            self._future.append(now)
            self._go_to(moment)

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._future:
            now = self._moment
            moment = self._future.pop()
            self._past.append(now)
            self._go_to(moment)

    @property
    def _moment(self) -> _Moment:
        shown = None if self.shown is None else np.packbits(self.shown)
        return _Moment(self.sets, self.active_set, self.filter, shown)

    def forget_past(self) -> None:
        """Let undo go no further back than now."""
        self._past.clear()
        self._future.clear()
        self.param.trigger("sets")

    def _remember(self, **changes: Any) -> None:
        before = self._moment
        self._go_to(replace(before, **changes), done=before)

    def _go_to(self, moment: _Moment, done: _Moment | None = None) -> None:
        changes: dict[str, Any] = {"sets": moment.sets, "active_set": moment.active_set}
        if moment.filter != self.filter:
            bits, n = moment.shown, len(self.catalog)
            shown = None if bits is None else np.unpackbits(bits, count=n).view(bool)
            changes |= {"filter": moment.filter, "shown": shown}
        if done is not None:  # the filter could be applied, so it is a change
            self._past.append(done)
            self._future.clear()
        self.param.update(**changes)

    def bring_back(
        self,
        sets: tuple[StarSet, ...],
        active_set: str,
        shown_by: Filter,
        others: dict[str, Any],
        cursor: dict[str, Any],
        shown: np.ndarray | None = None,
    ) -> None:
        """Take over another state, as one change that can be undone as to sets and filter.

        Parameters
        ----------
        shown : ndarray, (N,) bool, optional
            The stars that the filter lets pass, where they are known already.

        Raises
        ------
        InputError
            When the filter cannot be applied to this catalog; then nothing changes.
        """
        with param.parameterized.batch_call_watchers(self):
            passing = self._passing(shown_by, shown)
            self._remember(sets=sets, active_set=active_set, filter=shown_by, shown=passing)
            self.param.update(**others)
            self.cursor.param.update(**cursor)

    # Tracks

    def switch_track(self, name: str, on: bool) -> None:
        """Draw a track, or no longer."""
        others = tuple(n for n in self.tracks if n != name)
        self.tracks = (*others, name) if on else others
