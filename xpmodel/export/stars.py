"""Stars with their columns as files, in any of the formats of `xpmodel.export.formats`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from xpmodel._atomic import replacing
from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.export.formats import FORMATS, format_of
from xpmodel.export.rows import BASES, StarRows, plain_columns, with_extra

__all__ = ["FORMATS", "write_stars"]


def write_stars(
    catalog: Catalog,
    mask: np.ndarray | None,
    path: str | Path,
    *,
    coefficients: bool = False,
    truncated: bool = False,
    extra: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[float], None] | None = None,
) -> int:
    """Write stars of a catalog, with all columns that hold values, in the format of the name.

    The file is there whole or not at all. Ids stay exact integers in every format. Units and
    descriptions go into all formats but CSV, and so does where the stars are from: the catalog's
    name and sha256, the model's hash, the number of mock stars. Beside the catalog's columns,
    which are read at once, memory does not grow with the number of stars.

    `FORMATS` has a format for each ending; how each keeps missing values and text that is not
    plain stands with its writer.

    Parameters
    ----------
    catalog : Catalog
    mask : ndarray, (N,) bool, or None for all stars
    path : path
        Ends in one of `FORMATS`.
    coefficients : bool
        Add the XP coefficients and their errors [e-/s], so that the file can be encoded again
        (`xpmodel.read_spectra`): ``coeffs`` and ``coeff_errs``, vectors of 110, BP then RP; in
        CSV and ECSV a column for each number, ``bp_coeff_0`` to ``e_rp_coeff_54``. Where the
        numbers of relevant bases are known, they come along.
    truncated : bool
        With `coefficients`: 0 for those, and their errors, that do not stand above their noise
        (`xpmodel.Spectra.truncated`). Such a file is for looking at: no model takes it.
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
    kind = format_of(path)
    if mask is not None and (mask.dtype != bool or mask.shape != (len(catalog),)):
        raise InputError(f"{catalog.path}: the mask must be {len(catalog)} bool")
    rows = np.arange(len(catalog)) if mask is None else np.flatnonzero(mask)
    bases = catalog.spectra.n_relevant_bases if coefficients else None
    if truncated and bases is None:
        raise InputError(
            f"{catalog.path}: its spectra know no numbers of relevant bases, so they cannot be "
            "truncated; write them with coefficients and whole, or encode files that have "
            "bp_n_relevant_bases and rp_n_relevant_bases"
        )
    columns = dict(extra or {})
    if bases is not None:
        columns |= dict(zip(BASES, bases.T, strict=True))
    table = with_extra(catalog, catalog.table(catalog.filled, mask), rows, columns)
    if not kind.any_type:
        table = plain_columns(table, path)
    stars = StarRows(catalog, rows, table, coefficients, truncated, progress)
    try:
        with replacing(path) as temporary:
            kind.write(temporary, stars)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return len(rows)
