"""What is packed is read under limits, and what cannot be read is called what it is."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest
from astropy.table import Table

from xpmodel.errors import InputError
from xpmodel.tables import packed as module
from xpmodel.tables.reader import expand_paths, open_table, read_table
from xpmodel.tables.sizes import unpacked_bytes

CSV = b"source_id,mag\n" + b"".join(b"%d,15.5\n" % i for i in range(1, 1000))
PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


def table_bytes(format):
    out = io.BytesIO()
    Table({"source_id": np.arange(1, 1000), "mag": np.full(999, 15.5)}).write(out, format=format)
    return out.getvalue()


CONTENTS = {"csv": CSV, "fits": table_bytes("fits"), "votable": table_bytes("votable")}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where things are unpacked: nothing is left behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(module.tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_packed_tables_are_read(tmp_path, pack, content):
    (tmp_path / "x").write_bytes(pack(content))
    assert read_table(tmp_path / "x", ["source_id"])["source_id"][998].as_py() in (999, "999")


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_parts_that_were_packed_one_by_one_are_read_on(tmp_path, pack):
    (tmp_path / "x").write_bytes(pack(CSV[:500]) + pack(CSV[500:]))
    assert len(read_table(tmp_path / "x")) == 999


@pytest.mark.parametrize("kept", [0.3, 0.9])
@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_cut_short(tmp_path, pack, kept):
    content = pack(np.random.default_rng(0).integers(33, 99, 99_999, np.uint8).tobytes())
    (tmp_path / "x").write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="cut short or damaged"):
        read_table(tmp_path / "x")


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_what_unpacks_without_end_is_refused(tmp_path, pack, monkeypatch):
    monkeypatch.setattr(module, "UNPACKED_FLOOR", 1 << 20)
    for content in (CSV + b"1,2\n" * 2_000_000, CONTENTS["fits"] + bytes(9_000_000)):
        (tmp_path / "x").write_bytes(pack(content))
        assert unpacked_bytes(tmp_path / "x", 10**6) > 10**6
        with pytest.raises(InputError, match="unpacks to more than"):
            read_table(tmp_path / "x")


def test_xz_does_not_take_the_memory_that_it_asks_for(tmp_path):
    huge = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    (tmp_path / "x").write_bytes(lzma.compress(CSV, filters=huge))
    with pytest.raises(InputError, match="cut short or damaged .*emory"):
        read_table(tmp_path / "x")


def test_a_full_disk_is_no_damage(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(gzip.compress(CONTENTS["fits"]))
    monkeypatch.setattr(module, "SPARE", 1 << 62)
    with pytest.raises(InputError, match="does not fit unpacked into .*free some disk"):
        open_table(tmp_path / "x")


# ---------------------------------------------------------------- archives


def zipped(path, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in options.items():
            file.writestr(name, content)
    return path


NAMES = [
    "../../evil.csv",
    "/etc/evil.csv",
    "C:\\evil.csv",
    "a/b/../../../evil.csv",
    "evil.csv\0.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_members_are_no_paths(tmp_path, name):
    zipped(tmp_path / "x.zip", **{name: CSV})
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        info = tarfile.TarInfo(name.partition("\0")[0])
        info.size = len(CSV)
        file.addfile(info, io.BytesIO(CSV))
    before = sorted(tmp_path.rglob("*"))
    for path in (tmp_path / "x.zip", tmp_path / "x.tar"):
        assert len(read_table(path)) == 999
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/etc/evil.csv").exists()


def test_links_in_a_tar_file_are_not_followed(tmp_path):
    (tmp_path / "secret.csv").write_bytes(CSV)
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("stars.csv")
            info.type, info.linkname = kind, str(tmp_path / "secret.csv")
            file.addfile(info)
    with pytest.raises(InputError, match="an archive without one"):
        open_table(tmp_path / "x.tar")


def test_a_zip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "UNPACKED_FLOOR", 1 << 20)
    path = zipped(tmp_path / "x.zip", **{f"{i}.csv": CSV + b"1,2\n" * 99_999 for i in range(20)})
    assert unpacked_bytes(path, 10**6) > 10**6
    with pytest.raises(InputError, match="unpacks to more than"):
        open_table(path)


def test_a_zip_that_lies_about_its_sizes(tmp_path):
    path = zipped(tmp_path / "x.zip", **{"stars.csv": CSV})
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match="cut short or damaged"):
        open_table(path)


def test_a_list_of_members_without_end(tmp_path, monkeypatch):
    path = zipped(tmp_path / "x.zip", **{f"{i}.csv": CSV for i in range(20)})
    monkeypatch.setattr("xpmodel.tables.archives.MAX_MEMBERS", 10)
    with pytest.raises(InputError, match="more than 10 members"):
        open_table(path)


def test_encrypted(tmp_path):
    path = zipped(tmp_path / "x.zip", **{"stars.csv": CSV})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted; unpack it first, with its password"):
        open_table(path)


def test_an_archive_within_an_archive(tmp_path):
    inner = zipped(tmp_path / "in.zip", **{"stars.csv": CSV}).read_bytes()
    with pytest.raises(InputError, match=r"in\.csv: an archive within an archive"):
        open_table(zipped(tmp_path / "x.zip", **{"in.csv": inner}))


def test_what_macs_add_is_passed_over_in_silence(tmp_path):
    added = {"stars.csv": CSV, "__MACOSX/._stars.csv": b"\0\5\x16\7", "._stars.csv": b"\0\5"}
    reader = open_table(zipped(tmp_path / "x.zip", **added))
    assert reader.remarks == []


# ---------------------------------------------------------------- what is not read


def feather(version):
    out = io.BytesIO()
    pa.feather.write_feather(pa.table({"a": [1]}), out, version=version)
    return out.getvalue()


def in_zip(name, content=b"x"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(name, content)
    return out.getvalue()


def npy():
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    return out.getvalue()


FOREIGN = {
    "Feather": (feather(2), "an Arrow .Feather. file; save it as Parquet"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a 7z archive; unpack it first"),
    "RAR": (b"Rar!\x1a\x07\0" + bytes(50), "a RAR archive"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "packed by zstd"),
    "compress": (b"\x1f\x9d\x90" + bytes(50), "packed by compress"),
    "workbook": (in_zip("[Content_Types].xml"), "a workbook or document; save the table as CSV"),
    "npz": (in_zip("mu.npy"), "NumPy arrays; save them as a table"),
    "npy": (npy(), "a NumPy array; save it as a table"),
    "SQLite": (b"SQLite format 3\0" + bytes(50), "an SQLite database"),
    "PDF": (b"%PDF-1.7 \0", "a PDF file"),
    "pickle": (b"\x80\x04\x95", "a Python pickle"),
    "twice": (gzip.compress(bz2.compress(CSV)), "packed twice; unpack it once"),
    "page": (b"<html><head><title>Log\nin</title></head>", "a web page .*'Log in'"),
}


@pytest.mark.parametrize(("content", "message"), FOREIGN.values(), ids=FOREIGN)
def test_other_files_are_called_what_they_are(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(tmp_path / "x.csv")
    assert "damaged" not in str(caught.value) and "\n" not in str(caught.value)


def test_pipes_devices_and_addresses_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path, message in (
        (tmp_path / "pipe.csv", "is a pipe or a device"),
        ("/dev/zero", "is a pipe or a device"),
        ("http://127.0.0.1:9/x.fits", "is an address, which is not fetched"),
        ("file:///etc/passwd", "is an address, which is not fetched"),
        ("s3://bucket/x.parquet", "is an address, which is not fetched"),
    ):
        with pytest.raises(InputError, match=message):
            open_table(path)


def test_packed_tables_of_a_folder_are_found(tmp_path):
    inner = tmp_path / "stars"
    inner.mkdir()
    for name in ("a.csv.bz2", "b.fits.xz", "c.csv.gz", "d.zip", "e.csv"):
        (inner / name).touch()
    assert [p.name for p in expand_paths(inner)] == ["a.csv.bz2", "b.fits.xz", "c.csv.gz", "e.csv"]


def test_what_zlib_says_is_damage(tmp_path):
    packed = bytearray(gzip.compress(CSV))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "x").write_bytes(packed)
    with pytest.raises((InputError, zlib.error), match="cut short or damaged"):
        read_table(tmp_path / "x")


def test_an_archive_of_other_things_is_no_table(tmp_path):
    weights = {"archive/data.pkl": b"x", "archive/byteorder": b"little", "archive/version": b"3\n"}
    with pytest.raises(InputError, match=r"an archive without one \(data\.pkl; byteorder; "):
        open_table(zipped(tmp_path / "weight.pt", **weights))
