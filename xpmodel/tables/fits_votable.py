"""FITS and VOTable files as chunks of Arrow columns, read with astropy.

`xpmodel.tables.reader.open_table` is the way in; it turns the OSError of a damaged file into an
InputError that names it.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from xpmodel._process_wide import ignored_warnings
from xpmodel.errors import InputError
from xpmodel.tables.arrow import ChunkSource, numbered_table, to_arrow

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, TableHDU


def open_fits(path: Path, gzipped: bool) -> tuple[list[str], ChunkSource]:
    """Find the first table of a FITS file: its column names, and its rows, memory-mapped."""

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        if not gzipped:
            yield from _fits_chunks(path, positions, rows)
            return
        # A gzipped file cannot be mapped: it is unpacked on disk rather than in memory.
        with tempfile.NamedTemporaryFile(suffix=".fits") as plain:
            with gzip.open(path) as packed:
                shutil.copyfileobj(packed, plain)
            plain.flush()
            yield from _fits_chunks(Path(plain.name), positions, rows)

    with _fits_table(path) as table:
        return table.columns.names, chunks


def _fits_chunks(path: Path, positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
    start, total = 0, None
    while start != total:
        # Opened afresh for each chunk: the pages of a file that stays mapped add up in memory.
        with _fits_table(path) as table:
            total = table.header["NAXIS2"]
            # astropy only warns of a file that is too short, and fills up with what it finds.
            if path.stat().st_size < table.fileinfo()["datLoc"] + table.size:
                raise OSError(f"it ends before its {total} rows do")
            if total == 0:
                return
            data = table.data[start : start + rows]
            for column in table.columns:
                del column.array  # astropy would copy it whole, into memory, when the file closes
            arrays = []
            for column in [table.columns[i] for i in positions]:
                values = np.asarray(data.field(column.name))
                is_null = column.null is not None and values.dtype.kind in "iu"
                arrays.append(to_arrow(values, values == column.null if is_null else None))
        start += len(data)
        yield numbered_table(arrays), start / total


@contextmanager
def _fits_table(path: Path) -> Iterator[BinTableHDU | TableHDU]:
    from astropy.io import fits

    with _parsing(), fits.open(path, memmap=True) as hdus:
        for hdu in hdus:
            if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
                yield hdu
                return
        raise InputError(f"{path}: no table in this FITS file; download it again or give another")


def open_votable(path: Path, gzipped: bool) -> tuple[list[str], ChunkSource]:
    """Read the first table of a VOTable whole, in any of its serializations."""
    from astropy.io import votable

    with gzip.open(path) if gzipped else open(path, "rb") as stream:
        content = stream.read()
    # XML from elsewhere: entities may expand without end, links may read other files.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError(f"{path}: declares a DOCTYPE or ENTITY, which is refused; remove it")
    if re.search(rb"<(\w+:)?STREAM\b[^>]*\bhref", content):
        raise InputError(f"{path}: its data lie in another file; save it with the data inside")
    with _parsing():
        table = votable.parse(io.BytesIO(content), verify="ignore").get_first_table()
    array = table.array

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        names = [array.dtype.names[i] for i in positions]
        for start in range(0, len(array), rows):
            data = array[start : start + rows]
            arrays = [to_arrow(data[name].data, data[name].mask) for name in names]
            yield numbered_table(arrays), (start + len(data)) / len(array)

    return [field.name for field in table.fields], chunks


@contextmanager
def _parsing() -> Iterator[None]:
    """Keep astropy from warning of what does no harm; a file it cannot parse is an OSError."""
    try:
        with ignored_warnings():
            yield
    except (InputError, EOFError, zlib.error):
        raise
    except Exception as error:  # a damaged file makes the parsers raise all kinds
        raise OSError(str(error)) from error
