"""Read an astronomer's table in chunks: CSV, ECSV, FITS, HDF5, VOTable or Parquet.

The format is found from the first bytes of a file, never from its name, and a gzipped file is
read as it stands (Parquet and HDF5 compress themselves). Only VOTable is read whole; the memory
that the others take does not grow with the file.
"""

from __future__ import annotations

import codecs
import csv
import glob
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from xpmodel.errors import InputError
from xpmodel.tables.arrow import ChunkSource
from xpmodel.tables.cells import NULLS
from xpmodel.tables.fits_votable import open_fits, open_votable
from xpmodel.tables.hdf5 import open_hdf5

TABLE_SUFFIXES = (
    ".csv",
    ".ecsv",
    ".fits",
    ".fit",
    ".h5",
    ".hdf5",
    ".parquet",
    ".vot",
    ".votable",
    ".xml",
)
"""What the files of a folder must end in to be read, with or without ``.gz``."""

CSV_BLOCK = 16 << 20  # bytes; a row must fit (one of the archive's, with correlations, is 43 kB)
Opener = Callable[[Path, bool], tuple[list[str], ChunkSource]]
"""From a file, and whether it is gzipped, to the names of its columns and its rows."""

HEAD = 1 << 16  # bytes that show what a file is
DAMAGE = (OSError, EOFError, zlib.error, pa.ArrowException)  # what readers raise on a damaged file


class TableReader:
    """A table on disk, opened by `open_table`.

    Attributes
    ----------
    path : Path
        The file.
    columns : list of str
        Names of the columns, as in the file.
    """

    def __init__(self, path: Path, columns: Sequence[str], source: ChunkSource) -> None:
        self.path = path
        self.columns = list(columns)
        self._source = source
        # FITS files are often upper case. Of two columns with one name the first is taken.
        names = [name.strip().lower() for name in self.columns]
        self._positions = {name: names.index(name) for name in names}

    def __contains__(self, name: str) -> bool:
        """Tell whether the file has this column, in upper or lower case."""
        return name.lower() in self._positions

    def chunks(self, columns: Sequence[str], rows: int) -> Iterator[tuple[pa.Table, float]]:
        """Read some columns, a number of rows at a time.

        Parameters
        ----------
        columns : sequence of str
            Names in upper or lower case.
        rows : int
            Rows in a chunk; the last one may have fewer.

        Returns
        -------
        iterator of (pyarrow.Table, float)
            The columns, under the names and in the order asked for, and the fraction of the file
            consumed so far (0 to 1). The columns of CSV and ECSV are text.

        Raises
        ------
        InputError
            If a column is missing (at once), or if the file is damaged (on the way).
        """
        for name in columns:
            if name not in self:
                raise InputError(f"{self.path}: no column {name!r}; it has {_some(self.columns)}")
        return self._chunks(list(columns), rows)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[tuple[pa.Table, float]]:
        positions = [self._positions[name.lower()] for name in columns]
        try:
            for table, fraction in self._source(positions, rows):
                yield table.rename_columns(columns), fraction
        except DAMAGE as error:
            raise _damaged(self.path, error) from error


def open_table(path: str | Path) -> TableReader:
    """Find out what a file is and read its column names.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged or no table.
    """
    path = Path(path)
    try:
        with open(path, "rb") as raw:
            gzipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            head = _unpacked(raw, gzipped).read(HEAD)
        return TableReader(path, *_opener(path, head, gzipped)(path, gzipped))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; name the table in it") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; check the permissions") from None
    except DAMAGE as error:
        raise _damaged(path, error) from error


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table whole, or some of its columns.

    Raises
    ------
    InputError
        If the file cannot be used, lacks a column or has no rows.
    """
    reader = open_table(path)
    chunks = reader.chunks(reader.columns if columns is None else columns, rows=65536)
    tables = [table for table, _ in chunks]
    if not tables:
        raise InputError(f"{path}: has a header but no rows; download or save it again")
    return pa.concat_tables(tables)


def expand_paths(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """List the files that paths, folders and glob patterns stand for, each once.

    A folder stands for the tables in it (see `TABLE_SUFFIXES`), sorted by name, without those of
    its subfolders.

    Raises
    ------
    InputError
        If a path does not exist, a pattern matches nothing or a folder has no table.
    """
    found: list[Path] = []
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        # A file may have brackets in its name, so a pattern is what is no file.
        matches = [str(path)] if Path(path).exists() else sorted(glob.glob(str(path)))
        if not matches:
            raise InputError(f"{path}: no such file or folder; check the path")
        for match in matches:
            found += _files(Path(match))
    return list(dict.fromkeys(found))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.iterdir())
        if file.name.lower().removesuffix(".gz").endswith(TABLE_SUFFIXES)
        and not file.name.startswith(".")
        and file.is_file()
    ]
    if not files:
        known = " ".join(TABLE_SUFFIXES)
        raise InputError(f"{path}: no table in this folder; names must end in one of {known}")
    return files


def _opener(path: Path, head: bytes, gzipped: bool) -> Opener:
    """Tell from the first bytes how to open a file."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise InputError(f"{path}: the file is empty; download or save it again")
    if head.startswith(b"SIMPLE  ="):
        return open_fits
    for name, magic, opener in (
        ("Parquet", b"PAR1", _open_parquet),
        ("HDF5", b"\x89HDF\r\n\x1a\n", open_hdf5),
    ):
        if head.startswith(magic):
            if gzipped:
                raise InputError(f"{path}: a gzipped {name} file; unpack it with gunzip first")
            return opener
    if text.startswith(b"<"):
        if re.search(rb"<(\w+:)?VOTABLE\b", head):
            return open_votable
        raise InputError(f"{path}: a web page or other XML, not a table; download it again")
    if b"\0" in head or not _is_utf8(head):
        raise InputError(
            f"{path}: not a table; give a CSV, ECSV, FITS, HDF5, VOTable or Parquet file"
        )
    return _open_csv


