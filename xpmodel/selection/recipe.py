"""Selections: the recipe that finds a set of stars again, and the steps that files keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xpmodel._atomic import JSON_LIMIT, read_json
from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter
from xpmodel.selection.region_probability import columns_of_errors, stand_ins
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
from xpmodel.selection.steps import (
    MAX_STEPS_OF_SETS,
    Chosen,
    NumberedSteps,
    Step,
    check_number,
    needed_columns,
    replay,
)

FORMAT = "xpmodel-selection"
# 1: a set among the sources has all its steps within it.
# 2: each step is there once; "after" and "on" name others by their numbers.
VERSION = 2
# How deep sets may lie within sets in a file of version 1, whose page made none deeper.
MAX_DEPTH = 40
# Steps in the lists of all sets that a file names, shared ones counted each time.
MAX_LISTED = 1_000_000

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


def make_recipe(steps: Sequence[Step], catalog: Catalog, n_selected: int) -> str:
    """The JSON recipe of a selection: steps, and the hash of the catalog they belong to.

    Raises
    ------
    InputError
        When it would be too large to be read again.
    """
    text = json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "catalog": catalog_reference(catalog),
            "n_selected": int(n_selected),
            "steps": written_steps([steps])[0],
        },
        indent=1,
    )
    if len(text) > JSON_LIMIT:
        raise InputError(
            f"the recipe would have {len(text) / 2**20:.0f} MB, more than the {JSON_LIMIT >> 20} "
            "that can be read again: save the stars instead"
        )
    return text


def catalog_reference(catalog: Catalog) -> dict[str, Any]:
    """What names a catalog in a file: its name, hash and length."""
    return {"name": catalog.path.name, "sha256": catalog.sha256, "n_stars": len(catalog)}


def written_steps(
    sets: Sequence[Sequence[Step]],
) -> tuple[list[dict[str, Any]], list[int | None]]:
    """The steps of one or several sets as JSON, each once, however the sets use each other.

    Returns
    -------
    steps : list of dict
        Each changes the selection after the step before it, or after the one that ``on`` numbers
        (from 0; null: no stars). A source of the kind ``set`` is the selection ``after`` a step.
    ends : list of int or None
        The number of each set's last step; None where it has none.
    """
    numbered = NumberedSteps(sets, MAX_STEPS_OF_SETS)
    content = []
    for number, (step, on, after) in enumerate(numbered.rows):
        kept = step.to_json(after)
        before = number - 1 if number else None
        # A replacement has nothing to do with what was selected before.
        content.append(kept if on == before or step.operation == "replace" else kept | {"on": on})
    return content, numbered.ends


def read_steps(content: Sequence[dict[str, Any]], catalog: Catalog) -> tuple[Step, ...]:
    """The steps of the one set that a file keeps, for a catalog; it is what the last one leaves.

    Raises
    ------
    InputError, KeyError, TypeError, ValueError
        When they are none, or the catalog lacks a column that they need.
    """
    return read_sets(content, [len(content) - 1 if content else None], catalog)[0]


def read_sets(
    content: Sequence[dict[str, Any]], ends: Sequence[object], catalog: Catalog
) -> list[tuple[Step, ...]]:
    """The steps of several sets, which share them in a file: see `written_steps`.

    Raises
    ------
    InputError, KeyError, TypeError, ValueError
        When they are none, or the catalog lacks a column that they need.
    """
    written = _WrittenSteps(content)
    sets = [written.up_to(end) for end in ends]
    known = {*catalog.numeric, *catalog.categorical}
    for name in needed_columns(sets):
        if name not in known:
            raise InputError(f"{catalog.path} has no values in column {name!r:.80}")
    return sets


class _WrittenSteps:
    """The steps that a file keeps, of either version."""

    def __init__(self, content: Sequence[dict[str, Any]]) -> None:
        check_number(len(content), MAX_STEPS_OF_SETS)
        self._steps: list[tuple[Step, int | None]] = []
        self._sets: dict[int | None, tuple[Step, ...]] = {None: ()}
        self._n_listed = 0
        # Of version 1: what it repeats becomes the same step again.
        self._within: dict[object, Step] = {}
        self._lists_within: dict[tuple[int, ...], tuple[Step, ...]] = {}
        for number, kept in enumerate(content):
            before = number - 1 if number else None
            on = self._number(kept["on"]) if "on" in kept else before
            self._steps.append((self._step(kept), on))

    def up_to(self, number: object) -> tuple[Step, ...]:
        """All that leads to the selection after a step."""
        number = self._number(number)
        if number not in self._sets:
            steps = []
            on = number
            while on is not None:
                step, before = self._steps[on]
                steps.append(step)
                on = None if step.operation == "replace" else before
            self._n_listed += len(steps)
            check_number(self._n_listed, MAX_LISTED)
            self._sets[number] = tuple(steps[::-1])
        return self._sets[number]

    def _number(self, number: object) -> int | None:
        """The number of a step that was read already; None stands for no stars."""
        if number is None:
            return None
        if type(number) is not int or not 0 <= number < len(self._steps):
            raise InputError(
                f"step {len(self._steps)} refers to step {number!r:.40}, which is not before it"
            )
        return number

    def _step(self, kept: dict[str, Any], depth: int = 0) -> Step:
        kind = str(kept["kind"])
        source: Source | Chosen
        if kind == "set":
            name = str(kept["name"])
            after = "after" in kept
            steps = self.up_to(kept["after"]) if after else self._list(kept["steps"], depth + 1)
            source = Chosen(name, steps)
        elif kind in _KINDS:
            source = _KINDS[kind].from_json(kept)
        else:
            raise InputError(f"kind {kind!r:.80} is unknown: set, {', '.join(_KINDS)}")
        within = Filter.from_json(kept["within"]) if "within" in kept else None
        return Step(str(kept["operation"]), source, within)

    def _list(self, content: Sequence[dict[str, Any]], depth: int) -> tuple[Step, ...]:
        """The steps of a set that lies within another one's step."""
        if depth > MAX_DEPTH:
            raise InputError(f"sets made of sets, more than {MAX_DEPTH} deep")
        steps = []
        for kept in content:
            step = self._step(kept, depth)
            inner = step.source.steps if isinstance(step.source, Chosen) else ()
            words = {name: kept[name] for name in kept if name != "steps"}
            key = (json.dumps(words, sort_keys=True), id(inner))
            steps.append(self._within.setdefault(key, step))
        return self._lists_within.setdefault(tuple(map(id, steps)), tuple(steps))


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
    recipe = read_json(path, FORMAT, newest=VERSION)
    try:
        return _replay_recipe(recipe, catalog, other_catalog)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: not a valid recipe ({error})") from None


def recipe_notes(path: str | Path, catalog: Catalog) -> list[str]:
    """What a user should know of a recipe that `replay_recipe` took, a sentence each."""
    steps = read_steps(read_json(path, FORMAT, newest=VERSION)["steps"], catalog)
    sources = [row.step.source for row in NumberedSteps([steps], MAX_STEPS_OF_SETS).rows]
    widths = dict.fromkeys(
        name
        for source in sources
        if isinstance(source, Probable)
        for name in stand_ins(columns_of_errors(source.region, catalog, source.errors))
    )
    if not widths:
        return []
    return [
        f"probabilities by the widths of posteriors ({', '.join(widths)}), as the recipe or the "
        "catalog has them, which are no errors of latents; make the set again by their noise"
    ]


def _replay_recipe(recipe: Mapping[str, Any], catalog: Catalog, other_catalog: bool) -> np.ndarray:
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
