"""Colors: perceptually uniform maps that color-blind people can read, light and dark.

An image has one byte a pixel. Level 0 is clear; then come the levels of the bins' own color, the
gray of bins without a value, and the shades of the sets that are drawn over them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from holoviews.plotting.util import process_cmap

# Okabe & Ito (2008), made for color-blind readers; gray and black come last.
SET_COLORS = (
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#0072b2",
    "#f0e442",
    "#56b4e9",
    "#7f3c8d",
)
CATEGORY_COLORS = (*SET_COLORS, "#8c8c8c")
ACCENT = "#d9480f"
# What is drawn over the maps and beside the spectra, by whether the page is dark.
INK = {False: "#000000", True: "#ffffff"}
CLEAR = "#00000000"

BASE_LEVELS = 127
NO_VALUE = BASE_LEVELS + 1
FIRST_SET_LEVEL = NO_VALUE + 1
SET_LEVELS = 256 - FIRST_SET_LEVEL
# Bins of stars that are in no set step back by so much, while there are sets.
STEP_BACK = 0.62


@functools.cache  # naming a color map takes milliseconds
def density_palette(dark: bool) -> tuple[str, ...]:
    """Colors from few stars to many, all of them visible on the page's ground."""
    colors = process_cmap("viridis" if dark else "Blues", BASE_LEVELS + 35)
    return tuple(colors[35:])


@functools.cache
def value_palette(dark: bool) -> tuple[str, ...]:
    """Colors from low values to high ones, none of them lost on the page's ground."""
    colors = tuple(process_cmap("viridis", BASE_LEVELS + 20))
    return colors[20:] if dark else colors[:-20]


@functools.cache
def category_palette(n: int) -> tuple[str, ...]:
    """Shades of some categories, one after the other, each from few stars to many."""
    shades = BASE_LEVELS // n
    return tuple(
        _faded(color, 0.35 + 0.65 * (i + 1) / shades)
        for color in category_colors(n)
        for i in range(shades)
    )


def category_colors(n: int) -> list[str]:
    """Colors of some categories, the last of which is gray when there are many."""
    return list(CATEGORY_COLORS[:n] if n < len(CATEGORY_COLORS) else CATEGORY_COLORS)


def image_palette(base: Sequence[str], sets: Sequence[str]) -> list[str]:
    """The colors of all levels of an image.

    Parameters
    ----------
    base : sequence of str
        Of the bins; fewer than their levels leave the rest clear.
    sets : sequence of str
        Colors of the sets that are drawn.
    """
    step_back = STEP_BACK if sets else 1.0
    bins = [_faded(color, step_back) for color in base]
    bins += [CLEAR] * (BASE_LEVELS - len(bins))
    colors = [CLEAR, *bins, _faded("#9a9a9a", 0.5 * step_back)]
    shades = set_shades(len(sets))
    for color in sets:
        colors += [_faded(color, 0.4 + 0.6 * (i + 1) / shades) for i in range(shades)]
    return colors + [CLEAR] * (256 - len(colors))


def set_shades(n_sets: int) -> int:
    """How many levels each of some sets has."""
    return SET_LEVELS // max(n_sets, 1)


def _faded(color: str, opacity: float) -> str:
    """A color, which may be translucent already, with so much of its opacity."""
    alpha = int(color[7:9], 16) if len(color) == 9 else 255
    return f"{color[:7]}{round(alpha * opacity):02x}"
