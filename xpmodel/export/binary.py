"""The rows of a binary table of stars, big-endian as FITS and VOTable have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.export.rows import StarRows


@dataclass(frozen=True)
class Field:
    """A column of a binary table.

    Attributes
    ----------
    name, unit, description : str
    dtype : str
        ``i2``, ``i8``, ``f4``, ``f8``; ``S`` for bytes of text.
    size : int
        Numbers or bytes in a row; 1 for a single number.
    encoding : str
        Of text.
    """

    name: str
    unit: str
    description: str
    dtype: str
    size: int = 1
    encoding: str = ""

    @property
    def numpy(self) -> str | tuple[str, tuple[int]]:
        """Its type in the big-endian rows."""
        if self.encoding:
            return f"S{self.size}"
        return f">{self.dtype}" if self.size == 1 else (f">{self.dtype}", (self.size,))


def fields_of(stars: StarRows, encoding_of_text: dict[bool, str]) -> list[Field]:
    """The columns; text is encoded as is said for columns of printable ASCII and for others."""
    fields = []
    for field in stars.schema:
        about = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        heading = (field.name, about.get("unit", ""), about.get("description", ""))
        kind = field.type
        if pa.types.is_string(kind):
            text = stars.table.column(field.name)
            is_ascii = not pc.any(pc.match_substring_regex(text, "[^ -~]")).as_py()
            encoding = encoding_of_text[is_ascii]
            longest = max((len(t.encode(encoding)) for t in _distinct(text)), default=0)
            fields.append(Field(*heading, "S", max(longest, 1), encoding))
        elif pa.types.is_fixed_size_list(kind):
            fields.append(Field(*heading, "f4", kind.list_size))
        else:
            code = {pa.bool_(): "i2", pa.int64(): "i8", pa.float32(): "f4", pa.float64(): "f8"}
            fields.append(Field(*heading, code[kind]))
    return fields


def _distinct(text: pa.ChunkedArray) -> list[str]:
    return [t for t in pc.unique(text).to_pylist() if t is not None]


def row_type(fields: list[Field], n_flags: int = 0) -> np.dtype:
    """The type of a row, perhaps behind some bytes of flags; fields by number: names may be odd."""
    parts = [(str(i), field.numpy) for i, field in enumerate(fields)]
    return np.dtype([("flags", "u1", (n_flags,))] * (n_flags > 0) + parts)


def fill(rows: np.ndarray, fields: list[Field], chunk: pa.Table) -> None:
    """Put a chunk's columns into rows: a missing number as `null_of` has it, missing text empty."""
    for i, (field, column) in enumerate(zip(fields, chunk.columns, strict=True)):
        if field.encoding:
            codes = pc.fill_null(column, "").combine_chunks().dictionary_encode()
            known = [text.encode(field.encoding) for text in codes.dictionary.to_pylist()]
            rows[str(i)] = np.array(known or [b""], f"S{field.size}")[codes.indices.to_numpy()]
        elif field.size > 1:
            numbers = column.combine_chunks().flatten().to_numpy()
            rows[str(i)] = numbers.reshape(len(chunk), field.size)
        elif field.dtype == "i2":
            rows[str(i)] = pc.fill_null(column.cast(pa.int16()), null_of(field)).to_numpy()
        else:
            rows[str(i)] = pc.fill_null(column, null_of(field)).to_numpy()


def null_of(field: Field) -> float | int:
    """What stands for a missing number: NaN, or the least whole number of the type."""
    return np.nan if field.dtype[0] == "f" else np.iinfo(field.dtype).min
