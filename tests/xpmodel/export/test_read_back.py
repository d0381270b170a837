"""What astropy makes of an export: no warning, whatever the columns are called, however few."""

import csv
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table
from astropy.units import Unit

from tests.support.catalogs import rewrite, write_catalog
from xpmodel import open_catalog, write_stars
from xpmodel.columns import BY_NAME, COLUMNS
from xpmodel.export.stars import FORMATS

ASTROPY = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}
N = 30
ODD_NAMES = (
    *("a b", "TEFF", "Teff", "x ", "naïve α", "日本", "a'b\"c", "<b>&amp;", "tab\there"),
    *("#1", "x.1", "=1+1", "n" * 100, "new\nline", "TTYPE1", "{yaml: 1}", "🌟"),
)


def read(path) -> Table:
    """As an astropy table; a warning is an error."""
    if path.suffix == ".parquet":
        return Table.from_pandas(pq.read_table(path).to_pandas())
    if path.suffix == ".csv":  # of which astropy takes line by line
        with open(path, newline="", encoding="utf-8") as file:
            names, *rows = csv.reader(file)
        return Table(rows=rows, names=names)
    return Table.read(path, format=ASTROPY[path.suffix])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A catalog with a value in every column that an encoding may write, and some without."""
    numbers = {
        c.name: np.where(np.arange(N) % 5 == 0, np.nan, 1.5)
        for c in COLUMNS
        if pa.types.is_floating(c.type)
    }
    flags = {c.name: np.arange(N) for c in COLUMNS if pa.types.is_integer(c.type)}
    path = tmp_path_factory.mktemp("whole") / "stars.parquet"
    return open_catalog(write_catalog(path, N, **numbers, **flags, population=["disc α"] * N))


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv"])
@pytest.mark.parametrize("n", [0, 1, N])
def test_units_and_descriptions_come_back(whole, tmp_path, suffix, n):
    write_stars(whole, np.arange(N) < n, tmp_path / f"stars{suffix}")
    table = read(tmp_path / f"stars{suffix}")
    assert table.colnames == whole.filled and len(table) == n
    for name in set(whole.filled) & set(BY_NAME):
        column = BY_NAME[name]
        if column.unit == "nat" and suffix == ".fits":  # which is no unit to astropy
            assert table[name].description == f"{column.description} [nat]"
            continue
        assert table[name].description == column.description
        expected = column.unit.replace("e⁻", "electron").replace("⁻¹", "-1")
        if column.unit == "nat":
            assert str(table[name].unit) == "nat"
        else:
            assert str(table[name].unit or "") == str(Unit(expected))


def test_units_are_of_the_standard_of_fits(whole, tmp_path):
    """Those that it has not stand in the column's comment, for whoever reads no YAML."""
    write_stars(whole, None, tmp_path / "stars.fits")
    header = fits.getheader(tmp_path / "stars.fits", 1)
    assert set(header["TUNIT*"].values()) == {"K", "mag", "mas", "deg", "kpc km s-1"}
    numbers = {header[f"TTYPE{i}"]: i for i in range(1, header["TFIELDS"] + 1)}
    assert header[f"TCOMM{numbers['m_h']}"] == "metallicity [M/H] [dex]"
    assert "TUNIT" + str(numbers["m_h"]) not in header


def test_a_votable_passes_the_strictest_reading(whole, tmp_path):
    write_stars(whole, None, tmp_path / "stars.vot")
    parse(tmp_path / "stars.vot", verify="exception")


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_of_odd_names(tmp_path, suffix):
    """Each comes back under its own name, or under one that the file explains."""

    def add(table: pa.Table) -> pa.Table:
        for number, name in enumerate(ODD_NAMES):
            table = table.append_column(name, pa.array([float(number)] * N))
        return table

    catalog = open_catalog(
        rewrite(write_catalog(tmp_path / "stars.parquet", N, teff=np.full(N, 5000.0)), add)
    )
    path = tmp_path / f"out{suffix}"
    write_stars(catalog, None, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read(path)
    assert len(table.colnames) == len(set(table.colnames)) == len(catalog.filled)
    for number, name in enumerate(table.colnames[-len(ODD_NAMES) :]):
        assert set(np.asarray(table[name], float)) == {number}
    if suffix == ".fits":
        names = [name.lower() for name in table.colnames]
        assert len(names) == len(set(names))
        comments = str(fits.getheader(path, 1)["COMMENT"]).replace("\n", "")
        assert 'Teff_3: in the catalog "Teff"' in comments
