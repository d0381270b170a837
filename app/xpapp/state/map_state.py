"""What a map shows: immutable values that a visit holds and a file keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xpmodel import Catalog, InputError
from xpmodel.selection.regions import SCALES

DENSITY, MEAN, MEDIAN, SPREAD, CATEGORY = "density", "mean", "median", "spread", "category"
HOW = (DENSITY, MEAN, MEDIAN, SPREAD, CATEGORY)
COLOR_SCALES = ("linear", "log", "equalized")
# Colored by the sets that stars are in: a category that is no column.
SETS = "sets"
# Rarer ones share the last color.
MAX_CATEGORIES = 9


@dataclass(frozen=True)
class MapState:
    """One map: its key, which never changes, and its axes."""

    key: str
    x: str
    y: str
    x_scale: str = "linear"
    y_scale: str = "linear"

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of the two axes."""
        return (self.x, self.y)

    @property
    def scales(self) -> tuple[str, str]:
        """The scales of the two axes."""
        return (self.x_scale, self.y_scale)

    @classmethod
    def from_json(cls, content: dict[str, Any], catalog: Catalog) -> MapState:
        """A map that a file keeps.

        Raises
        ------
        InputError, KeyError, TypeError
            When it is none, or the catalog lacks a column.
        """
        state = cls(**{k: str(content[k]) for k in ("key", "x", "y", "x_scale", "y_scale")})
        for name in state.columns:
            if name not in catalog.numeric:
                raise InputError(f"{catalog.path.name} has no values in column {name[:60]!r}")
        if not set(state.scales) <= set(SCALES) or not state.key.isidentifier():
            raise InputError("a map's scales are linear or log, and its key is a name")
        return state


@dataclass(frozen=True)
class Coloring:
    """What colors the bins of all maps.

    Attributes
    ----------
    how : str
        One of HOW.
    column : str
        Of the mean, median, spread or category; `SETS` for the sets; empty for the density.
    scale : str
        One of COLOR_SCALES; a category has none.
    """

    how: str = DENSITY
    column: str = ""
    scale: str = "log"

    @classmethod
    def from_json(cls, content: dict[str, Any], catalog: Catalog) -> Coloring:
        """The coloring that a file keeps.

        Raises
        ------
        InputError, KeyError, TypeError
            When it is none, or the catalog lacks the column.
        """
        coloring = cls(**{k: str(content[k]) for k in ("how", "column", "scale")})
        columns = {
            DENSITY: [""],
            CATEGORY: [SETS, *catalog.categorical],
        }.get(coloring.how, catalog.numeric)
        if coloring.how not in HOW or coloring.scale not in COLOR_SCALES:
            raise InputError("colors are by density, mean, median, spread or category")
        if coloring.column not in columns:
            raise InputError(f"{catalog.path.name} cannot color by {coloring.column[:60]!r}")
        return coloring


def default_maps(catalog: Catalog) -> tuple[MapState, ...]:
    """Latents, Kiel diagram, abundances, color and magnitude: those that the catalog can fill."""
    numeric = set(catalog.numeric)
    magnitude = "abs_g_mag" if "abs_g_mag" in numeric else "phot_g_mean_mag"
    wanted = (
        MapState("latent", *catalog.default_axes),
        MapState("kiel", "teff", "logg"),
        MapState("abundance", "m_h", "alpha_m"),
        MapState("cmd", "bp_rp", magnitude),
    )
    maps = [state for state in wanted if set(state.columns) <= numeric]
    # A catalog without labels shows more of its latents instead.
    active = catalog.active or catalog.latents
    pairs = [(a, b) for i, a in enumerate(active) for b in active[i + 1 :]]
    for i, pair in enumerate(p for p in pairs if p != catalog.default_axes):
        if len(maps) >= len(wanted):
            break
        maps.append(MapState(f"latent{i + 2}", *pair))
    return tuple(maps)
