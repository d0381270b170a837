"""What lies over the stars of a map, where it is seen: along a longitude, by whole turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xpapp.maps.raster import View
from xpmodel import circular

Periods = tuple[float | None, float | None]


def points_in_view(
    x: ArrayLike, y: ArrayLike, periods: Periods, view: View | None
) -> tuple[np.ndarray, np.ndarray]:
    """Points by whole turns from the lower end of a view on; as they are without one."""
    placed = [np.asarray(values, np.float64) for values in (x, y)]
    if view is not None:
        for i, (turn, ends) in enumerate(zip(periods, (view.x, view.y), strict=True)):
            if turn is not None:
                placed[i] = circular.turned(placed[i], min(ends), turn)
    return placed[0], placed[1]


def line_in_view(
    x: np.ndarray, y: np.ndarray, periods: Periods
) -> tuple[np.ndarray, np.ndarray]:  # (M,) both
    """A line through points that are in view, broken where the way leads over the map's edge."""
    breaks = np.zeros(max(len(x) - 1, 0), bool)
    for values, turn in zip((x, y), periods, strict=True):
        if turn is not None:
            breaks |= np.abs(np.diff(values)) > turn / 2
    at = np.flatnonzero(breaks) + 1
    return np.insert(x, at, np.nan), np.insert(y, at, np.nan)


def rings_in_view(
    ring: np.ndarray, periods: Periods, view: View | None
) -> list[np.ndarray]:  # (V, 2) each
    """An outline as often as whole turns bring it into a view; as it is, where there is none."""
    rings = [ring]
    if view is None:
        return rings
    for axis, (turn, ends) in enumerate(zip(periods, (view.x, view.y), strict=True)):
        if turn is None:
            continue
        low, high = ring[:, axis].min(), ring[:, axis].max()
        first = int(np.ceil((min(ends) - high) / turn))
        last = int(np.floor((max(ends) - low) / turn))
        step = np.zeros(2)
        step[axis] = turn
        rings = [one + k * step for one in rings for k in range(first, last + 1)]
    return rings
