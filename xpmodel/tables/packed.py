"""The bytes of a file, unpacked where gzip, bzip2 or xz packed them, and never without a limit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from xpmodel.errors import InputError
from xpmodel.tables.arrow import TooLarge

BLOCK = 1 << 20  # bytes that are copied at a time
# What a packed file may unpack to: so many times its size, and this much however small it is.
# Tables of numbers shrink to a half or a fifth, mostly empty ones to a fiftieth; zeros to a
# thousandth, by bzip2 to a 40,000th.
EXPANSION = 100
UNPACKED_FLOOR = 256 << 20  # bytes
XZ_MEMORY = 256 << 20  # bytes that unpacking xz may take; its strongest setting takes 65 MB
SPARE = 100 * 10**6  # bytes to leave free on the disk
MAX_NAME = 100  # characters of a name that is shown

PACKINGS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
"""How a packed file begins."""

TABLE_SUFFIXES = (
    ".csv",
    ".ecsv",
    ".fits",
    ".fit",
    ".h5",
    ".hdf5",
    ".parquet",
    ".vot",
    ".votable",
    ".xml",
)
"""What the names of the tables in a folder or an archive end in, packed or not."""
PACKED_SUFFIXES = (".gz", ".bz2", ".xz")

# What readers raise on a damaged file, beside Arrow's errors.
UNPACKING_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)


def packing_of(head: bytes) -> str | None:
    """How a file is packed, by its first bytes; None: it is not."""
    return next((name for magic, name in PACKINGS.items() if head.startswith(magic)), None)


def unpacked_limit(size: int) -> int:
    """What a packed file of so many bytes may unpack to [bytes]."""
    return max(UNPACKED_FLOOR, EXPANSION * size)


class Content:
    """What is in a file on disk, unpacked.

    Attributes
    ----------
    path : Path
        The file.
    shown : str
        What it is called in messages: its path, or for a part of an archive also that part's name.
    packing : str or None
        "gzip", "bzip2", "xz"; None: it is not packed.
    """

    def __init__(self, path: Path, shown: str, folders: list[Folder] | None = None) -> None:
        self.path = path
        self.shown = shown
        self._folders: list[Folder] = [] if folders is None else folders
        self._unpacked: Path | None = None
        with open(path, "rb") as raw:
            self.packing = packing_of(raw.read(8))

    def new_folder(self) -> Folder:
        """A temporary folder that stays as long as this or one of its members."""
        self._folders.append(Folder())
        return self._folders[-1]

    def member(self, path: Path, name: str) -> Content:
        """A part of this, as an archive has them, that was copied to a file."""
        return Content(path, f"{self.shown}: {name}", self._folders)

    def remove(self) -> None:
        """Remove what was unpacked."""
        for folder in self._folders:
            folder.remove()

    @contextmanager
    def open(self) -> Iterator[Unpacking]:
        """Read the bytes from the beginning."""
        with open(self.path, "rb") as raw, Unpacking(raw, self.packing) as stream:
            yield stream

    def on_disk(self) -> Path:
        """Where the unpacked bytes lie: the file itself, or a copy that goes when this does."""
        if self.packing is None:
            return self.path
        if self._unpacked is None:
            folder = self.new_folder()
            with self.open() as stream:
                folder.add(stream, "unpacked")
            self._unpacked = folder.path / "unpacked"
        return self._unpacked


class Folder:
    """A temporary folder that goes when nothing refers to this any more.

    Attributes
    ----------
    path : Path
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="xpmodel-table-"))
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def add(self, stream: IO[bytes] | io.RawIOBase, name: str, limit: float = float("inf")) -> int:
        """Copy a stream into a file, while it has up to so many bytes and the disk has room.

        Raises
        ------
        TooLarge
            When it has more, or the disk has no room.
        """
        total = 0
        with open(self.path / name, "wb") as file:
            while block := stream.read(BLOCK):
                total += len(block)
                if total > limit:
                    raise TooLarge(f"unpacks to more than {limit / 2**20:,.0f} MB")
                if shutil.disk_usage(self.path).free < len(block) + SPARE:
                    raise TooLarge(f"does not fit unpacked into {self.path.parent}; free some disk")
                file.write(block)
        return total


class Unpacking(io.RawIOBase):
    """A stream of unpacked bytes, which fails where they become too many.

    Parameters
    ----------
    raw : binary file
    packing : str or None
        As of `Content`.
    """

    def __init__(self, raw: BinaryIO, packing: str | None) -> None:
        self._raw = raw
        size = os.fstat(raw.fileno()).st_size
        self._size = max(size, 1)
        self._limit = float("inf") if packing is None else unpacked_limit(size)
        self._read = 0
        self._stream: BinaryIO | io.RawIOBase = raw
        if packing == "gzip":
            self._stream = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]
        elif packing == "bzip2":
            self._stream = bz2.BZ2File(raw)  # type: ignore[assignment]
        elif packing == "xz":
            self._stream = _Xz(raw)

    @property
    def fraction(self) -> float:
        """How much of the packed bytes is read, 0 to 1."""
        return min(self._raw.tell() / self._size, 1.0)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Unpack some bytes; TooLarge where they are too many."""
        data = self._stream.read(len(buffer)) or b""
        self._read += len(data)
        if self._read > self._limit:
            raise TooLarge(
                f"unpacks to more than {EXPANSION} times its size ({self._limit / 2**20:,.0f} MB)"
            )
        buffer[: len(data)] = data
        return len(data)


class _Xz(io.RawIOBase):
    """xz, whose blocks say how much memory unpacking takes: `lzma.open` would give it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._decoder = self._new()

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._raw.read(BLOCK)
                if not (rest := rest.lstrip(b"\0")):
                    return 0
                self._decoder, given = self._new(), rest  # a further stream follows
            else:
                given = self._raw.read(1 << 16) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not given:
                    raise EOFError("it ends before its end marker")
            if data := self._decoder.decompress(given, len(buffer)):
                buffer[: len(data)] = data
                return len(data)


def check_file(path: Path) -> None:
    """Refuse what is no file on disk: it would be waited for, or never end.

    Raises
    ------
    InputError
        When it is missing, a folder, a pipe, a device or an address.
    """
    if path.is_file():
        return
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the table in it")
    if path.exists():
        raise InputError(f"{path}: is a pipe or a device, not a file; save it in a file first")
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", str(path)):
        raise InputError(f"{path}: is an address, which is not fetched; download it, then give it")
    raise InputError(f"{path}: no such file; check the path")


def is_table_name(name: str) -> bool:
    """Whether a file of a folder or an archive is a table, by its name."""
    name = name.lower()
    plain = next((name.removesuffix(s) for s in PACKED_SUFFIXES if name.endswith(s)), name)
    return plain.endswith(TABLE_SUFFIXES)


def given_name(name: str) -> str:
    """What to call a file that somebody sent: the last part of its name, as far as it shows.

    Control characters go, and those that turn the direction of writing; what is left is at most
    100 characters, "file" where that is nothing.
    """
    last = re.split(r"[/\\]", name)[-1]
    return "".join(filter(str.isprintable, last)).strip(" .")[:MAX_NAME] or "file"
