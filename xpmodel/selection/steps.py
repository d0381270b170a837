"""How a set of stars is made: steps, of which one may take another set as it was at the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from xpmodel._long_work import stage
from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter
from xpmodel.selection.star_sources import Source

OPERATIONS = ("replace", "add", "subtract", "intersect", "exclusive")
# Of one set, those of the sets that it was made of counted: replaying each takes milliseconds.
MAX_STEPS = 10_000
# Of all sets of a visit.
MAX_STEPS_OF_SETS = 100_000


@dataclass(frozen=True)
class Step:
    """One gesture: what to do with the stars that a source names.

    Attributes
    ----------
    operation : str
        ``replace`` the selection by them, ``add`` them, ``subtract`` them, ``intersect`` with
        them, or keep what is in one of both alone (``exclusive``).
    source : Source or Chosen
    within : Filter, optional
        The filter of the page at the time: only stars that it showed are meant.
    """

    operation: str
    source: Source | Chosen
    within: Filter | None = None

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise InputError(f"operation {self.operation!r:.80} is unknown: one of {known}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return (*self.source.needs, *self.needs_within)

    @property
    def needs_within(self) -> tuple[str, ...]:
        """Those that its filter needs."""
        return self.within.needs if self.within else ()

    def named(self, catalog: Catalog) -> np.ndarray:
        """The stars that the source names and the filter showed, (N,) bool."""
        return self.shown(self.source.mask(catalog), catalog)

    def shown(self, mask: np.ndarray, catalog: Catalog) -> np.ndarray:
        """Of some stars, (N,) bool, those that the filter showed."""
        return mask & self.within.mask(catalog) if self.within else mask

    def apply(self, mask: np.ndarray, catalog: Catalog) -> np.ndarray:
        """The selection (N,) bool after this step."""
        return combined(mask, self.operation, self.named(catalog))

    def to_json(self, after: int | None = None) -> dict[str, Any]:
        """What a recipe keeps.

        Parameters
        ----------
        after : int, optional
            For a step whose source is a set: the number of the step that the set was made by, if
            it was made at all.
        """
        source = self.source
        kept = source.to_json(after) if isinstance(source, Chosen) else source.to_json()
        content = {"operation": self.operation, **kept}
        return content | ({"within": self.within.to_json()} if self.within else {})


@dataclass(frozen=True)
class Chosen:
    """The stars of a set as it was at the time.

    Attributes
    ----------
    name : str
    steps : tuple of Step
        How the set was made; sets share the steps of those that they were made of.
    """

    name: str
    steps: tuple[Step, ...] = field(repr=False)

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return tuple(dict.fromkeys(needed_columns([self.steps])))

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars of the set, (N,) bool."""
        return replay(self.steps, catalog)

    def to_json(self, after: int | None) -> dict[str, Any]:
        """What a recipe keeps; see `Step.to_json`."""
        return {"kind": "set", "name": self.name, "after": after}


def combined(mask: np.ndarray, operation: str, named: np.ndarray) -> np.ndarray:
    """A selection (N,) bool after an operation with the stars named, (N,) bool."""
    match operation:
        case "replace":
            return named
        case "add":
            return mask | named
        case "subtract":
            return mask & ~named
        case "intersect":
            return mask & named
        case _:
            return mask ^ named


class Numbered(NamedTuple):
    """A step among those that sets were made by.

    Attributes
    ----------
    step : Step
    on : int or None
        The number of the step whose selection it changes; None where nothing was selected.
    after : int or None
        Of a step whose source is a set: the number of that set's last step.
    """

    step: Step
    on: int | None
    after: int | None


