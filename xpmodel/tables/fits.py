"""FITS files as chunks of Arrow columns: binary tables and ASCII tables of all extensions.

The headers are read with limits before anything is believed that they say, and rows are mapped
from the file a chunk at a time. No other file is opened, whatever a name or a header says.
`xpmodel.tables.reader.open_table` is the way in; it turns the OSError of a damaged file into an
InputError that names it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.tables.arrow import numbered_table, rows_at_once
from xpmodel.tables.fits_columns import AsciiColumn, BinaryColumn, Header, Heap
from xpmodel.tables.packed import Content
from xpmodel.tables.parts import Part

BLOCK = 2880  # bytes; headers and data fill whole ones
CARD = 80
# What a header may have: 999 columns, the standard's most, with all their keywords take 300.
HEADER_BLOCKS = 2000
MAX_FIELDS = 999
MAX_UNITS = 50_000  # header and data units of one file
STRING = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True)
class _Unit:
    """A header and where its data lie.

    Attributes
    ----------
    number : int
        0 is the primary one.
    header : dict
    start, size : int
        Of the data [bytes].
    """

    number: int
    header: Header
    start: int
    size: int

    @property
    def name(self) -> str:
        given = str(self.header.get("EXTNAME", "")).strip()
        return f"HDU {self.number} ({given})" if given else f"HDU {self.number}"

    def whole(self, key: str, least: int = 0, default: int | None = None) -> int:
        """A number of the header; OSError where it is none."""
        value = self.header.get(key, default)
        if type(value) is not int or value < least:
            raise OSError(f"{self.name}: {key} is {value!r} in its header")
        return value


def open_fits(content: Content) -> list[Part]:
    """Find the tables of a FITS file: their column names, and their rows, memory-mapped."""
    # A packed file cannot be mapped: it is unpacked on disk rather than in memory.
    path = content.on_disk()
    size = path.stat().st_size
    with open(path, "rb") as file:
        units = list(_units(file, size))
    tables = [
        unit
        for unit in units
        if unit.header.get("XTENSION") in ("BINTABLE", "TABLE", "A3DTABLE")
        and unit.header.get("ZIMAGE") is not True
    ]
    if not tables:
        found = ", ".join(f"{unit.name}: {_content(unit)}" for unit in units[:5])
        raise InputError(f"{content.shown}: no table in this FITS file ({found}); give a table")
    return [_part(unit, content, size) for unit in tables]


def _content(unit: _Unit) -> str:
    n = unit.header.get("NAXIS")
    axes = [str(unit.header.get(f"NAXIS{i + 1}")) for i in range(n if type(n) is int else 0)]
    return f"an image of {' × '.join(axes)}" if axes else "no data"


def _units(file: BinaryIO, size: int) -> Iterator[_Unit]:
    """Walk from header to header; what follows the last one and is none is passed over."""
    position = 0
    for number in range(MAX_UNITS):
        file.seek(position)
        begin = file.read(9)
        if number and not begin.startswith(b"XTENSION"):
            return
        file.seek(position)
        header = _header(file, number)
        start = file.tell()
        unit = _Unit(number, header, start, _data_size(_Unit(number, header, start, 0)))
        yield unit
        if start + unit.size > size:
            return  # whoever reads it says so
        position = start + math.ceil(unit.size / BLOCK) * BLOCK
        if position >= size:
            return
    raise InputError(f"{file.name}: has more than {MAX_UNITS:,} HDUs; save the table alone")


def _data_size(unit: _Unit) -> int:
    n_axes = unit.whole("NAXIS", default=0)
    if n_axes > 999:
        raise OSError(f"{unit.name}: NAXIS is {n_axes} in its header")
    axes = [unit.whole(f"NAXIS{i + 1}") for i in range(n_axes)]
    if not axes:
        return 0
    if axes[0] == 0 and unit.header.get("GROUPS") is True:
        axes = axes[1:]
    bits = abs(unit.whole("BITPIX", least=-64, default=8))
    return (
        bits
        // 8
        * unit.whole("GCOUNT", default=1)
        * (unit.whole("PCOUNT", default=0) + math.prod(axes))
    )


def _header(file: BinaryIO, number: int) -> Header:
    """The keywords of a header, up to its END."""
    header: Header = {}
    for _ in range(HEADER_BLOCKS):
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            raise OSError(f"the header of HDU {number} ends early")
        for start in range(0, BLOCK, CARD):
            card = block[start : start + CARD].decode("latin-1")
            key = card[:8].rstrip()
            if key == "END":
                return header
            if card[8:10] == "= " and key not in header:
                header[key] = _value(card[10:])
    raise OSError(f"the header of HDU {number} has no END")


def _value(text: str) -> str | int | float | bool:
    """The value of a card, before its comment; text where it is no number."""
    if match := STRING.match(text.lstrip()):
        return match[1].replace("''", "'").rstrip()
    word = text.split("/")[0].strip()
    if word in ("T", "F"):
        return word == "T"
    if re.fullmatch(r"[+-]?\d{1,20}", word):
        return int(word)
    try:
        return float(word.upper().replace("D", "E"))
    except ValueError:
        return word


def _part(unit: _Unit, content: Content, size: int) -> Part:
    if unit.header.get("ZTABLE") is True:
        raise InputError(
            f"{content.shown}: {unit.name} is compressed by fpack; unpack it with funpack first"
        )
    n_rows, row_bytes = unit.whole("NAXIS2"), unit.whole("NAXIS1")
    if unit.start + unit.size > size:
        raise OSError(f"it ends before the {n_rows} rows of {unit.name} do")
    if not row_bytes and n_rows:
        raise OSError(f"the {n_rows} rows of {unit.name} have no bytes")
    kind = AsciiColumn if unit.header["XTENSION"] == "TABLE" else BinaryColumn
    n_fields = unit.whole("TFIELDS")
    if n_fields > MAX_FIELDS:
        raise OSError(f"{unit.name}: {n_fields} columns, more than {MAX_FIELDS}, which FITS has")
    columns: list[AsciiColumn | BinaryColumn] = []
    place = 0
    for i in range(1, n_fields + 1):
        column = kind.of(unit.header, i, place)
        place = column.end
        if column.end > row_bytes:
            raise OSError(f"{unit.name}: the columns are longer than a row (NAXIS1 {row_bytes})")
        columns.append(column)

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        path = content.on_disk()
        step = rows_at_once(rows, row_bytes)
        for start in range(0, n_rows, step):
            n = min(step, n_rows - start)
            # Mapped afresh for each chunk: the pages of a file that stays mapped add up in memory.
            data = _mapped(path, unit.start + start * row_bytes, (n, row_bytes))
            heap = _heap(unit, path, n_rows * row_bytes)
            yield (
                numbered_table([columns[i].read(data, heap) for i in positions]),
                (start + n) / n_rows,
            )

    names = [column.name or f"column_{i + 1}" for i, column in enumerate(columns)]
    return Part(unit.name, names, n_rows, chunks)


def _heap(unit: _Unit, path: Path, table_bytes: int) -> Heap:
    """What vectors of varying length refer to, which follows the rows."""
    offset = unit.whole("THEAP", default=table_bytes)
    n = unit.size - offset
    return Heap(_mapped(path, unit.start + offset, (n,)) if n > 0 else np.empty(0, np.uint8))


def _mapped(path: Path, offset: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.memmap(path, np.uint8, "r", offset, shape)
