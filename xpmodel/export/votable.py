"""Stars as a VOTable, whose frame astropy makes.

`xpmodel.export.stars.write_stars` is the way in.
"""

from __future__ import annotations

import binascii
import io
import re
from pathlib import Path

import numpy as np

from xpmodel._process_wide import ignored_warnings
from xpmodel.export.binary import Field, fields_of, fill, row_type
from xpmodel.export.rows import StarRows, distinct_names

VOTABLE_TYPES = {"i2": "short", "i8": "long", "f4": "float", "f8": "double"}


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
    fields = fields_of(stars, {True: "ascii", False: "utf-16-be"})
    kind = row_type(fields, n_flags=-(-len(fields) // 8))
    before, after = _votable_frame(fields, stars)
    with open(path, "wb") as file:
        file.write(before + b'<DATA><BINARY2><STREAM encoding="base64">\n')
        for chunk in stars.chunks():
            rows = np.empty(len(chunk), kind)
            nulls = [column.is_null().to_numpy() for column in chunk.columns]
            rows["flags"] = np.packbits(np.stack(nulls, axis=1), axis=1)
            fill(rows, fields, chunk)
            file.write(binascii.b2a_base64(rows.tobytes()))
        file.write(b"</STREAM></BINARY2></DATA>\n" + after)


def _votable_frame(fields: list[Field], stars: StarRows) -> tuple[bytes, bytes]:
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
        names = distinct_names((field.name for field in fields), _xml)
        for name, field in zip(names, fields, strict=True):
            entry = tree.Field(
                document,
                name=name,
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


def _votable_type(field: Field) -> str:
    if field.encoding:
        return "unicodeChar" if field.encoding == "utf-16-be" else "char"
    return VOTABLE_TYPES[field.dtype]


def _vounit(unit: str) -> str:
    """A unit as VOUnit spells it: ``kpc km s-1`` → ``kpc.km.s**-1``."""
    return re.sub(r"([a-z])(-?[0-9])", r"\1**\2", unit).replace(" ", ".")


def _array_size(field: Field) -> str | None:
    if field.encoding == "utf-16-be":
        return str(field.size // 2)
    return str(field.size) if field.encoding or field.size > 1 else None


def _xml(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(c if c.isprintable() else " " for c in text)
