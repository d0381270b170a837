"""Stellar labels from any table, joined to stars by ``source_id``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.columns import BY_NAME, ID_ALIASES, LABELS, MISSING_VALUE, Column
from xpmodel.errors import InputError
from xpmodel.tables import TableReader, integer_ids, open_table

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
    names = {c.name: _first(reader, (c.name, *c.aliases)) for c in LABELS}
    wanted = {label: name for label, name in names.items() if name is not None}
    magnitudes = [_first(reader, aliases) for aliases in (BP_MAGS, RP_MAGS)]
    if "bp_rp" not in wanted and None not in magnitudes:
        wanted |= dict(zip(("_bp", "_rp"), magnitudes, strict=True))

    ids, parts, n_without_id = [], [], 0
    columns = list(dict.fromkeys([id_name, *wanted.values()]))
    for chunk, _ in reader.chunks(columns, rows=65_536):
        source_id, valid = integer_ids(chunk.column(id_name))
        n_without_id += int((~valid).sum())
        ids.append(source_id[valid])
        kept = chunk.filter(pa.array(valid))
        parts.append(
            pa.table(
                {
                    label: _as_label(kept.column(name), BY_NAME.get(label), path, name)
                    for label, name in wanted.items()
                }
            )
        )
    if not ids:
        raise InputError(f"{path}: no rows")
    labels = pa.concat_tables(parts)
    if "_bp" in wanted:
        color = pc.subtract(labels.column("_bp"), labels.column("_rp"))
        labels = labels.append_column("bp_rp", color).drop_columns(["_bp", "_rp"])
    # Of equal ids numpy's stable sort leaves the file's first row in front.
    source_id, first = np.unique(np.concatenate(ids), return_index=True)
    n_repeated = sum(map(len, ids)) - len(source_id)
    return LabelTable(Path(path), source_id, labels.take(first), n_repeated, n_without_id)


def _first(reader: TableReader, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in reader), None)


def _as_label(
    values: pa.ChunkedArray, column: Column | None, path: str | Path, name: str
) -> pa.ChunkedArray:
    """Values in the catalog's type, null where the table has none."""
    kind = column.type if column is not None else pa.float32()
    try:
        if pa.types.is_integer(kind):
            return values.cast(pa.int64())
        if pa.types.is_string(kind):
            return values.cast(kind)
        numbers = values.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{path}: column {name} cannot be read as {kind} ({error})") from None
    present = pc.and_(pc.is_finite(numbers), pc.greater(numbers, MISSING_VALUE + 1))
    return pc.if_else(present, numbers, None).cast(kind)
