"""Stars as binary tables: FITS and VOTable, whose headers astropy makes.

`xpmodel.export.stars.write_stars` is the way in.
"""

from __future__ import annotations

import binascii
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel._process_wide import ignored_warnings
from xpmodel.export.rows import StarRows

if TYPE_CHECKING:
    from astropy.io.fits import Header

FITS_BLOCK = 2880  # bytes
FITS_NULL = np.iinfo(np.int64).min
FITS_KEYS = {
    "made_by": "CREATOR",
    "catalog": "CATALOG",
    "catalog_sha256": "CATSHA",
    "catalog_stars": "CATSTARS",
    "model_hash": "MODEL",
    "stars": "NSTARS",
    "mock_stars": "NMOCK",
}
FITS_CODES = {"i2": "I", "i8": "K", "f4": "E", "f8": "D"}
VOTABLE_TYPES = {"i2": "short", "i8": "long", "f4": "float", "f8": "double"}
# How a description is written where there is only ASCII.
ASCII = str.maketrans(dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−²", "-0123456789-2", strict=True)))
ASCII |= str.maketrans({"α": "alpha", "σ": "sigma", "ŝ": "s", "\u0302": "_hat"})


@dataclass(frozen=True)
class _Field:
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


def _fields(stars: StarRows, encoding_of_text: dict[bool, str]) -> list[_Field]:
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
            fields.append(_Field(*heading, "S", max(longest, 1), encoding))
        elif pa.types.is_fixed_size_list(kind):
            fields.append(_Field(*heading, "f4", kind.list_size))
        else:
            code = {pa.bool_(): "i2", pa.int64(): "i8", pa.float32(): "f4", pa.float64(): "f8"}
            fields.append(_Field(*heading, code[kind]))
    return fields


def _distinct(text: pa.ChunkedArray) -> list[str]:
    return [t for t in pc.unique(text).to_pylist() if t is not None]


def _row_type(fields: list[_Field], n_flags: int = 0) -> np.dtype:
    # By number: names may be anything.
    parts = [(str(i), field.numpy) for i, field in enumerate(fields)]
    return np.dtype([("flags", "u1", (n_flags,))] * (n_flags > 0) + parts)


def _fill(rows: np.ndarray, fields: list[_Field], chunk: pa.Table) -> None:
    """Put a chunk's columns into rows; a missing integer is `FITS_NULL`, a missing text empty."""
    for i, (field, column) in enumerate(zip(fields, chunk.columns, strict=True)):
        if field.encoding:
            codes = pc.fill_null(column, "").combine_chunks().dictionary_encode()
            known = [text.encode(field.encoding) for text in codes.dictionary.to_pylist()]
            rows[str(i)] = np.array(known or [b""], f"S{field.size}")[codes.indices.to_numpy()]
        elif field.size > 1:
            numbers = column.combine_chunks().flatten().to_numpy()
            rows[str(i)] = numbers.reshape(len(chunk), field.size)
        elif field.dtype == "i2":
            rows[str(i)] = pc.fill_null(column.cast(pa.int16()), _null(field)).to_numpy()
        else:
            rows[str(i)] = pc.fill_null(column, _null(field)).to_numpy()


def _null(field: _Field) -> float | int:
    return np.nan if field.dtype[0] == "f" else np.iinfo(field.dtype).min


def write_fits(path: Path, stars: StarRows) -> None:
    r"""Write a FITS file of one binary table, a chunk of rows at a time.

    A missing integer is TNULL, a missing float NaN, a missing text empty. FITS has only printable
    ASCII: in a column with other characters each of those is written as Python's escape (``\xe9``,
    ``\u03b1``; a backslash doubled), and a COMMENT says so.

    Parameters
    ----------
    path : Path
    stars : StarRows
        Columns of int64, float32, float64, bool, text and vectors of float32.
    """
    from astropy.io import fits

    fields = _fields(stars, {True: "ascii", False: "unicode_escape"})
    row_type = _row_type(fields)
    primary = fits.PrimaryHDU()
    header = _fits_header(fields, stars)
    with open(path, "wb") as file:
        file.write(primary.header.tostring().encode("ascii"))
        file.write(header.tostring().encode("ascii"))
        for chunk in stars.chunks():
            rows = np.empty(len(chunk), row_type)
            _fill(rows, fields, chunk)
            file.write(rows.data)
        file.write(b"\0" * (-len(stars) * row_type.itemsize % FITS_BLOCK))


def _fits_header(fields: list[_Field], stars: StarRows) -> Header:
    from astropy.io import fits

    columns = []
    for field in fields:
        code = "A" if field.encoding else FITS_CODES[field.dtype]
        columns.append(
            fits.Column(
                _ascii(field.name),
                f"{field.size}{code}" if field.size > 1 or field.encoding else code,
                unit=_ascii(field.unit) or None,
                null=_null(field) if field.dtype[0] == "i" else None,
            )
        )
    with ignored_warnings():  # of names that hold more than letters and digits
        header = fits.BinTableHDU.from_columns(columns, nrows=0).header
    header["NAXIS2"] = len(stars)
    header["EXTNAME"] = "STARS"
    for number, field in enumerate(fields, start=1):
        if field.description:
            header[f"TCOMM{number}"] = _ascii(field.description)
    for name, key in FITS_KEYS.items():
        value = stars.meta[name]
        header[key] = _ascii(value) if isinstance(value, str) else value
    for field in fields:
        if field.encoding == "unicode_escape":
            header.add_comment(
                f"{_ascii(field.name)}: characters beyond ASCII are Python's escapes (\\xe9), "
                "a backslash is doubled"
            )
    return header


def _ascii(text: str) -> str:
    """Text for a FITS header, which has only printable ASCII."""
    text = text.translate(ASCII)
    return text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode()


def write_votable(path: Path, stars: StarRows) -> None:
    """Write a VOTable 1.4 in BINARY2, a chunk of rows at a time.

    Text outside of ASCII is unicodeChar.

    Parameters
    ----------
    path : Path
    stars : StarRows
        Columns of int64, float32, float64, bool, text and vectors of float32, in chunks whose
        number of rows is a multiple of 3, but for the last.
    """
    fields = _fields(stars, {True: "ascii", False: "utf-16-be"})
    row_type = _row_type(fields, n_flags=-(-len(fields) // 8))
    before, after = _votable_frame(fields, stars)
    with open(path, "wb") as file:
        file.write(before + b'<DATA><BINARY2><STREAM encoding="base64">\n')
        for chunk in stars.chunks():
            rows = np.empty(len(chunk), row_type)
            nulls = [column.is_null().to_numpy() for column in chunk.columns]
            rows["flags"] = np.packbits(np.stack(nulls, axis=1), axis=1)
            _fill(rows, fields, chunk)
            file.write(binascii.b2a_base64(rows.tobytes()))
        file.write(b"</STREAM></BINARY2></DATA>\n" + after)


def _votable_frame(fields: list[_Field], stars: StarRows) -> tuple[bytes, bytes]:
    """The XML before and after the data."""
    from astropy.io.votable import tree
    from astropy.units import UnrecognizedUnit

    with ignored_warnings():  # of units such as dex, which VOUnit does not know
        document = tree.VOTableFile(version="1.4")
        resource = tree.Resource()
        document.resources.append(resource)
        for name, value in stars.meta.items():
            resource.infos.append(tree.Info(name=name, value=_xml(str(value))))
        table = tree.TableElement(document, name="stars", nrows=len(stars))
        resource.tables.append(table)
        for field in fields:
            entry = tree.Field(
                document,
                name=_xml(field.name),
                datatype=_votable_type(field),
                arraysize=_array_size(field),
                # As it is: astropy makes "0.1ex" of dex, which VOUnit does not know.
                unit=UnrecognizedUnit(_vounit(field.unit)) if field.unit else None,
            )
            entry.description = _xml(field.description) or None
            table.fields.append(entry)
        text = io.BytesIO()
        document.to_xml(text)
    before, end, after = text.getvalue().rpartition(b"</TABLE>")
    return before, end + after


def _votable_type(field: _Field) -> str:
    if field.encoding:
        return "unicodeChar" if field.encoding == "utf-16-be" else "char"
    return VOTABLE_TYPES[field.dtype]


def _vounit(unit: str) -> str:
    """A unit as VOUnit spells it: ``kpc km s-1`` → ``kpc.km.s**-1``."""
    return re.sub(r"([a-z])(-?[0-9])", r"\1**\2", unit).replace(" ", ".")


def _array_size(field: _Field) -> str | None:
    if field.encoding == "utf-16-be":
        return str(field.size // 2)
    return str(field.size) if field.encoding or field.size > 1 else None


def _xml(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(c if c.isprintable() else " " for c in text)
