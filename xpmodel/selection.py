"""Selections: the stars inside outlines, and the recipe that finds them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from xpmodel.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.files import read_json, replacing
from xpmodel.regions import Region

FORMAT = "xpmodel-selection"
OPERATIONS = ("replace", "add", "subtract")


@dataclass(frozen=True)
class Step:
    """One gesture: what to do with the stars inside a region.

    Attributes
    ----------
    operation : str
        ``replace`` the selection by them, ``add`` them, or ``subtract`` them.
    region : Region
    """

    operation: str
    region: Region

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise InputError(f"operation {self.operation!r} is unknown: one of {known}")

    def apply(self, mask: np.ndarray, catalog: Catalog) -> np.ndarray:
        """The selection (N,) bool after this step."""
        x, y = (catalog[name] for name in self.region.columns)
        inside = self.region.contains(x, y)
        if self.operation == "replace":
            return inside
        return mask | inside if self.operation == "add" else mask & ~inside


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
            "catalog": {
                "name": catalog.path.name,
                "sha256": catalog.sha256,
                "n_stars": len(catalog),
            },
            "n_selected": int(n_selected),
            "steps": [
                {
                    "operation": step.operation,
                    "kind": step.region.kind,
                    "columns": list(step.region.columns),
                    "outline": [[float(x), float(y)] for x, y in step.region.outline],
                }
                for step in steps
            ],
        },
        indent=1,
    )


def replay_recipe(path: str | Path, catalog: Catalog, *, other_catalog: bool = False) -> np.ndarray:
    """Replay a recipe file on the catalog that it was made on.

    Parameters
    ----------
    path : path
        JSON that the page exported, or `make_recipe` made.
    catalog : Catalog
    other_catalog : bool
        Apply the outlines to a catalog other than the recipe's.

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
        steps = [_read_step(step) for step in recipe["steps"]]
        made_on, n_selected = recipe["catalog"], recipe["n_selected"]
        sha256 = str(made_on["sha256"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: not a valid recipe ({error})") from None
    for step in steps:
        for name in step.region.columns:
            if name not in catalog.numeric:
                raise InputError(f"{path}: {catalog.path} has no values in column {name!r}")
    if other_catalog:
        return replay(steps, catalog)
    if sha256 != catalog.sha256:
        raise InputError(
            f"{path}: made on another catalog ({made_on.get('name')}, sha256 {sha256[:12]}…) "
            f"than {catalog.path} (sha256 {catalog.sha256[:12]}…); "
            "--other-catalog applies its outlines all the same"
        )
    mask = replay(steps, catalog)
    if mask.sum() != n_selected:
        raise InputError(
            f"{path}: its steps select {mask.sum()} stars, but it records {n_selected}: "
            "the recipe was changed by hand"
        )
    return mask


def _read_step(step: dict[str, Any]) -> Step:
    columns = tuple(str(name) for name in step["columns"])
    outline = tuple((float(x), float(y)) for x, y in step["outline"])
    return Step(str(step["operation"]), Region(str(step["kind"]), columns, outline))


def write_table(table: pa.Table, path: str | Path) -> None:
    """Write a table as CSV or Parquet, by the name's ending.

    Raises
    ------
    InputError
        When the ending is neither ``.csv`` nor ``.parquet``.
    """
    path = Path(path)
    writers = {".csv": pyarrow.csv.write_csv, ".parquet": pq.write_table}
    if path.suffix not in writers:
        raise InputError(f"{path}: the name must end in .csv or .parquet")
    with replacing(path) as temporary:
        writers[path.suffix](table, temporary)
