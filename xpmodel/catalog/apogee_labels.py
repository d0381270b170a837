"""APOGEE's own tables as labels by Gaia ``source_id``: ASPCAP's allStar, and astroNN's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel._atomic import replacing
from xpmodel._version import __version__
from xpmodel.catalog.catalog import METADATA_KEY
from xpmodel.columns import BY_NAME, Column, column_of
from xpmodel.errors import InputError
from xpmodel.spectra.label_tables import LabelColumns
from xpmodel.spectra.missing_values import ABUNDANCE, without_codes
from xpmodel.tables.cells import floats, integers, quoted
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.origin import Origin
from xpmodel.tables.reader import TableReader, open_table

FORMAT = "xpmodel-labels"
CHUNK = 16_384  # rows; allStar's take 5 kB each

# Columns that only one of the two pipelines writes.
ASPCAP_COLUMNS = ("aspcapflag", "aspcap_chi2", "extratarg")
ASTRONN_COLUMNS = ("weighted_dist", "nn_parallax", "age_lowess_correct")
DUPLICATE = 1 << 4  # bit of EXTRATARG: the star has another row, with better data

NO_ID = "no Gaia source_id"
IS_DUPLICATE = "marked as a duplicate (EXTRATARG bit 4)"
IS_REPEATED = "the star has a better row"
NOTES = {
    "ASPCAP": "note: ASPCAP's errors are far smaller than astroNN's, for which the named cuts "
    "(good, pristine) were made: with these nearly every star passes them",
    "astroNN": "note: astroNN's table has no [M/H], [α/M] and SNR: of a star's rows that of the "
    "smallest teff_err was kept, and mg_fe is [Mg/H] − [Fe/H], without an error",
}


@dataclass(frozen=True)
class LabelsMade:
    """What became of a table's rows.

    Attributes
    ----------
    errors_of : str
        Whose errors the labels have: ``ASPCAP`` or ``astroNN``.
    n_rows, n_stars : int
        Rows read, rows written.
    left_out : dict of str to int
        Rows left out, by reason.
    without_id : str
        How many rows have no identifier, and the first of these; empty if all have one.
    remarks : list of str
        What a user should know of the file, as `xpmodel.tables.reader.TableReader.remarks`.
    """

    errors_of: str
    n_rows: int
    n_stars: int
    left_out: dict[str, int]
    without_id: str
    remarks: list[str]

    @property
    def note(self) -> str:
        """What to know of these labels."""
        return NOTES[self.errors_of]


def write_labels(
    path: str | Path, out: str | Path, *, progress: Callable[[float], object] | None = None
) -> LabelsMade:
    """Write one row a Gaia star, with the catalog's label columns that an APOGEE table has.

    Rows without a Gaia id and those that APOGEE marks as duplicates are left out; of a star's
    other rows the one of highest SNR is kept (astroNN's table has no SNR: of smallest
    ``teff_err``). -9999 becomes null. The file's metadata say whose errors the labels have.

    Parameters
    ----------
    path : path
        ``allStar-dr17-synspec_rev1.fits``, ``apogee_astroNN-DR17.fits``, or a table with their
        columns in any format that `xpmodel.tables.reader.open_table` reads.
    out : path
        Parquet file.
    progress : callable, optional
        Called with the fraction of the table that is read.

    Raises
    ------
    InputError
        When the table is neither or both of the two, has no Gaia ids, no usable row, or a label
        that is no number.
    """
    path, out = Path(path), Path(out)
    if out.suffix != ".parquet":
        raise InputError(f"{out}: the labels' name must end in .parquet")
    reader = open_table(path)
    if out.exists() and out.samefile(path):
        raise InputError(f"{out}: is the table itself; give --out another name")
    rows = _Rows(reader)
    for chunk, fraction in reader.chunks(rows.columns, CHUNK):
        rows.add(chunk)
        if progress is not None:
            progress(fraction)
    labels = rows.best()
    made = LabelsMade(
        errors_of=rows.errors_of,
        n_rows=rows.n_read,
        n_stars=len(labels),
        left_out=dict(rows.left_out),
        without_id=rows.without_id,
        remarks=reader.remarks,
    )
    metadata = {
        "format": FORMAT,
        "made_by": f"xpmodel {__version__} labels",
        "source": path.name,
        "errors_of": made.errors_of,
        "n_rows": made.n_rows,
        "left_out": made.left_out,
    }
    with replacing(out) as part:
        pq.write_table(labels.replace_schema_metadata({METADATA_KEY: json.dumps(metadata)}), part)
    return made


class _Rows:
    """Collects a table's usable rows.

    Attributes
    ----------
    columns : list of str
        The table's columns to read.
    errors_of : str
    n_read : int
    left_out : Counter
        By reason.
    """

    def __init__(self, reader: TableReader) -> None:
        self.path = reader.path
        self.errors_of = _whose_errors(reader)
        self._id = IdColumn(reader)
        self._labels = LabelColumns(reader)
        # Of [Mg/Fe], astroNN's table has the two parts.
        self._has_mg_h = "mg_h" in reader and "fe_h" in reader and "mg_fe" not in reader
        keys = ("extratarg", "snr", "teff_err", "mg_h", "fe_h")
        self._keys = [name for name in keys if name in reader]
        self.columns = list(dict.fromkeys([*self._id.names, *self._keys, *self._labels.names]))
        self.n_read = 0
        self.left_out: Counter[str] = Counter()
        self._parts: list[pa.Table] = []

    def add(self, chunk: pa.Table) -> None:
        """Take a chunk's usable rows: their ids, how good they are, their labels."""
        origin = Origin.of(self.path, self.n_read, len(chunk))
        ids, has_id = self._id.read(chunk, origin)
        usable = has_id & ~self._is_duplicate(chunk, origin)
        self.n_read += len(chunk)
        self.left_out += Counter(
            {NO_ID: int((~has_id).sum()), IS_DUPLICATE: int((has_id & ~usable).sum())}
        )
        rows = chunk.filter(pa.array(usable))
        table = self._labels.take(rows, origin[usable])
        if self._has_mg_h:
            ratio = _present(rows["mg_h"], ABUNDANCE) - _present(rows["fe_h"], ABUNDANCE)
            column = pa.array(ratio, BY_NAME["mg_fe"].type, from_pandas=True)  # NaN becomes null
            table = table.append_column("mg_fe", column)
        table = table.add_column(0, "source_id", pa.array(ids[usable]))
        self._parts.append(table.append_column("quality", pa.array(self._quality(rows))))

    @property
    def without_id(self) -> str:
        """What is to be said of rows without an identifier."""
        return self._id.without

    def best(self) -> pa.Table:
        """The best row of each star, sorted by id; the first of equals."""
        if not any(map(len, self._parts)):
            reasons = ", ".join(f"{n}: {reason}" for reason, n in self.left_out.items())
            first = f"{self.without_id}; " if self.without_id else ""
            raise InputError(
                f"{self.path}: none of its {self.n_read} rows can be used ({reasons or 'empty'}); "
                f"{first}download it again"
            )
        table = pa.concat_tables(self._parts)
        ids, quality = table["source_id"].to_numpy(), table["quality"].to_numpy()
        order = np.lexsort((-quality, ids))
        is_first = np.diff(ids[order], prepend=-1) != 0  # ids are positive
        self.left_out += Counter({IS_REPEATED: int((~is_first).sum())})
        return table.drop_columns("quality").take(order[is_first])

    def _is_duplicate(self, rows: pa.Table, origin: Origin) -> np.ndarray:
        if "extratarg" not in self._keys:
            return np.zeros(len(rows), bool)
        try:
            bits, wrong = integers(rows["extratarg"])
        except pa.ArrowException as error:
            raise InputError(f"{self.path}: column EXTRATARG is no integer ({error})") from None
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            cell = quoted(rows["extratarg"][row].as_py())
            raise InputError(
                f"{self.path}: column EXTRATARG is no integer (row {origin.row[row]}: {cell}); "
                "correct it"
            )
        return bits.fill_null(0).to_numpy(zero_copy_only=False) & DUPLICATE != 0

    def _quality(self, rows: pa.Table) -> np.ndarray:
        """What to compare a star's rows by, (N,) float64, the larger the better."""
        if "snr" in self._keys:
            quality = _present(rows["snr"], column_of("snr"))
        elif "teff_err" in self._keys:
            quality = -_present(rows["teff_err"], column_of("teff_err"))
        else:
            quality = np.zeros(len(rows))
        return np.where(np.isnan(quality), -np.inf, quality)


def _present(cells: pa.ChunkedArray, column: Column) -> np.ndarray:
    """A column's numbers, (N,) float64, NaN in place of the codes for a missing value."""
    return without_codes(floats(cells).astype(np.float64), column)


def _whose_errors(reader: TableReader) -> str:
    """Tell the two tables apart: TEFF_ERR, which both have, differs by far."""
    is_aspcap = any(name in reader for name in ASPCAP_COLUMNS)
    is_astronn = any(name in reader for name in ASTRONN_COLUMNS)
    if is_aspcap and is_astronn:
        raise InputError(
            f"{reader.path}: has columns of both ASPCAP and astroNN, which does not tell whose "
            "TEFF_ERR it has; give one of APOGEE's own tables"
        )
    if not is_aspcap and not is_astronn:
        raise InputError(
            f"{reader.path}: no table of APOGEE's (no {ASPCAP_COLUMNS[0].upper()}, no "
            f"{ASTRONN_COLUMNS[0]}); other labels need no preparation: give them to encode --labels"
        )
    return "ASPCAP" if is_aspcap else "astroNN"
