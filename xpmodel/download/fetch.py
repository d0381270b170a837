"""Download files: a broken connection loses nothing, a wrong file never gets its name.

What has arrived lies in ``.NAME.part`` until it is whole and verified, and survives an interrupt:
the next run asks the server for the rest. Servers are not trusted: not with names, not with sizes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from xpmodel._atomic import fcntl  # None where there are no file locks
from xpmodel.download.answers import (
    FILE_LIMIT,
    TryAgain,
    bytes_text,
    check_answer,
    content_range,
    get,
    persist,
    tag_of,
    total_bytes,
)
from xpmodel.download.datasets import ZENODO_API, RemoteFile
from xpmodel.errors import InputError

BLOCK = 1 << 16  # bytes; a block that a break cuts short is lost
RECORD_LIMIT = 4 << 20  # bytes of a record's description; 100 files take 50 kB
SPARE = 100 * 10**6  # bytes to leave free on the disk

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
CHECKSUM = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")

Progress = Callable[[int, int], None]
"""Called with the bytes of a file that are there and those that it has."""


def zenodo_files(record: int, *, api: str = ZENODO_API) -> list[RemoteFile]:
    """List the files of a Zenodo record, each with its size and checksum.

    Raises
    ------
    InputError
        When Zenodo cannot be reached or does not answer with a list of files that can be used.
    """
    url = f"{api}/records/{record}"

    def ask() -> bytes:
        with get(url) as answer:
            check_answer(answer, url)
            content = b""
            for block in answer.iter_content(BLOCK):
                content += block
                if len(content) > RECORD_LIMIT:
                    raise InputError(
                        f"{url}: answers more than {bytes_text(RECORD_LIMIT)}; no record"
                    )
            return content

    content = persist(ask, url, lambda: 0)
    try:
        entries = json.loads(content)["files"]
        files = [_zenodo_file(entry) for entry in entries]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise InputError(
            f"{url}: answers something else than a record with files (a web page?); try again "
            "later, or download the files by hand"
        ) from None
    for file in files:
        if not PLAIN_NAME.fullmatch(file.name):
            raise InputError(f"{url}: lists {file.name[:80]!r}, which is no plain file name")
        if urlsplit(file.url)[:2] != urlsplit(api)[:2]:
            raise InputError(f"{url}: refers {file.name} to another server, {file.url[:80]!r}")
    return files


def _zenodo_file(entry: dict[str, Any]) -> RemoteFile:
    """One of a record's files; a LookupError, TypeError or ValueError if it is described wrong."""
    name, size, checksum = entry["key"], entry["size"], entry["checksum"]
    url = entry["links"]["self"]
    if type(size) is not int or not 0 <= size <= FILE_LIMIT or not CHECKSUM.fullmatch(checksum):
        raise ValueError
    return RemoteFile(str(name), str(url), size, checksum)


def check_space(folder: str | Path, n_bytes: int) -> None:
    """Make sure that a folder, which need not exist yet, has room for so many bytes.

    Raises
    ------
    InputError
        When it has not.
    """
    there = Path(folder).resolve()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free - SPARE
    if n_bytes > free:
        raise InputError(
            f"{folder}: needs {bytes_text(n_bytes)}, has {bytes_text(max(free, 0))} to spare; "
            "free some, or choose another folder with --out"
        )


def missing_bytes(file: RemoteFile, folder: str | Path) -> int:
    """How much of a file is still to be downloaded; 0 where that is not known.

    A file that lies there under its name counts as present, whatever is in it.
    """
    target = Path(folder) / file.name
    if file.size is None or target.exists():
        return 0
    return max(file.size - _Part(target).size, 0)


def download(file: RemoteFile, folder: str | Path, *, progress: Progress | None = None) -> bool:
    """Download a file into a folder, unless it is there, and verify it.

    Size and checksum are verified as far as they are known: of a file without a checksum only
    the length that the server gives.

    Parameters
    ----------
    file : RemoteFile
    folder : path
        Made where it does not exist.
    progress : callable, optional

    Returns
    -------
    bool
        Whether anything was downloaded; False: the file was there and in order.

    Raises
    ------
    InputError
        When the server cannot be reached, refuses, or sends something else than the file, and
        when the disk has no room. What arrived of the right file is kept for the next time.
    """
    if not PLAIN_NAME.fullmatch(file.name):
        raise InputError(f"{file.name[:80]!r}: not a plain file name")
    target = Path(folder) / file.name
    if target.exists() and _is_whole(target, file):
        return False
    part = _Part(target)
    with part.locked() as handle:
        try:
            size = _receive(file, part, progress)
            _verify(part, file, size)
            os.fsync(handle)
            os.replace(part.path, target)
        except OSError as error:  # those of the network are InputErrors by now
            raise InputError(f"{target}: cannot be written ({error.strerror})") from None
    return True


