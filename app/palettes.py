"""Colors: perceptually uniform maps that color-blind people can read, light and dark."""

from __future__ import annotations

from holoviews.plotting.util import process_cmap

SELECTED = "#ff5a1f"
# What is drawn over the maps and beside the spectra, by whether the page is dark.
INK = {False: "#000000", True: "#ffffff"}
CLEAR = "#00000000"


def density_palette(dark: bool) -> list[str]:
    """255 colors from few stars to many, all of them visible on the page's ground."""
    colors = process_cmap("viridis" if dark else "Blues", 320)
    return list(colors[65:320])


def mean_palette() -> list[str]:
    """255 colors from low values to high ones."""
    return list(process_cmap("viridis", 255))


def selected_palette() -> list[str]:
    """255 shades of the selection's color, more opaque where there are more stars."""
    return [f"{SELECTED}{round(130 + 125 * i / 254):02x}" for i in range(255)]
