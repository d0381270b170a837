"""The small line of text above a view."""

from __future__ import annotations

import panel as pn


def status_line(text: str = "") -> pn.pane.HTML:
    """An empty line that a view fills; assistive technology reads its changes."""
    return pn.pane.HTML(
        text,
        sizing_mode="stretch_width",
        margin=(0, 10),
        styles={"font-size": "0.85rem", "opacity": "0.9"},
    )
