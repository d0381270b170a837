"""Which column has the identifiers, whatever tables call it, and what is said of the others."""

import numpy as np
import pytest
from astropy.table import Table

from xpmodel.errors import InputError
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.id_names import choose_id_columns, likelihood
from xpmodel.tables.origin import Origin
from xpmodel.tables.reader import open_table


@pytest.mark.parametrize(
    "name",
    [
        "source_id", "SOURCE_ID", "Source", "ids", "designation", "gaia_source_id", "sourceId",
        "dr3_source_id", "gaia_dr3_source_id", "gaiadr3_source_id", "GAIAEDR3_SOURCE_ID",
        "gaia_edr3_source_id", "source_id_dr3", "DR3Name", "EDR3Name", "GaiaDR3", "Gaia_EDR3",
        "gaia_dr3_id", "source_id_gaiadr3",
    ],
)  # fmt: skip
def test_a_name_that_is_known(name):
    assert choose_id_columns(["ra", name, "teff", "solution_id", "lamost_dr10_id"]) == [name]


@pytest.mark.parametrize("bare", ["source_id", "Source", "GAIA_SOURCE_ID", "ids", "designation"])
@pytest.mark.parametrize("named", ["gaia_dr3_source_id", "GAIAEDR3_SOURCE_ID", "DR3Name"])
@pytest.mark.parametrize("other", ["DR2Name", "dr2_source_id", "apogee_id"])
def test_a_name_that_says_dr3_comes_first(bare, named, other):
    assert choose_id_columns([other, bare, named]) == [named]


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (["source_id", "source", "ids", "designation"], ["source_id"]),
        (["designation", "ids"], ["ids"]),
        (["dr3_source_id", "x", "GaiaEDR3"], ["dr3_source_id", "GaiaEDR3"]),
        (["source_id", "gaia_source_id"], ["source_id", "gaia_source_id"]),
        (["source_id", "dr2_source_id"], ["source_id"]),
        (["apogee_id", "source_id", "gaia_source_id"], ["source_id"]),
        (["id", "dr3", "galah_dr3_id", "sobject_id"], []),
        ([], []),
    ],
)
def test_which_is_chosen(columns, chosen):
    assert choose_id_columns(columns) == chosen


@pytest.mark.parametrize(
    "columns",
    [
        ["dr2_source_id"],
        ["gaia_dr2_source_id", "teff"],
        ["GaiaDR2"],
        ["DR2Name", "Source"],
        ["source_id_dr2"],
        ["dr1_source_id"],
        ["GAIA_SOURCE_ID", "APOGEE_ID"],
        ["gaia_source_id", "ASPCAPFLAG"],
        ["gaia_source_id", "gaia_r_est"],
    ],
)
def test_ids_of_another_release_are_refused_with_the_reason(columns):
    with pytest.raises(InputError, match="no Gaia DR3 identifiers: column .* those of Gaia DR"):
        choose_id_columns(columns)


def opened(tmp_path, columns: dict):
    path = tmp_path / "t.csv"
    rows = [
        ",".join(columns),
        *(",".join(map(str, r)) for r in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(rows) + "\n")
    return open_table(path)


def read(table, rows=100):
    column = IdColumn(table)
    found, n = [], 0
    for chunk, _ in table.chunks(column.names, rows):
        found.append(column.read(chunk, Origin.of(table.path, n, len(chunk))))
        n += len(chunk)
    ids, valid = (np.concatenate(part) for part in zip(*found, strict=True))
    return column, [int(i) if ok else None for i, ok in zip(ids, valid, strict=True)]


def test_equal_candidates_that_agree(tmp_path):
    columns = {"dr3_source_id": [5, 6, "", "x"], "DR3Name": ["Gaia DR3 5", "", "Gaia DR3 7", ""]}
    column, ids = read(opened(tmp_path, columns))
    assert ids == [5, 6, 7, None]
    assert column.without.endswith("(the first, row 4: 'x')")


@pytest.mark.parametrize("names", [("source_id", "SOURCE_ID"), ("dr3_source_id", "GaiaEDR3")])
@pytest.mark.parametrize("rows", [1, 100])
def test_equal_candidates_that_differ_are_named(tmp_path, names, rows):
    table = opened(tmp_path, {names[0]: [5, 6, 8], names[1]: [5, "", 9]})
    with pytest.raises(InputError, match=r"t.csv: row 3 has two identifiers, 8 in .* and 9 in"):
        read(table, rows)


@pytest.mark.parametrize("cell", ["4.1e18", "abc", "", "-5", "0", "1.5", "NaN", "Gaia DR2 5"])
@pytest.mark.parametrize("rows", [1, 100])
def test_rows_without_an_id_are_counted_and_the_first_is_quoted(tmp_path, cell, rows):
    column, ids = read(opened(tmp_path, {"source_id": [7, cell, "x"], "teff": [1, 2, 3]}), rows)
    assert ids == [7, None, None]
    shown = repr(cell) if cell not in ("", "NaN") else "an empty cell"
    expected = f"2 rows without an exact integer in source_id (the first, row 2: {shown})"
    assert column.without == expected
    column.check_any()


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        (np.array([4.111834567e18, 5e18]), "4.111834567e+18"),
        (np.array([np.nan, 1.5]), "nan"),
        (np.array([-1, 0]), "-1"),
        (np.array(["star", "5.0"]), "star"),
    ],
)
def test_a_table_of_which_no_row_has_an_id(tmp_path, ids, shown):
    Table({"source_id": ids}).write(tmp_path / "t.fits")
    table = open_table(tmp_path / "t.fits")
    column = IdColumn(table)
    for chunk, _ in table.chunks(column.names, 100):
        column.read(chunk, Origin.of(table.path, 0, len(chunk)))
    with pytest.raises(InputError, match="no row has an integer id .* is row 1: ") as error:
        column.check_any()
    assert f"'{shown}'" in str(error.value) and "\n" not in str(error.value)


def test_a_table_without_ids(tmp_path):
    with pytest.raises(InputError, match="t.csv: no column 'source_id' .nor .* it has id, ra"):
        IdColumn(opened(tmp_path, {"id": [1], "ra": [2]}))
    with pytest.raises(InputError, match="t.csv: no Gaia DR3 identifiers: .* 'dr2_source_id'"):
        IdColumn(opened(tmp_path, {"dr2_source_id": [1], "ra": [2]}))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["ra", "SOURCE_ID"], 2), (["DR2Name"], 2), (["GaiaEDR3"], 2), (["ids"], 2),
        (["Source", "x"], 1), (["designation"], 1), (["id", "ra"], 0), ([], 0),
    ],
)  # fmt: skip
def test_how_likely_a_table_has_ids(columns, expected):
    assert likelihood(columns) == expected
