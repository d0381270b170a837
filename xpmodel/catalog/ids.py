"""Gaia source_ids: parsing of pasted lists, look-up, ADQL queries and links to archives."""

from __future__ import annotations

import csv
import re
from urllib.parse import quote_plus, urlencode

import numpy as np

from xpmodel.catalog.catalog import LAST_GAIA_ID, Catalog
from xpmodel.errors import InputError
from xpmodel.tables.cells import ID_PATTERN
from xpmodel.tables.id_names import choose_id_columns

MAX_TEXT = 10_000_000  # characters
# Ids of one query, about 100 kB. The Gaia Archive names no limit for a query's length, but takes
# no more than 5,000 ids at once where it counts them (DataLink).
IDS_PER_QUERY = 5_000

# "Gaia EDR3" has the ids of DR3; DR1 and DR2 have others, which stay bad.
_TOKEN = re.compile(r"""(?:gaia[\s_]*e?dr[0-9][\s_]*)?[^\s,;"'`“”‘’()\[\]{}]+""", re.IGNORECASE)
_ID = re.compile(ID_PATTERN, re.ASCII)
_SHOWN = 80  # characters of a bad entry


def parse_ids(text: str) -> tuple[np.ndarray, list[str]]:
    """Read the ids in a pasted text.

    Either a list (separated by spaces, commas, semicolons, line breaks; quotes, brackets and
    "Gaia DR3" before an id are passed over), or a table in CSV (separated by commas,
    semicolons, tabs or spaces) with a header in which a column is called ``source_id`` or as
    other tables call it (see `xpmodel.tables.id_names`).

    Parameters
    ----------
    text : str

    Returns
    -------
    ids : ndarray, (n,) int64
        Each once, in the order of the text.
    bad : list of str
        What is no id, as in the text: words, numbers with a point or an exponent (they may have
        lost digits: nothing is rounded), negative ones, those beyond int64, ids of Gaia DR1 and
        DR2. For a table also rows without an id.

    Raises
    ------
    InputError
        When the text is longer than 10 million characters; for a table also where its ids are of
        another release than DR3, or two columns have different ones in a row.
    """
    if len(text) > MAX_TEXT:
        raise InputError(
            f"the list of ids has {len(text):,} characters, more than {MAX_TEXT:,}; "
            "give it in parts"
        )
    cells = _column(text)
    ids: dict[int, None] = {}
    bad = []
    # One by one here and below: millions in one call would stop all other threads meanwhile.
    tokens = (match[0] for match in _TOKEN.finditer(text))
    for cell in tokens if cells is None else cells:
        match = _ID.fullmatch(cell)
        number = int(match[1]) if match else -1
        if 0 <= number <= np.iinfo(np.int64).max:
            ids[number] = None
        else:
            bad.append(cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…")
    return np.fromiter(ids, np.int64, len(ids)), bad


def _column(text: str) -> list[str] | None:
    """The cells of a table's column of ids, or None if the text is no such table."""
    lines = [
        line
        for line in text.removeprefix("\ufeff").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        return None
    delimiter = max(",;\t", key=lines[0].count)
    if delimiter not in lines[0]:
        # Of a single column the cells are the lines, "Gaia DR3 5" among them.
        delimiter = " " if " " in lines[0].strip() else "\x1f"
    try:
        read = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        header, *rows = (row for row in read)
    except csv.Error as error:
        raise InputError(f"the list of ids cannot be read ({error}); correct it") from None
    header = [name.strip() for name in header]
    # With an id among them, the first line's words are no header.
    if any(map(_ID.fullmatch, header)):
        return None
    # A list of words may have one that is a column's name; so has a table of one column.
    try:
        names = choose_id_columns(header)
    except InputError as error:
        raise InputError(f"the list of ids: {error}") from None
    if not names:
        return None
    places = [i for i, name in enumerate(header) if name in names]
    return [_id_cell(number, row, header, places) for number, row in enumerate(rows, start=1)]


def _id_cell(number: int, row: list[str], header: list[str], places: list[int]) -> str:
    """The cell of a row that has its id, in one column or another."""
    cells = {i: row[i].strip(" \t'\"") for i in places if i < len(row)}
    ids = {int(match[1]): i for i, cell in cells.items() if (match := _ID.fullmatch(cell))}
    if len(ids) > 1:
        named = ", ".join(f"{found} in {header[i]!r}" for found, i in ids.items())
        raise InputError(
            f"the list of ids: row {number} has several identifiers ({named}); "
            "give the column of Gaia DR3's alone"
        )
    if ids:
        return cells[next(iter(ids.values()))]
    given = next(filter(None, cells.values()), "")
    return given or f"row {number}: no {header[places[0]]}"


def rows_with(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The row in which each wanted id stands.

    Parameters
    ----------
    ids : ndarray, (n,) int64
        In any order; of an id that repeats the first row counts.
    wanted : ndarray, (m,) int64

    Returns
    -------
    ndarray, (m,) int64
        −1 where there is none.
    """
    if not len(ids):
        return np.full(len(wanted), -1)
    order = np.argsort(ids, kind="stable")
    rows = order[np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)]
    return np.where(ids[rows] == wanted, rows, -1)


def find_ids(catalog: Catalog, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find stars by their ids.

    Parameters
    ----------
    catalog : Catalog
    ids : ndarray, (n,) of integers
        In any order; an id may repeat.

    Returns
    -------
    mask : ndarray, (N,) bool
        The catalog's stars that have one of the ids.
    missing : ndarray, (m,) int64
        Ids that no star of the catalog has, in the order given.

    Raises
    ------
    InputError
        When the ids are not integers that int64 holds: as floats they may have lost digits.
    """
    ids = np.asarray(ids)
    if ids.dtype.kind not in "iu" or (ids > np.iinfo(np.int64).max).any():
        raise InputError(f"ids must be integers of int64, not {ids.dtype}; read them as int64")
    ids = ids.astype(np.int64)
    return np.isin(catalog.source_id, ids), ids[~np.isin(ids, catalog.source_id)]


def adql_ids(catalog: Catalog, mask: np.ndarray | None = None) -> str:
    """Queries of the Gaia Archive for the stars of a set, in ADQL.

    The archive runs one query at a time, so ids beyond 5,000 come as further queries, each
    after a comment that numbers it. Mock stars, which the archive does not have, are left out,
    and a comment counts them.

    Parameters
    ----------
    catalog : Catalog
    mask : ndarray, (N,) bool, optional
        Default: all stars.

    Returns
    -------
    text : str
        Comments alone if the set has no star of Gaia.
    """
    ids = catalog.source_id if mask is None else catalog.source_id[mask]
    real = ids[ids <= LAST_GAIA_ID]
    queries = [real[i : i + IDS_PER_QUERY] for i in range(0, len(real), IDS_PER_QUERY)]
    lines = [f"-- {len(real)} stars of {catalog.path.name!r} from Gaia DR3"]
    if len(real) < len(ids):
        lines.append(f"-- {len(ids) - len(real)} mock stars are left out: Gaia has no such ids")
    if len(queries) > 1:
        lines.append(
            f"-- {len(queries)} queries: run them one by one, or upload the stars as a VOTable "
            "and join it by source_id"
        )
    for number, block in enumerate(queries, start=1):
        lines.append(f"\n-- query {number} of {len(queries)}: {len(block)} stars")
        lines.append("SELECT * FROM gaiadr3.gaia_source WHERE source_id IN (")
        lines.append(",\n".join(map(str, block.tolist())))
        lines.append(")")
    return "\n".join(lines) + "\n"


def star_links(source_id: int, ra: float, dec: float) -> dict[str, str]:
    """Links to a star's pages in SIMBAD, ESASky and the Gaia Archive.

    Parameters
    ----------
    source_id : int
        Of Gaia DR3.
    ra, dec : float
        ICRS position [deg]; where it is not known (NaN) ESASky finds the star by its id.

    Returns
    -------
    links : dict of str
        From the name of a service to an https address. Empty for a mock star.
    """
    number = int(source_id)
    if number > LAST_GAIA_ID:
        return {}
    name = f"Gaia DR3 {number}"
    target = f"{ra:.7f} {dec:+.7f}" if np.isfinite(ra) and np.isfinite(dec) else name
    query = {
        "REQUEST": "doQuery",
        "LANG": "ADQL",
        "FORMAT": "csv",
        "QUERY": f"SELECT * FROM gaiadr3.gaia_source WHERE source_id = {number}",
    }
    view = {"target": target, "fov": "0.1", "cooframe": "J2000"}
    return {
        "SIMBAD": f"https://simbad.cds.unistra.fr/simbad/sim-id?Ident={quote_plus(name)}",
        "ESASky": f"https://sky.esa.int/esasky/?{urlencode(view)}",
        "Gaia Archive": f"https://gea.esac.esa.int/tap-server/tap/sync?{urlencode(query)}",
    }
