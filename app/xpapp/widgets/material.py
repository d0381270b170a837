"""Style of the side bar's Material widgets."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from xpmodel import Catalog
from xpmodel.columns import describe, error_columns

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "size": "small", "margin": (5, 8)}
TEXT: dict[str, Any] = {"variant": "text", "color": "primary"}


def heading(text: str) -> pn.viewable.Viewable:
    """What a group of controls is about."""
    return pmui.Typography(text, variant="overline", margin=(4, 8, 0, 8))


def row(*parts: pn.viewable.Viewable) -> pn.Row:
    """Controls side by side."""
    return pn.Row(*parts, sizing_mode="stretch_width", margin=0)


def column(*parts: pn.viewable.Viewable) -> pn.Column:
    """Controls one below the other."""
    return pn.Column(*parts, sizing_mode="stretch_width", margin=0)


def column_choices(catalog: Catalog) -> dict[str, str]:
    """Columns to choose from: latents first, inactive ones said to be so."""
    numeric = catalog.numeric
    latents = [name for name in catalog.latents if name in numeric]
    errors = [error for name in latents for error in error_columns(name) if error in numeric]
    others = [name for name in numeric if name not in {*latents, *errors}]
    choices = {n if n in catalog.active else f"{n} (inactive)": n for n in latents}
    return choices | {describe(name): name for name in [*others, *errors]}
