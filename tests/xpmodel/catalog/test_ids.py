"""Ids: pasted lists, finding stars, queries and links for the archives."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.support.catalogs import FIRST_ID, rewrite, write_catalog
from tests.support.loops import some
from tests.support.mock import MOCK_ID
from xpmodel.catalog.catalog import LAST_GAIA_ID, open_catalog
from xpmodel.catalog.ids import (
    IDS_PER_QUERY,
    MAX_TEXT,
    adql_ids,
    find_ids,
    parse_ids,
    rows_with,
    star_links,
)
from xpmodel.errors import InputError

N = 400
BIG = 2**63 - 1
FLOATS = "1.2e18 1e3 12.0 -5 +7 0x10 x 1_000"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    path = write_catalog(tmp_path_factory.mktemp("ids") / "stars.parquet", N)

    def with_mock_stars(table):
        ids = table["source_id"].to_numpy().copy()
        ids[:3] = MOCK_ID + np.arange(3)
        return table.set_column(0, table.schema.field("source_id"), [ids])

    return open_catalog(rewrite(path, with_mock_stars))


@pytest.mark.parametrize(
    ("text", "ids", "bad"),
    [
        ("", [], []),
        (" \n\t,;", [], []),
        ("9007199254740993", [2**53 + 1], []),
        ("3,1;2\n1 2\t5,", [3, 1, 2, 5], []),
        ("Gaia DR3 12, gaia dr3 13\n'Gaia EDR3 14'; GaiaDR3_15", [12, 13, 14, 15], []),
        ("Gaia DR2 12, Gaia DR3 13", [13], ["Gaia DR2 12"]),
        ("\"1\" '2' [3, 4] (5) “6”", [1, 2, 3, 4, 5, 6], []),
        (f"{BIG} {BIG + 1} {10**30}", [BIG], [str(BIG + 1), str(10**30)]),
        (
            "1.2e18 1e3 12.0 -5 +7 0x10 x 1_000",
            [],
            ["1.2e18", "1e3", "12.0", "-5", "+7", "0x10", "x", "1_000"],
        ),
        ("٣ ³", [], ["٣", "³"]),  # digits to Python
        ("007 0", [7, 0], []),
        ("9" * 5000, [], ["9" * 80 + "…"]),
        ("source_id\n5\n6\n5", [5, 6], []),
        ("\ufeffra,SOURCE_ID,dec\n1.5,7,2\n1.5, 8 ,2\n", [7, 8], []),
        ('ra;"source_id"\n1.5;"7"\n1.5;Gaia DR3 8', [7, 8], []),
        ("# made by x\nsource_id\tn\n12\t1\n13\t2", [12, 13], []),
        ("source_id ra n\n12 1.5  1\n13 2.5 2", [12, 13], []),
        ("dr3_source_id,source_id\n1,2", [1], []),
        ("dr2_source_id,gaia_dr3_source_id\n1,2\n3,", [2], ["row 2: no gaia_dr3_source_id"]),
        ("DR3Name,GaiaEDR3\nGaia DR3 5,5\n,6\n", [5, 6], []),
        ("Source;DR3Name\n1;Gaia DR3 5\n2;Gaia DR2 6", [5], ["Gaia DR2 6"]),
        ("designation\nGaia DR3 5\nGaia DR2 6", [5], ["Gaia DR2 6"]),
        ("n,ids\n1,2\n3", [2], ["row 2: no ids"]),
        ("source_id,ra\n,1\n1e18,2\n3,4", [3], ["row 1: no source_id", "1e18"]),
        ("source_id, 5, 6", [5, 6], ["source_id"]),
        ("name,ra\n5,6.5", [5], ["name", "ra", "6.5"]),
    ],
)
def test_parse(text, ids, bad):
    found, wrong = parse_ids(text)
    assert found.dtype == np.int64 and found.tolist() == ids
    assert wrong == bad


def test_too_long_a_text():
    with pytest.raises(InputError, match="10,000,001 characters, more than 10,000,000"):
        parse_ids("1" * (MAX_TEXT + 1))


def test_a_broken_table():
    with pytest.raises(InputError, match="cannot be read"):
        parse_ids('source_id\n"' + "1" * 200_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ra,dr2_source_id\n1,2", "the list of ids: no Gaia DR3 identifiers: .*'dr2_source_id'"),
        ("APOGEE_ID\tGAIA_SOURCE_ID\n2M1\t2", "those of Gaia DR2 in APOGEE's tables"),
        ("DR3Name,GaiaEDR3\n5,5\n5,6", "row 2 has several identifiers .5 in .* 6 in 'GaiaEDR3'"),
    ],
)
def test_a_table_of_ids_that_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_ids(text)


def test_find(catalog):
    rng = np.random.default_rng(1)
    chosen = rng.permutation(N)[:50]
    absent = np.array([FIRST_ID - 2, 5, BIG, FIRST_ID + 11])  # even steps from FIRST_ID: in none
    ids = np.concatenate([catalog.source_id[chosen], absent, catalog.source_id[chosen[:3]]])
    mask, missing = find_ids(catalog, ids)
    np.testing.assert_array_equal(np.flatnonzero(mask), np.sort(chosen))
    expected = [i for i in absent.tolist() if i not in set(catalog.source_id.tolist())]
    assert missing.tolist() == expected and len(expected) >= 3
    neighbor, missing = find_ids(catalog, catalog.source_id[5:6] + 1)  # the same as a float
    assert not neighbor.any() and len(missing) == 1
    mask, missing = find_ids(catalog, np.empty(0, np.int64))
    assert not mask.any() and not len(missing)


@pytest.mark.parametrize(
    "ids", [np.array([1.0]), np.array(["1"]), np.array([2**63], np.uint64), np.array([True])]
)
def test_ids_that_are_no_integers(catalog, ids):
    with pytest.raises(InputError, match="ids must be integers of int64"):
        find_ids(catalog, ids)


@pytest.mark.slow
def test_long_lists():
    numbers = np.arange(2**60, 2**60 + 400_000)
    ids, bad = parse_ids("\n".join(map(str, numbers.tolist())))
    np.testing.assert_array_equal(ids, numbers)
    assert not bad


def queries(text: str) -> list[list[int]]:
    """The ids of each query of ADQL."""
    code = re.sub("--.*", "", text)
    pattern = r"SELECT \* FROM gaiadr3\.gaia_source WHERE source_id IN \(([\d,\s]*)\)"
    assert not re.sub(pattern, "", code).strip()
    return [[int(i) for i in block.split(",")] for block in re.findall(pattern, code)]


def test_adql(catalog):
    mask = np.arange(N) % 3 == 0
    text = adql_ids(catalog, mask)
    assert queries(text) == [[i for i in catalog.source_id[mask].tolist() if i <= LAST_GAIA_ID]]
    assert "133 stars of 'stars.parquet'" in text and "1 mock stars are left out" in text
    only_mock = adql_ids(catalog, np.arange(N) < 3)
    assert not queries(only_mock) and "3 mock stars" in only_mock


def test_adql_in_blocks(tmp_path):
    n = 2 * IDS_PER_QUERY + 1
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet", n))
    text = adql_ids(catalog)
    blocks = queries(text)
    assert list(map(len, blocks)) == [IDS_PER_QUERY, IDS_PER_QUERY, 1]
    assert sum(blocks, []) == catalog.source_id.tolist()
    assert "mock" not in text and "query 3 of 3: 1 stars" in text


def test_links():
    number = 4295806720 * 2**20 + 7
    links = star_links(np.int64(number), np.float64(10.5), -3.25)
    assert list(links) == ["SIMBAD", "ESASky", "Gaia Archive"]
    parts = {name: urlsplit(link) for name, link in links.items()}
    assert all(part.scheme == "https" and " " not in part.geturl() for part in some(parts.values()))
    asked = {name: parse_qs(part.query) for name, part in parts.items()}
    assert asked["SIMBAD"] == {"Ident": [f"Gaia DR3 {number}"]}
    assert asked["ESASky"]["target"] == ["10.5000000 -3.2500000"]
    assert asked["Gaia Archive"]["QUERY"][0].endswith(f"WHERE source_id = {number}")
    nowhere = star_links(number, np.nan, np.nan)["ESASky"]
    assert parse_qs(urlsplit(nowhere).query)["target"] == [f"Gaia DR3 {number}"]
    assert star_links(MOCK_ID, 10.5, -3.25) == {}


def test_rows_with():
    ids = np.array([7, 2**60 + 1, 3, 7, 2**60])
    found = rows_with(ids, np.array([2**60, 3, 4, 7, 2**60 + 1, 2**62]))
    assert found.tolist() == [4, 2, -1, 0, 1, -1]
    assert rows_with(ids[:0], ids[:2]).tolist() == [-1, -1]