def _is_utf8(head: bytes) -> bool:
    try:
        # The head may end within a character, which only the incremental decoder lets pass.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _unpacked(raw: io.BufferedReader, gzipped: bool) -> io.BufferedReader | gzip.GzipFile:
    return gzip.GzipFile(fileobj=raw) if gzipped else raw


def _open_csv(path: Path, gzipped: bool) -> tuple[list[str], ChunkSource]:
    """Read the header of a CSV or ECSV file, whose values stay text: exact for identifiers."""
    with open(path, "rb") as raw:
        header = _header_line(_unpacked(raw, gzipped)).decode("utf-8-sig", "replace").strip()
    # ECSV may be separated by spaces, its default.
    delimiter = next((mark for mark in ",\t; " if mark in header), ",")
    columns = next(csv.reader([header], delimiter=delimiter), [])

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        # Columns go by their position: names may repeat, or differ in case only.
        wanted = [str(i) for i in positions]
        size = path.stat().st_size
        with open(path, "rb") as raw:
            stream = _unpacked(raw, gzipped)
            _header_line(stream)
            if not stream.peek(1):
                return
            batches = pa.csv.open_csv(
                _QuoteCheck(stream),
                pa.csv.ReadOptions(
                    use_threads=False,  # so that a complaint can name the row
                    block_size=CSV_BLOCK,
                    column_names=[str(i) for i in range(len(columns))],
                ),
                pa.csv.ParseOptions(delimiter=delimiter),
                pa.csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, pa.string()),
                    null_values=NULLS,
                    strings_can_be_null=True,
                ),
            )
            for table in _regroup(batches, rows):
                yield table, raw.tell() / size

    return columns, chunks


def _header_line(stream: io.BufferedIOBase) -> bytes:
    """Read up to the line of column names, which follows comments in ECSV."""
    while (line := stream.readline()).startswith(b"#") or line.isspace():
        pass
    return line


class _QuoteCheck:
    """A stream that fails at its end if a quotation mark is left open.

    pyarrow takes a last row that ends within quotation marks for a whole one.
    """

    closed = False

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self.stream = stream
        self.quotes = 0

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.quotes += data.count(b'"')
        if not data and self.quotes % 2:
            raise OSError("a quotation mark is left open")
        return data

    def close(self) -> None:
        self.closed = True


def _regroup(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Join and cut batches so that each table but the last has the given number of rows."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= rows:
            table = pa.Table.from_batches(held)
            whole = len(table) // rows * rows
            for start in range(0, whole, rows):
                yield table.slice(start, rows)
            held = table.slice(whole).to_batches()
    if any(map(len, held)):
        yield pa.Table.from_batches(held)


def _open_parquet(path: Path, gzipped: bool) -> tuple[list[str], ChunkSource]:
    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        names = [columns[i] for i in positions]
        with pa.parquet.ParquetFile(path) as file:
            done = 0
            for batch in file.iter_batches(rows, columns=names):
                done += len(batch)
                yield pa.Table.from_batches([batch]).select(names), done / file.metadata.num_rows

    with pa.parquet.ParquetFile(path) as file:
        columns = file.schema_arrow.names
    return columns, chunks


def _damaged(path: Path, error: Exception) -> InputError:
    """Make one short line of a reader's complaint."""
    cause = " ".join(str(error).split())[:120] or type(error).__name__
    if found := re.search(r"(Row #\d+: )?Expected \d+ columns, got \d+", str(error)):
        cause = found[0]
    elif "straddling" in cause:
        cause = f"a row is longer than {CSV_BLOCK >> 20} MB (a quotation mark left open?)"
    return InputError(f"{path}: cut short or damaged ({cause}); download or save it again")


def _some(columns: list[str]) -> str:
    shown = ", ".join(columns[:8])
    return shown if len(columns) <= 8 else f"{shown} and {len(columns) - 8} more"
