"""Fields of VOTables: what their attributes say, and their values as Arrow's."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.errors import InputError
from xpmodel.tables.arrow import TooLarge, check_bytes, decoded, list_array, to_arrow

NUMBERS = {
    "unsignedByte": ">u1",
    "short": ">i2",
    "int": ">i4",
    "long": ">i8",
    "float": ">f4",
    "double": ">f8",
    "floatComplex": ">f4",  # real and imaginary parts, behind each other
    "doubleComplex": ">f8",
}
TEXT_BYTES = {"char": 1, "unicodeChar": 2}
MAX_ROW = 64 << 20  # bytes; one of the archive's, with correlations, takes 50 kB
COUNT = struct.Struct(">i")


@dataclass(frozen=True)
class Field:
    """A FIELD.

    Attributes
    ----------
    name : str
    datatype : str
    size : int
        Values in a cell; where they vary, what their number is a multiple of.
    varies : bool
    null : str or None
        What stands for a missing number.
    """

    name: str
    datatype: str
    size: int
    varies: bool
    null: str | None = None

    @classmethod
    def of(cls, attributes: dict[str, str], shown: str) -> Field:
        """What the attributes of a FIELD say."""
        name = attributes.get("name") or attributes.get("ID") or ""
        given = attributes.get("arraysize", "").replace(" ", "")
        if not re.fullmatch(r"|(\d{1,12}x)*(\d{1,12}\*?|\*)", given):
            raise InputError(
                f"{shown}: field {name[:80]!r} has the arraysize {given[:40]!r}, which VOTable "
                "does not know"
            )
        sizes = [int(n) for n in re.findall(r"\d+", given)]
        varies = given.endswith("*")
        if varies and given[-2:-1].isdigit():
            sizes = sizes[:-1]  # "20*": at most so many
        datatype = attributes.get("datatype", "char")
        size = math.prod(sizes) * (2 if datatype.endswith("Complex") else 1)
        return cls(name, datatype, size, varies)

    def with_null(self, null: str | None) -> Field:
        """The same with what stands for a missing number."""
        return self if null is None else replace(self, null=null.strip())

    @property
    def is_scalar(self) -> bool:
        """Whether a cell is one number, or one text."""
        return self.datatype not in NUMBERS or (self.size == 1 and not self.varies)

    @property
    def is_flag(self) -> bool:
        """Whether a cell is one truth value."""
        return self.datatype in ("boolean", "bit") and self.size == 1 and not self.varies

    # As text

    def from_text(self, cells: list[str | None], shown: str) -> pa.Array:
        """The values of a column of TABLEDATA."""
        if self.is_flag:
            known = {"t": True, "1": True, "true": True, "f": False, "0": False, "false": False}
            return pa.array([known.get((c or "").strip().lower()) for c in cells], pa.bool_())
        if self.datatype not in NUMBERS:
            return pa.array(cells, pa.string())
        text = pc.utf8_trim_whitespace(pa.array(cells, pa.string()))
        text = pc.if_else(pc.equal(text, ""), None, text)
        if self.is_scalar:
            if self.null is not None:
                text = pc.if_else(pc.equal(text, self.null), None, text)
            return self._numbers(text, shown)
        parts = pc.utf8_split_whitespace(pc.replace_substring(text, ",", " "))
        lengths = pc.fill_null(pc.list_value_length(parts), 0).to_numpy(zero_copy_only=False)
        offsets = np.cumsum([0, *lengths], dtype=np.int32)
        return pa.ListArray.from_arrays(offsets, self._numbers(pc.list_flatten(parts), shown))

    def _numbers(self, text: pa.Array, shown: str) -> pa.Array:
        kind = pa.from_numpy_dtype(np.dtype(NUMBERS[self.datatype]).newbyteorder("="))
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            return pa.array([self._number(cell, kind, shown) for cell in text.to_pylist()], kind)

    def _number(self, cell: str | None, kind: pa.DataType, shown: str) -> int | float | None:
        """One number as Arrow does not read it: +5, 0x1F, +Inf."""
        if cell is None:
            return None
        try:
            if pa.types.is_floating(kind):
                return float(cell)
            number = int(cell, 16) if cell.lower().startswith("0x") else int(cell)
            pa.scalar(number, kind)
        except (ValueError, OverflowError, pa.ArrowInvalid):
            raise InputError(
                f"{shown}: column {self.name[:80]} has {cell[:40]!r} where its type is "
                f"{self.datatype}; correct it"
            ) from None
        return number

    # As binary

    @property
    def item_bytes(self) -> int:
        """Bytes of one value; 0: it is of a type that binary tables do not have."""
        if self.datatype in NUMBERS:
            return np.dtype(NUMBERS[self.datatype]).itemsize
        return TEXT_BYTES.get(self.datatype, int(self.datatype in ("boolean", "bit")))

    def cell_bytes(self, count: int) -> int:
        """Bytes of a cell; `count` is how many values it has, of a size that varies."""
        n = self.size * count
        return math.ceil(n / 8) if self.datatype == "bit" else n * self.item_bytes

    def from_bytes(self, cells: list[bytes], is_null: np.ndarray | None) -> pa.Array:
        """The values of a column of BINARY or BINARY2."""
        if self.datatype in TEXT_BYTES:
            return pa.array(list(map(self._text, cells)), pa.string(), mask=is_null)
        if self.datatype == "bit" and not self.is_flag:
            vectors = [np.unpackbits(np.frombuffer(c, np.uint8)).astype(bool) for c in cells]
            return list_array([v if self.varies else v[: self.size] for v in vectors])
        if self.datatype == "bit":  # writers do not agree on which bit of the byte it is
            return pa.array([c != b"\0" for c in cells], pa.bool_(), mask=is_null)
        if self.datatype == "boolean":
            if not self.is_flag:
                return pa.array([c.decode("latin-1") for c in cells], pa.string(), mask=is_null)
            known = dict.fromkeys(b"Tt1", True) | dict.fromkeys(b"Ff0", False)
            flags = [known.get(c[0]) for c in cells]
            return pa.array(flags, pa.bool_(), mask=is_null)
        kind = np.dtype(NUMBERS[self.datatype])
        if self.varies:
            return list_array([np.frombuffer(cell, kind) for cell in cells])
        values = np.frombuffer(b"".join(cells), kind)
        if self.size == 1:
            if self.null is not None and kind.kind in "iu" and _is_integer(self.null):
                marked = values == int(self.null)
                is_null = marked if is_null is None else marked | is_null
            return to_arrow(values, is_null)
        matrix = values.reshape(len(cells), self.size)
        if is_null is not None:
            is_null = np.repeat(is_null[:, None], self.size, axis=1)
        return to_arrow(matrix, is_null)

    def _text(self, cell: bytes) -> str:
        if self.datatype == "unicodeChar":
            text = cell.decode("utf-16-be", "replace")
        else:
            text = decoded(cell)
        return text.split("\0")[0] if self.varies else text.split("\0")[0].rstrip(" ")


class BinaryRows:
    """Rows of BINARY or BINARY2, as their bytes come.

    Attributes
    ----------
    held : bytes
        Of a row that is not whole yet.
    """

    def __init__(self, fields: list[Field], has_flags: bool, positions: list[int]) -> None:
        self._fields = fields
        self._flags = math.ceil(len(fields) / 8) if has_flags else 0
        self._positions = positions
        self.held = b""

    def take(self, data: bytes, shown: str) -> list[pa.Array]:
        """The wanted columns of the rows that are whole with some more bytes."""
        unknown = [f for f in self._fields if not f.item_bytes]
        if unknown:
            raise InputError(
                f"{shown}: column {unknown[0].name[:80]} is of the type "
                f"{unknown[0].datatype[:40]!r}, which VOTable does not know; save it without"
            )
        if len(self.held) > MAX_ROW:
            raise TooLarge(f"a row of it is longer than {MAX_ROW >> 20} MB")
        data = self.held + data
        starts, cells, end = self._walk(data)
        self.held = data[end:]
        if not starts:
            return [pa.nulls(0) for _ in self._positions]
        flags = None
        if self._flags:
            flags = [data[start : start + self._flags] for start in starts]
        arrays = []
        for n, place in enumerate(self._positions):
            is_null = None
            if flags is not None:
                bit = 0x80 >> place % 8
                is_null = np.array([bool(row[place // 8] & bit) for row in flags], bool)
            check_bytes(sum(map(len, cells[n])))
            arrays.append(self._fields[place].from_bytes(cells[n], is_null))
        return arrays

    def _walk(self, data: bytes) -> tuple[list[int], list[list[bytes]], int]:
        """Where rows begin, the cells of the wanted columns, and where the last whole row ends."""
        fixed = [None if f.varies else f.cell_bytes(1) for f in self._fields]
        wanted = {place: n for n, place in reversed(list(enumerate(self._positions)))}
        starts: list[int] = []
        cells: list[list[bytes]] = [[] for _ in self._positions]
        end = position = 0
        while position < len(data):
            start, row = position, {}
            position += self._flags
            for place, size in enumerate(fixed):
                if size is None:
                    if position + 4 > len(data):
                        return starts, cells, end
                    (count,) = COUNT.unpack_from(data, position)
                    if count < 0:
                        raise OSError("a length in its binary data is negative")
                    position += 4
                    size = self._fields[place].cell_bytes(count)  # noqa: PLW2901
                if place in wanted:
                    row[wanted[place]] = data[position : position + size]
                position += size
            if position > len(data) or position == start:
                break
            for n, cell in row.items():
                cells[n].append(cell)
            starts.append(start)
            end = position
        return starts, cells, end


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,19}", text) is not None
