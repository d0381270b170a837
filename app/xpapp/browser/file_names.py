"""Names of files that a browser is given, in whatever letters a person named them."""

from __future__ import annotations

import re
from urllib.parse import quote


def ascii_name(filename: str) -> str:
    """The name in ASCII letters, digits, ``_``, ``-`` and ``.``: for addresses."""
    return re.sub(r"[^\w.-]+", "_", filename, flags=re.ASCII)


def content_disposition(filename: str) -> str:
    """What the header says of a file to be saved: the name in full by RFC 6266 and RFC 8187."""
    plain = ascii_name(filename)
    said = f'attachment; filename="{plain}"'
    return said if plain == filename else f"{said}; filename*=UTF-8''{quote(filename, safe='')}"
