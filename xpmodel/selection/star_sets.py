"""Named, colored sets of stars, and the steps by which they were selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.selection.recipe import read_sets, read_steps, written_steps
from xpmodel.selection.star_sources import AllStars
from xpmodel.selection.steps import MAX_STEPS_OF_SETS, Chosen, NumberedSteps, Step, combined

# How two sets become a third: the operation of the second on the first.
ALGEBRA = {
    "union": "add",
    "intersection": "intersect",
    "difference": "subtract",
    "symmetric difference": "exclusive",
}
MAX_NAME = 60


@dataclass(frozen=True, eq=False)
class StarSet:
    """A named, colored set of stars; a change makes a new one.

    Attributes
    ----------
    name : str
    color : str
        ``#rrggbb``
    steps : tuple of Step
        How it was made; empty for a set in which nothing was ever put.
    visible : bool
        Whether maps draw it.
    n_members : int
    """

    name: str
    color: str
    steps: tuple[Step, ...] = ()
    visible: bool = True
    n_members: int = 0
    # One bit a star: a hundred undone changes of half a million stars are 6 MB.
    _bits: np.ndarray | None = None

    def mask(self, catalog: Catalog) -> np.ndarray:
        """Its stars, (N,) bool."""
        if self._bits is None:
            return np.zeros(len(catalog), dtype=bool)
        return np.unpackbits(self._bits, count=len(catalog)).view(bool)

    def has_stars_of(self, other: StarSet) -> bool:
        """Whether nothing but its name and looks differs from another version of the set."""
        return self._bits is not None and self._bits is other._bits

    def then(self, step: Step, catalog: Catalog, named: np.ndarray | None = None) -> StarSet:
        """The set after one more step.

        Parameters
        ----------
        step : Step
        catalog : Catalog
        named : ndarray, (N,) bool, optional
            The stars that the step names, where they are known already.

        Raises
        ------
        InputError
            When the step cannot be done, or the set would have too many.
        """
        # What a replacement replaces no longer matters.
        steps = (step,) if step.operation == "replace" else (*self.steps, step)
        NumberedSteps([steps])  # refuses too many, before the work
        named = step.named(catalog) if named is None else named
        return self.made(steps, combined(self.mask(catalog), step.operation, named))

    def made(self, steps: tuple[Step, ...], mask: np.ndarray) -> StarSet:
        """The set that other steps make, and the stars, (N,) bool, that they select."""
        n_members = int(np.count_nonzero(mask))
        return replace(self, steps=steps, n_members=n_members, _bits=np.packbits(mask))

    def emptied(self) -> StarSet:
        """The set without stars and steps."""
        return replace(self, steps=(), n_members=0, _bits=None)

    @cached_property
    def chosen(self) -> Chosen:
        """Its stars, as a part of another set's steps."""
        return Chosen(self.name, self.steps)

    def to_json(self) -> dict[str, Any]:
        """What a file keeps beside the steps."""
        return {
            "name": self.name,
            "color": self.color,
            "visible": self.visible,
            "n_members": self.n_members,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> StarSet:
        """The set that a file keeps, without its steps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        name, color = str(content["name"]), str(content["color"])
        if not 0 < len(name) <= MAX_NAME:
            raise InputError(f"a set's name has 1 to {MAX_NAME} characters, not {len(name)}")
        if len(color) != 7 or color[0] != "#" or set(color[1:].lower()) - set("0123456789abcdef"):
            raise InputError(f"a set's color is like #ff5a1f, not {color[:20]!r}")
        return cls(name, color, visible=bool(content.get("visible", True)))


def sets_to_json(sets: Sequence[StarSet]) -> dict[str, Any]:
    """What a file keeps of sets: under ``steps`` each step once, whichever sets it made."""
    steps, ends = written_steps([star_set.steps for star_set in sets])
    kept = [star_set.to_json() | {"after": end} for star_set, end in zip(sets, ends, strict=True)]
    return {"sets": kept, "steps": steps}


def sets_from_json(content: dict[str, Any], catalog: Catalog) -> tuple[StarSet, ...]:
    """The sets that a file keeps, their steps replayed on a catalog, each once.

    Parameters
    ----------
    content : dict
        As of `sets_to_json`, or of files before it: each set has its own ``steps``.

    Raises
    ------
    InputError, KeyError, TypeError, ValueError
        When they are none.
    """
    kept = content["sets"]
    empty = [StarSet.from_json(one) for one in kept]
    if "steps" in content:
        steps = read_sets(content["steps"], [one["after"] for one in kept], catalog)
    else:
        steps = [read_steps(one["steps"], catalog) for one in kept]
    masks = NumberedSteps(steps, MAX_STEPS_OF_SETS).masks(catalog)
    return tuple(
        star_set.made(made, mask) if made else star_set
        for star_set, made, mask in zip(empty, steps, masks, strict=True)
    )


def combine(name: str, color: str, a: StarSet, how: str, b: StarSet, catalog: Catalog) -> StarSet:
    """A set made of two others.

    Parameters
    ----------
    how : str
        ``union``, ``intersection``, ``difference`` (a without b) or ``symmetric difference``.

    Raises
    ------
    InputError
        When it would have too many steps.
    """
    first, second = Step("replace", a.chosen), Step(ALGEBRA[how], b.chosen)
    made = StarSet(name, color).then(first, catalog, a.mask(catalog))
    return made.then(second, catalog, b.mask(catalog))


def complement(name: str, color: str, a: StarSet, catalog: Catalog) -> StarSet:
    """The set of all stars that another one lacks.

    Raises
    ------
    InputError
        When it would have too many steps.
    """
    everything = StarSet(name, color).then(Step("replace", AllStars()), catalog)
    return everything.then(Step("subtract", a.chosen), catalog, a.mask(catalog))
