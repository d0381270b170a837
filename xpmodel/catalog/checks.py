"""What a file must be to be a catalog: its columns, ids and metadata, checked at opening."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.columns import BY_NAME, is_latent, latent_columns, noise_column
from xpmodel.errors import InputError
from xpmodel.spectra.train_test_split import SEED, TEST_FRACTION

# The seeds that NumPy's legacy generator takes.
MAX_SEED = 2**32 - 1


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def check_columns(schema: pa.Schema, path: Path) -> None:
    """Refuse columns of which one is missing, there twice, or of another type than its name says.

    Columns whose names the catalog does not know may be of any type.

    Raises
    ------
    InputError
        Which column, and what was expected.
    """
    if twice := [name for name, n in Counter(schema.names).items() if n > 1]:
        raise InputError(
            f"{path}: has several columns named {twice[0]!r:.80}; rename all of them but one"
        )
    latents = latent_columns(sum(map(is_latent, schema.names)))
    if not latents:
        raise InputError(f"{path}: no column z1; make a catalog with 'xpmodel encode'")
    for name in ["source_id", *latents, *(f"{z}_err" for z in latents)]:
        if name not in schema.names:
            raise InputError(f"{path}: column {name} is missing")
        kind = schema.field(name).type
        if name == "source_id" and kind != pa.int64():
            raise InputError(f"{path}: source_id is {kind!s:.80}, expected int64")
        if name != "source_id" and not pa.types.is_floating(kind):
            raise InputError(f"{path}: column {name} is {kind!s:.80}, expected float32")
    for name in map(noise_column, latents):
        if name in schema.names and not pa.types.is_floating(kind := schema.field(name).type):
            raise InputError(f"{path}: column {name} is {kind!s:.80}, expected float32")
    for name in schema.names:
        kind = schema.field(name).type
        if name not in BY_NAME or pa.types.is_null(kind):
            continue
        if BY_NAME[name].type == pa.string():
            fits, expected = is_text(kind), "text"
        else:
            fits, expected = pa.types.is_floating(kind) or pa.types.is_integer(kind), "numbers"
        if not fits:
            raise InputError(
                f"{path}: column {name} is {kind!s:.80}, expected {expected}; convert it, or give "
                "it another name"
            )


def check_ids(ids: pa.ChunkedArray, path: Path) -> None:
    """Refuse ids of which one is missing, below 0, or there twice.

    Raises
    ------
    InputError
        How many, and the first of them.
    """
    again = "make the catalog again with 'xpmodel encode', which leaves such rows out"
    if n := ids.null_count:
        raise InputError(f"{path}: {n} of {len(ids)} rows have no source_id; {again}")
    negative = ids.filter(pc.less(ids, 0))
    if n := len(negative):
        raise InputError(
            f"{path}: {n} of {len(ids)} rows have a source_id below 0, the first "
            f"{negative[0]}; {again}"
        )
    if n := len(ids) - pc.count_distinct(ids).as_py():
        counts = pc.value_counts(ids)
        several = counts.filter(pc.greater(counts.field("counts"), 1))
        raise InputError(
            f"{path}: {n} of {len(ids)} rows repeat the source_id of another one, the first "
            f"{several[0]['values']}; {again}"
        )


def read_metadata(text: bytes, path: Path) -> dict[str, Any]:
    """What a catalog's JSON says of how it was made.

    Raises
    ------
    InputError
        When it is no JSON, or an entry that is read is of another type.
    """
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its metadata are not JSON ({error})") from None
    if not isinstance(metadata, dict):
        raise _odd(path, "", metadata, "an object")
    for name in ("model", "split", "g_flux"):
        if not isinstance(metadata.get(name, {}), dict):
            raise _odd(path, name, metadata[name], "an object")
    model = metadata.get("model", {})
    if not isinstance(model.get("hash", ""), str):
        raise _odd(path, "model.hash", model["hash"], "text")
    estimated = model.get("estimated", [])
    if not isinstance(estimated, list) or not all(isinstance(name, str) for name in estimated):
        raise _odd(path, "model.estimated", estimated, "a list of text")
    synthetic = metadata.get("g_flux", {}).get("synthetic", 0)
    if not _is_whole(synthetic):
        raise _odd(path, "g_flux.synthetic", synthetic, "a whole number")
    split_of(metadata, path)
    return metadata


def split_of(metadata: dict[str, Any], path: Path) -> tuple[float, int]:
    """Test fraction and seed of the split into training and test stars; the released ones.

    Raises
    ------
    InputError
        When there is another entry, or a number that no split can be made of.
    """
    split = {"test_fraction": TEST_FRACTION, "seed": SEED, **metadata.get("split", {})}
    fraction, seed = split.pop("test_fraction"), split.pop("seed")
    if split:
        raise _odd(path, f"split.{next(iter(split))}", next(iter(split.values())), "no such entry")
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not (
        math.isfinite(fraction) and 0 < fraction < 1
    ):  # fmt: skip
        raise _odd(path, "split.test_fraction", fraction, "a number between 0 and 1")
    if not _is_whole(seed) or not 0 <= seed <= MAX_SEED:
        raise _odd(path, "split.seed", seed, f"a whole number from 0 to {MAX_SEED}")
    return float(fraction), seed


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _odd(path: Path, entry: str, value: object, expected: str) -> InputError:
    what = f"{entry!r:.80} is {value!r:.80}" if entry else f"{value!r:.80}"
    return InputError(
        f"{path}: its metadata are not JSON of a catalog ({what}, expected {expected}); make it "
        "again with 'xpmodel encode'"
    )
