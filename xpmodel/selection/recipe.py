"""Selections: sets of stars, and the recipe that finds them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xpmodel._atomic import read_json
from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter
from xpmodel.selection.regions import Region
from xpmodel.selection.star_sources import (
    AllStars,
    Ids,
    NearestStars,
    Outliers,
    Probable,
    Source,
    TrackBin,
)

FORMAT = "xpmodel-selection"
OPERATIONS = ("replace", "add", "subtract", "intersect", "exclusive")
# How deep sets may be made of sets.
MAX_DEPTH = 40
TOO_DEEP = f"sets made of sets, more than {MAX_DEPTH} deep"


@dataclass(frozen=True)
class Step:
    """One gesture: what to do with the stars that a source names.

    Attributes
    ----------
    operation : str
        ``replace`` the selection by them, ``add`` them, ``subtract`` them, ``intersect`` with
        them, or keep what is in one of both alone (``exclusive``).
    source : Source
    within : Filter, optional
        The filter of the page at the time: only stars that it showed are meant.
    """

    operation: str
    source: Source
    within: Filter | None = None

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise InputError(f"operation {self.operation!r:.80} is unknown: one of {known}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return (*self.source.needs, *(self.within.needs if self.within else ()))

    def named(self, catalog: Catalog) -> np.ndarray:
        """The stars that the source names and the filter showed, (N,) bool."""
        mask = self.source.mask(catalog)
        return mask & self.within.mask(catalog) if self.within else mask

    def apply(self, mask: np.ndarray, catalog: Catalog) -> np.ndarray:
        """The selection (N,) bool after this step."""
        named = self.named(catalog)
        match self.operation:
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

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        content = {"operation": self.operation, **self.source.to_json()}
        return content | ({"within": self.within.to_json()} if self.within else {})

    @classmethod
    def from_json(cls, content: dict[str, Any], depth: int = 0) -> Step:
        """The step that a recipe keeps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        if depth > MAX_DEPTH:
            raise InputError(TOO_DEEP)
        kind = str(content["kind"])
        if kind == "set":
            steps = tuple(cls.from_json(step, depth + 1) for step in content["steps"])
            source: Source = Chosen(str(content["name"]), steps)
        elif kind in _KINDS:
            source = _KINDS[kind].from_json(content)
        else:
            raise InputError(f"kind {kind!r:.80} is unknown: set, {', '.join(_KINDS)}")
        within = Filter.from_json(content["within"]) if "within" in content else None
        return cls(str(content["operation"]), source, within)


@dataclass(frozen=True)
class Chosen:
    """The stars of a set as it was at the time.

    Attributes
    ----------
    name : str
    steps : tuple of Step
        How the set was made.

    Raises
    ------
    InputError
        When sets are made of sets so deep that a recipe of it could not be read.
    """

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if self.depth > MAX_DEPTH:
            raise InputError(TOO_DEEP)

    @cached_property
    def depth(self) -> int:
        """How many sets lie within each other, this one counted."""
        sources = [step.source for step in self.steps]
        return 1 + max((s.depth for s in sources if isinstance(s, Chosen)), default=0)

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.needs))

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars of the set, (N,) bool."""
        return replay(self.steps, catalog)

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        steps = [step.to_json() for step in self.steps]
        return {"kind": "set", "name": self.name, "steps": steps}


_KINDS: dict[str, Any] = {
    "polygon": Region,
    "box": Region,
    "filter": Filter,
    "bin": TrackBin,
    "ids": Ids,
    "all": AllStars,
    "nearest": NearestStars,
    "outliers": Outliers,
    "probable": Probable,
}


def replay(steps: Sequence[Step], catalog: Catalog) -> np.ndarray:
    """Which stars a sequence of steps selects, (N,) bool; none without a step."""
    mask = np.zeros(len(catalog), dtype=bool)
    for step in steps:
        mask = step.apply(mask, catalog)
    return mask


def make_recipe(steps: Sequence[Step], catalog: Catalog, n_selected: int) -> str:
    """The JSON recipe of a selection: steps, and the hash of the catalog they belong to."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": 1,
            "catalog": catalog_reference(catalog),
            "n_selected": int(n_selected),
            "steps": [step.to_json() for step in steps],
        },
        indent=1,
    )


def catalog_reference(catalog: Catalog) -> dict[str, Any]:
    """What names a catalog in a file: its name, hash and length."""
    return {"name": catalog.path.name, "sha256": catalog.sha256, "n_stars": len(catalog)}


def read_steps(content: Sequence[dict[str, Any]], catalog: Catalog) -> tuple[Step, ...]:
    """The steps that a file keeps, for a catalog.

    Raises
    ------
    InputError, KeyError, TypeError, ValueError
        When they are none, or the catalog lacks a column that they need.
    """
    steps = tuple(Step.from_json(step) for step in content)
    known = {*catalog.numeric, *catalog.categorical}
    for name in (name for step in steps for name in step.needs):
        if name not in known:
            raise InputError(f"{catalog.path} has no values in column {name!r:.80}")
    return steps


def replay_recipe(path: str | Path, catalog: Catalog, *, other_catalog: bool = False) -> np.ndarray:
    """Replay a recipe file on the catalog that it was made on.

    Parameters
    ----------
    path : path
        JSON that the page exported, or `make_recipe` made.
    catalog : Catalog
    other_catalog : bool
        Apply the steps to a catalog other than the recipe's.

    Returns
    -------
    mask : ndarray, (N,) bool

    Raises
    ------
    InputError
        When the file is no recipe, or the catalog is not the one it was made on, or the
        number of stars is not the recorded one.
    """
    recipe = read_json(path, FORMAT)
    try:
        return _replay_recipe(recipe, catalog, other_catalog)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: not a valid recipe ({error})") from None


def _replay_recipe(recipe: dict[str, Any], catalog: Catalog, other_catalog: bool) -> np.ndarray:
    steps = read_steps(recipe["steps"], catalog)
    made_on, n_selected = recipe["catalog"], recipe["n_selected"]
    sha256 = str(made_on["sha256"])
    if other_catalog:
        return replay(steps, catalog)
    if sha256 != catalog.sha256:
        raise InputError(
            f"made on another catalog ({made_on.get('name')!s:.80}, sha256 {sha256[:12]}…) "
            f"than {catalog.path} (sha256 {catalog.sha256[:12]}…); "
            "--other-catalog applies its steps all the same"
        )
    mask = replay(steps, catalog)
    if int(mask.sum()) != n_selected:
        raise InputError(
            f"its steps select {mask.sum()} stars, but it records {n_selected!r:.40}: "
            "the recipe was changed by hand"
        )
    return mask
