"""Layouts of files with XP spectra: which columns hold them, and how vectors are written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_BAND, N_COEFFICIENTS
from xpmodel.spectra.label_tables import LabelColumns
from xpmodel.spectra.photometry import g_flux_column
from xpmodel.tables.cells import NULLS, floats
from xpmodel.tables.reader import TableReader


class Layout:
    """Which columns of a table hold what.

    Attributes
    ----------
    id : str
        The column of identifiers.
    coefficients, errors : list of list of str
        The columns of each vector: BP and RP, or one vector of both.
    size : int
        Numbers in each vector, 55 or 110.
    correlations : list of str
        Of BP and RP; empty if not asked for.
    flux : str or None
        The column of the G flux or magnitude.
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
        # The catalog of Laroche & Speagle (2024) has names of its own.
        self.id = "ids" if "ids" in table and "source_id" not in table else "source_id"
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
        self.flux = g_flux_column(table)
        needed = [self.id, *([self.flux] if self.flux else [])]
        needed += [name for names in self.coefficients + self.errors for name in names]
        needed += self.correlations
        for name in needed:
            if name not in table:
                raise InputError(
                    f"{table.path}: no column {name!r}; XP spectra need source_id (or ids) and, "
                    "for bp and rp, coefficients and errors (and correlations where they are "
                    "asked for)"
                )
        found = LabelColumns(table) if labels else None
        self.labels = found if found and found.names else None
        self.names = list(dict.fromkeys(needed + (found.names if found else [])))


def vectors(
    table: pa.Table, columns: list[str], size: int = N_BAND
) -> tuple[np.ndarray, np.ndarray]:
    """Read a vector of each row: from one column of vectors or text, or a column a number.

    Returns
    -------
    values : ndarray, (N, size)
        NaN where a number is missing, and throughout a row of another length.
    lengths : ndarray, (N,)
        How many numbers each row has, 0 where there is none.
    """
    if len(columns) > 1:
        return np.stack([floats(table[name]) for name in columns], axis=1), np.full(
            len(table), size
        )
    column = table[columns[0]]
    if not pa.types.is_nested(column.type):
        text = pc.ascii_trim(column.cast(pa.string()), " ()[]")
        missing = pc.is_in(text, pa.array(NULLS))
        column = pc.split_pattern(pc.if_else(missing, None, text), ",")
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    fits = lengths == size
    numbers = pc.list_flatten(column).filter(pa.array(np.repeat(fits, lengths)))
    if pa.types.is_string(numbers.type):
        numbers = pc.ascii_trim(numbers, " ()[]")
    numbers = floats(numbers)
    values = np.full((len(table), size), np.nan, numbers.dtype)
    values[fits] = numbers.reshape(-1, size)
    return values, lengths


def correlation_matrices(table: pa.Table, columns: list[str]) -> np.ndarray:
    """Fill in symmetric matrices, (N, 2, 55, 55), from their lower triangles or whole."""
    matrices = np.full((len(table), 2, N_BAND, N_BAND), np.nan)
    i, j = np.tril_indices(N_BAND, k=-1)
    diagonal = np.arange(N_BAND)
    for band, name in enumerate(columns):
        triangle, lengths = vectors(table, [name], len(i))
        matrix = matrices[:, band]
        matrix[:, i, j] = matrix[:, j, i] = triangle
        matrix[:, diagonal, diagonal] = np.where(lengths == len(i), 1, np.nan)[:, None]
        if (whole := lengths == N_BAND**2).any():
            full, _ = vectors(table, [name], N_BAND**2)
            matrix[whole] = full[whole].reshape(-1, N_BAND, N_BAND)
    return matrices
