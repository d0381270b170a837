"""NumPy columns to Arrow columns, for the readers of binary tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

ChunkSource = Callable[[list[int], int], Iterator[tuple[pa.Table, float]]]
"""From the positions of some columns and a number of rows to chunks, each with the fraction of
the file consumed so far."""


def numbered_table(arrays: list[pa.Array]) -> pa.Table:
    """A table of columns that are named by their position."""
    return pa.table(arrays, names=[str(i) for i in range(len(arrays))])


def to_arrow(values: np.ndarray, masked: np.ndarray | None) -> pa.Array:
    """Turn a column of numbers, text or vectors of fixed or varying length into Arrow's."""
    if isinstance(values.flat[0], bytes):
        values = np.char.decode(values.astype(np.bytes_), "utf-8", "replace")
    if isinstance(values.flat[0], str):
        return pa.array(values.astype(str).tolist(), pa.string(), mask=masked)
    if values.dtype.kind == "O":
        vectors = [np.ravel(_filled(vector)) for vector in values]
        offsets = np.cumsum([0, *map(len, vectors)], dtype=np.int32)
        return pa.ListArray.from_arrays(offsets, _native(np.concatenate(vectors)))
    if values.ndim > 1:
        known = values if masked is None else np.ma.array(values, mask=masked)
        matrix = _filled(known).reshape(len(values), -1)
        return pa.FixedSizeListArray.from_arrays(_native(matrix.ravel()), matrix.shape[1])
    return pa.array(_native(values), mask=masked)


def _filled(vector: np.ndarray) -> np.ndarray:
    """Give the masked numbers of a vector the value NaN."""
    return np.ma.filled(vector, np.nan) if vector.dtype.kind == "f" else np.ma.getdata(vector)


def _native(values: np.ndarray) -> np.ndarray:
    """Copy to this machine's byte order, which FITS has the other way round."""
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
