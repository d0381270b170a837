"""What a command left in its folder, as the readers of headline numbers ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmodel.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Row, Table

SAID_FILE = "said.txt"
# Before a number, and not within a word or a range.
HYPHEN_MINUS = re.compile(r"(?<![\w.])-(?=[\d.])")


@dataclass(frozen=True)
class Headline:
    """What an item gives, each a line or two of text; empty where there is nothing to say.

    Attributes
    ----------
    here : str
        The number on this catalog.
    baseline : str
        The same of what knows less, or of chance.
    control : str
        The same on a sky without α in its spectra.
    """

    here: str
    baseline: str = ""
    control: str = ""

    def printed(self) -> Headline:
        """The same with minus signs as one prints them."""
        texts = (self.here, self.baseline, self.control)
        return Headline(*(HYPHEN_MINUS.sub("−", text) for text in texts))


@dataclass(frozen=True)
class Results:
    """A folder of tables, and the same command's on the sky without α.

    Attributes
    ----------
    folder : Path
    without_alpha : Results, optional
    control : Path, optional
        ``control.ecsv`` of ``xpmodel control``.
    """

    folder: Path
    without_alpha: Results | None = None
    control: Path | None = None

    def table(self, name: str) -> Table:
        """A table of the folder.

        Raises
        ------
        InputError
            When it is not there, or cannot be read.
        """
        return read_ecsv(self.folder / name)

    def has(self, name: str) -> bool:
        """Whether the folder has such a table."""
        return (self.folder / name).exists()

    def row(self, name: str, **equal: str) -> Row:
        """The first row of a table whose columns have these values.

        Raises
        ------
        InputError
            When there is none.
        """
        return find_row(self.table(name), self.folder / name, equal)

    def said(self, start: str) -> str:
        """The first line of what the command printed that starts so; empty if none does."""
        path = self.folder / SAID_FILE
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        return next((line for line in lines if line.startswith(start)), "")

    def measure(self, name: str, stars: str = "all") -> str:
        """One measure of ``xpmodel control``: with α in the spectra, and without.

        Empty where the control is not there, or has no such measure.
        """
        if self.control is None:
            return ""
        table = read_ecsv(self.control)
        if not {"stars", "measure", "alpha", "no_alpha"} <= set(table.colnames):
            return ""
        for row in table:
            if row["measure"] == name and row["stars"].startswith(stars):
                return f"{name}: {_cell(row, 'alpha')} with α, {_cell(row, 'no_alpha')} without"
        return ""


def read_ecsv(path: Path) -> Table:
    """A table that a command wrote.

    Raises
    ------
    InputError
        When it is not there, or cannot be read.
    """
    from astropy.table import Table

    if not path.exists():
        raise InputError(f"{path.name} is not there: the catalog lacks what it is of")
    try:
        return Table.read(path, format="ascii.ecsv")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def find_row(table: Table, path: Path, equal: dict[str, str]) -> Row:
    """The first row of a table whose columns have these values.

    Raises
    ------
    InputError
        When there is none.
    """
    for row in table:
        if all(row[name] == value for name, value in equal.items()):
            return row
    wanted = ", ".join(f"{name} {value}" for name, value in equal.items())
    raise InputError(f"{path.name} has no row of {wanted}")


def interval(row: Any, name: str, digits: int = 3) -> str:  # noqa: ANN401  a row of an astropy table
    """A score with its 95 % interval, out of a row of a table."""
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_p2", "_p98"))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _cell(row: Any, sky: str) -> str:  # noqa: ANN401  a row of an astropy table
    value, error = float(row[sky]), float(row[f"{sky}_error"])
    text = f"{value:.4g}" + (f" ± {error:.2g}" if error == error else "")
    return text
