"""The edges of the area that an outline encloses, by the even-odd rule."""

from __future__ import annotations

import numpy as np
import shapely

from xpmodel._long_work import checkpoint
from xpmodel.errors import InputError

# An outline drawn by hand crosses itself some times, one of random vertices in about a fifth of
# all pairs of its edges.
MAX_CROSSINGS = 20_000
# Edges whose neighbors are asked for at once.
BLOCK = 32
# How far beside an edge, in parts of the outline's extent, its two sides are looked at; the next
# where edges lie so near to each other that this does not tell them apart.
ASIDE = (1e-9, 1e-11, 1e-13)


def area_edges(outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends, (E, 2) each, of the edges of the area, which lies on their left.

    Parameters
    ----------
    outline : ndarray, (V, 2)
        Where it crosses itself its edges are cut.

    Raises
    ------
    InputError
        When it crosses itself more than 20,000 times, or too closely to tell its sides.
    """
    ring = np.concatenate([outline, outline[:1]])
    polygon = shapely.Polygon(ring)
    if shapely.is_valid(polygon):
        start, end = _rings(polygon)
    else:
        start, end = _cut(polygon, ring)
    distinct = (start != end).any(axis=1)
    return start[distinct], end[distinct]


def check_crossings(ring: np.ndarray) -> None:
    """Refuse a closed outline, (V + 1, 2), that crosses itself too often.

    Raises
    ------
    InputError
        When it does.
    """
    edges = np.asarray(shapely.linestrings(np.stack([ring[:-1], ring[1:]], axis=1)))
    tree = shapely.STRtree(edges)
    n = 0
    for first in range(0, len(edges), BLOCK):
        checkpoint(first / len(edges))
        one, other = tree.query(edges[first : first + BLOCK], predicate="intersects")
        # Each pair once, and not those of neighbors, which share a vertex.
        n += int(np.count_nonzero(other > one + first + 1))
        if n > MAX_CROSSINGS:
            raise InputError(
                f"the outline crosses itself more than {MAX_CROSSINGS:,} times: draw a simpler "
                "one for a probability, or take the stars inside without one"
            )


def _rings(polygon: shapely.Polygon) -> tuple[np.ndarray, np.ndarray]:
    rings = shapely.get_rings(shapely.orient_polygons(polygon, exterior_cw=False))
    points = [shapely.get_coordinates(ring) for ring in rings]
    if not points:
        return np.empty((0, 2)), np.empty((0, 2))
    return np.concatenate([p[:-1] for p in points]), np.concatenate([p[1:] for p in points])


def _cut(polygon: shapely.Polygon, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges cut at all crossings, those with the area on one side, turned to have it left."""
    check_crossings(ring)
    points, line = shapely.get_coordinates(
        shapely.get_parts(shapely.node(shapely.LineString(ring))), return_index=True
    )
    within = line[1:] == line[:-1]
    start, end = points[:-1][within], points[1:][within]
    # An edge may be a point to the cutting.
    distinct = (start != end).any(axis=1)
    start, end = start[distinct], end[distinct]
    along = end - start
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.hypot(*along.T)[:, None]
    middle = 0.5 * (start + end)
    extent = np.ptp(ring, axis=0).max()
    shapely.prepare(polygon)
    for part in ASIDE:
        step = part * extent * normal
        left, right = (shapely.contains_xy(polygon, *at.T) for at in (middle + step, middle - step))
        # Drawn twice to and fro, an edge has the same on both sides.
        kept, turned = left != right, right[:, None]
        edges = np.where(turned, end, start)[kept], np.where(turned, start, end)[kept]
        if _closed(*edges):
            return edges
    raise InputError(
        "the outline comes too near to itself to tell where its inside is: draw a simpler one "
        "for a probability, or take the stars inside without one"
    )


def _closed(start: np.ndarray, end: np.ndarray) -> bool:
    """Whether edges come to each point as often as they leave it, as those around areas do."""
    _, place = np.unique(np.concatenate([start, end]), axis=0, return_inverse=True)
    n = len(start)
    return np.array_equal(np.sort(place.ravel()[:n]), np.sort(place.ravel()[n:]))
