"""Datashader aggregates as small images: one byte a pixel, transparent where no star is."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import datashader as ds
import numpy as np
import pandas as pd

Range = tuple[float, float]

# With few stars single pixels can hardly be seen: bins grow up to this many pixels.
LARGEST_BIN = 4
LEVELS = 255


@dataclass(frozen=True)
class View:
    """What part of the plane a map shows, and on how many screen pixels."""

    x: Range
    y: Range
    width: int
    height: int

    @property
    def pixel(self) -> tuple[float, float]:
        """Data units of one screen pixel along each axis."""
        return (
            abs(self.x[1] - self.x[0]) / self.width,
            abs(self.y[1] - self.y[0]) / self.height,
        )


@dataclass(frozen=True)
class Shaded:
    """An image of palette levels and what they stand for.

    Attributes
    ----------
    image : ndarray, (H, W) uint8
        0 where no star is, else 1 to 255.
    low, high : float
        Values at the levels 1 and 255.
    n_in_view : int
        Stars within the view.
    bin_size : int
        Screen pixels along each side of a bin.
    """

    image: np.ndarray
    low: float
    high: float
    n_in_view: int
    bin_size: int


class Points:
    """The stars of a map, ready for Datashader.

    Parameters
    ----------
    x, y : ndarray, (N,) float32
    value : ndarray, (N,), optional
        Column whose mean colors the bins; else their number does.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, value: np.ndarray | None = None) -> None:
        columns = {"x": x, "y": y}
        if value is not None:
            columns["value"] = value
        # One float type: numba compiles each combination anew.
        self._frame = pd.DataFrame({k: np.asarray(v, np.float32) for k, v in columns.items()})

    def where(self, mask: np.ndarray) -> Points:
        """Some of the stars, without values."""
        return Points(self._frame["x"].to_numpy()[mask], self._frame["y"].to_numpy()[mask])

    def draw(self, view: View, bin_size: int | None = None) -> Shaded:
        """Aggregate the stars within a view and shade the bins.

        The bins are as large as the number of stars makes them, or as given. Counts are shaded
        by their logarithm, means linearly between their 1st and 99th percentile in the view.
        """
        x_range, y_range = sorted(view.x), sorted(view.y)
        n = self._count(x_range, y_range)
        fitting = np.clip(np.sqrt(view.width * view.height / max(n, 1)), 1, LARGEST_BIN)
        size = bin_size or int(fitting)
        canvas = ds.Canvas(
            max(view.width // size, 1), max(view.height // size, 1), x_range, y_range
        )
        if "value" in self._frame:
            mean = canvas.points(self._frame, "x", "y", ds.mean("value")).to_numpy()
            present = mean[np.isfinite(mean)]
            low, high = np.percentile(present, [1, 99]) if len(present) else (0.0, 1.0)
            return Shaded(shade(mean, low, high), float(low), float(high), n, size)
        count = canvas.points(self._frame, "x", "y", ds.count()).to_numpy().astype(np.float32)
        high = float(count.max(initial=1))
        with np.errstate(divide="ignore"):
            image = shade(np.where(count > 0, np.log(count), np.nan), 0.0, np.log(high))
        return Shaded(image, 1.0, high, n, size)

    def _count(self, x_range: list[float], y_range: list[float]) -> int:
        x, y = (self._frame[name].to_numpy() for name in ("x", "y"))
        inside = (x >= x_range[0]) & (x <= x_range[1]) & (y >= y_range[0]) & (y <= y_range[1])
        return int(np.count_nonzero(inside))


def shade(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Levels 1 to 255 between two values, 0 where there is none (NaN)."""
    span = high - low
    scaled = (values - low) / span if span > 0 else np.where(np.isfinite(values), 1.0, np.nan)
    levels = 1 + np.clip(scaled, 0, 1) * (LEVELS - 1)
    return np.nan_to_num(levels, nan=0.0).round().astype(np.uint8)


@functools.cache
def warm_up() -> None:
    """Let numba compile what the page draws, once a process."""
    values = np.linspace(0, 1, 16, dtype=np.float32)
    view = View((0.0, 1.0), (0.0, 1.0), 8, 8)
    Points(values, values).draw(view)
    Points(values, values, values).draw(view)
