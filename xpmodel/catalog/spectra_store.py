"""The spectra of a catalog's stars, in an Arrow file beside it, in its row order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_COEFFICIENTS
from xpmodel.spectra.spectra import Spectra

SPECTRA_SCHEMA = pa.schema(
    [
        pa.field("source_id", pa.int64(), nullable=False),
        pa.field("g_flux", pa.float32(), nullable=False),
        pa.field("coefficients", pa.list_(pa.float32(), N_COEFFICIENTS), nullable=False),
        pa.field("errors", pa.list_(pa.float32(), N_COEFFICIENTS), nullable=False),
        pa.field("n_relevant_bases", pa.list_(pa.int16(), len(BANDS)), nullable=False),
    ]
)
# As earlier versions wrote them.
_WITHOUT_BASES = pa.schema([field for field in SPECTRA_SCHEMA if field.name != "n_relevant_bases"])


def spectra_path(path: str | Path) -> Path:
    """Where the spectra of a catalog lie: ``stars.parquet`` → ``stars.spectra.arrow``."""
    return Path(path).with_suffix(".spectra.arrow")


def spectra_table(spectra: Spectra) -> pa.Table:
    """Rows of the file for some spectra."""
    bases = spectra.n_relevant_bases
    if bases is None:  # not known of any
        bases = np.zeros((len(spectra), len(BANDS)), np.int16)

    def lists(values: np.ndarray, kind: type = np.float32) -> pa.FixedSizeListArray:
        flat = pa.array(np.ascontiguousarray(values, kind).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])

    return pa.table(
        {
            "source_id": spectra.source_id,
            "g_flux": spectra.g_flux.astype(np.float32),
            "coefficients": lists(spectra.coefficients),
            "errors": lists(spectra.errors),
            "n_relevant_bases": lists(bases, np.int16),
        },
        schema=SPECTRA_SCHEMA,
    )


class SpectraStore:
    """Spectra in an Arrow file, memory-mapped: a star's come in microseconds.

    Parameters
    ----------
    path : path

    Raises
    ------
    InputError
        When the file is missing or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            if reader.schema not in (SPECTRA_SCHEMA, _WITHOUT_BASES):
                raise InputError(f"{path}: not the spectra of a catalog (other columns)")
            self._has_bases = reader.schema == SPECTRA_SCHEMA
            self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        except FileNotFoundError:
            raise InputError(f"{path}: the catalog's spectra are not beside it") from None
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{path}: not a whole Arrow file ({error})") from None
        self._starts = np.cumsum([0, *(batch.num_rows for batch in self._batches)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def source_id(self) -> np.ndarray:
        """Ids in row order, (N,) int64."""
        columns = [batch.column("source_id").to_numpy() for batch in self._batches]
        return np.concatenate([np.empty(0, np.int64), *columns])

    @property
    def n_relevant_bases(self) -> np.ndarray | None:
        """Relevant bases of BP and RP in row order, (N, 2) int16; None if not known of any star.

        0 where they are not known.
        """
        if not self._has_bases:
            return None
        columns = [batch.column("n_relevant_bases").flatten() for batch in self._batches]
        parts = [column.to_numpy() for column in columns]
        found = np.concatenate([np.empty(0, np.int16), *parts]).reshape(-1, len(BANDS))
        return found if found.any() else None

    def __getitem__(self, rows: int | slice | np.ndarray) -> Spectra:
        """The spectra of some rows, in the order asked for."""
        if isinstance(rows, (int, np.integer)):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"row {rows} of {len(self)} spectra")
            rows = np.array([rows % len(self)])  # the range below takes longer than the spectrum
        else:
            rows = np.arange(len(self))[rows]
        batch_of = np.searchsorted(self._starts, rows, side="right") - 1
        n = len(rows)
        columns: dict[str, np.ndarray] = {
            "source_id": np.empty(n, np.int64),
            "g_flux": np.empty(n, np.float64),
            "coefficients": np.empty((n, N_COEFFICIENTS), np.float32),
            "errors": np.empty((n, N_COEFFICIENTS), np.float32),
        }
        if self._has_bases:
            columns["n_relevant_bases"] = np.empty((n, len(BANDS)), np.int16)
        for number in np.unique(batch_of):
            batch, here = self._batches[number], np.flatnonzero(batch_of == number)
            within = rows[here] - self._starts[number]
            for name, values in columns.items():
                column = batch.column(name)
                if values.ndim == 2:
                    table = column.flatten().to_numpy().reshape(-1, values.shape[1])
                else:
                    table = column.to_numpy()
                values[here] = table[within]
        return Spectra(
            source_id=columns["source_id"],
            coefficients=columns["coefficients"],
            errors=columns["errors"],
            g_flux=columns["g_flux"],
            g_flux_source="catalog",
            n_relevant_bases=columns.get("n_relevant_bases"),
        )
