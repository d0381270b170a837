"""Tracks of one's own: from a table of bins, or along a line drawn in a map."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xpmodel.errors import InputError
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition

MAX_BYTES = 1 << 20
MAX_POINTS = 2000
WIDTH = "_width"


def read_track(path: str | Path) -> TrackDefinition:
    """Read a track of one's own from a CSV table, a bin a row.

    Parameters
    ----------
    path : path
        With columns of the catalog and, for each, its half width: ``teff,teff_width,logg,
        logg_width``, in the catalog's units. The first two are the axes that it is drawn over;
        the file's name, without its suffix, is the track's. At most 1 MB and 2000 rows.

    Returns
    -------
    TrackDefinition

    Raises
    ------
    InputError
        When it cannot be read or is too large, or that names the row and the column.
    """
    path = Path(path)
    rows = _rows(path)
    if not rows:
        raise InputError(f"{path}: empty; it needs a header such as teff,teff_width,logg,…")
    header = [name.strip() for name in rows[0][1]]
    columns = _columns(path, header)
    bins = []
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}: line {line} has {len(row)} values, and the header {len(header)} columns"
            )
        values = dict(zip(header, row, strict=True))
        bins.append(Bin(tuple(_range(path, line, values, column) for column in columns)))
    if not 1 <= len(bins) <= MAX_POINTS:
        raise InputError(f"{path}: {len(bins)} rows of bins; a track has 1 to {MAX_POINTS}")
    return TrackDefinition(path.stem, path.stem, (columns[0], columns[1]), tuple(bins), "own")


def line_track(
    name: str,
    columns: tuple[str, str],
    vertices: Sequence[tuple[float, float]] | np.ndarray,
    widths: tuple[float, float],
    n_points: int,
) -> TrackDefinition:
    """A track along a line drawn in a map of two columns.

    Parameters
    ----------
    name : str
    columns : tuple of str
        The map's horizontal and vertical column.
    vertices : array_like, (V, 2)
        The line's corners, in the columns' units.
    widths : tuple of float
        Half widths of the bins in either column.
    n_points : int
        Number of bins. They are evenly spaced along the line, which is measured in units of
        the widths; the first and the last one lie on its ends.

    Returns
    -------
    TrackDefinition

    Raises
    ------
    InputError
        When the line has no length, or a number is not finite or out of range.
    """
    try:
        line = np.array(vertices, dtype=np.float64)
        scale = np.array(widths, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        line = scale = np.empty(0)
    if line.ndim != 2 or line.shape[1] != 2 or len(line) < 2 or not np.isfinite(line).all():
        raise InputError(f"the track {name!r}: its line needs two or more vertices of two numbers")
    if scale.shape != (2,) or not (np.isfinite(scale).all() and (scale > 0).all()):
        raise InputError(f"the track {name!r}: needs two half widths above 0")
    if len(columns) != 2 or columns[0] == columns[1]:
        raise InputError(f"the track {name!r}: needs a map of two different columns")
    if not 2 <= n_points <= MAX_POINTS:
        raise InputError(f"the track {name!r}: needs 2 to {MAX_POINTS} points, not {n_points}")
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*(np.diff(line, axis=0) / scale).T))])
    if not 0 < length[-1] < np.inf:
        raise InputError(f"the track {name!r}: its line has no length")
    along = np.linspace(0.0, length[-1], n_points)
    points = np.column_stack([np.interp(along, length, line[:, i]) for i in range(2)]).tolist()
    parts = [list(zip(columns, point, scale.tolist(), strict=True)) for point in points]
    return TrackDefinition(
        name, name, (columns[0], columns[1]), tuple(Bin(tuple(part)) for part in parts), "own"
    )


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that hold something, and their line numbers."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MB, not a table of bins")
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None


def _columns(path: Path, header: list[str]) -> list[str]:
    """The columns that the bins are ranges in, those of the widths apart."""
    columns = [name for name in header if not name.endswith(WIDTH)]
    for name in header:
        if not name:
            raise InputError(f"{path}: column {header.index(name) + 1} has no name")
        if header.count(name) > 1:
            raise InputError(f"{path}: two columns {name}")
        partner = name.removesuffix(WIDTH) if name.endswith(WIDTH) else name + WIDTH
        if partner not in header:
            raise InputError(f"{path}: column {name} has no {partner} beside it")
    if len(columns) < 2:
        raise InputError(f"{path}: needs two or more columns to draw over, with a width each")
    return columns


def _range(path: Path, line: int, values: dict[str, str], column: str) -> tuple[str, float, float]:
    numbers = []
    for name in (column, column + WIDTH):
        try:
            number = float(values[name])
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(
                f"{path}: line {line}, column {name}: {values[name].strip()!r:.40} is no number"
            )
        numbers.append(number)
    centre, width = numbers
    if width <= 0:
        raise InputError(f"{path}: line {line}, column {column + WIDTH}: {width:g} is not above 0")
    return (column, centre, width)
