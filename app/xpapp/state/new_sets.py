"""What a new set is called, and its color, where nobody says."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

from xpapp.colors import SET_COLORS
from xpmodel.selection.star_sets import MAX_NAME, StarSet


def free_name(sets: Iterable[StarSet], wanted: str = "") -> str:
    """The wanted name, or a letter; with a number where it is taken."""
    taken = {s.name for s in sets}
    names = [wanted[:MAX_NAME]] if wanted else list(ascii_uppercase)
    base = wanted[: MAX_NAME - 4] or "set"
    names += [f"{base} {i}" for i in range(2, len(taken) + 3)]
    return next(n for n in names if n not in taken)


def free_color(sets: Iterable[StarSet]) -> str:
    """The color that the fewest sets have."""
    used = [s.color for s in sets]
    return min(SET_COLORS, key=used.count)
