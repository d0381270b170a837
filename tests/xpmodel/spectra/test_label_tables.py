"""Labels from tables as people have them: other names, missing values, repeated stars."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.support.loops import some
from xpmodel.columns import JOINED
from xpmodel.errors import InputError
from xpmodel.spectra.label_tables import read_labels

BIG = 2**53 + 1


def write(path, columns: dict):
    """A table in the format that the path's ending names."""
    if path.suffix == ".csv":
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        Table(columns).write(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".fits", ".parquet"])
def test_every_format(tmp_path, suffix):
    columns = {
        "source_id": [BIG + 4, BIG, BIG + 2],
        "teff": [4500.5, np.nan, 6000.0],
        "logg": [2.5, -9999.0, 4.0],
        "starflag": [2**40 + 1, 0, 7],
        "ra": [10.123456789012, 20.0, 359.9],
        "population": ["halo", "disc", "disc"],
        "mass": [1.0, 2.0, 3.0],
    }
    table = read_labels(write(tmp_path / f"labels{suffix}", columns))
    np.testing.assert_array_equal(table.source_id, [BIG, BIG + 2, BIG + 4])
    assert table.source_id.dtype == np.int64
    assert (table.n_repeated, table.n_without_id) == (0, 0)
    found = table.lookup(np.array([BIG + 4, BIG + 1, BIG, BIG + 2, 5]))
    names = {"teff", "logg", "starflag", "ra", "population"}
    assert set(found.column_names) == names
    for column in some(JOINED):
        if column.name in names:
            assert found.schema.field(column.name).type == column.type
    assert found["teff"].to_pylist() == [4500.5, None, None, 6000.0, None]
    assert found["logg"].to_pylist() == [2.5, None, None, 4.0, None]
    assert found["starflag"].to_pylist() == [2**40 + 1, None, 0, 7, None]
    assert found["ra"].to_pylist() == [10.123456789012, None, 20.0, 359.9, None]
    assert found["population"].to_pylist() == ["halo", None, "disc", "disc", None]


@pytest.mark.parametrize(
    "id_name", ["source_id", "SOURCE_ID", "dr3_source_id", "gaia_source_id", "GAIAEDR3_SOURCE_ID"]
)
def test_names_of_the_id(tmp_path, id_name):
    table = read_labels(write(tmp_path / "labels.csv", {id_name: [7, 5], "TEFF": [1, 2]}))
    np.testing.assert_array_equal(table.source_id, [5, 7])
    told = ["labels.csv: gaia_source_id says no release; its ids are taken as Gaia DR3's"]
    assert table.remarks == (told if id_name == "gaia_source_id" else [])
    assert table.labels["teff"].to_pylist() == [2, 1]


def test_names_of_apogee(tmp_path):
    columns = {
        "GAIAEDR3_SOURCE_ID": [1],
        "TEFF": [4000.0],
        "TEFF_ERR": [50.0],
        "M_H": [-0.5],
        "ALPHA_M_ERR": [0.1],
        "SFD_EBV": [0.3],
        "J": [10.0],
        "K": [9.0],
        "GAIAEDR3_PHOT_G_MEAN_MAG": [12.0],
        "GAIAEDR3_PARALLAX": [0.7],
        "GAIAEDR3_PARALLAX_ERROR": [0.02],
        "Lz": [1500.0],
        "jz": [3.0],
        "STARFLAG": [4],
        "ASPCAPFLAG": [1 << 19],
    }
    labels = read_labels(write(tmp_path / "allStar.fits", columns)).labels
    wanted = {"teff", "teff_err", "m_h", "alpha_m_err", "sfd_ebv", "j", "k", "phot_g_mean_mag"}
    wanted |= {"parallax", "parallax_error", "lz", "jz", "starflag", "aspcapflag"}
    assert set(labels.column_names) == wanted
    row = labels.to_pylist()[0]
    assert row["parallax"] == pytest.approx(0.7) and row["aspcapflag"] == 1 << 19
    assert row["phot_g_mean_mag"] == 12 and row["lz"] == 1500


def test_a_name_of_the_catalog_comes_before_an_alias(tmp_path):
    columns = {"gaiaedr3_parallax": [1.0], "source_id": [1], "parallax": [2.0]}
    assert read_labels(write(tmp_path / "a.csv", columns)).labels["parallax"].to_pylist() == [2.0]