class NumberedSteps:
    """All steps that some sets were made by, each once, and behind those that it builds on.

    What sets have in common, because one was made of the other or both of a third, is there
    once: a set made of itself again and again takes two steps more each time.

    Parameters
    ----------
    sets : sequence of (sequence of Step)
    at_most : int
        How many steps there may be.

    Attributes
    ----------
    rows : list of Numbered
    ends : list of int or None
        The number of each set's last step; None where it has none.

    Raises
    ------
    InputError
        When they are too many.
    """

    def __init__(self, sets: Sequence[Sequence[Step]], at_most: int = MAX_STEPS) -> None:
        self._at_most = at_most
        self.rows: list[Numbered] = []
        self._numbers: dict[tuple[int | None, int], int] = {}
        self._ends: dict[int, int | None] = {}  # by the identity of a set's steps
        self._kept = list(sets)  # whose identities must not become others'
        for steps in self._kept:
            self._add(steps)
        self.ends = [self._ends[id(steps)] for steps in self._kept]

    def _add(self, steps: Sequence[Step]) -> None:
        # Without recursion: sets may be made of sets thousands deep.
        waiting = [steps]
        while waiting:
            sources = [step.source for step in _from_last_replacement(waiting[-1])]
            inner = [source.steps for source in sources if isinstance(source, Chosen)]
            unknown = {id(part): part for part in inner if id(part) not in self._ends}
            if unknown:
                waiting += unknown.values()
                continue
            made = waiting.pop()
            if id(made) not in self._ends:
                self._ends[id(made)] = self._number(made)

    def _number(self, steps: Sequence[Step]) -> int | None:
        on: int | None = None
        for step in _from_last_replacement(steps):
            key = (on, id(step))
            if key not in self._numbers:
                check_number(len(self.rows) + 1, self._at_most)
                source = step.source
                after = self._ends[id(source.steps)] if isinstance(source, Chosen) else None
                self._numbers[key] = len(self.rows)
                self.rows.append(Numbered(step, on, after))
            on = self._numbers[key]
        return on

    def masks(self, catalog: Catalog) -> Iterator[np.ndarray]:
        """The stars of each set, (N,) bool, one after the other; each step is done once."""
        last_use = dict.fromkeys([n for n in self.ends if n is not None], len(self.rows))
        for number, row in enumerate(self.rows):
            for used in (row.on, row.after):
                if used is not None:
                    last_use[used] = max(last_use.get(used, 0), number)
        nothing = np.zeros(len(catalog), dtype=bool)
        # A bit a star, as long as one of the steps to come needs it.
        kept: dict[int, np.ndarray] = {}

        def selected(number: int | None) -> np.ndarray:
            if number is None:
                return nothing
            return np.unpackbits(kept[number], count=len(catalog)).view(bool)

        for number, row in enumerate(self.rows):
            with stage(number, len(self.rows)):
                if isinstance(row.step.source, Chosen):
                    named = row.step.shown(selected(row.after), catalog)
                else:
                    named = row.step.named(catalog)
            kept[number] = np.packbits(combined(selected(row.on), row.step.operation, named))
            for used in {row.on, row.after}:
                if used is not None and last_use[used] == number:
                    del kept[used]
        for end in self.ends:
            yield selected(end).copy()


def _from_last_replacement(steps: Sequence[Step]) -> Sequence[Step]:
    """The steps that matter: what one replaces no longer does."""
    numbers = range(len(steps) - 1, -1, -1)
    return steps[next((n for n in numbers if steps[n].operation == "replace"), 0) :]


def check_number(n: int, at_most: int) -> None:
    """Refuse more steps than a file may keep.

    Raises
    ------
    InputError
        When there are more.
    """
    if n > at_most:
        raise InputError(
            f"sets made in more than {at_most:,} steps: save the stars of one, and go on with a "
            "set of their ids"
        )


def needed_columns(sets: Sequence[Sequence[Step]]) -> Iterator[str]:
    """The catalog's columns that steps need, in their order."""
    for step, _, _ in NumberedSteps(sets, MAX_STEPS_OF_SETS).rows:
        if not isinstance(step.source, Chosen):
            yield from step.source.needs
        yield from step.needs_within


def replay(steps: Sequence[Step], catalog: Catalog) -> np.ndarray:
    """Which stars a sequence of steps selects, (N,) bool; none without a step."""
    return next(NumberedSteps([steps]).masks(catalog))
