"""Spectral lines marked over a plot against wavelength."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, LabelSet
from bokeh.plotting import figure as Figure

from xpapp.colors import INK
from xpmodel.spectra.spectral_lines import LINES

# Names of lines closer than this [nm] are written above each other.
NAME_WIDTH = 14.0
NAME_HEIGHT = 40


class LineMarks:
    """Spectral lines as dotted lines, with names or without.

    Parameters
    ----------
    figure : bokeh figure
    names : bool
        Whether the lines are named.
    """

    def __init__(self, figure: Figure, names: bool) -> None:
        source = ColumnDataSource(
            {
                "x": [line.wavelength for line in LINES],
                "name": [line.name for line in LINES],
                "y": [4 + NAME_HEIGHT * level for level in _name_levels()],
            }
        )
        self._marks = figure.vspan(
            "x", source=source, line_alpha=0.35, line_dash="dotted", visible=False
        )
        self._names = LabelSet(
            x="x",
            y="y",
            y_units="screen",
            text="name",
            source=source,
            angle=np.pi / 2,
            text_font_size="10px",
            x_offset=-1,
            visible=False,
        )
        self._named = names
        if names:
            figure.add_layout(self._names)

    def show(self, visible: bool, dark: bool) -> None:
        """Show or hide them, in ink."""
        self._marks.glyph.line_color = self._names.text_color = INK[dark]
        self._marks.visible = visible
        self._names.visible = visible and self._named


def _name_levels() -> list[int]:
    """How high each line's name is written, so that neighbours do not cover each other."""
    levels: list[int] = []
    for i, line in enumerate(LINES):
        near = [
            levels[j]
            for j, other in enumerate(LINES[:i])
            if line.wavelength - other.wavelength < NAME_WIDTH
        ]
        levels.append(min(set(range(len(near) + 1)) - set(near)))
    return levels
