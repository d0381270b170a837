"""Catalogs as no encoding writes them, but people, other programs and accidents do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.alpha import alpha_columns
from tests.support.mock import N_LATENTS, mock_model, mock_stars
from xpmodel import encode_files
from xpmodel.catalog.catalog import METADATA_KEY
from xpmodel.catalog.spectra_store import spectra_path

N = 600
LATENTS = [f"z{i}" for i in range(1, N_LATENTS + 1)]
ERRORS = [f"{z}_err" for z in LATENTS]
LABELS = ("teff", "logg", "m_h", "alpha_m", "fe_h", "mg_fe")
Change = Callable[[pa.Table], pa.Table]


def make_whole(folder: Path) -> tuple[Path, Path]:
    """A catalog with every label that a study asks for, and its model's folder."""
    model = mock_model()
    model.save(folder / "model")
    spectra, _ = mock_stars(model, N)
    pq.write_table(spectra, folder / "spectra.parquet")
    labels = {k: v for k, v in alpha_columns(N).items() if not k.startswith(("z", "phot"))}
    table = pa.table({"source_id": spectra["source_id"], **labels})
    pq.write_table(table, folder / "labels.parquet")
    catalog = folder / "whole.parquet"
    encode_files(folder / "spectra.parquet", model, catalog, labels=folder / "labels.parquet")
    return catalog, folder / "model"


def write_odd(whole: Path, name: str, path: Path) -> Path:
    """One of `ODD`, and the spectra of the stars that are left in it."""
    table = ODD[name](pq.read_table(whole))
    pq.write_table(table, path)
    store = pa.ipc.open_file(spectra_path(whole)).read_all()
    with pa.ipc.new_file(spectra_path(path), store.schema) as writer:
        writer.write_table(store.slice(0, len(table)))
    return path


def _set(table: pa.Table, name: str, values: object, kind: pa.DataType | None = None) -> pa.Table:
    column = pa.array(values, kind) if not isinstance(values, pa.Array) else values
    if name not in table.column_names:
        return table.append_column(name, column)
    return table.set_column(table.column_names.index(name), name, column)


def _values(names: tuple[str, ...] | list[str], value: float | None, step: int) -> Change:
    """Every so many values of some columns become another one; None is null."""

    def change(table: pa.Table) -> pa.Table:
        for name in names:
            kind = table.schema.field(name).type
            values = table.column(name).to_pylist()
            values[::step] = [value] * len(values[::step])
            table = _set(table, name, values, kind)
        return table

    return change


def _kind(name: str, convert: Callable[[pa.ChunkedArray], object]) -> Change:
    return lambda table: _set(table, name, convert(table.column(name)))


def _again(name: str) -> Change:
    def change(table: pa.Table) -> pa.Table:
        columns, names = [*table.columns, table.column(name)], [*table.column_names, name]
        return pa.Table.from_arrays(columns, names).replace_schema_metadata(table.schema.metadata)

    return change


def _metadata(**entries: object) -> Change:
    def change(table: pa.Table) -> pa.Table:
        metadata = json.loads(table.schema.metadata[METADATA_KEY]) | entries
        return table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata)})

    return change


def _raw_metadata(text: bytes) -> Change:
    return lambda table: table.replace_schema_metadata({METADATA_KEY: text})


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [f" {value} " for value in column.to_pylist()]


