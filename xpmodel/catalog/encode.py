"""Encode files of spectra into a catalog: read, encode, join labels, write."""

from __future__ import annotations

import collections
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from xpmodel._atomic import replacing
from xpmodel._prefetch import ahead
from xpmodel._version import __version__
from xpmodel.catalog.catalog import FORMAT, METADATA_KEY, left_out_path
from xpmodel.catalog.positions import position_from_id
from xpmodel.catalog.spectra_store import SPECTRA_SCHEMA, spectra_path, spectra_table
from xpmodel.columns import (
    JOINED,
    catalog_schema,
    latent_columns,
    noise_column,
    width_column,
)
from xpmodel.errors import InputError
from xpmodel.model.model import Encoded, Model
from xpmodel.spectra.label_tables import LabelTable, read_labels
from xpmodel.spectra.photometry import g_mag_from_flux
from xpmodel.spectra.report import FROM_FILE, FROM_PHOTOMETRY, SYNTHETIC, Report
from xpmodel.spectra.spectra import Spectra, iter_spectra
from xpmodel.tables.reader import expand_paths

CHUNK_ROWS = 8192
# A star's correlations take 48 kB.
CHUNK_ROWS_CORRELATIONS = 1024
# Rows of one Parquet row group: columns are read whole, so large ones read fastest.
CATALOG_GROUP = 131_072
# Rows of one batch of spectra.
SPECTRA_GROUP = 8192

_G_SOURCES = {
    FROM_FILE: "the files of their spectra",
    FROM_PHOTOMETRY: "the photometry table",
    SYNTHETIC: "their spectra",
}


@dataclass
class Seconds:
    """Seconds that the parts of an encoding took.

    Attributes
    ----------
    waiting : float
        For spectra; they are read while the network works and rows are written.
    network : float
        Encoding, decoding and χ².
    writing : float
        Labels, rows and files.
    """

    waiting: float = 0.0
    network: float = 0.0
    writing: float = 0.0

    @contextlib.contextmanager
    def spent(self, on: str) -> Iterator[None]:
        """Add the time that a block takes to one of the three."""
        start = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, on, getattr(self, on) + time.perf_counter() - start)

    @property
    def total(self) -> float:
        """All of it."""
        return self.waiting + self.network + self.writing

    def __str__(self) -> str:
        shares = (("waiting for spectra", self.waiting), ("network", self.network),
                  ("labels and writing", self.writing))  # fmt: skip
        return ", ".join(f"{name} {part / self.total:.0%}" for name, part in shares)


@dataclass(frozen=True)
class Encoding:
    """What an encoding did.

    Attributes
    ----------
    path : Path
        The catalog.
    n_stars : int
    report : Report
        Rows read and left out.
    notes : list of str
        What a user should know: synthetic fluxes, positions from ids, labels not found.
    seconds : Seconds
        Where the time went.
    """

    path: Path
    n_stars: int
    report: Report
    notes: list[str]
    seconds: Seconds


