"""Which stars lie within an outline, against prepared shapely on every star."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from tests.bench.measure import Row, medians
from xpmodel.selection.regions import polygon_contains

N_STARS = 500_000
N_VERTICES = 200


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, N_STARS)).astype(np.float32)
    for name, outline in (("hand-drawn", _blob(rng)), ("crosses itself", _knot(rng))):

        def floor(outline: np.ndarray = outline) -> np.ndarray:
            polygon = shapely.Polygon(outline)
            shapely.prepare(polygon)
            return shapely.contains_xy(polygon, x, y)

        def ours(outline: np.ndarray = outline) -> np.ndarray:
            return polygon_contains(outline, x, y)

        wanted, found = floor(), ours()
        differ = int((wanted != found).sum())
        answer = f"!!! {differ} STARS DIFFER !!!" if differ else "the same stars"
        seconds = medians(15, ours=ours, floor=floor)
        yield Row(
            f"lasso: {name}",
            1e3 * seconds["ours"],
            "ms",
            f"polygon_contains of {N_STARS:,} float32 points, {N_VERTICES} vertices, "
            f"{wanted.sum():,} inside, against prepared shapely.contains_xy: {answer}",
            1e3 * seconds["floor"],
            "≤ 0.2",
        )


def _blob(rng: np.random.Generator) -> np.ndarray:
    """An outline as a hand draws it, around a part of the cloud."""
    angle = np.linspace(0, 2 * np.pi, N_VERTICES, endpoint=False)
    radius = 1 + 0.2 * np.sin(2 * angle + 0.5) + 0.1 * np.sin(5 * angle)
    radius += 0.01 * rng.standard_normal(N_VERTICES)
    return np.stack([0.4 + radius * np.cos(angle), -0.2 + 0.8 * radius * np.sin(angle)], axis=1)


def _knot(rng: np.random.Generator) -> np.ndarray:
    """An outline that crosses itself several times."""
    t = np.linspace(0, 2 * np.pi, N_VERTICES, endpoint=False)
    knot = np.stack([1.3 * np.sin(2 * t), 1.1 * np.sin(3 * t + 0.4)], axis=1)
    return knot + 0.01 * rng.standard_normal(knot.shape)
