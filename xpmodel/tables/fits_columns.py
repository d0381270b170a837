"""Columns of FITS tables: what their keywords say, and their values as Arrow's."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.tables.arrow import check_bytes, decoded, list_array, to_arrow

TYPES: dict[str, np.dtype] = {
    "L": np.dtype("u1"),
    "B": np.dtype("u1"),
    "I": np.dtype(">i2"),
    "J": np.dtype(">i4"),
    "K": np.dtype(">i8"),
    "A": np.dtype("S1"),
    "E": np.dtype(">f4"),
    "D": np.dtype(">f8"),
    "C": np.dtype(">c8"),
    "M": np.dtype(">c16"),
    "P": np.dtype(">i4"),
    "Q": np.dtype(">i8"),
}
Header = dict[str, str | int | float | bool]
"""Keywords of a FITS header and their values."""

UNSIGNED = {("I", 2**15): "u2", ("J", 2**31): "u4", ("K", 2**63): "u8", ("B", -128): "i1"}
"""By TZERO: whole numbers of the other kind, as FITS has them."""


@dataclass(frozen=True)
class Heap:
    """Where the vectors of varying length lie.

    Attributes
    ----------
    data : ndarray, (B,) uint8
    """

    data: np.ndarray

    def vectors(self, descriptors: np.ndarray, kind: np.dtype) -> list[np.ndarray]:
        """The vectors of some rows.

        Parameters
        ----------
        descriptors : ndarray, (N, 2)
            Length and first byte of each.
        kind : dtype
        """
        lengths, starts = descriptors[:, 0].astype(np.int64), descriptors[:, 1].astype(np.int64)
        ends = starts + lengths * kind.itemsize
        limit = np.iinfo(np.int64).max // kind.itemsize
        wrong = (lengths < 0) | (lengths > limit) | (starts < 0) | (ends > len(self.data))
        if (wrong & (lengths != 0)).any():
            raise OSError("vectors of varying length lie beyond its end")
        # All rows may refer to the same bytes.
        check_bytes(int((lengths * kind.itemsize).sum()))
        return [
            self.data[start : start + n * kind.itemsize].view(kind)
            for start, n in zip(starts.tolist(), lengths.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class BinaryColumn:
    """A column of a binary table.

    Attributes
    ----------
    name : str
    code : str
        The letter of its TFORM.
    varying : str
        That of the vectors that it refers to, where they vary in length; else empty.
    repeat : int
        Numbers, or bytes of text, in a row.
    start, end : int
        Its bytes in a row.
    width : int
        Bytes of each text in it, where it has several.
    scale, zero : float
        Values are stored number × scale + zero.
    null : int or None
        The number that means there is none.
    """

    name: str
    code: str
    varying: str
    repeat: int
    start: int
    end: int
    width: int
    scale: float
    zero: float
    null: int | None

    @classmethod
    def of(cls, header: Header, i: int, start: int) -> BinaryColumn:
        """The i-th column, which begins at a byte of the row; OSError where it is none."""
        form = str(header.get(f"TFORM{i}", "")).strip().upper()
        match = re.match(r"(\d{0,10})([LXBIJKAEDCMPQ])([LXBIJKAEDCM]?)", form)
        if match is None:
            raise OSError(f"column {i} has the form {form[:20]!r}, which FITS does not know")
        repeat, code, varying = int(match[1] or 1), match[2], match[3]
        size = math.ceil(repeat / 8) if code == "X" else repeat * TYPES[code].itemsize
        size *= 2 if code in "PQ" else 1
        if code in "PQ" and (repeat > 1 or not varying):
            raise OSError(f"column {i} has the form {form[:20]!r}, which FITS does not know")
        shape = re.match(r"\(\s*(\d+)\s*,", str(header.get(f"TDIM{i}", "")).strip())
        width = int(shape[1]) if shape and code == "A" else repeat
        scale, zero = header.get(f"TSCAL{i}", 1), header.get(f"TZERO{i}", 0)
        null = header.get(f"TNULL{i}")
        return cls(
            name=str(header.get(f"TTYPE{i}", "")).strip(),
            code=code,
            varying=varying if code in "PQ" else "",
            repeat=repeat,
            start=start,
            end=start + size,
            width=width if width and repeat % width == 0 else repeat,
            scale=scale if isinstance(scale, (int, float)) else 1,
            zero=zero if isinstance(zero, (int, float)) else 0,
            null=null if type(null) is int else None,
        )

    def read(self, data: np.ndarray, heap: Heap) -> pa.Array:
        """Its values in some rows, (N, row bytes) uint8."""
        if self.end == self.start:
            return pa.nulls(len(data))
        cells = np.ascontiguousarray(data[:, self.start : self.end])
        if self.varying:
            descriptors = cells.view(TYPES[self.code]).reshape(len(data), 2)
            if not self.repeat:
                return pa.nulls(len(data))
            return self._varying(heap, descriptors)
        if self.code == "X":
            bits = np.unpackbits(cells, axis=1)[:, : self.repeat].astype(bool)
            return to_arrow(bits[:, 0] if self.repeat == 1 else bits, None)
        if self.code == "A":
            text = cells.view(f"S{self.width}").reshape(len(data), -1)
            text = _stripped(text)
            return to_arrow(text[:, 0] if text.shape[1] == 1 else text, None)
        values = cells.view(TYPES[self.code]).reshape(len(data), self.repeat)
        if self.repeat == 1:
            values = values[:, 0]
        if self.code == "L":
            return to_arrow(values == ord("T"), values == 0)
        if self.code in "CM":  # real and imaginary parts, behind each other
            parts = "f4" if self.code == "C" else "f8"
            return to_arrow(values.astype(f"<c{values.dtype.itemsize}").reshape(len(data), -1)
                            .view(f"<{parts}"), None)  # fmt: skip
        masked = (
            values == self.null if self.null is not None and values.dtype.kind in "iu" else None
        )
        return to_arrow(self._scaled(values), masked)

    def _varying(self, heap: Heap, descriptors: np.ndarray) -> pa.Array:
        if self.varying == "X":
            raise OSError(f"column {self.name}: bits of varying length are not read")
        vectors = heap.vectors(descriptors, TYPES[self.varying])
        if self.varying == "A":
            return pa.array(
                [decoded(v.tobytes().split(b"\0")[0].rstrip(b" ")) for v in vectors], pa.string()
            )
        if self.varying == "L":
            return list_array([vector == ord("T") for vector in vectors])
        if self.varying in "CM":
            parts = ">f4" if self.varying == "C" else ">f8"
            return list_array([vector.view(parts) for vector in vectors])
        return list_array([self._scaled(vector) for vector in vectors])

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        if self.scale == 1 and self.zero == 0:
            return values
        code = self.varying or self.code
        if self.scale == 1 and (kind := UNSIGNED.get((code, int(self.zero)))):
            # The highest bit turns; sums of these numbers would lose digits.
            high = 1 << (8 * values.dtype.itemsize - 1)
            unsigned = values.astype(f"u{values.dtype.itemsize}")
            return (unsigned ^ unsigned.dtype.type(high)).view(kind)
        return values * np.float64(self.scale) + np.float64(self.zero)


@dataclass(frozen=True)
class AsciiColumn:
    """A column of an ASCII table, whose values stay text.

    Attributes
    ----------
    name : str
    start, end : int
        Its characters in a row.
    is_number : bool
    null : str or None
        The text that means there is none.
    """

    name: str
    start: int
    end: int
    is_number: bool
    null: str | None

    @classmethod
    def of(cls, header: Header, i: int, start: int) -> AsciiColumn:
        """The i-th column; OSError where it is none."""
        form = str(header.get(f"TFORM{i}", "")).strip().upper()
        match = re.match(r"([AIFED])(\d{1,6})", form)
        begin = header.get(f"TBCOL{i}")
        if match is None or type(begin) is not int or begin < 1:
            raise OSError(f"column {i} has the form {form[:20]!r}, which FITS does not know")
        if header.get(f"TSCAL{i}", 1) != 1 or header.get(f"TZERO{i}", 0) != 0:
            raise OSError(f"column {i} of an ASCII table is scaled, which is not read")
        null = header.get(f"TNULL{i}")
        return cls(
            name=str(header.get(f"TTYPE{i}", "")).strip(),
            start=begin - 1,
            end=begin - 1 + int(match[2]),
            is_number=match[1] != "A",
            null=None if null is None else str(null).strip(),
        )

    def read(self, data: np.ndarray, heap: Heap) -> pa.Array:
        """Its values in some rows, (N, row bytes) uint8."""
        if self.end == self.start:
            return pa.nulls(len(data))
        cells = np.ascontiguousarray(data[:, self.start : self.end])
        text = to_arrow(cells.view(f"S{self.end - self.start}")[:, 0], None)
        text = pc.utf8_trim_whitespace(text)
        if self.is_number:  # Fortran's exponents
            text = pc.replace_substring_regex(text, r"[dD]([+-]?\d+)$", r"E\1")
            text = pc.if_else(pc.equal(text, ""), None, text)
        return text if self.null is None else pc.if_else(pc.equal(text, self.null), None, text)


def _stripped(text: np.ndarray) -> np.ndarray:
    """Text up to its first NUL, without blanks at its end."""
    has_nul = np.char.find(text, b"\0") >= 0
    if has_nul.any():
        text = text.copy()
        text[has_nul] = [t.split(b"\0")[0] for t in text[has_nul]]
    return np.char.rstrip(text, b" ")
