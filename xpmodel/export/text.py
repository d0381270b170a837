"""Stars as text: CSV and ECSV.

`xpmodel.export.stars.write_stars` is the way in.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from xpmodel.export.rows import VECTORS, StarRows, distinct_names
from xpmodel.spectra.bands import BANDS, N_BAND

PREFIXES = {"coeffs": "", "coeff_errs": "e_"}
# What begins a formula in a spreadsheet, its full-width twins included.
FORMULA = "^[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]"


def write_csv(path: Path, stars: StarRows) -> None:
    """Write CSV, in which a missing value is an empty cell.

    Text that a spreadsheet would run as a formula (that begins with ``=``, ``+``, ``-``, ``@``, a
    tab or a line break) gets an apostrophe in front of it, in cells and column names; numbers stay
    as they are.
    """
    with open(path, "wb") as file:
        names = pa.array(_flat(stars.schema.empty_table()).column_names, pa.string())
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(_without_formulas(names).to_pylist())
        file.write(line.getvalue().encode())
        for chunk in stars.chunks():
            safe = chunk
            for i, field in enumerate(chunk.schema):
                if pa.types.is_string(field.type):
                    safe = safe.set_column(i, field, _without_formulas(chunk.column(i)))
            _write_cells(file, _flat(safe))


def write_ecsv(path: Path, stars: StarRows) -> None:
    """Write ECSV: rows of CSV below a header that astropy makes.

    Names lose blanks around them, and line breaks; the header says which. Text stays as it is
    (astropy takes off blanks around it when it reads, and cannot tell empty
    text from missing text).
    """
    from astropy.io import ascii
    from astropy.table import Column, Table
    from astropy.units import Unit

    columns = _flat(stars.schema.empty_table()).schema
    names = distinct_names(columns.names, lambda name: " ".join(name.split()))
    renamed = {new: old for new, old in zip(names, columns.names, strict=True) if new != old}
    header = Table(meta=stars.meta | ({"names_in_catalog": renamed} if renamed else {}))
    for name, field in zip(names, columns, strict=True):
        about = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        kind = str if pa.types.is_string(field.type) else field.type.to_pandas_dtype()
        unit, description = (about.get(key) for key in ("unit", "description"))
        # "nat" is no unit to astropy, which reads it all the same.
        unit = None if unit is None else Unit(unit, parse_strict="silent")
        header[name] = Column(dtype=kind, unit=unit, description=description)
    with open(path, "wb") as file:
        text = io.StringIO()
        ascii.write(header, text, format="ecsv", delimiter=",")
        file.write(text.getvalue().encode())
        for chunk in stars.chunks():
            _write_cells(file, _flat(chunk))


def _write_cells(file: BinaryIO, table: pa.Table) -> None:
    """Write rows of text and numbers; NaN and null are empty cells."""
    for i, column in enumerate(table.columns):
        cells = column
        if pa.types.is_floating(column.type):
            cells = pc.if_else(pc.is_nan(column), None, column)
        elif pa.types.is_boolean(column.type):
            cells = pc.if_else(column, "True", "False")
        table = table.set_column(i, str(i), cells)
    pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=False))


def _without_formulas(text: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    marked = pc.binary_join_element_wise("'", text, "")
    return pc.if_else(pc.match_substring_regex(text, FORMULA), marked, text)


def _flat(table: pa.Table) -> pa.Table:
    """With a column for each coefficient instead of vectors."""
    for name in VECTORS:
        if name not in table.column_names:
            continue
        vectors = table.column(name)
        numbers = vectors.combine_chunks().flatten().to_numpy().reshape(-1, vectors.type.list_size)
        table = table.drop_columns(name)
        names = [f"{PREFIXES[name]}{b}_coeff_{i}" for b in BANDS for i in range(N_BAND)]
        for i, flat in enumerate(names):
            field = pa.field(flat, pa.float32(), metadata={"unit": "electron s-1"})
            table = table.append_column(field, pa.array(np.ascontiguousarray(numbers[:, i])))
    return table
