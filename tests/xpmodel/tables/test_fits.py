"""FITS tables: all their columns as astropy reads them, and headers that lie."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from xpmodel.errors import InputError
from xpmodel.tables.reader import open_table, read_table

N = 5
RNG = np.random.default_rng(0)


def column(form, array, **more):
    return fits.Column("x", form, array=array, **more)


COLUMNS = {
    "L": column("L", [True, False, True, True, False]),
    "B": column("B", np.arange(N, dtype=np.uint8)),
    "I": column("I", np.arange(N, dtype=np.int16) - 3),
    "J": column("J", np.arange(N, dtype=np.int32) * -70_000),
    "K": column("K", 6_000_000_000_000_000_001 + np.arange(N)),
    "E": column("E", RNG.normal(size=N).astype(np.float32)),
    "D": column("D", RNG.normal(size=N)),
    "A": column("7A", ["a", "", " bc ", "defghij", ""]),
    "3D": column("3D", RNG.normal(size=(N, 3))),
    "2K": column("2K", np.arange(2 * N).reshape(N, 2) + 2**60),
    "signed byte": column("B", np.arange(N, dtype=np.int8) - 2, bzero=-128),
    "uint16": column("I", np.arange(N, dtype=np.uint16) + 40_000, bzero=2**15),
    "uint32": column("J", np.arange(N, dtype=np.uint32) + 2**31, bzero=2**31),
    "uint64": column("K", np.arange(N, dtype=np.uint64) + 2**63 + 1, bzero=2**63),
    "5X": column("5X", RNG.integers(0, 2, (N, 5)).astype(bool)),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_is_what_astropy_reads(tmp_path, kind):
    others = [fits.Column("a", "3A", array=["x"] * N), fits.Column("z", "J", array=np.arange(N))]
    fits.BinTableHDU.from_columns([others[0], COLUMNS[kind], others[1]]).writeto(tmp_path / "x")
    with fits.open(tmp_path / "x") as hdus:
        expected = hdus[1].data["x"].tolist()
    found = read_table(tmp_path / "x")
    assert found["x"].to_pylist() == expected
    assert found["z"].to_pylist() == list(range(N))


@pytest.mark.parametrize("form", ["PD()", "QE()", "PJ()", "PA()"])
def test_vectors_of_varying_length(tmp_path, form):
    vectors = np.empty(4, object)
    if form == "PA()":
        vectors[:] = ["ab", "", "c", "defg"]
    else:
        vectors[:] = [np.arange(n) for n in (3, 0, 1, 5)]
    column = fits.Column("x", form, array=vectors)
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "x")
    chunks = open_table(tmp_path / "x").chunks(["x"], rows=3)
    found = [value for chunk, _ in chunks for value in chunk["x"].to_pylist()]
    assert found == [v if isinstance(v, str) else v.tolist() for v in vectors]


def test_complex_numbers_are_their_parts(tmp_path):
    columns = [fits.Column("x", "2C", array=np.array([[1 + 2j, 3j], [4, 5]]))]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "x")
    assert read_table(tmp_path / "x")["x"].to_pylist() == [[1, 2, 0, 3], [4, 0, 5, 0]]


def test_ascii_tables(tmp_path):
    columns = [
        fits.Column("SOURCE_ID", "I20", array=[6_000_000_000_000_000_001, 2], ascii=True),
        fits.Column("name", "A5", array=["a", "b c"], ascii=True),
        fits.Column("mag", "D25.17", array=[15.5, -1e-30], ascii=True),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "x")
    table = read_table(tmp_path / "x")
    assert table["SOURCE_ID"].to_pylist() == ["6000000000000000001", "2"]
    assert table["name"].to_pylist() == ["a", "b c"]
    assert [float(text) for text in table["mag"].to_pylist()] == [15.5, -1e-30]


def test_scaled_numbers(tmp_path):
    hdu = fits.BinTableHDU.from_columns([fits.Column("x", "I", array=[1, -2, 9], null=9)])
    hdu.header["TSCAL1"], hdu.header["TZERO1"] = 0.25, 10.0
    hdu.writeto(tmp_path / "x")
    assert read_table(tmp_path / "x")["x"].to_pylist() == [10.25, 9.5, None]


@pytest.fixture
def content(tmp_path):
    Table({"source_id": np.arange(9), "v": np.ones((9, 2))}).write(tmp_path / "w", format="fits")
    return (tmp_path / "w").read_bytes()


def with_card(content, key, value):
    """A file whose table's header says something else."""
    place = content.index(f"{key:8}=".encode(), 2880)
    card = f"{key:8}= {value:>20}".ljust(80).encode()
    return content[:place] + card + content[place + 80 :]


