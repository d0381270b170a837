"""`InputError`: what the user gave cannot be used, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line that names the file, row or column, says what is wrong and what to
    do. The command line prints it as it stands and exits with status 2.
    """


@contextmanager
def naming(source: str | Path, *others: str | Path) -> Iterator[None]:
    """Put a file in front of what is wrong with what was read from it.

    An error that names the file already, or one of the others, stays as it is.
    """
    try:
        yield
    except InputError as error:
        if any(str(path) in str(error) for path in (source, *others)):
            raise
        raise InputError(f"{source}: {error}") from None
