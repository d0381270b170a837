"""Tables of results on disk and on the screen."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from xpmodel._atomic import replacing
from xpmodel._version import __version__
from xpmodel.catalog.catalog import Catalog

if TYPE_CHECKING:
    from astropy.table import Table


TableColumn = tuple[str, ArrayLike, str, str]
"""Name, values, unit and description."""


def provenance(catalog: Catalog, **options: Any) -> dict[str, Any]:
    """What a table of results says of how it was made: catalog, model, program and options."""
    return {
        "catalog": catalog.path.name,
        "mock_stars": f"{catalog.n_mock} of {len(catalog)}",
        "model": catalog.model_hash,
        "made_by": f"xpmodel {__version__}",
        **options,
    }


def title_of(catalog: Catalog) -> str:
    """The catalog's name, and how many of its stars are mock, wherever results name it."""
    mock = f" ({catalog.n_mock:,} mock stars)" if catalog.n_mock else ""
    return f"{catalog.path.name}{mock}"


def make_table(columns: Iterable[TableColumn], meta: dict[str, Any] | None = None) -> Table:
    """A table of named columns with units and descriptions.

    Parameters
    ----------
    columns : iterable of (name, values, unit, description)
        Unit ``""``: none.
    meta : dict, optional
    """
    from astropy.table import Column, Table

    table = Table(meta=meta or {})
    for name, values, unit, description in columns:
        table[name] = Column(values, unit=unit or None, description=description)
    return table


def write_table(path: str | Path, table: Table) -> Path:
    """Write a table as ECSV, whole or not at all.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    path = Path(path)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return path


def lines_of(table: Table, formats: dict[str, str] | None = None) -> list[str]:
    """A table as aligned lines of text for a terminal.

    Parameters
    ----------
    table : Table
        Text to the left, numbers to the right.
    formats : dict of str to str, optional
        How columns are printed (``"{:.3f}"``-style specifications without braces: ``".3f"``).
    """
    formats = formats or {}
    cells = []
    for name in table.colnames:
        texts = [
            value if isinstance(value, str) else format(value, formats.get(name, ""))
            for value in table[name].tolist()
        ]
        is_text = table[name].dtype.kind in "UO"
        width = max(map(len, [name, *texts]))
        cells.append([f"{t:<{width}}" if is_text else f"{t:>{width}}" for t in [name, *texts]])
    return ["  ".join(row).rstrip() for row in zip(*cells, strict=True)]
