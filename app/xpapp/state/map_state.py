"""What a map shows: immutable values that a visit holds and a file keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xpapp.color_modes import COLOR_SCALES, DENSITY, NO_COLUMN, ColorMode, color_mode
from xpmodel import Catalog, InputError
from xpmodel.columns import period
from xpmodel.selection.regions import SCALES


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

    @property
    def periods(self) -> tuple[float | None, float | None]:
        """After which step either axis begins anew; None where it does not."""
        x, y = (
            period(name) if scale == "linear" else None
            for name, scale in zip(self.columns, self.scales, strict=True)
        )
        return x, y

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
        Name of the color mode.
    column : str
        Of which the mode is; `NO_COLUMN` where it needs none.
    scale : str
        One of COLOR_SCALES, also where the mode makes no use of it.
    """

    how: str = DENSITY.name
    column: str = NO_COLUMN
    scale: str = DENSITY.default_scale

    @property
    def mode(self) -> ColorMode:
        """The color mode."""
        return color_mode(self.how)

    @classmethod
    def from_json(cls, content: dict[str, Any], catalog: Catalog) -> Coloring:
        """The coloring that a file keeps.

        Raises
        ------
        InputError, KeyError, TypeError
            When it is none, its mode is unknown, or the catalog lacks the column.
        """
        coloring = cls(**{k: str(content[k]) for k in ("how", "column", "scale")})
        if coloring.scale not in COLOR_SCALES:
            raise InputError(f"a color scale is one of {', '.join(COLOR_SCALES)}")
        if coloring.column not in coloring.mode.columns(catalog):
            raise InputError(
                f"{catalog.path.name} cannot color by {coloring.how} of {coloring.column[:60]!r}"
            )
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