@pytest.mark.parametrize("prefix", ["phot", "GAIAEDR3_PHOT"])
def test_a_color_from_two_magnitudes(tmp_path, prefix):
    end = "_MEAN_MAG" if prefix.isupper() else "_mean_mag"
    bp, rp = (prefix + (b if prefix.islower() else b.upper()) + end for b in ("_bp", "_rp"))
    columns = {"source_id": [1, 2, 3], bp: [15.5, -9999.0, 12.0], rp: [14.25, 13.0, np.nan]}
    labels = read_labels(write(tmp_path / "a.fits", columns)).labels
    assert labels.column_names == ["bp_rp"]
    assert labels["bp_rp"].to_pylist() == [1.25, None, None]
    assert labels["bp_rp"].type == pa.float32()


def test_a_color_that_is_there_counts_more_than_magnitudes(tmp_path):
    columns = {"source_id": [1], "bp_rp": [0.5], "phot_bp_mean_mag": [9.0]}
    columns["phot_rp_mean_mag"] = [8.0]
    assert read_labels(write(tmp_path / "a.csv", columns)).labels["bp_rp"].to_pylist() == [0.5]


@pytest.mark.parametrize("missing", ["", "NaN", "null", "-9999", "-9999.99", "inf"])
def test_missing_values_in_text(tmp_path, missing):
    columns = {"source_id": [1, 2], "teff": [missing, 5000]}
    assert read_labels(write(tmp_path / "a.csv", columns)).labels["teff"].to_pylist() == [
        None,
        5000,
    ]


def test_missing_flags(tmp_path):
    """As pandas writes whole numbers with gaps: as floats."""
    columns = {"source_id": [1, 2, 3], "starflag": [4.0, np.nan, 2.0**40]}
    for suffix in (".fits", ".parquet"):
        table = read_labels(write(tmp_path / f"a{suffix}", columns))
        assert table.labels["starflag"].to_pylist() == [4, None, 2**40]
    columns["starflag"] = [4, -9999, ""]
    table = read_labels(write(tmp_path / "a.csv", columns))
    assert table.labels["starflag"].to_pylist() == [4, None, None]
    columns["starflag"] = ["4.0", "", "3.0"]
    table = read_labels(write(tmp_path / "b.csv", columns))
    assert table.labels["starflag"].to_pylist() == [4, None, 3]


def test_of_repeated_ids_the_first_row_counts(tmp_path):
    columns = {"source_id": [9, 3, 9, 3, 9, 1], "teff": [1, 2, 3, 4, 5, 6]}
    table = read_labels(write(tmp_path / "a.csv", columns))
    assert table.n_repeated == 3
    np.testing.assert_array_equal(table.source_id, [1, 3, 9])
    assert table.labels["teff"].to_pylist() == [6, 2, 1]


def test_many_repeated_ids_over_several_chunks(tmp_path):
    n = 150_000
    ids = np.random.default_rng(0).integers(1, 1000, n)
    path = write(tmp_path / "a.parquet", {"source_id": ids, "teff": 1 + np.arange(n)})
    table = read_labels(path)
    unique, first = np.unique(ids, return_index=True)
    np.testing.assert_array_equal(table.source_id, unique)
    np.testing.assert_array_equal(table.labels["teff"], 1 + first)
    assert table.n_repeated == n - len(unique)


def test_rows_without_an_id_are_passed_over(tmp_path):
    columns = {"source_id": ["5", "", "x", "1.5", "-3", "7"], "teff": [1, 2, 3, 4, 5, 6]}
    table = read_labels(write(tmp_path / "a.csv", columns))
    assert table.n_without_id == 4
    assert table.without_id.startswith("4 rows without an exact integer in source_id")
    assert table.without_id.endswith("(the first, row 2: an empty cell)")
    assert table.labels["teff"].to_pylist() == [1, 6]


def test_a_table_where_no_row_has_an_id(tmp_path):
    with pytest.raises(InputError, match=r"a.csv: no row has an integer id .* is row 1: 'x'"):
        read_labels(write(tmp_path / "a.csv", {"source_id": ["x", "5.5"], "teff": [1, 2]}))


def test_a_table_without_any_label(tmp_path):
    table = read_labels(write(tmp_path / "a.csv", {"source_id": [1, 2], "mass": [1, 2]}))
    assert table.labels.column_names == [] and len(table.source_id) == 2
    assert table.lookup(np.array([2, 3])).column_names == []


