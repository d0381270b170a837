"""Datashader aggregates as small images: one byte a pixel, transparent where no star is."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import datashader as ds
import numpy as np
import pandas as pd

from xpapp.color_modes import COLOR_MODES, ColorMode, GroupStatistic
from xpapp.colors import BASE_LEVELS, FIRST_SET_LEVEL, NO_VALUE, set_shades
from xpapp.maps.color_scale import ColorScale
from xpmodel import circular
from xpmodel.selection.regions import to_scale

Range = tuple[float, float]

# With few stars single pixels can hardly be seen: bins grow up to this many pixels.
LARGEST_BIN = 4


@dataclass(frozen=True)
class View:
    """What part of the plane a map shows, in the axes' own scales, and on how many pixels."""

    x: Range
    y: Range
    width: int
    height: int

    @property
    def pixel(self) -> tuple[float, float]:
        """Units of one screen pixel along each axis."""
        return (
            abs(self.x[1] - self.x[0]) / self.width,
            abs(self.y[1] - self.y[0]) / self.height,
        )

    def nearest(
        self, x: np.ndarray, y: np.ndarray, at: tuple[float, float], reach: float
    ) -> int | None:
        """Which of some points (in the axes' scales) is nearest to a place, within reach [pixels].

        Points that are not finite are nowhere.
        """
        dx, dy = self.pixel
        away = np.hypot((x - at[0]) / dx, (y - at[1]) / dy)
        away = np.where(np.isfinite(away), away, np.inf)
        nearest = int(np.argmin(away)) if len(away) else None
        return nearest if nearest is not None and away[nearest] <= reach else None


@dataclass(frozen=True)
class Base:
    """The bins of all stars shown: levels, and what they stand for.

    Attributes
    ----------
    levels : ndarray, (H, W) uint8
        0 where no star is, NO_VALUE where stars have no value, else 1 to BASE_LEVELS.
    scale : ColorScale or None
        None for categories, and where no bin has a value.
    n_in_view : int
    bin_size : int
        Screen pixels along each side of a bin.
    """

    levels: np.ndarray
    scale: ColorScale | None
    n_in_view: int
    bin_size: int


