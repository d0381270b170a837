"""Where a map of absolute magnitudes rests on parallaxes that are worth little: hatched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bokeh.models import ColumnDataSource, Quad
from bokeh.plotting import figure as Figure

from xpapp.maps.raster import View
from xpapp.state.map_state import MapState
from xpapp.state.visit import Visit
from xpapp.widgets.glyphs import Data, add_glyphs
from xpmodel import Catalog
from xpmodel.plots.modes import LEAST_PARALLAX_OVER_ERROR
from xpmodel.selection.regions import to_scale

NO_CELLS: Data = {"left": [], "right": [], "bottom": [], "top": []}
# Cells along each axis of the map.
CELLS = 40
# What follows from a distance, and is wrong where the parallax is.
BY_DISTANCE = ("abs_g_mag",)


@dataclass(frozen=True, eq=False)
class FarCells:
    """Cells of a view in which most stars have a poor parallax.

    Attributes
    ----------
    x, y : ndarray, (CELLS + 1,)
        Edges, in the axes' scales.
    hatched : ndarray, (CELLS, CELLS) bool
    n_far, n : int
        Stars in view with a parallax below 5 times its error, and all in view.
    """

    x: np.ndarray
    y: np.ndarray
    hatched: np.ndarray
    n_far: int
    n: int


def far_cells(
    catalog: Catalog, state: MapState, shown: np.ndarray | None, ends: tuple[float, ...]
) -> FarCells:
    """Find them; `ends` are those of the x and the y axis, in the axes' scales, low before high."""
    far = catalog["parallax"] < LEAST_PARALLAX_OVER_ERROR * catalog["parallax_error"]
    used = np.ones(len(catalog), bool) if shown is None else shown.copy()
    cell = np.zeros(len(catalog), np.int64)
    edges = []
    axes = zip(state.columns, state.scales, (ends[:2], ends[2:]), strict=True)
    for name, scale, (low, high) in axes:
        values = to_scale(catalog[name].astype(np.float64), scale)
        with np.errstate(invalid="ignore"):
            used &= (values >= low) & (values <= high)
            place = (values - low) * (CELLS / ((high - low) or 1.0))
        cell = CELLS * cell + np.where(used, np.minimum(place, CELLS - 1), 0).astype(np.int64)
        edges.append(np.linspace(low, high, CELLS + 1))
    far &= used
    n, n_far = (
        np.bincount(cell[some], minlength=CELLS**2).reshape(CELLS, CELLS) for some in (used, far)
    )
    return FarCells(edges[0], edges[1], n_far > 0.5 * n, int(far.sum()), int(used.sum()))


class FarLayer:
    """Hatches cells where most parallaxes are below 5 times their errors, and counts the stars.

    Parameters
    ----------
    figure : bokeh figure
    visit : Visit
    key : str
        Of the map.
    """

    def __init__(self, figure: Figure, visit: Visit, key: str) -> None:
        self._figure, self._visit, self._key = figure, visit, key
        self._source: ColumnDataSource | None = None
        self._drawn: tuple[object, ...] | None = None
        self.text = ""

    def look(self, view: View) -> None:
        """Follow the part of the plane that the map shows, the axes, and the filter."""
        state, visit = self._visit.map_state(self._key), self._visit
        catalog = visit.catalog
        concerns = (
            state is not None
            and any(name in BY_DISTANCE for name in state.columns)
            and {"parallax", "parallax_error"} <= set(catalog.numeric)
        )
        if not concerns or state is None:
            self._drawn, self.text = None, ""
            if self._source is not None and len(self._source.data["left"]):
                self._source.data = NO_CELLS
            return
        key = (state, view, visit.shown)
        if self._drawn is not None and self._drawn[:2] == key[:2] and self._drawn[2] is visit.shown:
            return
        self._drawn = key
        ends = (*sorted(view.x), *sorted(view.y))
        cells = far_cells(catalog, state, visit.shown, ends)
        self.text = (
            f" · {cells.n_far:,} with parallax below {LEAST_PARALLAX_OVER_ERROR:g} σ (hatched)"
            if cells.n_far
            else ""
        )
        i, j = np.nonzero(cells.hatched)
        edges = [
            10.0**edge if scale == "log" else edge
            for edge, scale in zip((cells.x, cells.y), state.scales, strict=True)
        ]
        self._show(
            {
                "left": edges[0][i],
                "right": edges[0][i + 1],
                "bottom": edges[1][j],
                "top": edges[1][j + 1],
            }
        )

    def _show(self, data: dict[str, np.ndarray]) -> None:
        if self._source is None:  # most maps never need it
            self._source = ColumnDataSource(NO_CELLS, name=f"{self._key}_far")
            glyph = Quad(
                left="left", right="right", bottom="bottom", top="top",
                fill_alpha=0, line_alpha=0, hatch_pattern="/", hatch_alpha=0.35,
                hatch_color="#7a7a7a", hatch_scale=8,
            )  # fmt: skip
            add_glyphs(self._figure, (self._source, glyph))
        self._source.data = data
