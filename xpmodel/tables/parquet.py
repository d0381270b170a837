"""Parquet files as chunks of Arrow columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

from xpmodel.tables.arrow import TooLarge, numbered_table, rows_at_once
from xpmodel.tables.packed import Content
from xpmodel.tables.parts import Part, regroup

METADATA_LIMIT = 256 << 20  # bytes of a Parquet file's description, in one string or list
MAX_ROW = 64 << 20  # bytes; a row of the archive's, with correlations, takes 50 kB


def open_parquet(content: Content) -> list[Part]:
    """Read the column names of a Parquet file."""

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        names = [columns[i] for i in positions]
        with opened_parquet(content.on_disk()) as file:
            done, step = 0, _step(file, rows)
            for batch in file.iter_batches(step, columns=names):
                done += len(batch)
                yield _columns(pa.Table.from_batches([batch]), columns, positions), done / n_rows

    with opened_parquet(content.on_disk()) as file:
        columns, n_rows = file.schema_arrow.names, file.metadata.num_rows
    return [Part("", columns, n_rows, lambda p, rows: regroup(chunks(p, rows), rows))]


def opened_parquet(path: Path) -> pa.parquet.ParquetFile:
    """Read the description of a Parquet file, under limits."""
    # Of this file system, whatever the path looks like.
    return pa.parquet.ParquetFile(
        str(path),
        filesystem=pa.fs.LocalFileSystem(),
        thrift_string_size_limit=METADATA_LIMIT,
        thrift_container_size_limit=METADATA_LIMIT,
    )


def _step(file: pa.parquet.ParquetFile, rows: int) -> int:
    """Rows to read at once: a row of lists may have any number of values."""
    widest = 0
    for i in range(file.num_row_groups):
        group = file.metadata.row_group(i)
        values = sum(group.column(j).num_values for j in range(group.num_columns))
        widest = max(widest, 8 * values // max(group.num_rows, 1))
    if widest > MAX_ROW:
        raise TooLarge(f"its rows have some {widest >> 20:,} MB each")
    return rows_at_once(rows, widest)


def _columns(table: pa.Table, columns: list[str], positions: list[int]) -> pa.Table:
    """Columns by their position in the file, out of those of their names that were read."""
    there = table.schema.names
    places = [
        [i for i, name in enumerate(there) if name == columns[place]][
            columns[:place].count(columns[place])
        ]
        for place in positions
    ]
    return numbered_table([table.column(place) for place in places])
