"""Rivals, correlations and truths that are wrong, to ``evaluate`` and ``outliers``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.attack.malformed.damage import FOREIGN
from tests.attack.malformed.material import Material, command
from tests.attack.malformed.models import NORMS
from tests.attack.verdict import REFUSED, Attack

OUT = ("--out", "out", "--no-figures")
EVALUATE = ("evaluate", "sky.parquet", *OUT)
NO_TABLES = ("a web page", "zeros", "noise", "one word", "an image", "VOTable not closed")


def attacks(material: Material) -> Iterator[Attack]:
    """Each wrong file to the option that takes it."""
    for name in NO_TABLES:
        for option, arguments in TABLE_OPTIONS.items():
            yield _attack(material, f"{option}: {name}", arguments, _bytes(FOREIGN[name]))
    for name, save in NORMS.items():
        for option, arguments in ARRAY_OPTIONS.items():
            yield _attack(material, f"{option}: {name}", arguments, save)
    for name, table in RIVALS(material).items():
        arguments = TABLE_OPTIONS["evaluate --rival"]
        yield _attack(material, f"evaluate --rival: {name}", arguments, _table(table))


def _attack(
    material: Material, name: str, arguments: tuple[str, ...], save: Callable[[Path], object]
) -> Attack:
    def prepare(folder: Path) -> None:
        material.put(folder, "sky.parquet")
        save(folder / "given.npz")
        shutil.move(folder / "given.npz", folder / "given.dat")

    return Attack(name, prepare, lambda: command(*arguments), REFUSED, names="given.dat")


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _table(table: pa.Table) -> Callable[[Path], object]:
    return lambda path: pq.write_table(table, path)


TABLE_OPTIONS = {
    "evaluate --rival": (*EVALUATE, "--rival", "given.dat"),
    "evaluate --truth": (*EVALUATE, "--truth", "given.dat"),
    "outliers --known": ("outliers", "sky.parquet", *OUT, "--known", "given.dat"),
    "outliers --truth": ("outliers", "sky.parquet", *OUT, "--truth", "given.dat"),
}
ARRAY_OPTIONS = {
    "evaluate --correlations": (*EVALUATE, "--correlations", "given.dat"),
    "evaluate --zgr23": (*EVALUATE, "--zgr23", "given.dat"),
    "evaluate --lb23-labels": (*EVALUATE, "--lb23-labels", "given.dat"),
}


def RIVALS(material: Material) -> dict[str, pa.Table]:
    """Tables of reconstructed spectra."""
    ids = material.catalog["source_id"].combine_chunks()
    n = len(ids)
    flat = lambda width: pa.array(np.ones((n, width)).tolist())  # noqa: E731
    return {
        "no ids": pa.table({"coefficients": flat(110)}),
        "no coefficients": pa.table({"source_id": ids}),
        "50 coefficients": pa.table({"source_id": ids, "coefficients": flat(50)}),
        "coefficients NaN": pa.table(
            {"source_id": ids, "coefficients": pa.array((np.ones((n, 110)) * np.nan).tolist())}
        ),
        "coefficients of words": pa.table({"source_id": ids, "coefficients": ["a"] * n}),
        "each id twice": pa.table(
            {"source_id": pa.concat_arrays([ids, ids]), "coefficients": flat(110).to_pylist() * 2}
        ),
        "other stars": pa.table({"source_id": np.arange(n), "coefficients": flat(110)}),
        "no rows": pa.table({"source_id": ids[:0], "coefficients": flat(110)[:0]}),
    }
