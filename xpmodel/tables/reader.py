"""Read an astronomer's table in chunks: CSV, ECSV, FITS, HDF5, VOTable or Parquet.

The format is found from the first bytes of a file, never from its name. What gzip, bzip2 or xz
packed is read as it stands (Parquet and HDF5 compress themselves), and so are the tables in a zip
or tar file. `xpmodel.tables.parts` says which of several tables are read. The memory taken does
not grow with the file, and no other file is opened, whatever is in it.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.tables.arrow import TooLarge
from xpmodel.tables.formats import find_parts
from xpmodel.tables.packed import (
    TABLE_SUFFIXES,
    UNPACKING_ERRORS,
    Content,
    check_file,
    is_table_name,
)
from xpmodel.tables.parts import Choice, choose, plain, product, some
from xpmodel.tables.text import CSV_BLOCK

# What readers raise on a damaged file; names in it may be no text.
DAMAGE = (*UNPACKING_ERRORS, pa.ArrowException, UnicodeError)


class TableReader:
    """A table on disk, opened by `open_table`.

    Attributes
    ----------
    path : Path
        The file.
    columns : list of str
        Names of the columns, as in the file.
    product : str or None
        Which of DataLink's other products it is, such as "RVS"; None: none, as far as is known.
    """

    def __init__(self, path: Path, choice: Choice) -> None:
        self.path = path
        self.columns = choice.parts[0].columns
        self.product = product(path.name, self.columns)
        self._choice = choice
        # Of two columns with one name the first is taken.
        names = list(map(plain, self.columns))
        self._positions = {name: i for i, name in reversed(list(enumerate(names)))}
        self._repeats: dict[str, list[str]] = {}
        for i, name in enumerate(names):
            if i != self._positions[name]:
                self._repeats.setdefault(name, []).append(f"{name} (column {i + 1})")
                self._positions[f"{name} (column {i + 1})"] = i

    @property
    def remarks(self) -> list[str]:
        """What a user should know, a sentence each: tables that are not read, rows cut off.

        All are known when the table has been read.
        """
        found = [*self._choice.remarks]
        for part in self._choice.parts:
            found += part.remarks
        return list(dict.fromkeys(found))

    def __contains__(self, name: str) -> bool:
        """Tell whether the file has this column, in upper or lower case."""
        return plain(name) in self._positions

    def repeats(self, name: str) -> list[str]:
        """What to ask for the further columns of a name by, where several have it."""
        return self._repeats.get(plain(name), [])

    def chunks(self, columns: Sequence[str], rows: int) -> Iterator[tuple[pa.Table, float]]:
        """Read some columns, a number of rows at a time.

        Parameters
        ----------
        columns : sequence of str
            Names in upper or lower case.
        rows : int
            Rows in a chunk; the last one may have fewer, and others where tables of different
            types follow each other or a row is large.

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
                raise InputError(f"{self.path}: no column {name!r}; it has {some(self.columns)}")
        return self._chunks(list(columns), rows)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read the table whole, or some of its columns.

        Raises
        ------
        InputError
            If a column is missing, if the file is damaged or has no rows.
        """
        tables = [table for table, _ in self.chunks(columns or self.columns, rows=65_536)]
        if not tables:
            raise InputError(f"{self.path}: has a header but no rows; download or save it again")
        try:
            return pa.concat_tables(tables, promote_options="permissive")
        except pa.ArrowException as error:
            raise InputError(
                f"{self.path}: its tables hold different things in one column "
                f"({_short(error)}); save one alone"
            ) from None

    def _chunks(self, columns: list[str], rows: int) -> Iterator[tuple[pa.Table, float]]:
        positions = [self._positions[plain(name)] for name in columns]
        with _truth(self.path):
            for table, fraction in self._choice.source(positions, rows):
                yield table.rename_columns(columns), fraction


def open_table(path: str | Path) -> TableReader:
    """Find out what a file is and read its column names.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged or no table, or if it has several tables and it
        cannot be told which is meant.
    """
    path = Path(path)
    check_file(path)
    with _truth(path):
        content = Content(path, str(path))
        try:
            return TableReader(path, choose(str(path), find_parts(content)))
        except BaseException:
            content.remove()
            raise


@contextmanager
def _truth(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file: only what is damaged is called so."""
    try:
        yield
    except InputError:
        raise
    except TooLarge as error:
        raise InputError(f"{path}: {error}; give it in parts, or with less in a row") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; check the permissions") from None
    except pa.ArrowNotImplementedError as error:
        raise InputError(
            f"{path}: holds what is not read ({_short(error)}); save it anew"
        ) from None
    except MemoryError:
        raise InputError(f"{path}: does not fit into memory; give it in parts") from None
    except OSError as error:
        if error.errno is not None and not isinstance(error, gzip.BadGzipFile):
            # The machine's own trouble: a full disk, a lost network folder.
            cause = error.strerror or os.strerror(error.errno)
            raise InputError(f"{path}: cannot be read ({cause})") from None
        raise _damaged(path, error) from error
    except DAMAGE as error:
        raise _damaged(path, error) from error


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table whole, or some of its columns; see `TableReader.read`."""
    return open_table(path).read(columns)


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
        if is_table_name(file.name) and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        known = " ".join(TABLE_SUFFIXES)
        raise InputError(f"{path}: no table in this folder; names must end in one of {known}")
    return files


def _damaged(path: Path, error: Exception) -> InputError:
    """Make one short line of a reader's complaint."""
    if found := re.search(r"(Row #\d+: )?Expected \d+ columns, got \d+", str(error)):
        return InputError(
            f"{path}: {found[0]}: cut short, or a value with a separator in it stands without "
            "quotation marks; download or save it again"
        )
    if "straddling" in str(error):
        return InputError(
            f"{path}: a row is longer than {CSV_BLOCK >> 20} MB: is a quotation mark left open? "
            "Download or save it again"
        )
    return InputError(f"{path}: cut short or damaged ({_short(error)}); download or save it again")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
