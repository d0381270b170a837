"""The true labels and noise-free coefficients of a mock sky, matched to a catalog of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.ids import rows_with
from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_COEFFICIENTS


def read_truth(path: str | Path, catalog: Catalog, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of a ``truth.parquet`` (``xpmodel mock --truth``) in a catalog's row order.

    Parameters
    ----------
    path : path
    catalog : Catalog
    columns : sequence of str

    Returns
    -------
    dict of str to ndarray, (N,)

    Raises
    ------
    InputError
        When it cannot be read, lacks a column, or lacks stars of the catalog.
    """
    table, rows = _of_stars(path, catalog, columns)
    return {name: table.column(name).to_numpy()[rows] for name in columns}


def read_true_coefficients(path: str | Path, catalog: Catalog) -> np.ndarray:
    """Noise-free coefficients of a mock sky in a catalog's row order, (N, 110) float32.

    Archive units. Raises as `read_truth` does.
    """
    table, rows = _of_stars(path, catalog, ["coefficients"])
    values = table.column("coefficients").combine_chunks()
    flat = values.flatten().to_numpy()
    if len(flat) != len(values) * N_COEFFICIENTS:
        raise InputError(f"{path}: its coefficients are not lists of {N_COEFFICIENTS}")
    return flat.reshape(-1, N_COEFFICIENTS)[rows]


def _of_stars(
    path: str | Path, catalog: Catalog, columns: Sequence[str]
) -> tuple[pa.Table, np.ndarray]:
    """Columns of the file, and its row of each of the catalog's stars."""
    names = ["source_id", *columns]
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in names if name not in file.schema_arrow.names]
            table = None if missing else file.read(names)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not the truth of a mock sky ({reason})") from None
    if table is None:
        raise InputError(f"{path}: no column {', '.join(missing)}; make it with 'mock --truth'")
    ids = table.column("source_id").to_numpy()
    rows = rows_with(ids, catalog.source_id)
    unknown = int((rows < 0).sum())
    if unknown:
        raise InputError(
            f"{path}: {unknown} of the {len(catalog)} stars of {catalog.path.name} are not in it; "
            "give the truth of the same sky"
        )
    return table, rows