LIES = {
    "more rows": ("NAXIS2", "4000000000", "it ends before the 4000000000 rows"),
    "rows without end": ("NAXIS2", "9" * 18, "it ends before the"),
    "fewer than no rows": ("NAXIS2", "-1", "NAXIS2 is -1"),
    "rows of text": ("NAXIS2", "'many'", "NAXIS2 is 'many'"),
    "long rows": ("NAXIS1", "4000000000", "it ends before the"),
    "short rows": ("NAXIS1", "8", "the columns are longer than a row"),
    "rows without bytes": ("NAXIS1", "0", "have no bytes"),
    "columns without end": ("TFIELDS", "1000000000", "1000000000 columns, more than 999"),
    "a column too many": ("TFIELDS", "3", "column 3 has the form ''"),
    "a wide column": ("TFORM2", "'999999999D'", "the columns are longer than a row"),
    "no form": ("TFORM2", "'Y'", "column 2 has the form 'Y'"),
    "a heap without end": ("PCOUNT", "99999999999", "it ends before the"),
    "groups without end": ("GCOUNT", "99999999999", "it ends before the"),
    "axes without end": ("NAXIS", "999999999", "NAXIS is 999999999"),
}


@pytest.mark.parametrize(("key", "value", "message"), LIES.values(), ids=LIES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_lies(tmp_path, content, key, value, message, pack):
    (tmp_path / "x").write_bytes(pack(with_card(content, key, value)))
    with pytest.raises(InputError, match="cut short or damaged .*") as caught:
        read_table(tmp_path / "x")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_header_without_end(tmp_path, content):
    (tmp_path / "x").write_bytes(content[:2880] + content[2880:5760].replace(b"END", b"EMD") * 3000)
    with pytest.raises(InputError, match="the header of HDU 1 has no END"):
        open_table(tmp_path / "x")


def test_all_rows_may_not_refer_to_the_same_bytes(tmp_path):
    n = 4000
    vectors = np.empty(n, object)
    vectors[:] = [np.zeros(50_000)] + [np.zeros(0)] * (n - 1)
    hdu = fits.BinTableHDU.from_columns([fits.Column("x", "QD()", array=vectors)])
    hdu.writeto(tmp_path / "x")
    content = bytearray((tmp_path / "x").read_bytes())
    start = content.index(b"END", 2880) // 2880 * 2880 + 2880
    content[start : start + 16 * n] = np.array([50_000, 0], ">i8").tobytes() * n
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="ask for 1,525 MB at once"):
        read_table(tmp_path / "x")


@pytest.mark.parametrize("descriptor", [(2, 10**15), (-1, 0), (2**62, 0), (5, -8)])
def test_vectors_beyond_the_end(tmp_path, descriptor):
    vectors = np.empty(1, object)
    vectors[:] = [np.arange(3.0)]
    column = fits.Column("x", "QD()", array=vectors)
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "x")
    content = bytearray((tmp_path / "x").read_bytes())
    start = content.index(b"END", 2880) // 2880 * 2880 + 2880
    content[start : start + 16] = np.array(descriptor, ">i8").tobytes()
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="lie beyond its end"):
        read_table(tmp_path / "x")


def test_what_is_compressed_or_an_image_is_called_so(tmp_path, content):
    (tmp_path / "x").write_bytes(content.replace(b"EXTNAME ", b"ZTABLE  ", 1))
    ztable = content[:2880] + content[2880:].replace(
        b"END".ljust(80), f"{'ZTABLE':8}= {'T':>20}".ljust(80).encode() + b"END".ljust(80), 1
    )
    (tmp_path / "x").write_bytes(ztable[: len(content)])
    with pytest.raises(InputError, match="compressed by fpack; unpack it with funpack first"):
        open_table(tmp_path / "x")
    image = fits.ImageHDU(np.zeros((4, 6)))
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "y")
    with pytest.raises(InputError, match=r"no table in this FITS file .*an image of 6 × 4"):
        open_table(tmp_path / "y")


def test_what_follows_the_last_table_is_passed_over(tmp_path, content):
    (tmp_path / "x").write_bytes(content + b"\0" * 5760)
    assert len(read_table(tmp_path / "x")) == 9
    (tmp_path / "y").write_bytes(content.rstrip(b"\0"))  # without its padding
    assert len(read_table(tmp_path / "x")) == 9
