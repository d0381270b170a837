"""Files that ask for far more than they hold: refused, or read, in little memory."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from tests.support.loops import some

# In a process of its own: the memory that others took does not hide what a file takes.
PROGRAM = """
import json, resource, sys
import numpy, h5py, pyarrow.csv, pyarrow.parquet, pyarrow.fs
from xpmodel.errors import InputError
from xpmodel.tables.reader import open_table

def peak():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["VmHWM"].split()[0]) / 1024, int(lines["VmRSS"].split()[0]) / 1024

for path in sys.argv[1:]:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = peak()[1]
    said = "read"
    try:
        reader = open_table(path)
        for _ in reader.chunks(reader.columns[:4], 8192):
            pass
    except InputError as error:
        said = str(error)
    print(json.dumps([path, said, peak()[0] - before]), flush=True)
"""
LIMIT = 400  # MB; a chunk of ordinary spectra takes as much


def header(fits_bytes, key, value):
    place = fits_bytes.index(f"{key:8}=".encode(), 2880)
    card = f"{key:8}= {value:>20}".ljust(80).encode()
    return fits_bytes[:place] + card + fits_bytes[place + 80 :]


def write_all(folder):
    """One file of each kind."""

    def put(name, content):
        (folder / name).write_bytes(content)

    with h5py.File(folder / "rows.h5", "w") as file:
        kind = [("source_id", "i8"), ("v", "f4", (110,))]
        file.create_dataset("t", (4 * 10**9,), kind, chunks=(8192,), compression="gzip")
    with h5py.File(folder / "contiguous.h5", "w") as file:
        file.create_dataset("t", (10**9,), [("source_id", "i8")])
    with h5py.File(folder / "one_chunk.h5", "w") as file:
        table = file.create_dataset("t", (10**8,), [("source_id", "i8")], chunks=(1000,))
        table[:10] = np.zeros(10, table.dtype)
    with h5py.File(folder / "wide.h5", "w") as file:
        kind = [("source_id", "i8"), ("v", "f8", (10_000_000,))]
        table = file.create_dataset("t", (64,), kind, chunks=(1,), compression="gzip")
        table[0] = np.zeros(1, table.dtype)[0]
    with h5py.File(folder / "texts.h5", "w") as file:
        kind = np.dtype([("source_id", "i8"), ("text", h5py.string_dtype())])
        rows = np.zeros(2000, kind)
        rows["text"] = "x" * 100_000
        file.create_dataset("t", data=rows)
    out = io.BytesIO()
    fits.BinTableHDU(np.zeros(9, [("source_id", "i8"), ("v", "f8", (2,))])).writeto(out)
    for key, value in (
        ("NAXIS2", "4000000000"),
        ("NAXIS1", "4000000000"),
        ("TFORM2", "'999999999D'"),
        ("TFIELDS", "1000000000"),
        ("PCOUNT", "4000000000"),
    ):
        content = header(out.getvalue(), key, value)
        put(f"{key}.fits", content)
        put(f"{key}.fits.gz", gzip.compress(content))
    zeros = bytes(300 << 20)
    put("zeros.fits.gz", gzip.compress(out.getvalue() + zeros, 1))
    put("zeros.fits.bz2", bz2.compress(out.getvalue() + zeros, 1))
    put("zeros.csv.xz", lzma.compress(b"source_id,a\n" + zeros, preset=0))
    put("rows.csv.gz", gzip.compress(b"source_id,a\n" + b"1,2\n" * (80 << 20), 1))
    put("value.csv.gz", gzip.compress(b"source_id,a\n1," + b"2" * (200 << 20), 1))
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("a.csv", b"source_id,a\n" + b"1,2\n" * (80 << 20))
    put("header.csv", b"source_id," + b"a_column," * (30 << 17) + b"b\n1,2\n")
    put("columns.csv", ",".join(f"c{i}" for i in range(100_000)).encode() + b"\n")
    field = b'<FIELD name="source_id" datatype="long" arraysize="%s"/>'
    for name, size in (("fixed", b"999999999"), ("matrix", b"99999x99999"), ("varying", b"*")):
        start = b'<VOTABLE><TABLE nrows="4000000000">' + field % size
        data = b"<DATA><BINARY><STREAM encoding='base64'>f////w==</STREAM></BINARY></DATA>"
        put(f"{name}.vot", start + data + b"</TABLE></VOTABLE>")
    put("empty_cells.vot", b"<VOTABLE><TABLE>" + field % b"*" + b"<DATA><TABLEDATA>"
        + b"<TR><TD/></TR>" * 1_000_000 + b"</TABLEDATA></DATA></TABLE></VOTABLE>")  # fmt: skip
    put("fields.vot", b"<VOTABLE><TABLE>" + field % b"*" * 500_000 + b"</TABLE></VOTABLE>")
    put("tables.vot", b"<VOTABLE>" + b"<TABLE/>" * 2_000_000 + b"</VOTABLE>")
    vectors = pa.array([np.zeros(20_000_000)])
    pq.write_table(pa.table({"source_id": [1], "v": vectors}), folder / "row.parquet")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_no_file_takes_memory_out_of_proportion(tmp_path, shared):
    write_all(tmp_path)
    attacks = sorted((shared / "cases" / "attack").glob("*.[hvf]*"))
    paths = [*sorted(tmp_path.iterdir()), *attacks]
    program = [sys.executable, "-c", PROGRAM, *map(str, paths)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(paths), done.stderr[-2000:]
    for path, said, peak in some(results):
        assert peak < LIMIT, f"{path} took {peak:.0f} MB"
        assert said == "read" or said.startswith(path), said
        assert "\n" not in said and "does not fit into memory" not in said
    read = {path.rpartition("/")[2] for path, said, _ in results if said == "read"}
    own = {name.name for name in tmp_path.iterdir()} & read
    assert own == {"texts.h5", "empty_cells.vot"}
