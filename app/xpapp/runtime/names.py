"""Text that others give, on its way to the page: it is shown, and never read as anything else.

Names of sets, tracks, files, columns, categories, tables and programs come from people, archives
and files. Whatever of them goes into HTML, or onto a plot, goes through here.
"""

from __future__ import annotations

import html
import re

from bokeh.models import PlainText

# What Bokeh takes for the beginning of TeX, which it lets another host's script read.
_MATH = re.compile(r"\$\$|\\\[|\\\(")


def as_html(text: object) -> str:
    """HTML that shows a text as it is."""
    return html.escape(str(text))


def as_markdown(text: object) -> str:
    """Markdown that shows a text as it is: CommonMark lets each mark be escaped."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", str(text))


def as_label(text: str) -> str | PlainText:
    """What a plot's axis or title shows as it is."""
    return PlainText(text) if _MATH.search(text) else text
