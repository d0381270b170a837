"""What a file is, by its first bytes."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable

from xpmodel.errors import InputError
from xpmodel.tables.archives import open_tar, open_zip
from xpmodel.tables.fits import open_fits
from xpmodel.tables.hdf5 import open_hdf5
from xpmodel.tables.packed import Content, packing_of
from xpmodel.tables.parquet import open_parquet
from xpmodel.tables.parts import Part
from xpmodel.tables.text import encoding_of, open_text
from xpmodel.tables.votable import open_votable

HEAD = 1 << 16  # bytes that show what a file is
FORMATS = "CSV, ECSV, FITS, HDF5, VOTable or Parquet"

BINARY: tuple[tuple[bytes, Callable[[Content], list[Part]]], ...] = (
    (b"SIMPLE  =", open_fits),
    (b"\x89HDF\r\n\x1a\n", open_hdf5),
    (b"PAR1", open_parquet),
)
COMPRESSED_INSIDE = {b"PAR1": "Parquet", b"\x89HDF\r\n\x1a\n": "HDF5"}

FOREIGN = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it first (unzstd)"),
    (b"\x04\x22\x4d\x18", "packed by lz4; unpack it first (unlz4)"),
    (b"\x1f\x9d", "packed by compress; unpack it first (uncompress)"),
    (b"LZIP", "packed by lzip; unpack it first"),
    # Arrow believes the offsets in its own files, which can lead it anywhere in memory.
    (b"ARROW1", "an Arrow (Feather) file; save it as Parquet"),
    (b"FEA1", "a Feather file; save it as Parquet"),
    (b"PARE", "an encrypted Parquet file; save it without encryption"),
    (b"ORC", "an ORC file; save it as Parquet"),
    (b"\x93NUMPY", "a NumPy array; save it as a table with column names"),
    *(
        (bytes([0x80, n]), "a Python pickle, which could run code; save it as Parquet or CSV")
        for n in range(2, 6)
    ),
    (b"SQLite format 3\0", "an SQLite database; save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file; save the table as CSV"),
    (b"%PDF", "a PDF file; give the table itself"),
    (b"\x89PNG", "an image (PNG); give the table itself"),
    (b"\xff\xd8\xff", "an image (JPEG); give the table itself"),
    (b"GIF8", "an image (GIF); give the table itself"),
)
"""What other files begin with, and what to do with them."""


def find_parts(content: Content, *, inside: bool = False) -> list[Part]:
    """The tables of a file; `inside` an archive there may be no other archive.

    Raises
    ------
    InputError
        When it is no table.
    """
    shown = content.shown
    with content.open() as stream:
        head = io.BufferedReader(stream, HEAD).read(HEAD)
    if len(head) < HEAD and not head.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError(f"{shown}: the file is empty; download or save it again")
    for magic, opener in BINARY:
        if head.startswith(magic):
            if content.packing and magic in COMPRESSED_INSIDE:
                name = COMPRESSED_INSIDE[magic]
                raise InputError(
                    f"{shown}: a {content.packing}ped {name} file; unpack it with "
                    f"{'gunzip' if content.packing == 'gzip' else content.packing} first"
                )
            return opener(content)
    is_zip, is_tar = head.startswith(b"PK\x03\x04"), head[257:262] == b"ustar"
    if is_zip or is_tar or head.startswith(b"PK\x05\x06"):
        if inside:
            raise InputError(f"{shown}: an archive within an archive; unpack it first")
        _refuse_office(head, shown)
        return (open_tar if is_tar else open_zip)(content, lambda c: find_parts(c, inside=True))
    if packing_of(head):
        raise InputError(f"{shown}: packed twice; unpack it once")
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{shown}: not a table: {what}")
    encoding = encoding_of(head)
    if encoding is None:
        raise InputError(f"{shown}: not a table; give a {FORMATS} file")
    text = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        if re.search(r"<([\w.-]+:)?VOTABLE\b", text):
            return open_votable(content)
        title = re.search(r"<title[^<>]*>([^<>]{1,200})<", text, re.IGNORECASE)
        named = f" ({' '.join(title[1].split())[:100]!r})" if title else ""
        raise InputError(f"{shown}: a web page or other XML{named}, not a table; download it again")
    return open_text(content, encoding)


def _refuse_office(head: bytes, shown: str) -> None:
    """Tell a workbook or arrays from other zip files, by the name of the first member."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name in (b"[Content_Types].xml", b"mimetype") or name.startswith((b"xl/", b"_rels/")):
        raise InputError(f"{shown}: not a table: a workbook or document; save the table as CSV")
    if name.endswith(b".npy"):
        raise InputError(
            f"{shown}: not a table: NumPy arrays; save them as a table with column names"
        )
