"""What the page should show, computed here from the catalog's file alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.browser.explorer import Explorer, Frame, Pixel

LINEAR = ("linear", "linear")
# How near to the edge of a bin [bins] a star may be taken for its neighbor's: maps use float32.
SLACK = 2e-3


def inside(outline: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The even-odd rule, one edge at a time; a star without a position is outside."""
    x, y = (values.astype(np.float64) for values in (x, y))
    crossings = np.zeros(len(x), dtype=int)
    for (xa, ya), (xb, yb) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        between = (ya > y) != (yb > y)
        with np.errstate(invalid="ignore", divide="ignore"):
            crossings += between & (x < xa + (y - ya) * (xb - xa) / (yb - ya))
    return crossings % 2 == 1


def members(explorer: Explorer, name: str | None = None) -> np.ndarray:  # (N,) bool
    """The stars of a set (default: the active one), as the server has them."""
    visit = explorer.visit
    star_set = visit.current if name is None else visit.star_set(name)
    return star_set.mask(visit.catalog)


def ids(explorer: Explorer, mask: np.ndarray) -> set[int]:
    """Ids of some of the catalog's stars, from its file."""
    return set(explorer.stars["source_id"][mask].tolist())


def scaled(frame: Frame, scales: tuple[str, str]) -> Frame:
    """A frame whose logarithmic axes run in log10."""
    (x0, x1), (y0, y1) = (
        np.log10(ends) if scale == "log" else ends
        for ends, scale in zip(((frame.x0, frame.x1), (frame.y0, frame.y1)), scales, strict=True)
    )
    return replace(frame, x0=float(x0), x1=float(x1), y0=float(y0), y1=float(y1))


def drawn(
    explorer: Explorer,
    fractions: Sequence[tuple[float, float]],
    map_key: str,
    key: str | None = None,
) -> np.ndarray:  # (N,) bool
    """Draw an outline, and tell which stars it holds: those of the filter are not left out."""
    state = explorer.visit.map_state(map_key)
    frame = scaled(explorer.frame(map_key), state.scales)
    explorer.outline(fractions, key, map_key)
    outline = frame.data([frame.pixel(*fraction) for fraction in fractions])
    return inside(outline, *positions(explorer, map_key))


def positions(explorer: Explorer, map_key: str) -> tuple[np.ndarray, np.ndarray]:
    """The stars on a map's axes, in the axes' scales."""
    state = explorer.visit.map_state(map_key)
    found = []
    for name, scale in zip(state.columns, state.scales, strict=True):
        values = explorer.stars[name].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(np.log10(values) if scale == "log" else values)
    return found[0], found[1]


class Bins:
    """The bins of a map's image, and the stars in them.

    Attributes
    ----------
    row, column : ndarray, (M,)
        Bins of the stars `which`, row 0 at the bottom.
    unsure : ndarray, (H, W) bool
        Bins at whose edges a star lies: rounding decides where it is seen.
    """

    def __init__(self, explorer: Explorer, map_key: str, image: np.ndarray) -> None:
        state = explorer.visit.map_state(map_key)
        frame = scaled(explorer.frame(map_key), state.scales)
        places = []
        for values, ends, n in zip(
            positions(explorer, map_key),
            ((frame.x0, frame.x1), (frame.y0, frame.y1)),
            image.shape[::-1],
            strict=True,
        ):
            low, high = min(ends), max(ends)
            places.append((values - low) / (high - low) * n)
        self.shape = image.shape
        inside = np.ones(len(places[0]), bool)
        for place, n in zip(places, image.shape[::-1], strict=True):
            inside &= (place >= -SLACK) & (place <= n + SLACK)
        self.which = np.flatnonzero(inside)
        self.unsure = np.zeros(image.shape, bool)
        near = np.zeros(len(self.which), bool)
        at = [place[self.which] for place in places]
        for place in at:
            near |= np.abs(place - np.round(place)) < SLACK
        self.column, self.row = (
            np.clip(np.floor(place).astype(int), 0, n - 1)
            for place, n in zip(at, image.shape[::-1], strict=True)
        )
        for dx in (-SLACK, SLACK):
            for dy in (-SLACK, SLACK):
                column, row = (
                    np.clip(np.floor(place[near] + d).astype(int), 0, n - 1)
                    for place, d, n in zip(at, (dx, dy), image.shape[::-1], strict=True)
                )
                self.unsure[row, column] = True

    def count(self, mask: np.ndarray | None = None) -> np.ndarray:  # (H, W) int
        """Number of stars, of some, in each bin."""
        counts = np.zeros(self.shape, int)
        chosen = np.ones(len(self.which), bool) if mask is None else mask[self.which]
        np.add.at(counts, (self.row[chosen], self.column[chosen]), 1)
        return counts

    def reduce(self, values: np.ndarray, how) -> np.ndarray:
        """A function of the finite values in each bin; NaN where there is none."""
        found = np.full(self.shape, np.nan)
        code = self.row * self.shape[1] + self.column
        here = values[self.which].astype(np.float64)
        for bin_ in np.unique(code):
            inside = here[code == bin_]
            inside = inside[np.isfinite(inside)]
            if len(inside):
                found.flat[bin_] = how(inside)
        return found


def agrees(found: np.ndarray, expected: np.ndarray, unsure: np.ndarray) -> bool:
    """Whether two images (H, W) of bool are the same, but for the unsure bins."""
    return bool(((found == expected) | unsure).all())


def nearest(explorer: Explorer, map_key: str, pixel: Pixel, mask: np.ndarray | None = None) -> int:
    """Row of the star, of some, that is nearest to a pixel on the screen."""
    state = explorer.visit.map_state(map_key)
    frame = scaled(explorer.frame(map_key), state.scales)
    distance = np.hypot(*(frame.screen(*positions(explorer, map_key)) - np.array(pixel)).T)
    distance[~np.isfinite(distance)] = np.inf
    if mask is not None:
        distance[~mask] = np.inf
    return int(np.argmin(distance))
