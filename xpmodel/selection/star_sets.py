"""Named, colored sets of stars, and the steps by which they were selected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.selection.recipe import Chosen, Step, read_steps, replay
from xpmodel.selection.star_sources import AllStars

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

    def then(self, step: Step, catalog: Catalog) -> StarSet:
        """The set after one more step."""
        mask = step.apply(self.mask(catalog), catalog)
        # What a replacement replaces no longer matters.
        steps = (step,) if step.operation == "replace" else (*self.steps, step)
        return self._of(steps, mask)

    def replayed(self, steps: tuple[Step, ...], catalog: Catalog) -> StarSet:
        """The set that other steps make."""
        return self._of(steps, replay(steps, catalog))

    def _of(self, steps: tuple[Step, ...], mask: np.ndarray) -> StarSet:
        n_members = int(np.count_nonzero(mask))
        return replace(self, steps=steps, n_members=n_members, _bits=np.packbits(mask))

    def emptied(self) -> StarSet:
        """The set without stars and steps."""
        return replace(self, steps=(), n_members=0, _bits=None)

    @property
    def chosen(self) -> Chosen:
        """Its stars, as a part of another set's steps."""
        return Chosen(self.name, self.steps)

    def to_json(self) -> dict[str, Any]:
        """What a file keeps."""
        return {
            "name": self.name,
            "color": self.color,
            "visible": self.visible,
            "n_members": self.n_members,
            "steps": [step.to_json() for step in self.steps],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any], catalog: Catalog) -> StarSet:
        """The set that a file keeps, its steps replayed on a catalog.

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
        empty = cls(name, color, visible=bool(content.get("visible", True)))
        steps = read_steps(content["steps"], catalog)
        return empty.replayed(steps, catalog) if steps else empty


def combine(name: str, color: str, a: StarSet, how: str, b: StarSet, catalog: Catalog) -> StarSet:
    """A set made of two others.

    Parameters
    ----------
    how : str
        ``union``, ``intersection``, ``difference`` (a without b) or ``symmetric difference``.
    """
    steps = (Step("replace", a.chosen), Step(ALGEBRA[how], b.chosen))
    return StarSet(name, color).replayed(steps, catalog)


def complement(name: str, color: str, a: StarSet, catalog: Catalog) -> StarSet:
    """The set of all stars that another one lacks."""
    steps = (Step("replace", AllStars()), Step("subtract", a.chosen))
    return StarSet(name, color).replayed(steps, catalog)