def _dictionary(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().dictionary_encode()


def _structs(column: pa.ChunkedArray) -> list[dict[str, float]]:
    return [{"value": value} for value in column.to_pylist()]


def _lists(column: pa.ChunkedArray) -> list[list[float]]:
    return [[value, value] for value in column.to_pylist()]


ODD: dict[str, Change] = {
    # Latents
    "some latents NaN": _values(LATENTS, np.nan, 7),
    "one latent NaN": _values(["z2"], np.nan, 1),
    "latents NaN in turns": lambda table: _values(["z2"], np.nan, 3)(
        _values(["z1"], np.nan, 2)(table)
    ),
    "all latents NaN": _values(LATENTS, np.nan, 1),
    "some latents null": _values(LATENTS, None, 7),
    "all latents null": _values(LATENTS, None, 1),
    "some latents infinite": _values(LATENTS, np.inf, 7),
    "one latent infinite": _values(["z1"], -np.inf, 1),
    "all latents infinite": _values(LATENTS, np.inf, 1),
    "all latents equal": _values(LATENTS, 0.5, 1),
    "one latent equal": _values(["z1"], 2.0, 1),
    "some latents huge": _values(LATENTS, 3e38, 7),
    "all latents huge": _values(LATENTS, 3e38, 1),
    "some widths NaN": _values(ERRORS, np.nan, 7),
    "all widths NaN": _values(ERRORS, np.nan, 1),
    "some widths infinite": _values(ERRORS, np.inf, 7),
    "all widths infinite": _values(ERRORS, np.inf, 1),
    "some widths 0": _values(ERRORS, 0.0, 7),
    "all widths 0": _values(ERRORS, 0.0, 1),
    "some widths negative": _values(ERRORS, -1.0, 7),
    "all widths negative": _values(ERRORS, -1.0, 1),
    # Labels
    "all labels null": _values(LABELS, None, 1),
    "all labels NaN": _values(LABELS, np.nan, 1),
    "some labels infinite": _values(LABELS, np.inf, 7),
    "all labels infinite": _values(LABELS, np.inf, 1),
    "all labels equal": _values(LABELS, 1.0, 1),
    "labels of one star": lambda table: _set(
        table, "teff", [5000.0] + [None] * (len(table) - 1), pa.float32()
    ),
    "G infinite": _values(("phot_g_mean_mag",), np.inf, 3),
    "G null": _values(("phot_g_mean_mag",), None, 1),
    "χ² NaN": _values(("chi2", "chi2_obs"), np.nan, 1),
    "χ² infinite": _values(("chi2", "chi2_obs"), np.inf, 3),
    "χ² negative": _values(("chi2", "chi2_obs"), -1.0, 3),
    # Numbers of stars
    "no star": lambda table: table.slice(0, 0),
    "one star": lambda table: table.slice(0, 1),
    "two stars": lambda table: table.slice(0, 2),
    "seventeen stars": lambda table: table.slice(0, 17),
    # Columns
    "a label twice": _again("teff"),
    "ids twice": _again("source_id"),
    "a latent twice": _again("z1"),
    "a foreign column twice": lambda table: _again("x")(_set(table, "x", [1.0] * len(table))),
    "a label of text": _kind("teff", _texts),
    "a label of categories": _kind("teff", _dictionary),
    "a label of structs": _kind("teff", _structs),
    "a label of lists": _kind("logg", _lists),
    "a label of bool": _kind("teff", lambda c: [bool(v) for v in c.to_pylist()]),
    "a label of integers": _kind("teff", lambda c: [int(v or 0) for v in c.to_pylist()]),
    "a label without a type": _kind("teff", lambda c: pa.nulls(len(c))),
    "a magnitude of text": _kind("phot_g_mean_mag", _texts),
    "flags of text": _kind("starflag", _texts),
    "χ² of text": _kind("chi2_obs", _texts),
    "a population of numbers": lambda table: _set(table, "population", np.arange(len(table))),
    "a latent of text": _kind("z1", _texts),
    "a latent of integers": _kind("z1", lambda c: [int(v) for v in c.to_pylist()]),
    "a latent of lists": _kind("z1", _lists),
    "no second latent": lambda table: table.drop_columns(["z2"]),
    "no widths": lambda table: table.drop_columns(ERRORS),
    "a foreign column of structs": lambda table: _set(
        table, "extra", [{"teff": 1.0, "more": [1, 2]}] * len(table)
    ),
    "a foreign column of lists": lambda table: _set(table, "extra", [[1.0, 2.0]] * len(table)),
    "a foreign column of bytes": lambda table: _set(table, "extra", [b"\xff\x00"] * len(table)),
    "a name with a dot": lambda table: _set(table, "teff.raw", np.arange(float(len(table)))),
    "an empty name": lambda table: _set(table, "", np.arange(float(len(table)))),
    # Ids
    "null ids": _values(["source_id"], None, 7),
    "the same id": _values(["source_id"], 1234567890123456789, 7),
    "negative ids": _values(["source_id"], -5, 7),
    "ids of float": _kind("source_id", lambda c: [float(v) for v in c.to_pylist()]),
    "ids of text": _kind("source_id", _texts),
    "no ids": lambda table: table.drop_columns(["source_id"]),
    # Metadata
    "metadata no JSON": _raw_metadata(b"{"),
    "metadata no text": _raw_metadata(b"\xff\xfe"),
    "metadata a list": _raw_metadata(b"[1, 2]"),
    "metadata deep": _raw_metadata(b"[" * 100_000),
    "no metadata": lambda table: table.replace_schema_metadata(None),
    "a model that is a list": _metadata(model=[1]),
    "a model that is text": _metadata(model="demo"),
    "a hash that is a number": _metadata(model={"hash": 12}),
    "a hash that is a list": _metadata(model={"hash": ["a"]}),
    "estimates that are a number": _metadata(model={"estimated": 3}),
    "a split that is text": _metadata(split="half"),
    "a split that is a list": _metadata(split=[0.1, 0]),
    "a split of unknown parts": _metadata(split={"fraction": 0.1}),
    "a split of text": _metadata(split={"test_fraction": "0.1"}),
    "a split of 2": _metadata(split={"test_fraction": 2}),
    "a split of NaN": _metadata(split={"test_fraction": float("nan")}),
    "a seed below 0": _metadata(split={"seed": -1}),
    "a seed with a fraction": _metadata(split={"seed": 0.5}),
    "a seed of many digits": _metadata(split={"seed": 10**30}),
    "G fluxes that are a number": _metadata(g_flux=7),
}
"""How a table of whole stars becomes odd, by name."""
