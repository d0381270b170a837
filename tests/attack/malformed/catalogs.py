"""Catalogs that are wrong, to each command that opens one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.attack.malformed.material import N_SKY, Material, command, write_json
from tests.attack.verdict import EITHER, REFUSED, Attack

COMMANDS: dict[str, tuple[str, ...]] = {
    "probe": ("probe", "odd.parquet"),
    "classify": ("classify", "odd.parquet", "--out", "out", "--cut", "full", "--no-figures"),
    "evaluate": ("evaluate", "odd.parquet", "--out", "out", "--no-figures"),
    "select": ("select", "recipe.json", "--catalog", "odd.parquet", "--other-catalog"),
    "tracks": ("tracks", "odd.parquet", "--out", "out", "--no-figures"),
    "outliers": ("outliers", "odd.parquet", "--out", "out", "--no-figures"),
    "inspect": ("inspect", "demo", "odd.parquet", "--out", "out", "--no-figures"),
}
RECIPE = {
    "format": "xpmodel-selection",
    "version": 1,
    "catalog": {"name": "other.parquet", "sha256": "0" * 64, "n_stars": 1},
    "n_selected": 1,
    "steps": [
        {
            "operation": "replace",
            "kind": "filter",
            "cuts": [],
            "ranges": [["teff", 4000.0, 5000.0]],
            "expression": "",
        },
    ],
}
Change = Callable[[pa.Table], pa.Table]


def attacks(material: Material) -> Iterator[Attack]:
    """Each odd catalog to each command."""
    for name, (change, refused) in CHANGES.items():
        for short, arguments in COMMANDS.items():
            yield Attack(
                f"{short}: {name}",
                _writer(material, change),
                lambda arguments=arguments: command(*arguments),
                REFUSED if short in refused or "all" in refused else EITHER,
            )


def _writer(material: Material, change: Change) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        material.put(folder, "sky.parquet")
        for path in sorted(folder.glob("sky.*")):
            path.rename(folder / path.name.replace("sky.", "odd.", 1))
        pq.write_table(change(material.catalog), folder / "odd.parquet")
        write_json(folder / "recipe.json", RECIPE)

    return prepare


def _set(name: str, values: object) -> Change:
    """Another content of a column: one value for all stars, or an array of its own type."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        kind = table.schema.field(name).type
        column = values if isinstance(values, pa.Array) else pa.array([values] * N_SKY, kind)
        return table.set_column(place, name, column)

    return change


def _all_latents(value: float) -> Change:
    def change(table: pa.Table) -> pa.Table:
        for i in range(1, 7):
            table = _set(f"z{i}", value)(table)
        return table

    return change


def _some(name: str, value: float | None) -> Change:
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        return _set(name, pa.array([value, *values[1:]], table.schema.field(name).type))(table)

    return change


def _labels_null(table: pa.Table) -> pa.Table:
    for name in ("teff", "logg", "m_h", "alpha_m"):
        table = _set(name, None)(table)
    return table


def _metadata(content: bytes) -> Change:
    return lambda table: table.replace_schema_metadata({b"xpmodel": content})


WORDS = pa.array(["hot"] * N_SKY)
NESTED = pa.array([[1.0, 2.0]] * N_SKY)
# What is wrong, and the commands that must refuse it: "all" where it is no catalog any more.
CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "no star": (lambda t: t.slice(0, 0), ("probe", "classify", "evaluate", "outliers")),
    "one star": (lambda t: t.slice(0, 1), ("probe", "classify")),
    "three stars": (lambda t: t.slice(0, 3), ("probe", "classify")),
    "latents all NaN": (_all_latents(np.nan), ("probe",)),
    "latents all equal": (_all_latents(0.5), ()),
    "latents all infinite": (_all_latents(np.inf), ("probe",)),
    "one latent of one star NaN": (_some("z1", np.nan), ()),
    "one latent of one star null": (_some("z1", None), ()),
    "a latent's width NaN": (_set("z1_err", float("nan")), ()),
    "a latent's width zero": (_set("z1_err", 0.0), ()),
    "labels all null": (_labels_null, ("probe",)),
    "labels all equal": (_set("teff", 5000.0), ()),
    "labels infinite": (_set("teff", float("inf")), ()),
    "a label of words": (_set("teff", WORDS), ("probe", "select")),
    "a label of lists": (_set("teff", NESTED), ("probe", "select")),
    "a latent of words": (_set("z1", WORDS), ("all",)),
    "no latent": (lambda t: t.drop_columns([f"z{i}" for i in range(1, 7)]), ("all",)),
    "no ids": (lambda t: t.drop_columns(["source_id"]), ("all",)),
    "ids as floats": (_set("source_id", pa.array(np.arange(float(N_SKY)))), ("all",)),
    "an id that is null": (_some("source_id", None), ("all",)),
    "all ids equal": (_set("source_id", 7), ()),
    "a column twice": (lambda t: t.append_column("teff", t["logg"]), ("probe", "select")),
    "no label": (lambda t: t.drop_columns(["teff", "logg", "m_h"]), ("select",)),
    "metadata no JSON": (_metadata(b"{{{"), ("all",)),
    "metadata a list": (_metadata(b"[1, 2]"), ("all",)),
    "metadata of odd types": (
        _metadata(b'{"format": "xpmodel-catalog", "version": 1, "model": 7, "sources": "x"}'),
        (),
    ),
    "metadata missing": (lambda t: t.replace_schema_metadata({}), ()),
}