class Plane:
    """Stars on the two axes of a map, ready for Datashader.

    Parameters
    ----------
    x, y : ndarray, (N,)
        Columns, as the catalog has them.
    scales : tuple of str
        ``linear`` or ``log``, of the axes.
    periods : tuple of float or None
        After which step an axis begins anew.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        scales: tuple[str, str] = ("linear", "linear"),
        periods: tuple[float | None, float | None] = (None, None),
    ) -> None:
        # One float type: numba compiles each combination anew.
        self.x, self.y = (
            np.asarray(to_scale(v, scale), np.float32)
            for v, scale in zip((x, y), scales, strict=True)
        )
        self.periods = periods
        self._counted: tuple[View, int, np.ndarray] | None = None

    def some(self, which: np.ndarray) -> Plane:
        """A part of the stars, by rows or by a mask."""
        return Plane(self.x[which], self.y[which], periods=self.periods)

    def within(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Positions of all stars, by whole turns where the view shows them."""
        x_turn, y_turn = self.periods
        return _turned(self.x, view.x, x_turn), _turned(self.y, view.y, y_turn)

    def around(self, at: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """Positions of all stars, by whole turns where they are nearest to a place."""
        x, y = (
            values if turn is None else circular.turned(values, place - turn / 2, turn)
            for values, place, turn in zip((self.x, self.y), at, self.periods, strict=True)
        )
        return x, y

    def in_view(self, view: View) -> np.ndarray:
        """Which stars the view shows, (N,) bool."""
        x, y = self.within(view)
        (x0, x1), (y0, y1) = sorted(view.x), sorted(view.y)
        return (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)

    def aggregate(
        self, view: View, size: int, reduction: ds.reductions.Reduction, value: np.ndarray | None
    ) -> np.ndarray:  # (H, W)
        """A reduction of the stars in each bin."""
        canvas = ds.Canvas(*_shape(view, size), sorted(view.x), sorted(view.y))
        columns = dict(zip("xy", self.within(view), strict=True))
        if value is not None:
            columns["value"] = value
        frame = pd.DataFrame(columns, copy=False)
        return canvas.points(frame, "x", "y", reduction).to_numpy()

    def counts(self, view: View, size: int) -> np.ndarray:  # (H, W) float32
        """Number of stars in each bin; kept, for of many sets one changes at a time."""
        if self._counted is None or self._counted[:2] != (view, size):
            found = self.aggregate(view, size, ds.count(), None).astype(np.float32)
            found.setflags(write=False)
            self._counted = view, size, found
        return self._counted[2]

    def grouped(
        self, view: View, size: int, statistic: GroupStatistic, value: np.ndarray
    ) -> np.ndarray:  # (H, W) float32
        """A statistic of the known values in each bin; NaN without one."""
        x, y = self.within(view)
        (x0, x1), (y0, y1) = sorted(view.x), sorted(view.y)
        width, height = _shape(view, size)
        rows = np.flatnonzero(self.in_view(view) & np.isfinite(value))
        column = np.minimum((x[rows] - x0) * (width / (x1 - x0)), width - 1).astype(np.int64)
        line = np.minimum((y[rows] - y0) * (height / (y1 - y0)), height - 1).astype(np.int64)
        found = statistic(pd.Series(value[rows]).groupby(line * width + column, sort=False))
        bins = np.full(width * height, np.nan, np.float32)
        bins[found.index.to_numpy()] = found.to_numpy()
        return bins.reshape(height, width)

    def bin_size(self, view: View) -> tuple[int, int]:
        """How large the number of stars in view makes the bins, and that number."""
        n = int(np.count_nonzero(self.in_view(view)))
        return int(np.clip(np.sqrt(view.width * view.height / max(n, 1)), 1, LARGEST_BIN)), n


def draw_base(
    plane: Plane,
    view: View,
    mode: ColorMode,
    scale: str,
    value: np.ndarray | None = None,
    n_categories: int = 0,
) -> Base:
    """The bins of the stars, colored by their number or by a value.

    Parameters
    ----------
    mode : ColorMode
    scale : str
        ``linear``, ``log`` or ``equalized``.
    value : ndarray, (N,)
        float32; for categories whole numbers from 0, -1 for none.
    n_categories : int
        How many share the levels, also if none of the stars is of the last ones.
    """
    size, n = plane.bin_size(view)
    count = plane.counts(view, size)
    if mode.categorical:
        assert value is not None, "a category has codes"
        levels = _category_levels(plane, view, size, count, value, n_categories)
        return Base(levels, None, n, size)
    if mode.reduction is None:
        aggregate = np.where(count > 0, count, np.nan)
    elif isinstance(mode.reduction, ds.reductions.Reduction):
        aggregate = plane.aggregate(view, size, mode.reduction, value)
    else:
        assert value is not None, "a statistic is of values"
        aggregate = plane.grouped(view, size, mode.reduction, value)
    colors = ColorScale.of(aggregate, scale, mode.from_one)
    levels = colors.levels(aggregate, BASE_LEVELS)
    levels[(count > 0) & (levels == 0)] = NO_VALUE
    has_values = bool(np.isfinite(aggregate).any())
    return Base(levels, colors if has_values else None, n, size)


def _category_levels(
    plane: Plane,
    view: View,
    size: int,
    count: np.ndarray,
    codes: np.ndarray,
    n_categories: int,
) -> np.ndarray:  # (H, W) uint8
    n = max(n_categories, int(codes.max(initial=0)) + 1)
    counts = np.stack([plane.some(codes == i).counts(view, size) for i in range(n)])
    shades = BASE_LEVELS // n
    most, winner = counts.max(axis=0), counts.argmax(axis=0)
    levels = 1 + winner * shades + _shade(most, shades)
    return np.where(most > 0, levels, np.where(count > 0, NO_VALUE, 0)).astype(np.uint8)


def draw_sets(base: Base, sets: Sequence[Plane], view: View) -> np.ndarray:  # (H, W) uint8
    """The image of a map: the base, and over it the bins in which sets have stars.

    Where several have, the last one is seen.
    """
    image = base.levels.copy()
    shades = set_shades(len(sets))
    for i, plane in enumerate(sets):
        count = plane.counts(view, base.bin_size)
        first = FIRST_SET_LEVEL + i * shades
        np.copyto(image, (first + _shade(count, shades)).astype(np.uint8), where=count > 0)
    return image


def _shade(count: np.ndarray, shades: int) -> np.ndarray:
    """Shades 0 to `shades` - 1 of numbers of stars, by their logarithm."""
    top = np.log1p(max(float(count.max(initial=0)), 1.0))
    return np.minimum(np.log1p(count) / top * shades, shades - 1).astype(np.int64)


def _shape(view: View, size: int) -> tuple[int, int]:
    return max(view.width // size, 1), max(view.height // size, 1)


def _turned(values: np.ndarray, ends: Range, turn: float | None) -> np.ndarray:
    """Values by whole turns from the lower end of a view on; as they are, where none is known."""
    if turn is None:
        return values
    low, high = sorted(ends)
    turned = circular.turned(values, low, turn).astype(np.float32)
    if high - low < turn * (1 - 1e-9):
        return turned
    # A view of a whole turn shows every star, also one that rounding puts just beyond an end.
    margin = 1e-6 * turn
    return np.clip(turned, np.float32(low + margin), np.float32(high - margin))


@functools.cache
def warm_up() -> None:
    """Let numba compile what the page draws, once a process."""
    values = np.linspace(0, 1, 16, dtype=np.float32)
    view = View((0.0, 1.0), (0.0, 1.0), 8, 8)
    plane = Plane(values, values)
    for mode in COLOR_MODES.values():
        draw_base(plane, view, mode, "linear", values)
