"""CSV and ECSV of all kinds: separators, encodings, ends of lines, headers without end."""

import gzip

import pytest
from astropy.table import Table

from tests.support.loops import some
from xpmodel.errors import InputError
from xpmodel.tables.reader import open_table, read_table
from xpmodel.tables.text import COMMENTS, HEADER_LINE

VECTOR = "(1.5, 2.5, -3.5)"


def lines(delimiter, *rows):
    def cell(text):
        return f'"{text}"' if delimiter in text else text

    return "".join(delimiter.join(map(cell, row)) + "\n" for row in rows)


HEADER = ("source_id", "note, by eye", "v")
ROWS = [("1", "good", VECTOR), ("2", "so; so", VECTOR), ("3", "", VECTOR)]


@pytest.mark.parametrize("delimiter", list(",\t;|"))
def test_a_separator_is_found_though_others_stand_in_names_and_values(tmp_path, delimiter):
    (tmp_path / "x").write_text(lines(delimiter, HEADER, *ROWS))
    assert open_table(tmp_path / "x").columns == list(HEADER)
    found = read_table(tmp_path / "x")
    assert found["source_id"].to_pylist() == ["1", "2", "3"]
    assert found["v"].to_pylist() == [VECTOR] * 3
    assert found["note, by eye"].to_pylist() == ["good", "so; so", None]


@pytest.mark.parametrize("delimiter", list(",\t;|"))
def test_a_header_alone_tells_its_separator_by_the_ids(tmp_path, delimiter):
    (tmp_path / "x").write_text(lines(delimiter, HEADER))
    assert open_table(tmp_path / "x").columns == list(HEADER)


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_ecsv_says_its_separator(tmp_path, delimiter):
    table = Table({"source_id": [1, 2], "a, b": ["x", "y z"], "c d": [1.5, 2.5]})
    table.write(tmp_path / "x", format="ascii.ecsv", delimiter=delimiter)
    assert open_table(tmp_path / "x").columns == ["source_id", "a, b", "c d"]
    assert read_table(tmp_path / "x")["a, b"].to_pylist() == ["x", "y z"]


def test_one_column_of_ids_has_no_separator(tmp_path):
    (tmp_path / "x").write_text("source id\n1\n2\n")
    assert read_table(tmp_path / "x")["source id"].to_pylist() == ["1", "2"]


ENDS = {"old Macs'": "\r", "Windows'": "\r\n", "Unix'": "\n"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("comment", ["", "# a comment\n\n"])
def test_ends_of_lines(tmp_path, end, comment):
    text = comment + lines(",", HEADER, *ROWS)
    (tmp_path / "x").write_bytes(text.replace("\n", end).encode())
    assert open_table(tmp_path / "x").columns == list(HEADER)
    assert read_table(tmp_path / "x")["source_id"].to_pylist() == ["1", "2", "3"]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_encodings(tmp_path, encoding, pack):
    text = lines(",", ("source_id", "name"), ("1", "Gänsefüßchen ☿"), ("2", "x"))
    (tmp_path / "x").write_bytes(pack(text.encode(encoding)))
    found = read_table(tmp_path / "x")
    assert found.column_names == ["source_id", "name"]
    assert found["name"].to_pylist() == ["Gänsefüßchen ☿", "x"]
    assert open_table(tmp_path / "x").remarks == []


@pytest.mark.parametrize("before", [0, 100_000, 3 << 20])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_letters_of_latin_1_are_read_and_it_is_said(tmp_path, encoding, before):
    rows = [("1", "x")] * (before // 4) + [("2", "Gänsefüßchen"), ("3", "ë")]
    (tmp_path / "x").write_bytes(lines(",", ("source_id", "name"), *rows).encode(encoding))
    reader = open_table(tmp_path / "x")
    names = [n for t, _ in reader.chunks(["name"], 65_536) for n in t["name"].to_pylist()]
    assert names[-2:] == ["Gänsefüßchen", "ë"]
    (remark,) = reader.remarks
    assert "not UTF-8" in remark and remark.startswith(str(tmp_path / "x"))


def test_characters_across_blocks_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("xpmodel.tables.text.BLOCK", 7)
    text = lines(",", ("source_id", "name"), *[(str(i), "☿ä" * 5) for i in range(20)])
    (tmp_path / "x").write_text(text)
    reader = open_table(tmp_path / "x")
    names = [n for t, _ in reader.chunks(["name"], 100) for n in t["name"].to_pylist()]
    assert names == ["☿ä" * 5] * 20 and reader.remarks == []


def test_lines_within_quotation_marks_are_part_of_a_value(tmp_path):
    (tmp_path / "x").write_text('source_id,note\n1,"two\nlines"\n2,x\n')
    assert read_table(tmp_path / "x")["note"].to_pylist() == ["two\nlines", "x"]


NO_HEADERS = {
    "one field": ("A" * 200_000, "is no line of column names"),
    "30 MB of names": ("a_column," * (30 << 17), "line of column names is longer than 2 MB"),
    "100,000 columns": (",".join(f"c{i}" for i in range(100_000)), "100,000 columns, more than"),
    "comments without end": ("# more\n" * 200_000, "no line of column names in its first"),
    "blank lines without end": ("\n" * COMMENTS + "a", "no line of column names"),
    "long comments": (("#" + "A" * 4000 + "\n") * 9000, "no line of column names"),
    "one long line": ("A" * (HEADER_LINE + 1), "longer than 2 MB"),
}


@pytest.mark.parametrize(("text", "message"), NO_HEADERS.values(), ids=NO_HEADERS)
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_headers_without_end(tmp_path, text, message, end):
    (tmp_path / "x").write_text((text + "\n1,2\n").replace("\n", end))
    with pytest.raises(InputError, match=message) as caught:
        open_table(tmp_path / "x")
    assert len(str(caught.value)) < 1000


def test_the_case_files(shared):
    folders = [shared / "cases" / name for name in ("delimiter_guess", "packed_or_encoded")]
    paths = [path for folder in folders for path in some(sorted(folder.iterdir()))]
    for path in [*paths, shared / "cases" / "tracebacks" / "cr.csv"]:
        assert len(read_table(path, ["source_id"])) == 4, path
    with pytest.raises(InputError, match="is no line of column names"):
        open_table(shared / "cases" / "tracebacks" / "one_field.txt")
