"""A visitor's own stars: a file of spectra, encoded, in memory.

They are looked at beside a catalog and never become part of it; `xpmodel.encode_files` makes
catalogs, of files of any size.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from xpmodel._atomic import replacing
from xpmodel.catalog.derived_columns import DERIVED
from xpmodel.catalog.positions import position_from_id
from xpmodel.columns import catalog_schema, latent_columns
from xpmodel.errors import InputError
from xpmodel.export.text import FORMULA
from xpmodel.model.model import Encoded, Model
from xpmodel.spectra.photometry import PhotometryTable, g_mag_from_flux
from xpmodel.spectra.spectra import NoUsableRows, Report, Spectra, iter_spectra, join_spectra
from xpmodel.tables.reader import DAMAGE

MAX_BYTES = 50 * 2**20
# What a file may grow to when it is unpacked, as a multiple of the bytes that it may have. Archive
# rows of text shrink to about 0.4 by gzip.
UNPACKED = 8
# Rows of a file: more than 50 MB hold of any kind, unless they are packed. A star's correlations
# take 48 kB.
MAX_ROWS = 100_000
MAX_ROWS_CORRELATIONS = 10_000
CHUNK_ROWS = 1024
MAX_NAME = 100  # characters


@dataclass(frozen=True, eq=False)
class OwnStars:
    """N stars with their spectra and what the model says of them, in the order of their file.

    Attributes
    ----------
    name : str
        Where they are from: a file's name, or several.
    spectra : Spectra
        With labels and correlations where the file has them.
    encoded : Encoded
        mean, std (N, K); chi2, chi2_obs, kl (N,).
    model_hash : str
        Of the model that encoded them.
    n_replaced : int
        Stars left away because a file that was added later has them too.
    """

    name: str
    spectra: Spectra
    encoded: Encoded
    model_hash: str
    n_replaced: int = 0

    def __len__(self) -> int:
        return len(self.spectra)

    def __str__(self) -> str:
        return "\n".join([f"{len(self)} stars of {self.name}", str(self.report), *self.notes])

    def __add__(self, later: OwnStars) -> OwnStars:
        """Add the stars of another file behind these; of a star in both the later one counts.

        Raises
        ------
        InputError
            When another model encoded them, so that their latents mean something else, or when
            both have more than 100,000 stars (10,000 if one has correlations).
        """
        if self.model_hash != later.model_hash:
            raise InputError(
                f"{later.name}: encoded by another model than {self.name}; read both again with one"
            )
        kept = ~np.isin(self.source_id, later.source_id)
        parts = [self.spectra[kept], later.spectra]
        plain = all(part.correlations is None for part in parts)
        if sum(map(len, parts)) > (limit := MAX_ROWS if plain else MAX_ROWS_CORRELATIONS):
            raise InputError(
                f"{later.name}: with those of {self.name} more than {limit:,} stars"
                f"{'' if plain else ', some with correlations'}; look at it alone, or make a "
                "catalog with 'xpmodel encode'"
            )
        encoded = {
            part.name: np.concatenate(
                [getattr(self.encoded, part.name)[kept], getattr(later.encoded, part.name)]
            )
            for part in fields(Encoded)
        }
        return OwnStars(
            " + ".join(dict.fromkeys([*self.name.split(" + "), later.name])),
            join_spectra(parts),
            Encoded(**encoded),
            self.model_hash,
            self.n_replaced + later.n_replaced + int((~kept).sum()),
        )

    @property
    def source_id(self) -> np.ndarray:
        """Ids, (N,) int64."""
        return self.spectra.source_id

    @property
    def g_mag(self) -> np.ndarray:
        """G magnitude of the flux that the spectrum was divided by, (N,) float64."""
        return g_mag_from_flux(self.spectra.g_flux)

    @property
    def report(self) -> Report:
        """What became of the file's rows."""
        return self.spectra.report

    @property
    def n_latents(self) -> int:
        """K, the number of latents."""
        return self.encoded.mean.shape[1]

    @property
    def notes(self) -> list[str]:
        """What a user should know of them, a sentence each."""
        notes = []
        if "synthetic" in self.spectra.g_flux_source:
            which = "some" if "+" in self.spectra.g_flux_source else f"{len(self)}"
            notes.append(f"G flux of {which} stars synthesized with GaiaXPy (Gaia_DR3_Vega)")
        if n := int((~self._placed & np.isfinite(self._columns["ra"])).sum()):
            notes.append(f"position of {n} stars from their source_id (to about an arcminute)")
        if self.n_replaced:
            notes.append(f"{self.n_replaced} stars replaced by those of a file added later")
        return notes

    def values(self, column: str) -> np.ndarray | None:
        """A column of the catalog for these stars, (N,) float64, NaN where missing.

        Latents and their errors, G, chi2, chi2_obs, kl and positions are there for every file,
        further labels where the file has them, and what `xpmodel.catalog.derived_columns` makes of
        these.

        Returns
        -------
        ndarray, or None
            None if the column is not known of any star, or is text.
        """
        if column in self._columns:
            return self._columns[column]
        needs, compute = DERIVED.get(column, ((), None))
        given = [self.values(name) for name in needs]
        if compute is None or any(values is None for values in given):
            return None
        return np.asarray(compute(*given), np.float64)

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        """The catalog's columns of numbers that are known of these stars."""
        encoded, names = self.encoded, latent_columns(self.n_latents)
        columns = dict(zip(names, encoded.mean.T, strict=True))
        columns |= dict(zip((f"{name}_err" for name in names), encoded.std.T, strict=True))
        columns |= {name: getattr(encoded, name) for name in ("chi2", "chi2_obs", "kl")}
        columns |= {"phot_g_mean_flux": self.spectra.g_flux, "phot_g_mean_mag": self.g_mag}
        columns |= dict(zip(("ra", "dec"), position_from_id(self.source_id), strict=True))
        labels = self._labels
        for name in ("ra", "dec"):  # half a position is none
            given = labels.pop(name, columns[name])
            columns[name] = np.where(self._placed, given, columns[name])
        mag = labels.pop("phot_g_mean_mag", self.g_mag)
        columns["phot_g_mean_mag"] = np.where(np.isnan(mag), self.g_mag, mag)
        columns = {name: np.asarray(v, np.float64) for name, v in (columns | labels).items()}
        for values in columns.values():
            values.setflags(write=False)
        return columns

    @property
    def _labels(self) -> dict[str, np.ndarray]:
        """The file's labels that are numbers and are there for one star at least."""
        table = self.spectra.labels
        if table is None:
            return {}
        return {
            name: table[name].cast(pa.float64(), safe=False).to_numpy()
            for name in table.column_names
            if table[name].null_count < len(table) and not pa.types.is_string(table[name].type)
        }

    @property
    def _placed(self) -> np.ndarray:
        """Stars, (N,) bool, of which the file has both coordinates."""
        labels, unknown = self._labels, np.full(len(self), np.nan)
        return np.isfinite(labels.get("ra", unknown) + labels.get("dec", unknown))

    def to_table(self) -> pa.Table:
        """The stars as rows of a catalog, with those of its columns that hold values."""
        columns: dict[str, pa.Array | pa.ChunkedArray] = {"source_id": pa.array(self.source_id)}
        for name, values in self._columns.items():
            columns[name] = pa.array(values, from_pandas=True)
        if self.spectra.labels is not None and "population" in self.spectra.labels.column_names:
            columns["population"] = self.spectra.labels["population"]
        schema = catalog_schema(self.n_latents)
        kept = [
            field
            for field in schema
            if field.name in columns and columns[field.name].null_count < max(len(self), 1)
        ]
        return pa.table(
            {field.name: columns[field.name].cast(field.type, safe=False) for field in kept},
            schema=pa.schema(kept, {"model_hash": self.model_hash}),
        )

    def write(self, path: str | Path) -> None:
        """Write `to_table` as ``.parquet`` or ``.csv``; the file is there whole or not at all.

        In CSV missing values are empty cells, and text that a spreadsheet would run as a formula
        gets an apostrophe in front of it.

        Raises
        ------
        InputError
            When the name ends in something else, or the file cannot be written.
        """
        path, table = Path(path), self.to_table()
        if path.suffix not in (".parquet", ".csv"):
            raise InputError(f"{path}: the name must end in .parquet or .csv")
        with replacing(path) as temporary:
            if path.suffix == ".parquet":
                pq.write_table(table, temporary)
                return
            if "population" in table.column_names:
                text = table["population"]
                marked = pc.binary_join_element_wise("'", text, "")
                text = pc.if_else(pc.match_substring_regex(text, FORMULA), marked, text)
                place = table.column_names.index("population")
                table = table.set_column(place, "population", text)
            pa.csv.write_csv(table, temporary)


