"""Rows of files of spectra as tables: those of small files together, large files in parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xpmodel.spectra.bands import BANDS
from xpmodel.spectra.file_layouts import Layout
from xpmodel.tables.origin import Origin
from xpmodel.tables.reader import open_table


@dataclass(frozen=True, eq=False)
class FileRows:
    """Some rows of one or more files of one layout.

    Attributes
    ----------
    layout : Layout
    table : pyarrow.Table
        With the layout's columns.
    origin : Origin
    fraction : float
        How much of all bytes is read with these, 0 to 1.
    remarks : list of str
        What a user should know of the files; see `xpmodel.tables.reader.TableReader.remarks`.
    """

    layout: Layout
    table: pa.Table
    origin: Origin
    fraction: float
    remarks: list[str]

    def is_like(self, other: FileRows) -> bool:
        """Whether both can be one table."""
        return (
            self.layout.names == other.layout.names
            and self.layout.correlations == other.layout.correlations
            and self.table.schema == other.table.schema
        )


def read_file_rows(
    files: Sequence[Path],
    correlations: bool | None,
    labels: bool,
    chunk_rows: int,
    passed: Counter[str],
) -> Iterator[FileRows]:
    """Read the rows of files in their order, no more than `chunk_rows` at a time.

    What is done to a table costs as much for one star as for hundreds, so files that follow each
    other and have few rows, as DataLink's of one star each, come as one table where they can.

    Parameters and errors are those of `xpmodel.spectra.spectra.iter_spectra`; `passed` counts
    the files with other products of DataLink, which an unzipped folder of it may hold too.
    """
    held: list[FileRows] = []
    for part in _parts(files, correlations, labels, chunk_rows, passed):
        n_held = sum(len(one.table) for one in held)
        if held and (n_held + len(part.table) > chunk_rows or not part.is_like(held[-1])):
            yield _join(held)
            held = []
        held.append(part)
        if sum(len(one.table) for one in held) >= chunk_rows:
            yield _join(held)
            held = []
    if held:
        yield _join(held)


def _parts(
    files: Sequence[Path],
    correlations: bool | None,
    labels: bool,
    chunk_rows: int,
    passed: Counter[str],
) -> Iterator[FileRows]:
    sizes = [file.stat().st_size for file in files]
    total, before = sum(sizes), 0
    for file, size in zip(files, sizes, strict=True):
        reader = open_table(file)
        if reader.product is not None:
            passed[reader.product] += 1
            before += size
            continue
        has_them = all(f"{band}_coefficient_correlations" in reader for band in BANDS)
        layout = Layout(reader, has_them if correlations is None else correlations, labels)
        n_rows = 0
        table = None
        for table, fraction in reader.chunks(layout.names, chunk_rows):
            origin = Origin.of(file, n_rows, len(table))
            n_rows += len(table)
            yield FileRows(layout, table, origin, (before + fraction * size) / total, [])
        before += size
        if table is not None and reader.remarks:
            # All are known now; they come with no further row.
            origin = Origin.of(file, n_rows, 0)
            yield FileRows(layout, table[:0], origin, before / total, reader.remarks)


def _join(parts: Sequence[FileRows]) -> FileRows:
    if len(parts) == 1:
        return parts[0]
    return FileRows(
        layout=parts[0].layout,
        table=pa.concat_tables([part.table for part in parts]).combine_chunks(),
        origin=Origin.join([part.origin for part in parts]),
        fraction=parts[-1].fraction,
        remarks=[remark for part in parts for remark in part.remarks],
    )
