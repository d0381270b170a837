"""Stellar labels from any table, joined to stars by ``source_id``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.columns import BY_NAME, ID_ALIASES, JOINED, MISSING_VALUES
from xpmodel.errors import InputError
from xpmodel.tables.cells import integer_ids
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
        Rows passed over because their id is not an integer.
    """

    path: Path
    source_id: np.ndarray
    labels: pa.Table
    n_repeated: int
    n_without_id: int

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
        self._path = table.path
        found = {c.name: _first(table, (c.name, *c.aliases)) for c in JOINED}
        self._columns = {label: name for label, name in found.items() if name is not None}
        bp, rp = (_first(table, aliases) for aliases in (BP_MAGS, RP_MAGS))
        self._magnitudes: list[str] = []
        if "bp_rp" not in self._columns and bp is not None and rp is not None:
            self._magnitudes = [bp, rp]
        self.names = [*self._columns.values(), *self._magnitudes]

    def take(self, rows: pa.Table) -> pa.Table:
        """Labels of some rows under the catalog's names; null where missing.

        Raises
        ------
        InputError
            When a label is not of its column's type.
        """
        labels = rows.select([])  # a table made of no columns would have no rows
        for label, name in self._columns.items():
            labels = labels.append_column(label, self._read(rows, name, BY_NAME[label].type))
        if self._magnitudes:
            bp, rp = (self._read(rows, name, pa.float64()) for name in self._magnitudes)
            labels = labels.append_column("bp_rp", pc.subtract(bp, rp).cast(BY_NAME["bp_rp"].type))
        return labels

    def _read(self, rows: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
        try:
            return _as_label(rows.column(name), kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            cause = " ".join(str(error).split())[:120]
            raise InputError(
                f"{self._path}: column {name} cannot be read as {kind} ({cause}); "
                "correct or rename it"
            ) from None


def read_labels(path: str | Path) -> LabelTable:
    """Read what a table has of the catalog's label columns.

    Parameters
    ----------
    path : path
        CSV, ECSV, FITS, VOTable or Parquet with a ``source_id`` (or ``dr3_source_id``,
        ``gaiaedr3_source_id``) and labels under the catalog's names or APOGEE's.

    Raises
    ------
    InputError
        When there is no id column, or a label is not a number.
    """
    reader = open_table(path)
    id_name = _first(reader, ID_ALIASES)
    if id_name is None:
        raise InputError(f"{path}: no column source_id (nor {', '.join(ID_ALIASES[1:])})")
    columns = LabelColumns(reader)
    ids, parts, n_without_id = [], [], 0
    for chunk, _ in reader.chunks([id_name, *columns.names], rows=65_536):
        source_id, valid = integer_ids(chunk.column(id_name))
        n_without_id += int((~valid).sum())
        ids.append(source_id[valid])
        parts.append(columns.take(chunk.filter(pa.array(valid))))
    if not ids:
        raise InputError(f"{path}: no rows")
    labels = pa.concat_tables(parts)
    # Of equal ids numpy's stable sort leaves the file's first row in front.
    source_id, first = np.unique(np.concatenate(ids), return_index=True)
    n_repeated = sum(map(len, ids)) - len(source_id)
    return LabelTable(Path(path), source_id, labels.take(first), n_repeated, n_without_id)


def _first(reader: TableReader, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in reader), None)


def _as_label(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Values in the catalog's type, null where the table has none."""
    if pa.types.is_string(kind):
        return values.cast(kind)
    if pa.types.is_integer(kind):
        if pa.types.is_floating(values.type):  # flags with gaps, as pandas writes them
            values = pc.if_else(pc.is_finite(values), values, None)
        elif pa.types.is_string(values.type):
            values = pc.replace_substring_regex(values, r"\.0*$", "")
        flags = values.cast(pa.int64())
        return pc.if_else(pc.equal(flags, int(MISSING_VALUES[1])), None, flags)
    numbers = values.cast(pa.float64())
    low, high = MISSING_VALUES
    marked = pc.and_(pc.greater(numbers, low), pc.less_equal(numbers, high))
    present = pc.and_(pc.is_finite(numbers), pc.invert(marked))
    return pc.if_else(present, numbers, None).cast(kind)
