"""Atomic writes of files, their checksums, and JSON read with distrust."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xpmodel.errors import InputError

try:
    import fcntl as fcntl  # for whoever locks files
except ImportError:  # Windows has no flock: two runs on one output are not kept apart there
    fcntl = None  # type: ignore[assignment]  # mypy takes a module's name for always a module

JSON_LIMIT = 64 * 2**20


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well.

    An error or an interrupt leaves `path` as it was and removes the temporary file; what a
    killed run left under the temporary name is overwritten by the next one.

    Raises
    ------
    InputError
        When the folder cannot be written or another run is writing the same file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{path}: another run is writing it") from None
        try:
            os.truncate(temporary, 0)
            yield temporary
            os.fsync(handle)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    finally:
        os.close(handle)


def sha256_file(path: str | Path) -> str:
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: str | Path, kind: str, newest: int = 1) -> dict[str, Any]:
    """Read one of our own JSON files, whose ``format`` says what it is.

    Parameters
    ----------
    path : path
    kind : str
        The format that it must be of.
    newest : int
        The latest version of the format that is known.

    Raises
    ------
    InputError
        When it cannot be read, is too large, is something else, or of a later version.
    """
    path = Path(path)
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise InputError(f"{path}: larger than {JSON_LIMIT >> 20} MB, not a {kind} file")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except InputError:  # a ValueError, too
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != kind:
        raise InputError(f"{path}: not a {kind} file (its 'format' does not say so)")
    check_version(content, path, newest)
    return content


def check_version(content: dict[str, Any], path: str | Path, newest: int = 1) -> None:
    """Refuse what a later version of the project wrote, which may mean something else.

    Raises
    ------
    InputError
        When the version is no number, or beyond the newest that is known.
    """
    version = content.get("version", 1)
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise InputError(
            f"{path}: its format is of version {version!r:.40}, and {newest} is the latest known "
            "here; use a newer xpmodel"
        )