def _is_whole(target: Path, file: RemoteFile) -> bool:
    """Whether a file is what the server has, as far as that can be known."""
    if file.checksum is not None:
        return file.size in (None, target.stat().st_size) and (
            _checksum(target, file.checksum) == file.checksum
        )

    def ask() -> int:
        with get(file.url) as answer:
            check_answer(answer, file.url)
            return total_bytes(answer, file)

    return target.stat().st_size == persist(ask, file.url, lambda: 0)


class _Part:
    """What has arrived of a file, and by what the server recognizes the file it belongs to.

    Attributes
    ----------
    path : Path
        ``.NAME.part``.
    tag_path : Path
        ``.NAME.tag``: the server's ETag, or its time of the last change.
    """

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f".{target.name}.part")
        self.tag_path = target.with_name(f".{target.name}.tag")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Keep other runs from writing the same part, which is opened; an empty one goes."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                yield handle
            finally:
                if self.size == 0:
                    self.path.unlink(missing_ok=True)
                    self.tag_path.unlink(missing_ok=True)
        except BlockingIOError:
            raise InputError(f"{self.path}: another run is downloading it") from None
        finally:
            os.close(handle)

    def restart(self, tag: str | None = None) -> None:
        """Begin anew, with the file that the server knows by a tag."""
        os.truncate(self.path, 0)
        if tag is None:
            self.tag_path.unlink(missing_ok=True)
        else:
            self.tag_path.write_text(tag, encoding="latin-1")

    def wish(self, file: RemoteFile) -> dict[str, str]:
        """The headers that ask for the rest: for all of it if the server's file has changed.

        Without a tag only a checksum can tell that old and new bytes belong together.
        """
        tag = self.tag_path.read_text(encoding="latin-1") if self.tag_path.exists() else None
        if self.size == 0 or (tag is None and file.checksum is None):
            return {}
        wish = {"Range": f"bytes={self.size}-"}
        return wish if tag is None else wish | {"If-Range": tag}


def _receive(file: RemoteFile, part: _Part, progress: Progress | None) -> int:
    """Bring the part to the file's full length, which is returned."""
    if file.size is not None:
        if part.size > file.size:
            part.restart()
        if part.size == file.size > 0:
            return file.size

    def ask() -> int:
        wish = part.wish(file)
        with get(file.url, wish) as answer:
            if answer.status_code == 416:  # the part is no beginning of what the server has
                part.restart()
                raise TryAgain(f"{file.url}: no more bytes there")
            check_answer(answer, file.url)
            total = total_bytes(answer, file)
            if answer.status_code == 206:
                start, tag = content_range(answer)[0], tag_of(answer)
                is_other_file = tag is not None and wish.get("If-Range", tag) != tag
                if "Range" not in wish or start != part.size or is_other_file:
                    part.restart()
                    raise TryAgain(f"{file.url}: sends other bytes than were asked for")
            else:
                part.restart(tag_of(answer))
            check_space(part.path.parent, total - part.size)
            with open(part.path, "ab") as stream:
                have = part.size
                for block in answer.iter_content(BLOCK):
                    have += len(block)
                    if have > total:
                        raise InputError(f"{file.url}: sends more bytes than the {total} it said")
                    stream.write(block)
                    if progress is not None:
                        progress(have, total)
        if have < total:
            raise TryAgain(f"{file.url}: the connection broke")
        return total

    return persist(ask, file.url, lambda: part.size)


def _verify(part: _Part, file: RemoteFile, size: int) -> None:
    """Throw the part away if it is not the file."""
    found = part.size
    reason = f"has {found} bytes, not {size}" if found != size else None
    if reason is None and file.checksum is not None:
        checksum = _checksum(part.path, file.checksum)
        reason = f"has {checksum}, not {file.checksum}" if checksum != file.checksum else None
    if reason is not None:
        part.restart()
        raise InputError(f"{file.url}: what arrived {reason}; it was deleted: run this again")


def _checksum(path: Path, like: str) -> str:
    """A file's checksum, of the kind of another one."""
    kind = like.partition(":")[0]
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False))
    return f"{kind}:{digest.hexdigest()}"
