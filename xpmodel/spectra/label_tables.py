"""Stellar labels from any table, joined to stars by ``source_id``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.columns import BY_NAME, JOINED, Column
from xpmodel.errors import InputError
from xpmodel.spectra.missing_values import FLAG_CODES, MAGNITUDE, without_codes
from xpmodel.tables.cells import integers, numbers, quoted, trimmed
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.origin import Origin
from xpmodel.tables.reader import TableReader, open_table

# Where a table has magnitudes but no color, as the catalog of Laroche & Speagle (2024).
BP_MAGS = ("phot_bp_mean_mag", "gaiaedr3_phot_bp_mean_mag")
RP_MAGS = ("phot_rp_mean_mag", "gaiaedr3_phot_rp_mean_mag")


@dataclass(frozen=True)
class LabelTable:
    """Labels of stars, each star once.

    Attributes
    ----------
    path : Path
    source_id : ndarray, (M,) int64
        Sorted.
    labels : pyarrow.Table
        M rows of those of the catalog's label columns that the file has; null where missing.
    n_repeated : int
        Rows passed over because an earlier row has the same id.
    n_without_id : int
        Rows passed over because their id is not an exact integer.
    without_id : str
        How many these are, and the first, as it stands in the file.
    remarks : list of str
        What a user should know of the file, as `xpmodel.tables.reader.TableReader.remarks`.
    """

    path: Path
    source_id: np.ndarray
    labels: pa.Table
    n_repeated: int
    n_without_id: int
    without_id: str
    remarks: list[str]

    def lookup(self, source_id: np.ndarray) -> pa.Table:
        """The labels of some stars, in their order; null where a star is not in the table."""
        if not len(self.source_id):
            return self.labels.take(pa.nulls(len(source_id), pa.int64()))
        place = np.searchsorted(self.source_id, source_id)
        place = np.minimum(place, len(self.source_id) - 1)
        return self.labels.take(pa.array(place, mask=self.source_id[place] != source_id))


class LabelColumns:
    """Which columns of a table hold the catalog's labels.

    Attributes
    ----------
    names : list of str
        The columns to read.
    """

    def __init__(self, table: TableReader) -> None:
        found = {c.name: _first(table, (c.name, *c.aliases)) for c in JOINED}
        self._columns = {label: name for label, name in found.items() if name is not None}
        bp, rp = (_first(table, aliases) for aliases in (BP_MAGS, RP_MAGS))
        self._magnitudes: list[str] = []
        if "bp_rp" not in self._columns and bp is not None and rp is not None:
            self._magnitudes = [bp, rp]
        self.names = [*self._columns.values(), *self._magnitudes]

    def take(self, rows: pa.Table, origin: Origin) -> pa.Table:
        """Labels of some rows under the catalog's names; null where missing.

        Parameters
        ----------
        rows : pyarrow.Table
            With the columns `names`.
        origin : Origin
            Where the rows come from, for what is wrong with them.

        Raises
        ------
        InputError
            When a label is not of its column's type.
        """
        labels = rows.select([])  # a table made of no columns would have no rows
        for label, name in self._columns.items():
            column = BY_NAME[label]
            values = self._read(rows, name, column, origin)
            labels = labels.append_column(label, values.cast(column.type))
        if self._magnitudes:
            bp, rp = (self._read(rows, n, MAGNITUDE, origin) for n in self._magnitudes)
            labels = labels.append_column("bp_rp", pc.subtract(bp, rp).cast(BY_NAME["bp_rp"].type))
        return labels

    def _read(
        self, rows: pa.Table, name: str, column: Column, origin: Origin
    ) -> pa.Array | pa.ChunkedArray:
        """Values as text, int64 or float64, null where the table has none."""
        cells = rows.column(name)
        try:
            if pa.types.is_string(column.type):
                return trimmed(cells)
            if pa.types.is_integer(column.type):
                values, wrong = integers(cells)
                values = pc.if_else(pc.is_in(values, pa.array(FLAG_CODES)), None, values)
                kind = "whole number"
            else:
                found, wrong = numbers(cells)
                values = pa.array(
                    without_codes(found.astype(np.float64), column), from_pandas=True
                )  # NaN becomes null
                kind = "number"
        except pa.ArrowException as error:
            path, cause = origin.files[0], " ".join(str(error).split())[:120]
        else:
            if not wrong.any():
                return values
            row = int(np.flatnonzero(wrong)[0])
            path = origin.path(row)
            cause = f"row {origin.row[row]}: {quoted(cells[row].as_py())} is no {kind}"
        raise InputError(
            f"{path}: column {name} cannot be read as {column.type} ({cause}); correct or rename it"
        )


def read_labels(path: str | Path) -> LabelTable:
    """Read what a table has of the catalog's label columns.

    Parameters
    ----------
    path : path
        Any table with identifiers of Gaia DR3 (see `xpmodel.tables.id_column`) and labels under
        the catalog's names or APOGEE's.

    Raises
    ------
    InputError
        When there are no identifiers of Gaia DR3, or a label is not a number.
    """
    reader = open_table(path)
    id_column = IdColumn(reader)
    columns = LabelColumns(reader)
    ids, parts, n_read = [], [], 0
    for chunk, _ in reader.chunks([*id_column.names, *columns.names], rows=65_536):
        origin = Origin.of(reader.path, n_read, len(chunk))
        source_id, valid = id_column.read(chunk, origin)
        ids.append(source_id[valid])
        parts.append(columns.take(chunk.filter(pa.array(valid)), origin[valid]))
        n_read += len(chunk)
    id_column.check_any()
    labels = pa.concat_tables(parts)
    # Of equal ids numpy's stable sort leaves the file's first row in front.
    source_id, first = np.unique(np.concatenate(ids), return_index=True)
    n_repeated = sum(map(len, ids)) - len(source_id)
    return LabelTable(
        path=Path(path),
        source_id=source_id,
        labels=labels.take(first),
        n_repeated=n_repeated,
        n_without_id=id_column.n_without,
        without_id=id_column.without,
        remarks=[*reader.remarks, *filter(None, [id_column.remark])],
    )


def _first(reader: TableReader, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in reader), None)
