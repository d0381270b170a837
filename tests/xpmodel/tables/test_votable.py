"""VOTables of all serializations, what servers say in them, and what would lead out of them."""

import base64
import gzip
import struct

import numpy as np
import pytest
from astropy.io import votable
from astropy.table import MaskedColumn, Table

from tests.support.loops import some
from xpmodel.errors import InputError
from xpmodel.tables.reader import open_table, read_table

FORMATS = ["tabledata", "binary", "binary2"]


def varied(format):
    vectors = np.empty(3, object)
    vectors[:] = [np.ma.array(v, float, mask=[False] * len(v)) for v in ([1.5, 2.5], [], [-3.0])]
    table = Table(
        {
            "source_id": 6_000_000_000_000_000_001 + np.arange(3),
            "short": np.array([-3, 0, 3], np.int16),
            "byte": np.array([0, 128, 255], np.uint8),
            "flag": np.array([True, False, True]),
            "mag": np.array([15.5, np.nan, np.inf]),
            "single": np.array([0.1, -2e30, 3], np.float32),
            "fixed": np.arange(6.0).reshape(3, 2) - 2,
            "name": ["a", "", "Gänse ☿"],
            "vector": vectors,
        }
    )
    mask = [False, format != "binary", False]  # which has no way to say it
    table["teff"] = MaskedColumn([4000, 0, 6000], mask=mask, dtype=np.int32)
    return table


def plain(value):
    if isinstance(value, float) and np.isnan(value):
        return None
    return value


@pytest.mark.parametrize("format", FORMATS)
def test_all_kinds_of_fields(tmp_path, format):
    table = varied(format)
    table.write(tmp_path / "x", format="votable", tabledata_format=format)
    found = read_table(tmp_path / "x")
    assert found.column_names == table.colnames
    for name in ("source_id", "short", "byte", "flag", "name"):
        assert found[name].to_pylist() == table[name].tolist(), name
    assert [plain(v) for v in found["mag"].to_pylist()] == [15.5, None, np.inf]
    np.testing.assert_array_equal(found["single"].to_numpy(), table["single"])
    assert found["single"].type == "float"
    assert found["fixed"].to_pylist() == table["fixed"].tolist()
    assert found["vector"].to_pylist() == [[1.5, 2.5], [], [-3.0]]
    assert found["teff"].to_pylist() == [4000, 0 if format == "binary" else None, 6000]
    chunks = [c for c, _ in open_table(tmp_path / "x").chunks(["name", "source_id"], rows=2)]
    assert [len(chunk) for chunk in chunks] == [2, 1]


@pytest.mark.parametrize("format", FORMATS)
def test_rows_across_blocks_are_whole(tmp_path, monkeypatch, format):
    monkeypatch.setattr("xpmodel.tables.votable.BLOCK", 37)
    varied(format).write(tmp_path / "x", format="votable", tabledata_format=format)
    assert read_table(tmp_path / "x")["vector"].to_pylist() == [[1.5, 2.5], [], [-3.0]]
    assert read_table(tmp_path / "x")["name"].to_pylist() == ["a", "", "Gänse ☿"]


def document(fields, rows, *, before="", after="", start='<?xml version="1.0"?>'):
    cells = "".join("<TR>" + "".join(f"<TD>{c}</TD>" for c in row) + "</TR>" for row in rows)
    return (
        f'{start}<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{before}<TABLE name="result">{fields}'
        f"<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE>{after}</RESOURCE></VOTABLE>"
    )


