"""Regions in a plane of two columns, and the exact test of which stars lie inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from xpmodel._long_work import checkpoint
from xpmodel.columns import period
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.catalog.catalog import Catalog

MAX_VERTICES = 20_000
# Cells along each side of the grid that decides most points at once.
GRID = 256
# Points taken at once, so that the work stays in a core's cache.
BLOCK = 32_768
# Points tested one by one between two checkpoints.
TESTED_BLOCK = 4_096
OUTSIDE, INSIDE, BOUNDARY = 0, 1, 2
SCALES = ("linear", "log")
# How far along a column with a period an outline may reach: each turn costs a test of the stars.
MAX_TURNS = 100
# An edge that is a curve on a map with other scales is drawn in so many pieces.
PIECES = 32
# Below this, and above its inverse, the grid's numbers may leave the range of float64.
TINY = 1e-300


@dataclass(frozen=True)
class Region:
    """The outline that a person drew in a map of two columns.

    Parameters
    ----------
    kind : str
        ``polygon``, or ``box`` (sides parallel to the axes, its sides belong to it).
    columns : tuple of str
        The catalog columns of the horizontal and of the vertical axis.
    outline : tuple of (x, y)
        A polygon's vertices in the order drawn, closed or not: what an outline that crosses
        itself encloses follows the even-odd rule. A box: two opposite corners.
    scales : tuple of str
        ``linear`` or ``log`` for each axis of the map. Edges are straight on the screen: on a
        logarithmic axis the test is done in log10, and what is not positive lies outside.

    Notes
    -----
    Along a column with a period, such as ``ra`` and ``l``, the outline may reach beyond the
    column's range: stars lie inside wherever a whole number of turns brings them there.
    """

    kind: str
    columns: tuple[str, str]
    outline: tuple[tuple[float, float], ...]
    scales: tuple[str, str] = ("linear", "linear")

    def __post_init__(self) -> None:
        if self.kind not in ("polygon", "box"):
            raise InputError(f"region kind {self.kind!r} is unknown: polygon or box")
        if len(self.columns) != 2:
            raise InputError(f"a region needs two columns, not {list(self.columns)}")
        if len(self.scales) != 2 or not set(self.scales) <= set(SCALES):
            raise InputError(f"a region's scales are linear or log, not {list(self.scales)}")
        least, most = (2, 2) if self.kind == "box" else (3, MAX_VERTICES)
        if not least <= len(self.outline) <= most:
            raise InputError(f"a {self.kind} cannot have {len(self.outline)} vertices")
        try:
            outline = np.array(self.outline, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            outline = np.empty(0)
        if outline.shape[1:] != (2,):
            raise InputError("an outline must be pairs of numbers, (x, y) each")
        if not np.isfinite(outline).all():
            raise InputError("an outline's vertices must be finite numbers")
        if any(
            s == "log" and not (v > 0).all() for s, v in zip(self.scales, outline.T, strict=True)
        ):
            raise InputError("an outline on a logarithmic axis must be positive there")
        for name, values in zip(self.columns, outline.T, strict=True):
            turn = period(name)
            if turn is not None and np.abs(values).max() > MAX_TURNS * turn:
                raise InputError(f"an outline in {name} may reach over {MAX_TURNS} turns at most")

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which points lie inside.

        Parameters
        ----------
        x, y : ndarray, (N,)
            Positions along the region's columns; NaN lies outside of everything.

        Returns
        -------
        inside : ndarray, (N,) bool
        """
        outline = np.array(self.outline, dtype=np.float64)
        if self.kind == "polygon":  # a box's sides are the same on every scale
            outline = self._on_screen(outline)
            x, y = (to_scale(v, scale) for v, scale in zip((x, y), self.scales, strict=True))
        low, high = outline.min(axis=0), outline.max(axis=0)
        inside = np.zeros(len(x), dtype=bool)
        for x_turned in _turns(x, low[0], high[0], period(self.columns[0])):
            for y_turned in _turns(y, low[1], high[1], period(self.columns[1])):
                if self.kind == "box":
                    inside |= (
                        (x_turned >= low[0])
                        & (x_turned <= high[0])
                        & ((y_turned >= low[1]) & (y_turned <= high[1]))
                    )
                else:
                    inside |= polygon_contains(outline, x_turned, y_turned)
        return inside

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars of a catalog that lie inside, (N,) bool."""
        return self.contains(*(catalog.numbers(name) for name in self.columns))

    def _on_screen(self, points: np.ndarray) -> np.ndarray:  # (V, 2) -> (V, 2)
        pairs = zip(points.T, self.scales, strict=True)
        return np.stack([to_scale(v, scale) for v, scale in pairs], axis=1)

    def ring(self, scales: tuple[str, str] | None = None) -> np.ndarray:
        """The outline as drawn, closed.

        Parameters
        ----------
        scales : tuple of str, optional
            Of the map to draw it in. Where they are not the region's own, its edges are curves
            there, and come in short pieces.

        Returns
        -------
        ndarray, (V, 2)
        """
        outline = np.array(self.outline, dtype=np.float64)
        if self.kind == "box":
            (x0, y0), (x1, y1) = outline
            outline = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        ring = np.concatenate([outline, outline[:1]])
        if scales in (None, self.scales):
            return ring
        corners = self._on_screen(ring)
        steps = np.linspace(0, 1, PIECES, endpoint=False)[:, None, None]
        pieces = corners[:-1] + steps * np.diff(corners, axis=0)
        points = np.concatenate([pieces.swapaxes(0, 1).reshape(-1, 2), corners[-1:]])
        for axis, scale in enumerate(self.scales):
            if scale == "log":
                points[:, axis] = 10.0 ** points[:, axis]
        return points

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        content: dict[str, Any] = {
            "kind": self.kind,
            "columns": list(self.columns),
            "outline": [[float(x), float(y)] for x, y in self.outline],
        }
        if self.scales != ("linear", "linear"):
            content["scales"] = list(self.scales)
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Region:
        """The region that a recipe keeps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        x_column, y_column = (str(name) for name in content["columns"])
        x_scale, y_scale = (str(s) for s in content.get("scales", ("linear", "linear")))
        return cls(
            str(content["kind"]),
            (x_column, y_column),
            tuple((float(x), float(y)) for x, y in content["outline"]),
            (x_scale, y_scale),
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return self.columns


def to_scale(values: np.ndarray, scale: str) -> np.ndarray:
    """Values as they lie on an axis: themselves, or their log10, NaN where there is none."""
    if scale == "linear":
        return values
    logs = np.full(len(values), np.nan)
    np.log10(values, out=logs, where=values > 0, dtype=np.float64)
    return logs


def _turns(values: np.ndarray, low: float, high: float, turn: float | None) -> Iterator[np.ndarray]:
    """Values, or with a period all that they are between two ends."""
    if turn is None:
        yield values
        return
    turned = values - turn * np.floor((values - low) / turn)
    while low <= high:
        yield turned
        turned = turned + turn
        low += turn


def polygon_contains(outline: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Exact test of points against a polygon, by the even-odd rule.

    The same answer as `shapely.contains_xy` on every point: a grid is laid over the
    polygon and a little more; cells that no edge touches lie wholly inside or outside and are
    decided once, and only the points of the others are tested by themselves.

    Parameters
    ----------
    outline : ndarray, (V, 2)
        Vertices, closed or not.
    x, y : ndarray, (N,)

    Returns
    -------
    inside : ndarray, (N,) bool
        False for points on the outline and for NaN.
    """
    # With a vertex repeated, GEOS does not take four vertices along an L for a rectangle.
    polygon = shapely.Polygon(np.concatenate([outline, outline[:1], outline[:1]]))
    shapely.prepare(polygon)
    low, high = outline.min(axis=0), outline.max(axis=0)
    with np.errstate(over="ignore"):
        span = high - low
    if not (span > 0).all():
        return np.zeros(len(x), dtype=bool)
    fineness = 4 * GRID * np.spacing(np.abs(outline).max(axis=0))
    if not ((span > fineness) & (span > TINY) & (span < 1 / TINY)).all():
        return _tested(polygon, x, y)  # too few float64 to lay a grid over
    # Wider than the outline by a quarter of a cell, lest rounding puts a point that is just
    # within it beyond the grid.
    low = low - span / (4 * GRID)
    span = span * (1 + 0.5 / GRID)
    cells = _classify_cells(polygon, outline, low, span)
    # One cell more on each side takes what lies beyond the box; NaN goes there as well.
    table = np.full((GRID + 2, GRID + 2), OUTSIDE, dtype=np.uint8)
    table[1:-1, 1:-1] = cells
    state = np.empty(len(x), dtype=np.uint8)
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        cell = _cell_numbers(x[rows], low[0], span[0]) * np.int32(GRID + 2)
        cell += _cell_numbers(y[rows], low[1], span[1])
        np.take(table, cell, out=state[rows])
    inside = state == INSIDE
    close = np.flatnonzero(state == BOUNDARY)
    inside[close] = _tested(polygon, x[close], y[close])
    return inside


def _tested(polygon: shapely.Polygon, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points tested one by one: with thousands of long edges some 10 µs each."""
    inside = np.zeros(len(x), dtype=bool)
    for start in range(0, len(x), TESTED_BLOCK):
        checkpoint(start / len(x))
        rows = slice(start, start + TESTED_BLOCK)
        inside[rows] = shapely.contains_xy(polygon, x[rows], y[rows])
    return inside


def nearest_point(
    x: np.ndarray, y: np.ndarray, at: tuple[float, float], scale: tuple[float, float]
) -> int | None:
    """Row of the point nearest to a place, as a person sees it on the screen.

    Parameters
    ----------
    x, y : ndarray, (N,)
        Positions; points with a NaN are passed over.
    at : (x, y)
        The place.
    scale : (x, y)
        Data units of one screen pixel along each axis.

    Returns
    -------
    row : int or None
        None when no point has a position.
    """
    distance = ((x - at[0]) / scale[0]) ** 2 + ((y - at[1]) / scale[1]) ** 2
    finite = np.isfinite(distance)
    return int(np.argmin(np.where(finite, distance, np.inf))) if finite.any() else None


def _cell_numbers(values: np.ndarray, low: float, span: float) -> np.ndarray:
    """Grid cell of each value along one axis, 1 … GRID; 0 or GRID + 1 beyond, 0 for NaN."""
    with np.errstate(over="ignore"):  # infinitely far is beyond, too
        scaled = np.subtract(values, low, dtype=np.float64)
        scaled *= GRID / span
    scaled += 1.0
    np.fmax(scaled, 0.0, out=scaled)  # fmax, unlike maximum, turns NaN into 0
    np.minimum(scaled, GRID + 1.0, out=scaled)
    return scaled.astype(np.int32)


def _classify_cells(
    polygon: shapely.Polygon, outline: np.ndarray, low: np.ndarray, span: np.ndarray
) -> np.ndarray:  # (GRID, GRID) uint8
    """Inside, outside, or touched by the outline, for each cell [column, row]."""
    a = (outline - low) * (GRID / span)
    b = np.roll(a, -1, axis=0)
    swap = a[:, 0] > b[:, 0]
    a[swap], b[swap] = b[swap], a[swap]
    # A cell counts as touched if an edge comes this close: more than rounding can do.
    margin = 1e-6
    first = np.floor(a[:, 0] - margin).astype(int)
    last = np.floor(b[:, 0] + margin).astype(int)
    edge = np.repeat(np.arange(len(a)), last - first + 1)
    column = np.arange(len(edge)) - np.repeat(np.cumsum(last - first + 1), last - first + 1)
    column += np.repeat(last + 1, last - first + 1)
    a, b = a[edge], b[edge]
    # The edge's vertical extent within the column [column, column + 1].
    run = b[:, 0] - a[:, 0]
    slope = np.divide(b[:, 1] - a[:, 1], run, out=np.zeros_like(run), where=run > 0)
    left = np.clip(column - margin, a[:, 0], b[:, 0])
    right = np.clip(column + 1 + margin, a[:, 0], b[:, 0])
    y0 = a[:, 1] + slope * (left - a[:, 0])
    y1 = np.where(run > 0, a[:, 1] + slope * (right - a[:, 0]), b[:, 1])
    bottom = np.floor(np.minimum(y0, y1) - margin).astype(int)
    top = np.floor(np.maximum(y0, y1) + margin).astype(int)

    # Marks of +1 at the bottom and -1 past the top of each run add up to the touched cells.
    marks = np.zeros((GRID, GRID + 1), dtype=np.int32)
    valid = (column >= 0) & (column < GRID)
    column, bottom, top = (v[valid] for v in (column, bottom, top))
    np.add.at(marks, (column, np.clip(bottom, 0, GRID)), 1)
    np.add.at(marks, (column, np.clip(top + 1, 0, GRID)), -1)
    touched = np.cumsum(marks, axis=1)[:, :GRID] > 0

    # Untouched cells that follow each other in a column are on the same side of the outline:
    # one point decides the run.
    starts = ~touched
    starts[:, 1:] &= touched[:, :-1]
    i, j = np.nonzero(starts)
    middles = low + (np.stack([i, j], axis=1) + 0.5) * (span / GRID)
    side = shapely.contains_xy(polygon, middles[:, 0], middles[:, 1])
    # Rows of `starts` are columns of the grid, so a running count numbers the runs in order.
    run_number = np.cumsum(starts.ravel()).reshape(touched.shape) - 1
    cells = np.full((GRID, GRID), BOUNDARY, dtype=np.uint8)
    cells[~touched] = side[run_number[~touched]]
    return cells
