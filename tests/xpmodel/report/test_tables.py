"""Tables of results: their columns, their files, and how a terminal shows them."""

import numpy as np
import pytest
from astropy.table import Table

from tests.support.catalogs import FIRST_ID, write_catalog
from tests.support.mock import MOCK_ID
from xpmodel import InputError, open_catalog
from xpmodel.report.tables import lines_of, make_table, provenance, title_of, write_table

COLUMNS = [
    ("name", ["labels", "α"], "", "what it knows"),
    ("rate", [0.5, 12.25], "dex", "how much"),
    ("n", [7, 1200], "", "stars"),
]


def test_columns_keep_units_and_descriptions():
    table = make_table(COLUMNS, {"seed": 3})
    assert table.colnames == ["name", "rate", "n"] and table.meta == {"seed": 3}
    assert str(table["rate"].unit) == "dex" and table["n"].unit is None
    assert table["name"].description == "what it knows"


def test_a_table_comes_back_from_its_file(tmp_path):
    path = tmp_path / "results.ecsv"
    assert write_table(path, make_table(COLUMNS, {"catalog": "stars.parquet"})) == path
    read = Table.read(path)
    assert read["name"].tolist() == ["labels", "α"] and read["rate"].tolist() == [0.5, 12.25]
    assert read.meta["catalog"] == "stars.parquet" and str(read["rate"].unit) == "dex"
    write_table(path, make_table(COLUMNS[1:]))
    assert Table.read(path).colnames == ["rate", "n"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError):
        write_table(tmp_path / "file" / "results.ecsv", make_table(COLUMNS))


def test_a_terminal_has_text_on_the_left_and_numbers_on_the_right():
    assert lines_of(make_table(COLUMNS), {"rate": ".2f", "n": ","}) == [
        "name     rate      n",
        "labels   0.50      7",
        "α       12.25  1,200",
    ]


def test_an_empty_table_is_its_names():
    table = make_table([("name", np.array([], str), "", ""), ("n", np.array([], int), "", "")])
    assert lines_of(table) == ["name  n"]


def test_results_name_catalog_model_and_mock_stars(tmp_path):
    ids = FIRST_ID + 2 * np.arange(50)
    ids[-2:] = MOCK_ID, MOCK_ID + 1
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet", 50, source_id=ids))
    found = provenance(catalog, seed=3)
    assert found["catalog"] == "stars.parquet" and found["seed"] == 3
    assert found["mock_stars"] == "2 of 50" and found["model"] == catalog.model_hash
    assert found["made_by"].startswith("xpmodel ")
    assert title_of(catalog) == "stars.parquet (2 mock stars)"
    real = open_catalog(write_catalog(tmp_path / "real.parquet", 50))
    assert title_of(real) == "real.parquet"