def encode_files(
    paths: str | Path | Sequence[str | Path],
    model: Model,
    out: str | Path,
    *,
    photometry: str | Path | None = None,
    labels: str | Path | None = None,
    correlations: bool = False,
    metadata: dict[str, Any] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Encoding:
    """Encode files of XP spectra into a catalog.

    The catalog, its spectra (``.spectra.arrow``) and the list of what was left out
    (``.left_out.csv``, where there is any) appear under their names when all is done.
    Works in chunks: memory grows by the 8 bytes a star that find repeated ids, and holds
    the photometry and label tables.

    Parameters
    ----------
    paths : path or list of paths
        Files, folders or globs; any format of `xpmodel.read_spectra`.
    model : Model
    out : path
        The catalog, ``….parquet``.
    photometry : path, optional
        Table with ``source_id`` and ``phot_g_mean_flux`` or ``phot_g_mean_mag``; further
        columns that the catalog knows, such as ``bp_rp``, are taken over.
    labels : path, optional
        Table with ``source_id`` and any of the catalog's label columns. A star's label comes
        from here, else from `photometry`, else from the file of its spectrum.
    correlations : bool
        Form the noise of the latents with the correlations within BP and RP, of the files that
        have them; they are most of such a file, and take most of the time. Without them, and for
        stars without them, the errors count as independent; the metadata say of how many.
    metadata : dict, optional
        Further entries of the catalog's metadata.
    progress : callable, optional
        Called with the stars encoded and the fraction of the input read.

    Raises
    ------
    InputError
        When a file cannot be used, or no usable row is left.
    """
    out = Path(out)
    if out.suffix != ".parquet":
        raise InputError(f"{out}: the catalog's name must end in .parquet")
    sources = expand_paths(paths)
    tables = [Path(path) for path in (labels, photometry) if path is not None]
    inputs = {path.resolve() for path in (*sources, *tables)}
    for path in (out, spectra_path(out), left_out_path(out)):
        if path.resolve() in inputs:
            raise InputError(f"{path}: is one of the input files")
    tally = _Tally(model, [read_labels(path) for path in tables])
    reports: list[Report] = []
    seconds = Seconds()
    with contextlib.ExitStack() as stack:
        parquet = write_catalog = write_spectra = None
        chunks = stack.enter_context(
            contextlib.closing(
                ahead(
                    iter_spectra(
                        sources,
                        photometry=photometry,
                        correlations=None if correlations else False,
                        labels=True,
                        chunk_rows=CHUNK_ROWS_CORRELATIONS if correlations else CHUNK_ROWS,
                    )
                )
            )
        )
        while True:
            with seconds.spent("waiting"):
                spectra, fraction = next(chunks, (None, 1.0))
            if spectra is None:
                break
            reports.append(spectra.report)
            if not len(spectra):
                continue
            if write_catalog is None or write_spectra is None:
                # Opened with the first usable star, so that input without one leaves nothing.
                # The stack unwinds backwards: the catalog takes its name last.
                catalog_part = stack.enter_context(replacing(out))
                spectra_part = stack.enter_context(replacing(spectra_path(out)))
                # Without a stored Arrow schema the metadata given at the end are the schema's.
                parquet = pq.ParquetWriter(
                    catalog_part, catalog_schema(model.n_latents), store_schema=False
                )
                arrow = pa.ipc.new_file(str(spectra_part), SPECTRA_SCHEMA)
                write_catalog = stack.enter_context(_Groups(parquet, CATALOG_GROUP))
                write_spectra = stack.enter_context(_Groups(arrow, SPECTRA_GROUP))
            with seconds.spent("network"):
                encoded = model.score(spectra)
            with seconds.spent("writing"):
                write_catalog.add(tally.catalog_rows(spectra, encoded))
                write_spectra.add(spectra_table(spectra))
            if progress is not None:
                progress(tally.n_stars, fraction)
        report = Report.total(reports)
        entries = tally.metadata(sources, photometry, labels, report) | (metadata or {})
        assert parquet is not None  # what has no usable star has raised NoUsableRows
        parquet.add_key_value_metadata({METADATA_KEY: json.dumps(entries)})
        if len(report.left_out):
            sidecar = stack.enter_context(replacing(left_out_path(out)))
            report.left_out.to_csv(sidecar, index=False)
        with seconds.spent("writing"):  # what waits in the groups
            stack.close()
    if not len(report.left_out):
        left_out_path(out).unlink(missing_ok=True)
    notes = list(dict.fromkeys([*report.remarks, *tally.notes()]))
    return Encoding(out, tally.n_stars, report, notes, seconds)


class _Groups:
    """A writer that gathers rows into groups of a given size."""

    def __init__(self, writer: pq.ParquetWriter | pa.RecordBatchFileWriter, rows: int) -> None:
        self._writer = writer
        self._rows = rows
        self._waiting: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table)
        if sum(map(len, self._waiting)) >= self._rows:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting = []

    def __enter__(self) -> _Groups:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


