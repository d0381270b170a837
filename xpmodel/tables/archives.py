"""Archives (zip, tar) of tables: each member that is a table is read, under limits.

Members are copied to files whose names are ours: theirs are shown, and never used as paths.
"""

from __future__ import annotations

import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from xpmodel.errors import InputError
from xpmodel.tables.packed import TABLE_SUFFIXES, Content, given_name, is_table_name, unpacked_limit
from xpmodel.tables.parts import SHOWN, Part

MAX_MEMBERS = 60_000  # DataLink sends up to 5,000 stars, with up to eight products each
DIRECTORY_LIMIT = 32 << 20  # bytes of a zip file's list of members; it has 100 for each
END_OF_ZIP = b"PK\x05\x06"
LOCATOR_64, END_OF_ZIP_64 = b"PK\x06\x07", b"PK\x06\x06"

Members = Iterator[tuple[str, IO[bytes]]]


def open_zip(content: Content, find_parts: Callable[[Content], list[Part]]) -> list[Part]:
    """The tables of a zip file, as the Gaia Archive's DataLink sends it."""
    path = content.on_disk()
    check_directory(path, content.shown)
    try:
        with zipfile.ZipFile(path) as archive:
            return _parts(content, _zip_members(archive, content.shown), find_parts)
    except zipfile.BadZipFile as error:
        raise OSError(str(error)) from error


def open_tar(content: Content, find_parts: Callable[[Content], list[Part]]) -> list[Part]:
    """The tables of a tar file."""
    try:
        with content.open() as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            return _parts(content, _tar_members(archive), find_parts)
    except tarfile.TarError as error:
        raise OSError(str(error)) from error


def _zip_members(archive: zipfile.ZipFile, shown: str) -> Members:
    for info in archive.infolist():
        if info.is_dir():
            continue
        if info.flag_bits & 1:
            raise InputError(f"{shown}: is encrypted; unpack it first, with its password")
        try:
            member = archive.open(info)
        except NotImplementedError:
            raise InputError(
                f"{shown}: {given_name(info.filename)} is compressed in a way that is not read "
                "(not deflate, bzip2 or LZMA); unpack it first"
            ) from None
        with member:
            yield info.filename, member


def _tar_members(archive: tarfile.TarFile) -> Members:
    for info in archive:
        if info.isreg():  # no links, which could name other files
            member = archive.extractfile(info)
            assert member is not None
            with member:
                yield info.name, member


def _parts(
    content: Content, members: Members, find_parts: Callable[[Content], list[Part]]
) -> list[Part]:
    folder = content.new_folder()
    left = unpacked_limit(content.path.stat().st_size)
    parts: list[Part] = []
    passed: list[InputError] = []
    others: list[str] = []
    n = 0
    for n, (name, member) in enumerate(members, start=1):
        if n > MAX_MEMBERS:
            raise InputError(f"{content.shown}: has more than {MAX_MEMBERS:,} members; unpack it")
        title = given_name(name)
        if name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._"):
            continue  # what macOS adds beside each file
        if not is_table_name(title):
            others.append(title)
            continue
        left -= folder.add(member, str(n), left)
        try:
            inner = content.member(folder.path / str(n), title)
            parts += [_renamed(part, title) for part in find_parts(inner)]
        except InputError as error:
            passed.append(error)
            (folder.path / str(n)).unlink()
    if not parts:
        if passed:
            raise passed[0]
        named = f" ({_some(others)})" if others else ""
        raise InputError(
            f"{content.shown}: not a table, but an archive without one{named}; the names of tables "
            f"end in one of {' '.join(TABLE_SUFFIXES)}"
        )
    if passed or others:
        reasons = [str(error).removeprefix(f"{content.shown}: ") for error in passed]
        remark = (
            f"{content.shown}: passed over {len(passed) + len(others)} of {n} members: "
            f"{_some([*reasons, *others])}"
        )
        for part in parts:
            part.remarks.append(remark)
    return parts


def _some(things: list[str]) -> str:
    """The first of many things."""
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return "; ".join(things[:SHOWN]) + more


def _renamed(part: Part, title: str) -> Part:
    name = f"{title}: {part.name}" if part.name else title
    return Part(name, part.columns, part.n_rows, part.source, part.remarks)


def check_directory(path: Path, shown: str) -> None:
    """Refuse a zip file whose list of members would fill the memory.

    Raises
    ------
    InputError
        When it would; OSError when there is no list.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(size - 65_600, 0))
        tail = file.read()
        place = tail.rfind(END_OF_ZIP)
        if place < 0 or len(tail) < place + 22:
            raise OSError("its list of members is missing")
        entries, n_bytes = struct.unpack_from("<HI", tail, place + 10)
        if tail[max(place - 20, 0) :].startswith(LOCATOR_64):
            (start,) = struct.unpack_from("<Q", tail, place - 20 + 8)
            file.seek(min(start, size))
            end = file.read(56)
            if len(end) < 56 or not end.startswith(END_OF_ZIP_64):
                raise OSError("its list of members is missing")
            entries, n_bytes = struct.unpack_from("<QQ", end, 32)
    if entries > MAX_MEMBERS or n_bytes > DIRECTORY_LIMIT:
        raise InputError(f"{shown}: has more than {MAX_MEMBERS:,} members; unpack it first")
