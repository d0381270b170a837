"""Stars with their columns as files: CSV, ECSV, Parquet, FITS and VOTable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from xpmodel._atomic import replacing
from xpmodel.catalog.catalog import METADATA_KEY, Catalog
from xpmodel.errors import InputError
from xpmodel.export.binary import write_fits, write_votable
from xpmodel.export.rows import StarRows, plain_columns, with_extra
from xpmodel.export.text import write_csv, write_ecsv

FORMAT = "xpmodel-stars"


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    title, mime : str
    """

    title: str
    mime: str


FORMATS = {
    ".csv": Format("CSV", "text/csv"),
    ".ecsv": Format("ECSV", "text/plain"),
    ".fits": Format("FITS", "application/fits"),
    ".parquet": Format("Parquet", "application/vnd.apache.parquet"),
    ".vot": Format("VOTable", "application/x-votable+xml"),
}
"""What `write_stars` writes, by the ending of the file's name."""


def write_stars(
    catalog: Catalog,
    mask: np.ndarray | None,
    path: str | Path,
    *,
    coefficients: bool = False,
    extra: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[float], None] | None = None,
) -> int:
    r"""Write stars of a catalog, with all columns that hold values, in the format of the name.

    The file is there whole or not at all. Ids stay exact integers in every format. Units and
    descriptions go into all formats but CSV, and so does where the stars are from: the catalog's
    name and sha256, the model's hash, the number of mock stars. Beside the catalog's columns,
    which are read at once, memory does not grow with the number of stars.

    - ``.csv``: a missing value is an empty cell. Text that a spreadsheet would run as a formula
      (that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break) gets an apostrophe in
      front of it, in cells and column names; numbers stay as they are.
    - ``.ecsv``: as CSV, with astropy's header; text stays as it is (astropy takes off blanks
      around it when it reads, and cannot tell empty text from missing text).
    - ``.parquet``: the columns' own types; units and descriptions are metadata of the fields.
    - ``.fits``: a missing integer is TNULL, a missing float NaN, a missing text empty. FITS has
      only printable ASCII: in a column with other characters each of those is written as
      Python's escape (``\xe9``, ``\u03b1``; a backslash doubled), and a COMMENT says so.
    - ``.vot``: VOTable 1.4, BINARY2. Text outside of ASCII is unicodeChar.

    Parameters
    ----------
    catalog : Catalog
    mask : ndarray, (N,) bool, or None for all stars
    path : path
        Ends in one of `FORMATS`.
    coefficients : bool
        Add the XP coefficients and their errors [e-/s], so that the file can be encoded again
        (`xpmodel.read_spectra`): ``coeffs`` and ``coeff_errs``, vectors of 110, BP then RP; in
        CSV and ECSV a column for each number, ``bp_coeff_0`` to ``e_rp_coeff_54``.
    extra : dict of name to ndarray, (N,), optional
        More columns, of all the catalog's stars: numbers, bool or text.
    progress : callable, optional
        Told the fraction written so far, 0 to 1.

    Returns
    -------
    n : int
        Number of stars written.

    Raises
    ------
    InputError
        When the ending is unknown, the mask or an extra column does not fit the catalog, the
        spectra are missing, a format cannot hold a column, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        *others, last = FORMATS
        raise InputError(f"{path}: the name must end in {', '.join(others)} or {last}")
    if mask is not None and (mask.dtype != bool or mask.shape != (len(catalog),)):
        raise InputError(f"{catalog.path}: the mask must be {len(catalog)} bool")
    rows = np.arange(len(catalog)) if mask is None else np.flatnonzero(mask)
    table = with_extra(catalog, catalog.table(catalog.filled, mask), rows, extra or {})
    if path.suffix != ".parquet":
        table = plain_columns(table, path)
    stars = StarRows(catalog, rows, table, coefficients, progress)
    try:
        with replacing(path) as temporary:
            WRITERS[path.suffix](temporary, stars)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return len(rows)


def _write_parquet(path: Path, stars: StarRows) -> None:
    meta = {"format": FORMAT, **stars.meta, "model": {"hash": stars.meta["model_hash"]}}
    schema = stars.schema.with_metadata({METADATA_KEY: json.dumps(meta)})
    with pq.ParquetWriter(path, schema) as writer:
        for chunk in stars.chunks():
            writer.write_table(chunk)


WRITERS = {
    ".csv": write_csv,
    ".ecsv": write_ecsv,
    ".fits": write_fits,
    ".parquet": _write_parquet,
    ".vot": write_votable,
}