def read_own(
    path: str | Path,
    model: Model,
    *,
    name: str | None = None,
    photometry: str | Path | PhotometryTable | None = None,
    max_bytes: int = MAX_BYTES,
) -> OwnStars:
    """Read a file of XP spectra and encode it.

    Parameters
    ----------
    path : path
        One file, in any format of `xpmodel.read_spectra`, told by its content.
    model : Model
    name : str, optional
        What to call the file in errors and in the report, where it lies under another name; see
        `given_name`.
    photometry : path or PhotometryTable, optional
        G by source_id, as for `xpmodel.read_spectra`.
    max_bytes : int
        Of the file. Unpacked it may have 8 times as many.

    Returns
    -------
    OwnStars
        With no stars if no row is usable: `OwnStars.report` says of each row why.

    Raises
    ------
    InputError
        When the file is no table of spectra, has no rows, more than 100,000 rows (10,000 with
        correlations), or is larger than `max_bytes`.
    """
    path = Path(path)
    shown = str(path) if name is None else given_name(name)
    with renaming(path, shown):
        if not path.is_file():
            raise InputError(f"{path}: no such file; check the path")
        _check_size(path, max_bytes)
        spectra = read_usable([path], photometry=photometry)
    report = Report(spectra.report.n_read, spectra.report.left_out.assign(file=shown))
    return encode_own(Path(shown).name, replace(spectra, report=report), model)


