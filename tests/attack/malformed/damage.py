"""Files of spectra with damaged, packed or foreign bytes, in each format."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.attack.malformed.material import Material, command, write_table
from tests.attack.malformed.spectra import ENCODE, FORMATS, stars_kept, upload
from tests.attack.verdict import EITHER, READ, REFUSED, Attack

Change = Callable[[bytes], bytes]


def attacks(material: Material) -> Iterator[Attack]:
    """Each damage to each format, and files that are no table at all."""
    whole = {}
    for suffix in FORMATS:
        path = material.folder / f"whole.{suffix}"
        write_table(path, material.spectra)
        whole[suffix] = path.read_bytes()
        path.unlink()
    for suffix, content in whole.items():
        for name, (change, right) in DAMAGES.items():
            # What is cut within the last cell of a row of text shows in its stars alone.
            known = EITHER if suffix == "ecsv" and "of it" in name else right
            yield from _both(material, f"{name} ({suffix})", suffix, change(content), known)
    for name, (change, right) in PACKINGS.items():
        for suffix in ("csv", "fits"):
            yield from _both(material, f"{name} ({suffix})", suffix, change(whole[suffix]), right)
    for name, change in ENCODINGS.items():
        yield from _both(material, f"{name} (csv)", "csv", change(whole["csv"]), EITHER)
    for name, content in FOREIGN.items():
        yield from _both(material, f"{name}", "csv", content, REFUSED)


def _both(
    material: Material, name: str, suffix: str, content: bytes, right: str
) -> Iterator[Attack]:
    file = f"stars.{suffix}"

    def prepare(folder: Path) -> None:
        (folder / file).write_bytes(content)

    check = stars_kept(None, material, None)
    encode = lambda: command("encode", file, *ENCODE)  # noqa: E731
    yield Attack(f"encode: {name}", prepare, encode, right, names=file, check=check)
    yield Attack(f"upload: {name}", prepare, upload(file), right, names=file)


def _cut(part: float) -> Change:
    return lambda content: content[: int(len(content) * part)]


def _noise(start: float, length: int) -> Change:
    def change(content: bytes) -> bytes:
        at = int(len(content) * start)
        noise = np.random.default_rng(0).bytes(length)
        return content[:at] + noise + content[at + length :]

    return change


def _zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../stars.csv", content)
    return packed.getvalue()


def _tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        member = tarfile.TarInfo("stars.csv")
        member.size = len(content)
        file.addfile(member, io.BytesIO(content))
    return packed.getvalue()


# FITS ends in blocks, and others in tails, that a cut of the last bytes need not touch.
DAMAGES: dict[str, tuple[Change, str]] = {
    "nothing in it": (lambda _: b"", REFUSED),
    "its first byte": (lambda content: content[:1], REFUSED),
    "a third of it": (_cut(0.33), REFUSED),
    "two thirds of it": (_cut(0.66), REFUSED),
    "without its last 40 bytes": (lambda content: content[:-40], EITHER),
    "noise in its head": (_noise(0.0, 48), REFUSED),
    "noise in its midst": (_noise(0.5, 48), EITHER),
    "noise behind it": (lambda content: content + np.random.default_rng(0).bytes(999), EITHER),
    "twice itself": (lambda content: content * 2, EITHER),
    "backwards": (lambda content: content[::-1], REFUSED),
}
PACKINGS: dict[str, tuple[Change, str]] = {
    "gzip": (gzip.compress, READ),
    "gzip, cut": (lambda content: gzip.compress(content)[:-200], REFUSED),
    "gzip, noise in its midst": (lambda content: _noise(0.5, 48)(gzip.compress(content)), REFUSED),
    "gzip of gzip": (lambda content: gzip.compress(gzip.compress(content)), EITHER),
    "zip": (_zip, READ),
    "zip, cut": (lambda content: _zip(content)[:-30], REFUSED),
    "tar": (_tar, EITHER),
    "bz2": (bz2.compress, EITHER),
    "xz": (lzma.compress, EITHER),
}
ENCODINGS: dict[str, Change] = {
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "UTF-16, no mark": lambda content: content.decode().encode("utf-16-le"),
    "UTF-32": lambda content: content.decode().encode("utf-32"),
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "Latin-1 column": lambda c: c.replace(b"source_id", b"source_id,\xe9toile", 1),
    "old Macs' lines": lambda content: content.replace(b"\r\n", b"\r"),
    "quotation mark open": lambda content: content + b'"',
    "a row too long": lambda content: content + b"1,2,3,4,5,6,7,8,9\n",
    "semicolons": lambda content: content.replace(b",", b";"),
    "tabs": lambda content: content.replace(b",", b"\t"),
    "null bytes": lambda content: content.replace(b"\n", b"\0\n"),
}
_VOTABLE = (
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>{}'
    '<TABLE><FIELD name="source_id" datatype="long"/><DATA>{}</DATA></TABLE></RESOURCE></VOTABLE>'
)
_STREAM = '<BINARY><STREAM {}="{}"/></BINARY>'
_ENTITY = '<!DOCTYPE V [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
_LAUGHS = (
    '<!DOCTYPE V [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {n} "{f"&{chr(ord(n) - 1)};" * 10}">' for n in "bcdefghij")
    + "]>"
)
FOREIGN: dict[str, bytes] = {
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "JSON": b'{"source_id": [1, 2, 3]}',
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(2000),
    "a PDF": b"%PDF-1.7\n" + bytes(2000),
    "a program": b"\x7fELF" + bytes(4000),
    "a pickle": b"\x80\x04\x95" + bytes(100),
    "zeros": bytes(100_000),
    "noise": np.random.default_rng(0).bytes(50_000),
    "one word": b"source_id",
    "one long word": b"x" * 3_000_000,
    "a header of 100,000 columns": b",".join(b"c%d" % i for i in range(100_000)) + b"\n1\n",
    "a header of 30 MB": b"a," * 15_000_000 + b"\n",
    "a million empty lines": b"\n" * 1_000_000,
    "a directory's listing": b"total 4\n-rw-r--r-- 1 a b 12 stars.csv\n",
    "gzip bomb": gzip.compress(bytes(1 << 30), 9),
    "VOTable of a file": _VOTABLE.format("", _STREAM.format("href", "file:///etc/hostname")).encode(),
    "VOTable of an address": _VOTABLE.format(
        "", _STREAM.format("href", "http://127.0.0.1:9/x")
    ).encode(),
    "VOTable, href hidden": _VOTABLE.format(
        "", '<BINARY><STREAM note="a>b" href="file:///etc/hostname"/></BINARY>'
    ).encode(),
    "VOTable, href by entity": _VOTABLE.format(
        "", _STREAM.format("href", "&#102;ile:///etc/hostname")
    ).encode(),
    "VOTable in UTF-16": (
        '<?xml version="1.0" encoding="UTF-16"?>'
        + _VOTABLE.format("", _STREAM.format("href", "file:///etc/hostname"))
    ).encode("utf-16"),
    "VOTable, entity of a file": (_ENTITY + _VOTABLE.format("&a;", "")).encode(),
    "VOTable, a billion laughs": (_LAUGHS + _VOTABLE.format("&j;", "")).encode(),
    "VOTable of an error": _VOTABLE.format(
        '<INFO name="QUERY_STATUS" value="ERROR">no such table</INFO>', ""
    ).encode(),
    "VOTable without a table": b"<VOTABLE><RESOURCE/></VOTABLE>",
    "VOTable not closed": b'<VOTABLE><RESOURCE><TABLE><FIELD name="source_id" datatype="long"/>',
    "FITS that promises 10^12 rows": (
        "SIMPLE  =                    T".ljust(80)
        + "BITPIX  =                    8".ljust(80)
        + "NAXIS   =                    0".ljust(80)
        + "EXTEND  =                    T".ljust(80)
        + "END".ljust(80)
    ).ljust(2880).encode()
    + (
        "XTENSION= 'BINTABLE'".ljust(80)
        + "BITPIX  =                    8".ljust(80)
        + "NAXIS   =                    2".ljust(80)
        + "NAXIS1  =                    8".ljust(80)
        + "NAXIS2  =        1000000000000".ljust(80)
        + "PCOUNT  =                    0".ljust(80)
        + "GCOUNT  =                    1".ljust(80)
        + "TFIELDS =                    1".ljust(80)
        + "TTYPE1  = 'source_id'".ljust(80)
        + "TFORM1  = 'K       '".ljust(80)
        + "END".ljust(80)
    ).ljust(2880).encode(),
}  # fmt: skip
