"""Bokeh glyphs without the copies for selection and hover, which the page never shows."""

from __future__ import annotations

from typing import Any, TypeAlias

from bokeh.models import ColumnDataSource, Glyph, GlyphRenderer
from bokeh.plotting import figure as Figure

Data: TypeAlias = dict[str, list[Any]]
"""Columns of a Bokeh source, by name."""


def empty(columns: Data) -> Data:
    """The same columns without rows, to be filled."""
    return {name: [] for name in columns}


def add_glyphs(figure: Figure, *pairs: tuple[ColumnDataSource, Glyph]) -> None:
    """Draw sources with glyphs, in this order.

    `figure.line` and its kin search the whole figure for each glyph and copy it three times: a
    page of four maps would open a quarter of a second later.
    """
    made = [
        GlyphRenderer(
            data_source=source,
            glyph=glyph,
            selection_glyph=None,
            nonselection_glyph=None,
            hover_glyph=None,
            muted_glyph=None,
        )
        for source, glyph in pairs
    ]
    figure.renderers = [*figure.renderers, *made]
