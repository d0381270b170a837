"""NumPy columns to Arrow columns, for the readers of binary tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

ChunkSource = Callable[[list[int], int], Iterator[tuple[pa.Table, float]]]
"""From the positions of some columns and a number of rows to chunks, each with the fraction of
the file consumed so far. A chunk may have fewer rows, but none."""

# What a chunk may take in memory, so that few bytes of a file cannot ask for all of it: 8192 rows
# of spectra with correlations, at 48 kB each, take 400 MB.
CHUNK_BYTES = 512 << 20


class TooLarge(ValueError):
    """What a file asks for is out of proportion; `xpmodel.tables.reader` names the file."""


def rows_at_once(rows: int, row_bytes: int) -> int:
    """So many rows, or those that may be held at once, if each takes so many bytes."""
    return max(1, min(rows, CHUNK_BYTES // max(row_bytes, 1)))


def numbered_table(arrays: list[pa.Array]) -> pa.Table:
    """A table of columns that are named by their position."""
    return pa.table(arrays, names=[str(i) for i in range(len(arrays))])


def to_arrow(values: np.ndarray, masked: np.ndarray | None) -> pa.Array:
    """Turn a column of numbers, text or vectors of fixed or varying length into Arrow's."""
    first = values.flat[0] if values.size else None
    if isinstance(first, (bytes, str)):
        text = [decoded(cell) for cell in values.ravel().tolist()]
        if values.ndim == 1:
            return pa.array(text, pa.string(), mask=masked)
        return pa.FixedSizeListArray.from_arrays(
            pa.array(text, pa.string()), values.size // len(values)
        )
    if values.dtype.kind == "O":
        return list_array([np.ravel(_filled(vector)) for vector in values])
    if values.ndim > 1:
        known = values if masked is None else np.ma.array(values, mask=masked)
        matrix = _filled(known).reshape(len(values), -1)
        return pa.FixedSizeListArray.from_arrays(_native(matrix.ravel()), matrix.shape[1])
    return pa.array(_native(values), mask=masked)


def list_array(vectors: list[np.ndarray]) -> pa.ListArray:
    """Vectors of varying length, one a row."""
    check_bytes(sum(vector.nbytes for vector in vectors))
    offsets = np.cumsum([0, *map(len, vectors)], dtype=np.int32)
    flat = np.concatenate(vectors) if vectors else np.empty(0)
    return pa.ListArray.from_arrays(offsets, _native(flat))


def check_bytes(size: int) -> None:
    """Refuse a chunk that would take more memory than one may.

    Raises
    ------
    TooLarge
        When it would.
    """
    if size > CHUNK_BYTES:
        raise TooLarge(f"some of its rows ask for {size >> 20:,} MB at once")


def decoded(text: bytes | str) -> str:
    """Text as a string; what is no UTF-8 in it does not stop the rest."""
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _filled(vector: np.ndarray) -> np.ndarray:
    """Give the masked numbers of a vector the value NaN."""
    return np.ma.filled(vector, np.nan) if vector.dtype.kind == "f" else np.ma.getdata(vector)


def _native(values: np.ndarray) -> np.ndarray:
    """Copy to this machine's byte order, which FITS has the other way round."""
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
