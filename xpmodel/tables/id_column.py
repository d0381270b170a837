"""Which column of a table holds its stars' Gaia DR3 identifiers, and which rows have none.

Spectra, labels, photometry, pasted tables and those that other programs send choose here.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.tables.cells import integer_ids, quoted
from xpmodel.tables.id_names import choose_id_columns
from xpmodel.tables.origin import Origin
from xpmodel.tables.parts import some
from xpmodel.tables.reader import TableReader

# Of the names that are known, those that an error shows.
KNOWN = ("gaia_dr3_source_id", "dr3_source_id", "gaiaedr3_source_id", "Source", "DR3Name", "ids")


class IdColumn:
    """A table's identifiers, and an account of the rows that have none.

    Attributes
    ----------
    names : list of str
        The columns to read.
    n_without : int
        Rows without an exact integer, of those read so far.

    Raises
    ------
    InputError
        When the table has none, or those of another release.
    """

    def __init__(self, table: TableReader) -> None:
        self._path = table.path
        try:
            chosen = choose_id_columns(name.strip() for name in table.columns)
        except InputError as error:
            raise InputError(f"{table.path}: {error}") from None
        firsts = {name.lower(): name for name in reversed(chosen)}
        self.names = [
            one
            for name in chosen
            if firsts[name.lower()] == name
            for one in (name, *table.repeats(name))
        ]
        if not self.names:
            raise InputError(
                f"{table.path}: no column 'source_id' (nor {', '.join(KNOWN)}); it has "
                f"{some(table.columns)}"
            )
        self.n_without = 0
        self._n_rows = 0
        self._first = ""

    def read(self, rows: pa.Table, origin: Origin) -> tuple[np.ndarray, np.ndarray]:
        """Read the identifiers of some rows.

        Where several columns have the identifiers, a row's is in the first that has one.

        Parameters
        ----------
        rows : pyarrow.Table
            With the columns `names`.
        origin : Origin
            Where they come from, for what is wrong with them.

        Returns
        -------
        ids : ndarray, (N,) int64
            0 where there is none.
        valid : ndarray, (N,) bool

        Raises
        ------
        InputError
            When two columns have different identifiers in a row.
        """
        ids, valid = _ids(rows[self.names[0]])
        for name in self.names[1:]:
            others, given = _ids(rows[name])
            differ = np.flatnonzero(valid & given & (ids != others))
            if len(differ):
                row = int(differ[0])
                raise InputError(
                    f"{origin.path(row)}: row {origin.row[row]} has two identifiers, "
                    f"{ids[row]} in {self.names[0]!r} and {others[row]} in {name!r}; "
                    "remove the column that is not of Gaia DR3, or rename it"
                )
            ids, valid = np.where(valid, ids, others), valid | given
        bad = np.flatnonzero(~valid)
        if len(bad) and not self.n_without:
            row = int(bad[0])
            cell = rows[self.names[0]][row].as_py()
            self._first = f"row {origin.row[row]}: {quoted(cell)}"
        self.n_without += len(bad)
        self._n_rows += len(rows)
        return ids, valid

    def text(self, rows: pa.Table, places: np.ndarray) -> list[str]:
        """What stands in the rows at some places, as text; empty where nothing does."""
        cells = rows[self.names[0]].take(pa.array(places))
        return ["" if cell is None else str(cell) for cell in cells.to_pylist()]

    @property
    def without(self) -> str:
        """How many rows have no exact integer, and the first of these; empty if all have one."""
        if not self.n_without:
            return ""
        rows = f"{self.n_without} row{'' if self.n_without == 1 else 's'}"
        return f"{rows} without an exact integer in {self.names[0]} (the first, {self._first})"

    @property
    def remark(self) -> str:
        """That the name of a column says no release, where it is one that others use too."""
        name = self.names[0]
        if name.lower() not in ("gaia_source_id", "source"):
            return ""
        return f"{self._path.name}: {name} says no release; its ids are taken as Gaia DR3's"

    def check_any(self) -> None:
        """Refuse a table none of whose rows had an identifier.

        Raises
        ------
        InputError
            When rows were read, and none has one.
        """
        if not self._n_rows:
            raise InputError(f"{self._path}: no rows; download or save it again")
        if self.n_without == self._n_rows:
            raise InputError(
                f"{self._path}: no row has an integer id in {self.names[0]!r}; the first is "
                f"{self._first}; save the identifiers of Gaia DR3 as 64-bit integers or as text "
                "(floats lose digits)"
            )


def _ids(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Exact identifiers; 0, which tables write where there is none, is none."""
    ids, valid = integer_ids(column)
    return ids, valid & (ids > 0)
