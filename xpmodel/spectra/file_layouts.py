"""Layouts of files with XP spectra: which columns hold them, and the vectors in these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_BAND, N_COEFFICIENTS
from xpmodel.spectra.label_tables import LabelColumns
from xpmodel.spectra.photometry import GColumns
from xpmodel.tables.cells import has_gap, number_lists, numbers, of_column, quoted
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.reader import TableReader


class Layout:
    """Which columns of a table hold what.

    Attributes
    ----------
    id : IdColumn
        The identifiers.
    coefficients, errors : list of list of str
        The columns of each vector: BP and RP, or one vector of both.
    size : int
        Numbers in each vector, 55 or 110.
    correlations : list of str
        Of BP and RP; empty if not asked for.
    relevant_bases : list of str
        The numbers of relevant bases of BP and RP; empty if the table has them not.
    g : GColumns
        The G flux or magnitude, if it has one.
    labels : LabelColumns or None
        None if not asked for or if there are none.
    names : list of str
        All columns to read.

    Raises
    ------
    InputError
        If a column is missing.
    """

    def __init__(self, table: TableReader, correlations: bool, labels: bool) -> None:
        self.path = table.path
        self.id = IdColumn(table)
        # The catalog of Laroche & Speagle (2024) has names of its own.
        self.size = N_BAND
        if "bp_coefficients" not in table and "bp_coeff_0" in table:
            self.coefficients, self.errors = (
                [[f"{prefix}{band}_coeff_{i}" for i in range(N_BAND)] for band in BANDS]
                for prefix in ("", "e_")
            )
        elif "bp_coefficients" not in table and "coeffs" in table:
            self.coefficients, self.errors = [["coeffs"]], [["coeff_errs"]]
            self.size = N_COEFFICIENTS
        else:
            self.coefficients = [["bp_coefficients"], ["rp_coefficients"]]
            self.errors = [["bp_coefficient_errors"], ["rp_coefficient_errors"]]
        self.correlations = (
            [f"{band}_coefficient_correlations" for band in BANDS] if correlations else []
        )
        bases = [f"{band}_n_relevant_bases" for band in BANDS]
        self.relevant_bases = bases if all(name in table for name in bases) else []
        self.g = GColumns(table)
        needed = [*self.id.names, *self.g.names]
        needed += [name for names in self.coefficients + self.errors for name in names]
        needed += self.correlations
        for name in needed:
            if name not in table:
                raise InputError(
                    f"{table.path}: no column {name!r}; XP spectra need source_id and, "
                    "for bp and rp, coefficients and errors (and correlations where they are "
                    "asked for)"
                )
        found = LabelColumns(table) if labels else None
        self.labels = found if found and found.names else None
        needed += self.relevant_bases
        self.names = list(dict.fromkeys(needed + (found.names if found else [])))


@dataclass(frozen=True, eq=False)
class Vectors:
    """A vector of each row, of one band or of both.

    Attributes
    ----------
    values : ndarray, (N, size)
        NaN where a number is missing, and throughout a row of another length.
    lengths : ndarray, (N,)
        How many numbers each row has, 0 where there is none.
    unreadable : ndarray, (N,) of str
        What is wrong with text that is no list of numbers; else empty.
    wrong : ndarray, (N,) of str
        What is no number in a list of numbers; else empty.
    """

    values: np.ndarray
    lengths: np.ndarray
    unreadable: np.ndarray
    wrong: np.ndarray


def read_vectors(table: pa.Table, columns: list[str], size: int = N_BAND) -> Vectors:
    """Read a vector of each row: from one column of vectors or text, or a column a number."""
    unreadable, wrong = (np.full(len(table), "", object) for _ in range(2))
    if len(columns) > 1:
        parts = []
        for name in columns:
            with of_column(name):
                values, is_wrong = numbers(table[name])
            parts.append(values)
            for row in np.flatnonzero(is_wrong).tolist():
                wrong[row] = wrong[row] or f"{name} {_cell(table, name, row)} is no number"
        lengths = np.full(len(table), size)
        return Vectors(np.stack(parts, axis=1), lengths, unreadable, wrong)
    with of_column(columns[0]):
        lists = number_lists(table[columns[0]])
    values = lists.of_size(size)
    some_are_numbers = np.isfinite(values).any(axis=1)
    for row in np.flatnonzero(lists.unreadable).tolist():
        where = wrong if some_are_numbers[row] else unreadable
        where[row] = _what_is_unreadable(table, columns[0], row)
    return Vectors(values, lists.lengths, unreadable, wrong)


def _cell(table: pa.Table, name: str, row: int) -> str:
    return quoted(table[name][row].as_py())


def _what_is_unreadable(table: pa.Table, name: str, row: int) -> str:
    what = "is no list of numbers"
    if has_gap(str(table[name][row].as_py())):
        what = "has a gap (…): numbers were left out when it was written"
    return f"{name} {_cell(table, name, row)} {what}"


def relevant_bases(table: pa.Table, columns: list[str]) -> np.ndarray | None:
    """Numbers of relevant bases of BP and RP, (N, 2) int16; 0 where there is no number of them."""
    if not columns:
        return None
    found = np.zeros((len(table), 2), np.int16)
    for band, name in enumerate(columns):
        with of_column(name):
            values, _ = numbers(table[name])
        known = (values >= 1) & (values <= N_BAND)
        found[known, band] = values[known]
    return found


def correlation_matrices(table: pa.Table, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Fill in symmetric matrices from their lower triangles or whole.

    Returns
    -------
    matrices : ndarray, (N, 2, 55, 55)
        NaN where there are none.
    unreadable : ndarray, (N,) of str
        What is wrong with correlations that are there and cannot be read; else empty.
    """
    matrices = np.full((len(table), 2, N_BAND, N_BAND), np.nan)
    unreadable = np.full(len(table), "", object)
    i, j = np.tril_indices(N_BAND, k=-1)
    diagonal = np.arange(N_BAND)
    for band, name in enumerate(columns):
        with of_column(name):
            lists = number_lists(table[name])
        for row in np.flatnonzero(lists.unreadable).tolist():
            unreadable[row] = _what_is_unreadable(table, name, row)
        matrix = matrices[:, band]
        matrix[:, i, j] = matrix[:, j, i] = lists.of_size(len(i))
        is_triangle, is_whole = lists.lengths == len(i), lists.lengths == N_BAND**2
        matrix[:, diagonal, diagonal] = np.where(is_triangle, 1, np.nan)[:, None]
        if is_whole.any():
            matrix[is_whole] = lists.of_size(N_BAND**2)[is_whole].reshape(-1, N_BAND, N_BAND)
        odd = ~is_triangle & ~is_whole & (lists.lengths > 0) & ~lists.unreadable
        for row in np.flatnonzero(odd).tolist():
            unreadable[row] = f"{name} has {lists.lengths[row]} numbers, not {len(i)}"
    return matrices, unreadable
