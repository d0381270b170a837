"""The small line of text above a view."""

from __future__ import annotations

import panel as pn
from bokeh.models import Div

# Tables have many columns and little room.
SMALL_TABLE = """
:host { font-size: 11px }
.slick-header-column, .slick-cell { font-size: 11px; color: inherit; }
.slick-row, .slick-row.even, .slick-row.odd { background: transparent; color: inherit; }
.slick-row.odd { background: rgba(128, 128, 128, 0.14); }
.slick-row:hover { background: rgba(42, 120, 214, 0.2); }
.slick-cell.selected { background: rgba(42, 120, 214, 0.35); }
.slick-cell a { color: inherit; }
"""


def live_line(size: str = "0.85rem") -> Div:
    """A line whose text changes also while it is not seen.

    Panel's own pane, when it is told something while its tab is closed, sends the browser to
    another host for its style.
    """
    return Div(
        text="&nbsp;",
        sizing_mode="stretch_width",
        margin=(0, 10),
        styles={"font-size": size, "opacity": "0.9"},
    )


def status_line(text: str = "&nbsp;") -> pn.pane.HTML:
    """A line that a view fills; it is as high when empty, since plots below do not move up."""
    return pn.pane.HTML(
        text,
        sizing_mode="stretch_width",
        margin=(0, 10),
        styles={"font-size": "0.85rem", "opacity": "0.9"},
    )
