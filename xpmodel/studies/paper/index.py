"""The index of what was made of the paper: a page for a browser, and the same as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from xpmodel.studies.paper.items import Item
from xpmodel.studies.paper.results import Headline

HEAD = ("item", "paper", "command", "here", "baseline", "without α in the spectra")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto;
  max-width: 110rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; font-weight: 600; }
.mock { display: inline-block; background: #8a2be2; color: #fff; border-radius: .3rem;
  padding: 0 .5rem; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem;
  border-top: 1px solid #ddd; }
th { font-weight: 600; position: sticky; top: 0; background: #fff; }
code { font-size: .8rem; background: #f4f4f4; overflow-wrap: anywhere; }
.missing { color: #8a4b00; }
"""


@dataclass(frozen=True)
class Row:
    """An item as the index shows it.

    Attributes
    ----------
    item : Item
    command : tuple of str
        The words after ``xpmodel``; empty where nothing makes it.
    figures : tuple of str
        Paths from the index's folder.
    headline : Headline or None
    reason : str
        Why it could not be had.
    """

    item: Item
    command: tuple[str, ...]
    figures: tuple[str, ...]
    headline: Headline | None
    reason: str = ""


@dataclass(frozen=True)
class About:
    """What the index is of.

    Attributes
    ----------
    catalog : str
        Its name.
    n_stars, n_mock : int
    model : str
        The model's hash.
    command : tuple of str
        The words after ``xpmodel`` that made it.
    made_by : str
    """

    catalog: str
    n_stars: int
    n_mock: int
    model: str
    command: tuple[str, ...]
    made_by: str

    @property
    def text(self) -> str:
        """Catalog, stars, model and program in a line."""
        mock = f", {self.n_mock:,} of them mock stars" if self.n_mock else ""
        return (
            f"{self.catalog}: {self.n_stars:,} stars{mock}; model {self.model[:12]}; {self.made_by}"
        )


def html_page(rows: Sequence[Row], about: About) -> str:
    """The index as a page that needs no script and nothing but the figures beside it."""
    badge = '<span class="mock">MOCK</span> ' if about.n_mock else ""
    mock = "<p>Nothing in a mock sky was observed.</p>" if about.n_mock else ""
    head = "".join(f"<th>{escape(name)}</th>" for name in HEAD)
    body = "\n".join(_html_row(row) for row in rows)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The paper, item by item: {escape(about.catalog)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{badge}The paper, item by item</h1>
<p>{escape(about.text)}. {count(rows)}</p>
{mock}<p><code>{escape(command_line(about.command))}</code></p>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</body>
</html>
"""


def markdown_page(rows: Sequence[Row], about: About, introduction: str = "") -> str:
    """The same as Markdown, without links to the figures' files."""
    lines = [f"# The paper, item by item{' (MOCK)' if about.n_mock else ''}", ""]
    lines += [introduction.strip(), ""] if introduction.strip() else []
    lines += [f"{about.text}. {count(rows)}", "", "```", command_line(about.command), "```", ""]
    lines += [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for row in rows:
        cells = [f"`{row.item.name}`", row.item.paper, _marked(row), *_texts(row)]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def command_line(words: Sequence[str]) -> str:
    """A command as one would type it."""
    return shlex.join(["xpmodel", *words])


def count(rows: Sequence[Row]) -> str:
    """How many items there are."""
    had = sum(row.headline is not None for row in rows)
    return f"{had} of {len(rows)} items; {len(rows) - had} could not be had."


def _texts(row: Row) -> tuple[str, str, str]:
    if row.headline is None:
        return f"not had: {row.reason}", "", ""
    return row.headline.here, row.headline.baseline, row.headline.control


def _marked(row: Row) -> str:
    return f"`{command_line(row.command)}`" if row.command else ""


def _cell(text: str) -> str:
    """Text that neither ends a cell nor begins a tag."""
    text = " ".join(text.split()).replace("|", "\\|")
    return text if text.startswith("`") else text.replace("<", "&lt;")


def _html_row(row: Row) -> str:
    here, baseline, control = (escape(text) for text in _texts(row))
    links = ", ".join(
        f'<a href="{quote(path)}">{escape(path.rpartition("/")[2])}</a>' for path in row.figures
    )
    marked = ' class="missing"' if row.headline is None else ""
    command = f"<code>{escape(command_line(row.command))}</code>" if row.command else ""
    return (
        f"<tr><td>{escape(row.item.name)}</td><td>{escape(row.item.paper)}</td>"
        f"<td>{command}</td><td{marked}>{here}{'<br>' if links else ''}{links}</td>"
        f"<td>{baseline}</td><td>{control}</td></tr>"
    )
