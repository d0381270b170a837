"""The small line of text above a view."""

from __future__ import annotations

import panel as pn


def status_line(text: str = "&nbsp;") -> pn.pane.HTML:
    """A line that a view fills; it is as high when empty, since plots below do not move up."""
    return pn.pane.HTML(
        text,
        sizing_mode="stretch_width",
        margin=(0, 10),
        styles={"font-size": "0.85rem", "opacity": "0.9"},
    )