FIELDS = '<FIELD name="source_id" datatype="long"/><FIELD name="mag" datatype="double"/>'
ROWS = [(6_000_000_000_000_000_001, 15.5), (2, "")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_encodings(tmp_path, encoding, pack):
    start = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>"
    start = start.replace("latin-1", "iso-8859-1")
    field = '<FIELD name="größe" datatype="char" arraysize="*"/>'
    text = document(FIELDS + field, [(*row, "ß") for row in ROWS], start=start)
    (tmp_path / "x").write_bytes(pack(text.encode(encoding)))
    found = read_table(tmp_path / "x")
    assert found["source_id"].to_pylist() == [6_000_000_000_000_000_001, 2]
    assert found["größe"].to_pylist() == ["ß", "ß"]


UNUSUAL = {
    "a PARAM that does not fit": '<PARAM name="C" datatype="char" arraysize="12x2" value="one"/>',
    "a PARAM of no type": '<PARAM name="C" datatype="quaternion" value="?"/>',
    "a unit of no kind": '<PARAM name="C" datatype="int" unit="furlong/fortnight" value="x"/>',
    "annotations": '<vodml:VODML xmlns:vodml="http://x/v"><vodml:A b="1"/></vodml:VODML>',
    "a LINK": '<LINK href="http://127.0.0.1:9/x" content-role="doc"/>',
    "a service": '<GROUP name="g"><FIELDref ref="nowhere"/></GROUP>',
}


@pytest.mark.parametrize("extra", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_no_part_of_the_table_does_not_matter(tmp_path, extra):
    (tmp_path / "x").write_text(document(extra + FIELDS, ROWS, before=extra))
    assert read_table(tmp_path / "x")["mag"].to_pylist() == [15.5, None]


CELLS = {
    "long": (["+5", "0x1F", " 7 ", "", "-1"], [5, 31, 7, None, -1]),
    "double": (["+Inf", "NaN", "1E3", "", " 2 "], [np.inf, None, 1000, None, 2]),
    "boolean": (["T", "false", "1", "?", ""], [True, False, True, None, None]),
    "quaternion": (["a", "b", " ", "", "d"], ["a", "b", " ", "", "d"]),
}


@pytest.mark.parametrize("kind", CELLS)
def test_cells_as_text(tmp_path, kind):
    cells, expected = CELLS[kind]
    field = f'<FIELD name="x" datatype="{kind}"/>'
    (tmp_path / "x").write_text(document(field, [(cell,) for cell in cells]))
    assert [plain(v) for v in read_table(tmp_path / "x")["x"].to_pylist()] == expected


def test_marked_numbers_are_missing(tmp_path):
    field = '<FIELD name="x" datatype="int"><VALUES null="-9"/></FIELD>'
    (tmp_path / "x").write_text(document(field, [(1,), (-9,), (3,)]))
    assert read_table(tmp_path / "x")["x"].to_pylist() == [1, None, 3]


def test_a_cell_that_is_no_number_is_quoted(tmp_path):
    (tmp_path / "x").write_text(document(FIELDS, [*ROWS, ("many", 1)]))
    with pytest.raises(InputError, match="column source_id has 'many' where its type is long"):
        read_table(tmp_path / "x")


def test_rows_may_lack_cells_but_not_have_more(tmp_path):
    (tmp_path / "x").write_text(document(FIELDS, [(1, 2), (3,)]))
    assert read_table(tmp_path / "x")["mag"].to_pylist() == [2, None]
    (tmp_path / "x").write_text(document(FIELDS, [(1, 2), (3, 4, 5)]))
    with pytest.raises(InputError, match="row 2 has more than its 2 cells"):
        read_table(tmp_path / "x")


# ---------------------------------------------------------------- what servers say


def status(value, text=""):
    return f'<INFO name="QUERY_STATUS" value="{value}">{text}</INFO>'


MESSAGE = "Job timed out after 60 s"


def test_a_servers_error_is_told_in_its_words(tmp_path):
    for text in (
        document("", [], before=status("ERROR", "Job timed out\n after 60 s")).replace(
            '<TABLE name="result"><DATA><TABLEDATA></TABLEDATA></DATA></TABLE>', ""
        ),
        document(
            FIELDS, ROWS, before=status("OK"), after=status("ERROR", "Job timed out after 60 s")
        ),
    ):
        (tmp_path / "x").write_text(text)
        with pytest.raises(InputError, match=f"answers with an error: {MESSAGE}$"):
            open_table(tmp_path / "x")


@pytest.mark.parametrize("after", [status("OVERFLOW"), status("overflow", "2000 rows")])
def test_rows_that_a_server_cut_off_are_read_and_it_is_said(tmp_path, after):
    (tmp_path / "x").write_text(document(FIELDS, ROWS, before=status("OK"), after=after))
    reader = open_table(tmp_path / "x")
    assert len(read_table(tmp_path / "x")) == 2
    (remark,) = reader.remarks
    assert "the server cut its answer off" in remark
    assert ("2000 rows" in remark) == ("2000 rows" in after)


def test_an_answer_that_is_whole_needs_no_remark(tmp_path):
    (tmp_path / "x").write_text(document(FIELDS, ROWS, before=status("OK")))
    assert open_table(tmp_path / "x").remarks == []


# ---------------------------------------------------------------- ways out of the file

SECRET = "file:///etc/hostname"
STREAMS = {
    "plain": f'<STREAM href="{SECRET}"/>',
    "a mark in an attribute before": f'<STREAM ID=">" href="{SECRET}"/>',
    "an address": '<STREAM href="http://127.0.0.1:9/x"/>',
    "single quotes": f"<STREAM href='{SECRET}'></STREAM>",
    "lines": f'<STREAM\n\thref\n=\n"{SECRET}"\n/>',
    "a namespace": f'<v:STREAM xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" href="{SECRET}"/>',
    "an attribute's namespace": f'<STREAM xmlns:x="http://x" x:href="{SECRET}"/>',
    "characters by number": '<STREAM href="&#102;ile:///etc/hostname"/>',
    "upper case": f'<STREAM HREF="{SECRET}"/>',
    "lower case": f'<stream href="{SECRET}"/>',
    "empty": '<STREAM href=""/>',
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("kind", ["BINARY", "BINARY2", "FITS"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_stream_that_names_its_data_is_refused(tmp_path, stream, kind, encoding, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", None)
    declared = "utf-16" if encoding == "utf-16-le" else encoding
    start = f'<?xml version="1.0" encoding="{declared}"?>'
    text = document('<FIELD name="source_id" datatype="char" arraysize="60"/>', [], start=start)
    data = f"<{kind}>{stream}</{kind}>"
    text = text.replace("<TABLEDATA></TABLEDATA>", data)
    (tmp_path / "x").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=r"another file or at an address|is FITS|are FITS"):
        read_table(tmp_path / "x")


def test_a_namespace_of_the_whole_document_hides_nothing(tmp_path):
    text = document('<FIELD name="source_id" datatype="char" arraysize="60"/>', [])
    text = text.replace("<TABLEDATA></TABLEDATA>", f'<BINARY><STREAM href="{SECRET}"/></BINARY>')
    for name in ("VOTABLE", "RESOURCE", "TABLE", "DATA", "BINARY", "STREAM", "FIELD"):
        text = text.replace(f"<{name} ", f"<v:{name} ").replace(f"<{name}>", f"<v:{name}>")
        text = text.replace(f"</{name}>", f"</v:{name}>")
    (tmp_path / "x").write_text(text.replace("xmlns=", "xmlns:v="))
    with pytest.raises(InputError, match="another file or at an address"):
        open_table(tmp_path / "x")


DECLARATIONS = {
    "entities": '<!DOCTYPE VOTABLE [<!ENTITY a "aaaa">]>',
    "a file": f'<!DOCTYPE VOTABLE [<!ENTITY a SYSTEM "{SECRET}">]>',
    "a parameter entity": f'<!DOCTYPE VOTABLE [<!ENTITY % a SYSTEM "{SECRET}"> %a;]>',
    "an address": '<!DOCTYPE VOTABLE SYSTEM "http://127.0.0.1:9/y.dtd">',
    "nothing": "<!DOCTYPE VOTABLE>",
    "attributes": '<!DOCTYPE VOTABLE [<!ATTLIST STREAM href CDATA "file:///etc/hostname">]>',
}


@pytest.mark.parametrize("declaration", DECLARATIONS.values(), ids=DECLARATIONS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declarations_are_refused(tmp_path, declaration, encoding):
    start = f'<?xml version="1.0" encoding="{encoding}"?>{declaration}'
    (tmp_path / "x").write_bytes(document(FIELDS, ROWS, start=start).encode(encoding))
    with pytest.raises(InputError, match="DOCTYPE or ENTITY"):
        open_table(tmp_path / "x")


def test_a_declaration_in_a_comment_or_in_text_is_none(tmp_path):
    text = document(FIELDS, ROWS, before="<!-- <!DOCTYPE x> <STREAM href='x'/> -->")
    description = "<DESCRIPTION><![CDATA[<!ENTITY a 'b'> <STREAM href='x'/>]]></DESCRIPTION>"
    (tmp_path / "x").write_text(text.replace(FIELDS, description + FIELDS))
    assert len(read_table(tmp_path / "x")) == 2


# ---------------------------------------------------------------- what asks for too much


def binary(fields, data, kind="BINARY"):
    stream = f'<STREAM encoding="base64">{base64.b64encode(data).decode()}</STREAM>'
    return document(fields, []).replace("<TABLEDATA></TABLEDATA>", f"<{kind}>{stream}</{kind}>")


VARYING = '<FIELD name="x" datatype="double" arraysize="*"/>'
LONG = 'arraysize="999999999"'
GREEDY = {
    "many rows": (document(FIELDS, ROWS).replace("<TABLE ", '<TABLE nrows="4000000000" '), None),
    "long cells": (
        document(FIELDS.replace('"double"', '"double" arraysize="999999999"'), ROWS),
        None,
    ),
    "long text": (document(FIELDS.replace('"double"', '"char" arraysize="999999999"'), ROWS), None),
    "a long vector": (binary(VARYING, struct.pack(">i", 2**31 - 1) + bytes(80)), "not whole"),
    "a negative length": (binary(VARYING, struct.pack(">i", -5) + bytes(80)), "is negative"),
    "a wide row": (
        binary('<FIELD name="x" datatype="double" arraysize="99999x99999"/>', bytes(80)),
        "not whole",
    ),
    "no arraysize": (
        document('<FIELD name="x" datatype="int" arraysize="many"/>', []),
        "arraysize",
    ),
    "no base64": (binary(FIELDS, b"").replace("></STREAM>", ">!!!!</STREAM>"), "no base64"),
    "another encoding": (binary(FIELDS, b"").replace('"base64"', '"gzip"'), "encoded as 'gzip'"),
    "columns": (document('<FIELD name="x" datatype="int"/>' * 30_000, []), "more than 20,000 col"),
    "tables": ("<VOTABLE>" + "<TABLE/>" * 20_000 + "</VOTABLE>", "more than 10,000 tables"),
}


@pytest.mark.parametrize(("text", "message"), GREEDY.values(), ids=GREEDY)
def test_sizes_that_a_file_claims_take_no_memory(tmp_path, text, message):
    (tmp_path / "x").write_text(text)
    if message is None:
        assert len(read_table(tmp_path / "x")) == 2
    else:
        with pytest.raises(InputError, match=message):
            read_table(tmp_path / "x")


def test_xml_that_is_not_well_formed_is_not_called_damaged(tmp_path):
    (tmp_path / "x").write_text(document(FIELDS, [(1, "a & b")]))
    with pytest.raises(InputError, match="not well-formed .line 1, column") as caught:
        open_table(tmp_path / "x")
    assert "damaged" not in str(caught.value)


def test_what_astropy_and_this_read_of_real_files_is_the_same(shared):
    for path in some((shared / "real_xp").rglob("*.vot")):
        expected = votable.parse(path, verify="ignore").get_first_table().to_table()
        found = read_table(path)
        assert len(found) == len(expected) and found.column_names == expected.colnames
        for name in ("source_id", "bp_coefficients", "rp_coefficient_correlations"):
            values = np.array([np.ma.getdata(value).tolist() for value in expected[name]])
            values = values if name == "source_id" else values.astype(np.float32)
            found_values = np.array(found[name].to_pylist(), values.dtype)
            np.testing.assert_array_equal(found_values, values)


def test_the_attacks_and_cases(shared):
    cases = shared / "cases"
    for path in some(sorted((cases / "attack").glob("*.vot"))):
        with pytest.raises(InputError, match="another file or at an address"):
            open_table(path)
    with pytest.raises(InputError, match="Job timed out after 60 s"):
        open_table(cases / "tap_status" / "query_error.vot")
    assert len(read_table(cases / "topcat_param" / "topcat_param.vot")) == 4
