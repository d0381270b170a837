"""What can be drawn over the maps of a catalog: tracks and dividing lines, by their names."""

from __future__ import annotations

from xpmodel import Catalog, InputError
from xpmodel.tracks.definitions import TRACKS, define

KIEL_LINE, ALPHA_LINE = "kiel_line", "alpha_line"
LINES = {
    KIEL_LINE: "MS/GB line (Eq. 10)",
    ALPHA_LINE: "α split (Patil et al. 2023)",
}


def choices(catalog: Catalog) -> dict[str, str]:
    """Titles of what can be drawn over a catalog's maps, by name."""
    found = {}
    for name, title in TRACKS.items():
        try:
            define(name, catalog)
        except InputError:
            continue
        found[name] = title
    numeric = set(catalog.numeric)
    if {"teff", "logg"} <= numeric:
        found[KIEL_LINE] = LINES[KIEL_LINE]
    if {"fe_h", "mg_fe"} <= numeric:
        found[ALPHA_LINE] = LINES[ALPHA_LINE]
    return found
