"""Style of Bokeh's own widgets, used where the browser would wait for Material's.

Each of Material's is a React component, which takes tens of milliseconds to open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import Button, Select
from bokeh.models.ui import UIElement

from xpapp.assets import asset
from xpapp.runtime.callbacks import guarded
from xpmodel.columns import column_of

CONTROLS = asset(__file__, "controls.css")


def button(label: str, work: Callable[[], None], doing: str, **look: Any) -> Button:
    """A small button; what its work raises is shown."""
    made = Button(
        label=label, height=28, margin=(4, 2), stylesheets=[CONTROLS], **({"width": 60} | look)
    )
    made.on_click(guarded(doing)(lambda event=None: work()))
    return made


def select(
    options: dict[str, str], value: str, work: Callable[[str], None], doing: str, **look: Any
) -> Select:
    """A small choice: values and how they are called."""
    made = Select(
        options=list(options.items()),
        value=value,
        height=28,
        margin=(4, 2),
        stylesheets=[CONTROLS],
        **look,
    )
    made.on_change("value", guarded(doing)(lambda attr, old, new: work(new)))
    return made


def decimals(name: str) -> str:
    """How Bokeh writes a column's numbers, such as "0.00"."""
    return format(0.0, f".{column_of(name).digits}f")


def native_row(*parts: UIElement) -> pn.Row:
    """Controls side by side, as wide as they ask for."""
    panes = [pn.pane.Bokeh(part, margin=0, sizing_mode=part.sizing_mode) for part in parts]
    return pn.Row(*panes, sizing_mode="stretch_width", margin=0)
