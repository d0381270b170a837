"""Stars as FITS, whose header astropy makes.

`xpmodel.export.stars.write_stars` is the way in.

FITS has only printable ASCII, names of columns that count without regard to letter case, a few
units, and no descriptions. Readers have agreed on TCOMM for descriptions; astropy reads instead its
own block of YAML among the comments, which can also hold units that FITS has not.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xpmodel.export.binary import Field, fields_of, fill, null_of, row_type
from xpmodel.export.rows import StarRows, distinct_names

if TYPE_CHECKING:
    from astropy.io.fits import Header

BLOCK = 2880  # bytes
KEYS = {
    "made_by": "CREATOR",
    "catalog": "CATALOG",
    "catalog_sha256": "CATSHA",
    "catalog_stars": "CATSTARS",
    "model_hash": "MODEL",
    "stars": "NSTARS",
    "mock_stars": "NMOCK",
}
CODES = {"i2": "I", "i8": "K", "f4": "E", "f8": "D"}
# How a description is written where there is only ASCII.
ASCII = str.maketrans(dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−²", "-0123456789-2", strict=True)))
ASCII |= str.maketrans({"α": "alpha", "σ": "sigma", "ŝ": "s", "\u0302": "_hat"})
ESCAPED = "unicode_escape"
LONGEST_NAME = 60  # characters: a card has room for 68, and a number may come behind them
YAML_LINE = 70  # characters; a longer line ends with a backslash and goes on in the next comment


def write_fits(path: Path, stars: StarRows) -> None:
    r"""Write a FITS file of one binary table, a chunk of rows at a time.

    A missing integer is TNULL, a missing float NaN, a missing text empty. FITS has only printable
    ASCII: in a column with other characters each of those is written as Python's escape (``\xe9``,
    ``\u03b1``; a backslash doubled), and a COMMENT says so, as it does where a column could not
    keep its name.

    Parameters
    ----------
    path : Path
    stars : StarRows
        Columns of int64, float32, float64, bool, text and vectors of float32.
    """
    from astropy.io import fits

    fields = fields_of(stars, {True: "ascii", False: ESCAPED})
    kind = row_type(fields)
    primary = fits.PrimaryHDU()
    header = _header(fields, stars)
    with open(path, "wb") as file:
        file.write(primary.header.tostring().encode("ascii"))
        file.write(header.tostring().encode("ascii"))
        for chunk in stars.chunks():
            rows = np.empty(len(chunk), kind)
            fill(rows, fields, chunk)
            file.write(rows.data)
        file.write(b"\0" * (-len(stars) * kind.itemsize % BLOCK))


def _header(fields: list[Field], stars: StarRows) -> Header:
    from astropy.io import fits

    names = distinct_names((field.name for field in fields), _name, str.lower)
    known = [_known_to_fits(field.unit) for field in fields]
    columns = []
    for name, field, unit_known in zip(names, fields, known, strict=True):
        code = "A" if field.encoding else CODES[field.dtype]
        columns.append(
            fits.Column(
                name,
                f"{field.size}{code}" if field.size > 1 or field.encoding else code,
                unit=field.unit if unit_known else None,
                null=null_of(field) if field.dtype[0] == "i" else None,
            )
        )
    header = fits.BinTableHDU.from_columns(columns, nrows=0).header
    header["NAXIS2"] = len(stars)
    header["EXTNAME"] = "STARS"
    for number, (field, unit_known) in enumerate(zip(fields, known, strict=True), start=1):
        said = field.description if unit_known else f"{field.description} [{field.unit}]"
        if said:
            header[f"TCOMM{number}"] = _ascii(said)
    for entry, key in KEYS.items():
        value = stars.meta[entry]
        header[key] = _ascii(value) if isinstance(value, str) else value
    for name, field in zip(names, fields, strict=True):
        if field.encoding == ESCAPED:
            header.add_comment(
                f"{name}: characters beyond ASCII are Python's escapes (\\xe9), "
                "a backslash is doubled"
            )
        if name != field.name:
            header.add_comment(f"{name}: in the catalog {json.dumps(field.name)}")
    for line in _for_astropy(names, fields, known):
        header.add_comment(line)
    return header


def _name(text: str) -> str:
    """A column's name as the standard recommends: letters, digits and underscores of ASCII."""
    return re.sub("[^A-Za-z0-9_]", "_", _ascii(text))[:LONGEST_NAME]


def _known_to_fits(unit: str) -> bool:
    """Whether the FITS standard has a unit, or there is none; dex, electrons and nat it has not."""
    from astropy.units import Unit

    if not unit:
        return True
    try:
        Unit(unit, format="fits", parse_strict="raise")
    except ValueError:
        return False
    return True


def _known_to_astropy(unit: str) -> bool:
    from astropy.units import Unit, UnrecognizedUnit

    return not isinstance(Unit(unit, parse_strict="silent"), UnrecognizedUnit)


def _for_astropy(names: list[str], fields: list[Field], known: list[bool]) -> list[str]:
    """Comments in which astropy finds descriptions, and units that FITS has not.

    Of JSON, which is YAML in ASCII.
    """
    yaml = ["datatype:"]
    units = []
    for name, field, unit_known in zip(names, fields, known, strict=True):
        kind = "string" if field.encoding else np.dtype(field.dtype).name
        entry = {"name": name, "datatype": kind}
        if not unit_known and not _known_to_astropy(field.unit):
            entry["description"] = f"{field.description} [{field.unit}]"
        elif field.description:
            entry["description"] = field.description
        yaml.append(f"- {json.dumps(entry)}")
        if not unit_known and _known_to_astropy(field.unit):
            units.append(
                f"    {json.dumps(name)}: {{__class__: astropy.table.column.MaskedColumn, "
                f"unit: !astropy.units.Unit {{unit: {json.dumps(field.unit)}}}, "
                f"data: !astropy.table.SerializedColumn {{name: {json.dumps(name)}}}}}"
            )
    yaml += ["meta:", "  __serialized_columns__:" if units else "  {}", *units]
    lines = ["--BEGIN-ASTROPY-SERIALIZED-COLUMNS--"]
    for line in yaml:
        *parts, last = (line[i : i + YAML_LINE] for i in range(0, len(line), YAML_LINE))
        lines += [*(f"{part}\\" for part in parts), last]
    return [*lines, "--END-ASTROPY-SERIALIZED-COLUMNS--"]


def _ascii(text: str) -> str:
    """Text for a FITS header, which has only printable ASCII."""
    text = text.translate(ASCII)
    return text if text.isascii() and text.isprintable() else text.encode(ESCAPED).decode()