def read_own_bytes(
    name: str,
    content: bytes,
    model: Model,
    *,
    photometry: str | Path | PhotometryTable | None = None,
    max_bytes: int = MAX_BYTES,
) -> OwnStars:
    """Read a file as a browser sends it: its name and its content.

    The name is only shown. The content lies in a temporary folder, under a name of ours, while
    it is read; its format is told by its first bytes.

    Parameters, result and errors are those of `read_own`.
    """
    if len(content) > max_bytes:  # before it takes up the disk
        raise _too_large(given_name(name), len(content), max_bytes)
    with tempfile.TemporaryDirectory(prefix="xpmodel-own-") as folder:
        path = Path(folder) / "given"
        path.write_bytes(content)
        return read_own(path, model, name=name, photometry=photometry, max_bytes=max_bytes)


def encode_own(name: str, spectra: Spectra, model: Model) -> OwnStars:
    """Encode spectra that are in memory."""
    return OwnStars(name, spectra, model.score(spectra), model.hash)


def read_usable(
    files: list[Path], *, photometry: str | Path | PhotometryTable | None = None
) -> Spectra:
    """Read spectra with all that their files have: correlations, labels.

    Returns
    -------
    Spectra
        With no stars, but the report, if no row is usable.

    Raises
    ------
    InputError
        When a file cannot be used, has no rows, or more than 100,000 (10,000 with correlations).
    """
    chunks, n_rows = [], 0
    try:
        for chunk, _ in iter_spectra(
            files, photometry=photometry, correlations=None, labels=True, chunk_rows=CHUNK_ROWS
        ):
            n_rows += chunk.report.n_read
            limit = MAX_ROWS if chunk.correlations is None else MAX_ROWS_CORRELATIONS
            if n_rows > limit:
                kind = "rows" if chunk.correlations is None else "rows with correlations"
                raise InputError(
                    f"{files[0]}: more than {limit:,} {kind}; make a catalog of it "
                    "with 'xpmodel encode'"
                )
            chunks.append(chunk)
    except NoUsableRows:
        if not n_rows:
            raise
    return join_spectra(chunks)


def given_name(name: str) -> str:
    """What to call a file that somebody sent: the last part of its name, as far as it shows.

    Control characters go, and those that turn the direction of writing; what is left is at most
    100 characters, "file" where that is nothing.
    """
    last = re.split(r"[/\\]", name)[-1]
    return "".join(filter(str.isprintable, last)).strip(" .")[:MAX_NAME] or "file"


@contextlib.contextmanager
def renaming(path: Path, name: str) -> Iterator[None]:
    """Put a name in the place of a path in the InputErrors of a block."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(str(path), name)) from None


def _check_size(path: Path, max_bytes: int) -> None:
    """Refuse what is too large, packed or unpacked, before any of it is parsed."""
    size = path.stat().st_size
    if size > max_bytes:
        raise _too_large(path, size, max_bytes)
    # What is damaged is the reader's to tell.
    with contextlib.suppress(*DAMAGE):
        limit = UNPACKED * max_bytes
        if _unpacked_bytes(path, limit) > limit:
            raise InputError(
                f"{path}: unpacks to more than {limit / 2**20:,.0f} MB; give it in parts, or make "
                "a catalog of it with 'xpmodel encode'"
            )


def _too_large(name: str | Path, size: int, max_bytes: int) -> InputError:
    return InputError(
        f"{name}: has {size / 2**20:,.1f} MB, more than {max_bytes / 2**20:,.4g}; give it in "
        "parts, or make a catalog of it with 'xpmodel encode'"
    )


def _unpacked_bytes(path: Path, limit: int) -> int:
    """About how many bytes a packed file makes in memory; counting ends beyond the limit.

    FITS and VOTable are not packed, and HDF5 is read in chunks that `xpmodel.tables.reader` limits.
    """
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic == b"PAR1":
        with pq.ParquetFile(path) as parquet:
            groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
        return sum(8 * g.column(i).num_values for g in groups for i in range(g.num_columns))
    total = 0
    if magic.startswith(b"\x1f\x8b"):
        with gzip.open(path) as stream:
            while total <= limit and (block := stream.read(1 << 20)):
                total += len(block)
    return total
