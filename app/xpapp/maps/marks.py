"""The marks of z and of the chosen star in a map."""

from __future__ import annotations

import numpy as np

from xpapp.maps.figure import MapFigure
from xpapp.maps.turned_layers import points_in_view
from xpapp.state.cursor import Cursor
from xpapp.state.map_state import MapState


def move_marks(figure: MapFigure, cursor: Cursor, state: MapState) -> None:
    """Put the marks where z and the star are now."""
    axes = state.columns
    # Among labels z lies where its neighbours do.
    here = [cursor.value(name) for name in axes]
    figure.dim_marker(not all(name in cursor.catalog.latents for name in axes))
    star = cursor.star
    there = [float(cursor.catalog[n][star]) for n in axes] if star is not None else None
    for source, at in ((figure.marker, here), (figure.star, there)):
        point = _point(figure, state, at)
        if dict(source.data) != point:
            source.data = point


def _point(figure: MapFigure, state: MapState, at: list[float] | None) -> dict[str, list[float]]:
    nowhere: dict[str, list[float]] = {"x": [], "y": []}
    if at is None or not np.isfinite(at).all():
        return nowhere
    view = figure.view
    x, y = (float(v) for v in points_in_view(at[0], at[1], state.periods, view))
    if view is not None:
        # The marks' layer is not cut off by the frame.
        place = figure.place(x, y)
        if not all(min(e) <= v <= max(e) for v, e in zip(place, (view.x, view.y), strict=True)):
            return nowhere
    return {"x": [x], "y": [y]}