class _Tally:
    """Makes the catalog's rows, and counts what its metadata will say."""

    def __init__(self, model: Model, tables: list[LabelTable]) -> None:
        self.n_stars = 0
        self._model = model
        self._tables = tables
        self._g_flux: collections.Counter[str] = collections.Counter()
        self._labelled = [0] * len(tables)
        self._own_labels: set[str] = set()  # those that stand in the spectra's files
        self._positions: collections.Counter[str] = collections.Counter()
        self._n_correlated = 0

    def catalog_rows(self, spectra: Spectra, encoded: Encoded) -> pa.Table:
        """The catalog's rows of some stars; of two tables' labels the first's count.

        The tables go before the file of the spectra.
        """
        self.n_stars += len(spectra)
        self._g_flux.update(spectra.report.g_flux)
        self._n_correlated += int(spectra.correlated.sum())
        columns: dict[str, Any] = {
            "source_id": spectra.source_id,
            "phot_g_mean_flux": spectra.g_flux.astype(np.float32),
            "chi2": encoded.chi2,
            "chi2_obs": encoded.chi2_obs,
            "kl": encoded.kl,
        }
        for i, name in enumerate(latent_columns(self._model.n_latents)):
            columns[name] = np.ascontiguousarray(encoded.mean[:, i])
            columns[width_column(name)] = np.ascontiguousarray(encoded.std[:, i])
            columns[noise_column(name)] = np.ascontiguousarray(encoded.noise[:, i])
        found = [table.lookup(spectra.source_id) for table in self._tables]
        for i, table in enumerate(self._tables):
            self._labelled[i] += int(np.isin(spectra.source_id, table.source_id).sum())
        if spectra.labels is not None:
            found.append(spectra.labels)
            self._own_labels.update(spectra.labels.column_names)
        for label in JOINED:
            given = [t.column(label.name) for t in found if label.name in t.column_names]
            columns[label.name] = pc.coalesce(*given) if given else None
        self._fill(columns, spectra)
        schema = catalog_schema(self._model.n_latents)
        return pa.table(
            {
                field.name: columns[field.name]
                if columns[field.name] is not None
                else pa.nulls(len(spectra), field.type)
                for field in schema
            },
            schema=schema,
        )

    def _fill(self, columns: dict[str, Any], spectra: Spectra) -> None:
        """What a star has of itself where no table gives it: G magnitude and position."""
        magnitude = pa.array(g_mag_from_flux(spectra.g_flux).astype(np.float32))
        given = columns["phot_g_mean_mag"]
        columns["phot_g_mean_mag"] = magnitude if given is None else pc.coalesce(given, magnitude)
        ra, dec = columns["ra"], columns["dec"]
        # Half a position is none.
        given = pa.array(np.zeros(len(spectra), bool))
        if ra is not None and dec is not None:
            given = pc.and_(pc.is_valid(ra), pc.is_valid(dec))
        n_given = pc.sum(given).as_py()
        for name, values in zip(("ra", "dec"), position_from_id(spectra.source_id), strict=True):
            derived = pa.array(values, from_pandas=True)
            columns[name] = pc.if_else(given, columns[name], derived) if n_given else derived
        n_known = len(spectra) - columns["dec"].null_count
        self._positions["table"] += n_given
        self._positions["source_id"] += n_known - n_given
        self._positions["none"] += len(spectra) - n_known

    def metadata(
        self,
        sources: list[Path],
        photometry: str | Path | None,
        labels: str | Path | None,
        report: Report,
    ) -> dict[str, Any]:
        """What the catalog says of itself; nothing in it depends on when or where."""
        return {
            "format": FORMAT,
            "version": 1,
            "made_by": f"xpmodel {__version__} encode",
            "model": {
                "hash": self._model.hash,
                "estimated": self._model.estimated,
                "source": self._model.description.get("source"),
            },
            "sources": [{"name": s.name, "bytes": s.stat().st_size} for s in sources],
            "photometry": Path(photometry).name if photometry else None,
            "labels": Path(labels).name if labels else None,
            "labels_in_sources": self._own(),
            "n_stars": self.n_stars,
            "left_out": report.counts,
            "g_flux": dict(self._g_flux),
            "latent_noise": {
                "with_correlations": self._n_correlated,
                "independent": self.n_stars - self._n_correlated,
            },
            "positions": {source: n for source, n in self._positions.items() if n},
        }

    def _own(self) -> list[str]:
        return [label.name for label in JOINED if label.name in self._own_labels]

    def notes(self) -> list[str]:
        """What a user should know of the result, a sentence each."""
        notes = []
        if n := self._g_flux["synthetic"]:
            notes.append(f"G flux of {n} stars synthesized with GaiaXPy (Gaia_DR3_Vega)")
        if len(self._g_flux) > 1:
            parts = ", ".join(f"{n} from {_G_SOURCES[name]}" for name, n in self._g_flux.items())
            notes.append(f"G flux of {parts}")
        for table, n in zip(self._tables, self._labelled, strict=True):
            notes += table.remarks
            if not n:
                notes.append(
                    f"warning: {table.path.name} has none of these {self.n_stars} stars; are its "
                    "ids Gaia DR3's?"
                )
                continue
            notes.append(
                f"{table.path.name}: {n} of {self.n_stars} stars found; "
                f"columns {', '.join(table.labels.column_names) or 'none'}"
            )
            if table.n_repeated:
                notes.append(f"{table.path.name}: {table.n_repeated} repeated ids, first row taken")
            if table.n_without_id:
                notes.append(f"{table.path.name}: {table.without_id}")
        if self._own_labels:
            notes.append(f"columns from the spectra's own files: {', '.join(self._own())}")
        if n := self._positions["source_id"]:
            notes.append(f"position of {n} stars from their source_id (to about an arcminute)")
        if n := self._n_correlated:
            notes.append(f"noise of latents with the correlations of {n} of {self.n_stars} stars")
        if self._model.estimated:
            notes.append(f"the model's {', '.join(self._model.estimated)} are estimates")
        return notes
