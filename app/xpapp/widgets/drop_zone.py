"""The box into which a file is dropped or chosen; the bridge uploads it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from panel.custom import JSComponent

from xpapp.assets import asset


class DropZone(JSComponent):
    """A box to drop files on. Files may be dropped anywhere on the page just as well."""

    _esm = Path(__file__).with_name("drop_zone.js")
    _stylesheets: ClassVar[list[str]] = [asset(__file__, "drop_zone.css")]
