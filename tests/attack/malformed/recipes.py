"""Recipes of selections, and tracks of one's own, that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.attack.malformed.catalogs import RECIPE
from tests.attack.malformed.material import Material, command, write_json
from tests.attack.verdict import EITHER, REFUSED, Attack

SELECT = ("select", "recipe.json", "--catalog", "sky.parquet", "--other-catalog")
TRACKS = ("tracks", "sky.parquet", "--out", "out", "--no-figures", "--own", "own.csv")


def attacks(material: Material) -> Iterator[Attack]:
    """Each wrong recipe to ``select``, each wrong table of bins to ``tracks``."""
    for name, (content, right) in RECIPES.items():
        yield Attack(
            f"select: {name}",
            _recipe(material, content),
            lambda: command(*SELECT),
            right,
            names="recipe.json",
        )
    for name, text in BINS.items():
        yield Attack(
            f"tracks --own: {name}",
            _bins(material, text),
            lambda: command(*TRACKS),
            REFUSED,
            names="own.csv",
        )


def _recipe(material: Material, content: object) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        material.put(folder, "sky.parquet")
        path = folder / "recipe.json"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            write_json(path, content)

    return prepare


def _bins(material: Material, text: bytes) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        material.put(folder, "sky.parquet")
        (folder / "own.csv").write_bytes(text)

    return prepare


def _step(**step: Any) -> dict[str, Any]:
    return RECIPE | {"steps": [{"operation": "replace"} | step]}


def _outline(n: int) -> dict[str, Any]:
    points = np.random.default_rng(0).normal(size=(n, 2)).tolist()
    return {"kind": "polygon", "columns": ["z1", "z2"], "outline": points}


def _deep(n: int) -> dict[str, Any]:
    step = RECIPE["steps"][0]
    for _ in range(n):
        step = {"operation": "add", "kind": "set", "name": "s", "steps": [step]}
    return RECIPE | {"steps": [step]}


def _filter(**parts: Any) -> dict[str, Any]:
    return _step(**{"kind": "filter", "cuts": [], "ranges": [], "expression": ""} | parts)


RECIPES: dict[str, tuple[object, str]] = {
    "nothing in it": (b"", REFUSED),
    "no JSON": (b"{{{", REFUSED),
    "not UTF-8": (b'{"format": "\xff\xfe"}', REFUSED),
    "a list": ([1, 2, 3], REFUSED),
    "a number": (7, REFUSED),
    "null": (None, REFUSED),
    "another format": (RECIPE | {"format": "other"}, REFUSED),
    "a later version": (RECIPE | {"version": 99}, REFUSED),
    "version of text": (RECIPE | {"version": "one"}, REFUSED),
    "no steps": ({k: v for k, v in RECIPE.items() if k != "steps"}, REFUSED),
    "steps a number": (RECIPE | {"steps": 3}, REFUSED),
    "a step a word": (RECIPE | {"steps": ["x"]}, REFUSED),
    "a step null": (RECIPE | {"steps": [None]}, REFUSED),
    "operation unknown": (_filter(operation="divide"), REFUSED),
    "kind unknown": (_step(kind="magic"), REFUSED),
    "kind missing": (_step(), REFUSED),
    "ids of words": (_step(kind="ids", source_id=["x"]), REFUSED),
    "ids as floats": (_step(kind="ids", source_id=[4.5]), REFUSED),
    "ids beyond int64": (_step(kind="ids", source_id=["99999999999999999999"]), REFUSED),
    "ids a number": (_step(kind="ids", source_id=5), REFUSED),
    "an unknown column": (_filter(ranges=[["mood", 0.0, 1.0]]), REFUSED),
    "a range of words": (_filter(ranges=[["teff", "cool", "hot"]]), REFUSED),
    "a range of one end": (_filter(ranges=[["teff", 5000.0]]), REFUSED),
    "a range upside down": (_filter(ranges=[["teff", 6000.0, 5000.0]]), REFUSED),
    "a range of NaN": (_filter(ranges=[["teff", float("nan"), 5000.0]]), REFUSED),
    "ranges a number": (_filter(ranges=7), REFUSED),
    "a cut unknown": (_filter(cuts=[["best", "paper"]]), REFUSED),
    "an expression of code": (_filter(expression="__import__('os').system('true')"), REFUSED),
    "an expression half": (_filter(expression="teff <"), REFUSED),
    "an expression of 1 MB": (_filter(expression="teff > 0 & " * 90_000 + "teff > 0"), REFUSED),
    "an expression 10,000 deep": (
        _filter(expression="(" * 10_000 + "teff" + ")" * 10_000),
        REFUSED,
    ),
    "outline of two points": (_step(**_outline(2)), REFUSED),
    "outline of words": (_step(**_outline(9) | {"outline": [["a", "b"]] * 9}), REFUSED),
    "outline of NaN": (_step(**_outline(9) | {"outline": [[float("nan"), 0]] * 9}), REFUSED),
    "outline of one column": (_step(**_outline(9) | {"columns": ["z1"]}), REFUSED),
    "outline of 3,000 points": (_step(**_outline(3000)), EITHER),
    "outline of 20,000 points": (_step(**_outline(20_000)), EITHER),
    "outline of 20,000 points, probable": (
        _step(kind="probable", least=0.5, region=_outline(20_000)),
        EITHER,
    ),
    "probable beyond one": (_step(kind="probable", least=2.0, region=_outline(9)), REFUSED),
    "a million points": (_step(**_outline(1_000_000)), EITHER),
    "300 sets deep": (_deep(300), REFUSED),
    "catalog a word": (RECIPE | {"catalog": "x"}, REFUSED),
    "count a word": (RECIPE | {"n_selected": "many"}, EITHER),
    "100 MB of spaces": (b" " * 100_000_000, REFUSED),
    "100,000 brackets": (b"[" * 100_000, REFUSED),
}
BINS: dict[str, bytes] = {
    "nothing in it": b"",
    "a header alone": b"teff,teff_width,logg,logg_width\n",
    "words": b"teff,teff_width,logg,logg_width\na,b,c,d\n",
    "a value short": b"teff,teff_width,logg,logg_width\n5000,100,3\n",
    "NaN": b"teff,teff_width,logg,logg_width\nnan,100,3,0.1\n",
    "infinity": b"teff,teff_width,logg,logg_width\ninf,100,3,0.1\n",
    "width negative": b"teff,teff_width,logg,logg_width\n5000,-100,3,0.1\n",
    "width zero": b"teff,teff_width,logg,logg_width\n5000,0,3,0.1\n",
    "column unknown": b"mood,mood_width,logg,logg_width\n5000,100,3,0.1\n",
    "one column": b"teff,teff_width\n5000,100\n",
    "no widths": b"teff,logg\n5000,3\n",
    "a column twice": b"teff,teff_width,teff,teff_width\n5000,100,5000,100\n",
    "not UTF-8": b"teff,teff_width,logg,logg_width\n\xff\xfe,1,2,3\n",
    "null bytes": b"teff,teff_width,logg,logg_width\n5000,100,3,0.1\0\n",
    "3,000 rows": b"teff,teff_width,logg,logg_width\n" + b"5000,100,3,0.1\n" * 3000,
    "2 MB": b"teff,teff_width,logg,logg_width\n" + b" " * 2_000_000,
    "an open quotation mark": b'teff,teff_width,logg,logg_width\n"5000,100,3,0.1\n',
    "a binary file": bytes(range(256)) * 20,
}
