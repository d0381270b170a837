"""The formats that stars are written in: a line here and a module that writes it are a format."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpmodel.errors import InputError


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    title : str
        What a person calls it.
    mime : str
    writer : str
        ``module:function`` that writes it, imported when it is called: it takes the path and what
        is to be written.
    any_type : bool
        Whether it holds columns of all types (else numbers, bool and text).
    """

    title: str
    mime: str
    writer: str
    any_type: bool = False

    def write(self, path: Path, content: Any, **options: Any) -> None:  # noqa: ANN401  the writer knows
        """Write a file, by the format's writer."""
        pkgutil.resolve_name(self.writer)(path, content, **options)


FORMATS: dict[str, Format] = {
    ".csv": Format("CSV", "text/csv", "xpmodel.export.text:write_csv"),
    ".ecsv": Format("ECSV", "text/plain", "xpmodel.export.text:write_ecsv"),
    ".fits": Format("FITS", "application/fits", "xpmodel.export.fits:write_fits"),
    ".parquet": Format(
        "Parquet",
        "application/vnd.apache.parquet",
        "xpmodel.export.parquet:write_parquet",
        any_type=True,
    ),
    ".vot": Format("VOTable", "application/x-votable+xml", "xpmodel.export.votable:write_votable"),
}
"""What `xpmodel.write_stars` writes, by the ending of the file's name."""


def listed(names: Iterable[str]) -> str:
    """Endings or titles in a sentence: ".csv, .ecsv or .fits"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def format_of(path: Path, formats: Mapping[str, Format] = FORMATS) -> Format:
    """The format of a file by the ending of its name.

    Raises
    ------
    InputError
        When there is none of that ending.
    """
    if path.suffix not in formats:
        raise InputError(f"{path}: the name must end in {listed(formats)}")
    return formats[path.suffix]