@pytest.mark.parametrize("value", ["hot", "1e", "5000 K"])
def test_a_label_that_is_no_number(tmp_path, value):
    columns = {"source_id": [1, 2], "LOGG": [1.0, 2.0], "Teff": [5000, value]}
    with pytest.raises(InputError, match="a.csv: column teff cannot be read as float"):
        read_labels(write(tmp_path / "a.csv", columns))


def test_labels_of_other_types(tmp_path):
    vectors = {"source_id": [1], "teff": [[1.0, 2.0]]}
    with pytest.raises(InputError, match="a.parquet: column teff cannot be read as float"):
        read_labels(write(tmp_path / "a.parquet", vectors))
    with pytest.raises(InputError, match="a.fits: column starflag cannot be read as int64"):
        read_labels(write(tmp_path / "a.fits", {"source_id": [1], "starflag": ["bad pixel"]}))
    with pytest.raises(InputError, match="b.fits: column starflag cannot be read as int64"):
        read_labels(write(tmp_path / "b.fits", {"source_id": [1], "starflag": [1.5]}))
    whole = write(tmp_path / "c.fits", {"source_id": [1], "teff": [5000], "population": [3]})
    assert read_labels(whole).labels.to_pylist() == [{"teff": 5000.0, "population": "3"}]


def test_tables_without_ids_or_rows(tmp_path):
    with pytest.raises(InputError, match="a.csv: no column 'source_id' .nor gaia_dr3_source_id"):
        read_labels(write(tmp_path / "a.csv", {"teff": [1]}))
    (tmp_path / "b.csv").write_text("source_id,teff\n")
    with pytest.raises(InputError, match="b.csv: no rows"):
        read_labels(tmp_path / "b.csv")
    with pytest.raises(InputError, match="none.csv: no such file"):
        read_labels(tmp_path / "none.csv")


def test_the_labels_of_1612_stars_of_apogee(shared):
    path = shared / "labels" / "apogee_1612.fits"
    table = read_labels(path)
    rows = fits.getdata(path)
    assert len(table.source_id) == 1612 - table.n_repeated and table.n_without_id == 0
    names = {"teff", "teff_err", "logg", "m_h", "alpha_m", "fe_h", "mg_fe", "mg_fe_err"}
    assert names | {"ra", "dec"} <= set(table.labels.column_names)
    ids, first = np.unique(rows["dr3_source_id"].astype(np.int64), return_index=True)
    np.testing.assert_array_equal(table.source_id, ids)
    for name in ("teff", "m_h", "mg_fe", "ra"):
        values = rows[name][first].astype(float)
        values[~np.isfinite(values) | (values < -9998)] = np.nan
        found = table.labels[name].to_numpy()
        np.testing.assert_allclose(found, values, rtol=1e-6, equal_nan=True)
    assert np.nanmedian(table.labels["m_h"].to_numpy()) == pytest.approx(-0.99, abs=0.005)


def test_the_labels_of_95_stars_of_apogee(shared):
    path = shared / "labels" / "apogee_dr17_allstar_95.fits"
    table = read_labels(path)
    rows = fits.getdata(path, 1)
    names = set(table.labels.column_names)
    assert {"teff", "logg", "m_h", "alpha_m", "fe_h", "mg_fe", "starflag", "aspcapflag"} <= names
    assert {"j", "h", "k", "sfd_ebv", "bp_rp", "parallax", "phot_g_mean_mag", "ra"} <= names
    order = np.searchsorted(table.source_id, rows["GAIAEDR3_SOURCE_ID"])
    found = table.lookup(rows["GAIAEDR3_SOURCE_ID"])
    assert (table.source_id[order] == rows["GAIAEDR3_SOURCE_ID"]).all()
    color = rows["GAIAEDR3_PHOT_BP_MEAN_MAG"] - rows["GAIAEDR3_PHOT_RP_MEAN_MAG"]
    np.testing.assert_allclose(found["bp_rp"].to_numpy(), color, atol=2e-6)
    for label, name in (("teff", "TEFF"), ("starflag", "STARFLAG"), ("k", "K")):
        np.testing.assert_allclose(found[label].to_numpy(), rows[name], rtol=1e-6)
