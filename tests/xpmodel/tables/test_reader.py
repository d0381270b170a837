import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from tests.support.loops import some
from xpmodel.errors import InputError
from xpmodel.tables import text as module
from xpmodel.tables.cells import floats, integer_ids
from xpmodel.tables.reader import expand_paths, open_table, read_table

IDS = 6_000_000_000_000_000_001 + np.arange(7)
MAGS = np.linspace(10, 16, 7)
VECTORS = np.arange(21.0).reshape(7, 3)


def table_with_vectors() -> Table:
    return Table({"SOURCE_ID": IDS, "mag": MAGS, "vector": VECTORS})


def write_csv(path):
    path.write_text(
        "Source_ID,mag\n" + "".join(f"{i},{m}\n" for i, m in zip(IDS, MAGS, strict=True))
    )


def write_gzipped_csv(path):
    write_csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_semicolons(path):
    write_csv(path)
    path.write_text(path.read_text().replace(",", ";"))


def write_byte_order_mark(path):
    write_csv(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


def write_ecsv(path):
    table_with_vectors().write(path, format="ascii.ecsv")


def write_ecsv_with_commas(path):
    table_with_vectors().write(path, format="ascii.ecsv", delimiter=",")


def write_fits(path):
    table_with_vectors().write(path, format="fits")


def write_gzipped_fits(path):
    table_with_vectors().write(path, format="fits")
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_parquet(path):
    columns = {"source_id": IDS, "mag": MAGS, "vector": list(VECTORS)}
    pa.parquet.write_table(pa.table(columns), path, row_group_size=4)


def votable_writer(serialization, gzipped=False):
    def write(path):
        table_with_vectors().write(path, format="votable", tabledata_format=serialization)
        if gzipped:
            path.write_bytes(gzip.compress(path.read_bytes()))

    return write


WRITERS = {
    "csv": write_csv,
    "csv.gz": write_gzipped_csv,
    "csv ;": write_semicolons,
    "csv bom crlf": write_byte_order_mark,
    "ecsv": write_ecsv,
    "ecsv ,": write_ecsv_with_commas,
    "fits": write_fits,
    "fits.gz": write_gzipped_fits,
    "parquet": write_parquet,
    "tabledata": votable_writer("tabledata"),
    "binary": votable_writer("binary"),
    "binary2": votable_writer("binary2"),
    "votable.gz": votable_writer("binary2", gzipped=True),
}


@pytest.fixture(params=WRITERS)
def any_table(request, tmp_path):
    # The name tells nothing: the content does.
    path = tmp_path / "table.dat"
    WRITERS[request.param](path)
    return path


def test_every_format_is_found_by_content_and_read_in_chunks(any_table):
    reader = open_table(any_table)
    assert "SOURCE_id" in reader
    assert "other" not in reader
    chunks = list(reader.chunks(["mag", "source_id"], rows=3))
    assert [len(chunk) for chunk, _ in chunks] == [3, 3, 1]
    assert chunks[0][0].column_names == ["mag", "source_id"]
    fractions = [fraction for _, fraction in chunks]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    ids, valid = integer_ids(pa.concat_tables([c for c, _ in chunks])["source_id"])
    assert valid.all()
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_array_equal(floats(read_table(any_table, ["mag"])["mag"]), MAGS)


def test_a_missing_column_is_named(any_table):
    with pytest.raises(InputError, match="table.dat: no column 'teff'; it has "):
        open_table(any_table).chunks(["mag", "teff"], rows=3)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "fits", "fits.gz", "parquet", "votable.gz"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_cut_file_is_refused(tmp_path, kind, kept):
    path = tmp_path / "cut"
    WRITERS[kind](path)
    content = path.read_bytes()
    cut = int(len(content) * kept)
    if kind == "csv":
        # Between two rows nothing shows that a CSV file is cut.
        cut = content.index(b",", cut)
    if kind == "fits":
        cut = min(cut, len(content.rstrip(b"\0")) - 1)
    path.write_bytes(content[:cut])
    with pytest.raises(InputError) as caught:
        read_table(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "download" in message
    assert "\n" not in message


@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
def test_a_cut_votable_is_refused(tmp_path, serialization):
    path = tmp_path / "cut.vot"
    votable_writer(serialization)(path)
    content = path.read_bytes()
    for cut in range(len(content) // 4, len(content) - 30, 97):
        path.write_bytes(content[:cut])
        with pytest.raises(InputError, match="download or save it again"):
            read_table(path)


def test_a_cut_within_quotes_is_refused(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_text('source_id,v\n1,"(1, 2)"\n2,"(3, ')
    with pytest.raises(InputError, match="quotation mark is left open"):
        read_table(path)


def test_a_row_with_too_many_values_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n3,4,5\n")
    with pytest.raises(InputError, match=r"Row #2: Expected 2 columns, got 3"):
        read_table(path)


def test_a_row_longer_than_a_block_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CSV_BLOCK", 100)
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1," + "2" * 300 + "\n")
    with pytest.raises(InputError, match="a row is longer than"):
        read_table(path)


def test_rows_that_span_blocks_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CSV_BLOCK", 64)
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f'{i},"({i}, {i})"\n' for i in range(100)))
    chunks = [chunk for chunk, _ in open_table(path).chunks(["b"], rows=7)]
    assert {len(chunk) for chunk in chunks[:-1]} == {7}
    assert pa.concat_tables(chunks)["b"].to_pylist() == [f"({i}, {i})" for i in range(100)]


NO_TABLES = {
    "empty": (b"", "empty"),
    "blank": (b" \n\n", "empty"),
    "gzipped nothing": (gzip.compress(b""), "empty"),
    "page": (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "web page"),
    "xml": (b"<?xml version='1.0'?><svg></svg>", "other XML"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a table"),
    "gzipped parquet": (gzip.compress(b"PAR1" * 9), "gunzip"),
    "header": (b"a,b\n", "no rows"),
    "header without end": (b"a,b", "no rows"),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n" * 99)[:-20] + bytes(20), "damaged"),
}


@pytest.mark.parametrize(("content", "message"), NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "stars.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(str(path))


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_table(tmp_path / "stars.csv")
    with pytest.raises(InputError, match="is a folder"):
        open_table(tmp_path)


@pytest.mark.parametrize("format", ["fits", "votable", "ascii.ecsv", "parquet"])
def test_a_table_without_rows_has_no_chunks(tmp_path, format):
    path = tmp_path / "none"
    table_with_vectors()[:0].write(path, format=format)
    assert list(open_table(path).chunks(["source_id"], rows=3)) == []


def test_an_image_is_refused(tmp_path):
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(path)
    with pytest.raises(InputError, match="no table in this FITS file"):
        open_table(path)


@pytest.mark.parametrize(
    "declaration",
    ['<!DOCTYPE VOTABLE [<!ENTITY a "aaaa">]>', '<!DOCTYPE VOTABLE SYSTEM "http://x/y.dtd">'],
)
def test_a_votable_that_declares_entities_is_refused(tmp_path, declaration):
    path = tmp_path / "stars.vot"
    votable_writer("tabledata")(path)
    path.write_text(path.read_text().replace("<VOTABLE", f"{declaration}\n<VOTABLE", 1))
    with pytest.raises(InputError, match="DOCTYPE or ENTITY"):
        open_table(path)


def test_a_votable_that_links_to_its_data_is_refused(tmp_path):
    path = tmp_path / "stars.vot"
    votable_writer("binary2")(path)
    text = path.read_text().replace('<STREAM encoding="base64"', '<STREAM href="file:///etc/x"')
    path.write_text(text)
    with pytest.raises(InputError, match="in another file"):
        open_table(path)


def test_missing_values(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text('a,b\n,1\nnull,1\nNaN,1\nnan,1\nNone,1\n"",1\n5,1\n')
    assert read_table(path)["a"].to_pylist() == [None] * 6 + ["5"]
    path = tmp_path / "stars.fits"
    columns = [
        fits.Column("id", "K", null=-1, array=np.array([1, -1, 3])),
        fits.Column("text", "4A", array=["a ", "", "bcde"]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    assert read_table(path)["id"].to_pylist() == [1, None, 3]
    assert read_table(path)["text"].to_pylist() == ["a", "", "bcde"]
    path = tmp_path / "stars.vot"
    ids = MaskedColumn([1, 2, 3], mask=[False, True, False])
    Table({"id": ids}).write(path, format="votable", tabledata_format="binary2")
    assert read_table(path)["id"].to_pylist() == [1, None, 3]


def test_vectors_of_varying_length(tmp_path):
    vectors = np.array([[1.0, 2.0], [], [3.0]], dtype=object)
    vectors[:] = [np.array(v, np.float32) for v in vectors]
    path = tmp_path / "stars.fits"
    column = fits.Column("v", "PE()", array=vectors)
    fits.BinTableHDU.from_columns([column]).writeto(path)
    assert read_table(path)["v"].to_pylist() == [[1, 2], [], [3]]
    chunks = [chunk["v"].to_pylist() for chunk, _ in open_table(path).chunks(["v"], rows=1)]
    assert chunks == [[[1, 2]], [[]], [[3]]]
    path = tmp_path / "stars.vot"
    Table({"v": vectors}).write(path, format="votable")
    assert read_table(path)["v"].to_pylist() == [[1, 2], [], [3]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["12", " 7 ", "0012", "9223372036854775807"], [12, 7, 12, 2**63 - 1]),
        (["12.5", "abc", "", None, "-3", "1e5"], [None] * 6),
        (["9223372036854775808", "99999999999999999999", "٣"], [None] * 3),
        (np.array([5, -5], np.int32), [5, None]),
        (np.array([5, 2**63], np.uint64), [5, None]),
        (np.array([5, 5.5, -1, np.nan, np.inf, 2.0**53, 2.0**53 - 1]), [5, *5 * [None], 2**53 - 1]),
        (np.array([5, 2**24], np.float32), [5, None]),
        (pa.array([5, None]), [5, None]),
        (pa.array(["5", "x"]).dictionary_encode(), [5, None]),
    ],
)
def test_ids_are_exact_or_none(values, expected):
    ids, valid = integer_ids(pa.chunked_array([values]))
    assert ids.dtype == np.int64
    assert [int(i) if ok else None for i, ok in zip(ids, valid, strict=True)] == expected


def test_floats():
    text = pa.array(["1.5", " 2 ", "abc", None, "1e3", "+.5", "inf"])
    np.testing.assert_array_equal(floats(text), [1.5, 2, np.nan, np.nan, 1000, 0.5, np.nan])
    assert floats(pa.array([1.5], pa.float32())).dtype == np.float32
    np.testing.assert_array_equal(floats(pa.array([1, None])), [1.0, np.nan])


def test_paths_are_expanded(tmp_path):
    for name in ["b.csv", "a.CSV.gz", "c.parquet", "notes.txt", ".hidden.csv", "sub/d.fits"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(paths):
        return [path.name for path in expand_paths(paths)]

    assert names(tmp_path) == ["a.CSV.gz", "b.csv", "c.parquet"]
    assert names(str(tmp_path / "*.csv")) == ["b.csv"]
    assert names([tmp_path / "c.parquet", tmp_path, tmp_path / "s*"]) == [
        "c.parquet",
        "a.CSV.gz",
        "b.csv",
        "d.fits",
    ]
    (tmp_path / "empty").mkdir()
    for missing in ("empty", "*.dat", "stars.csv"):
        with pytest.raises(InputError, match="no table|no such file"):
            expand_paths(tmp_path / missing)


def test_real_files(shared):
    for path in some(expand_paths(shared / "real_xp")):
        assert "source_id" in open_table(path)
    assert len(read_table(shared / "labels" / "apogee_1612.fits")) == 1612
