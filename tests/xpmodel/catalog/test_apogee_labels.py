"""Labels from APOGEE's own tables."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from click.testing import CliRunner

from xpmodel.catalog import apogee_labels
from xpmodel.catalog.apogee_labels import IS_DUPLICATE, IS_REPEATED, NO_ID, write_labels
from xpmodel.catalog.catalog import METADATA_KEY
from xpmodel.cli.data import labels_command
from xpmodel.cli.main import main
from xpmodel.errors import InputError
from xpmodel.spectra.label_tables import read_labels

STAR = 2**53 + 1  # an id that a float would change
MISSING = -9999.99


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(apogee_labels, "CHUNK", 3)


@pytest.fixture
def write(tmp_path):
    """Write a table as FITS and make labels of it: what was made, the rows, the metadata."""

    def write_and_read(table: Table):
        table.write(tmp_path / "table.fits", overwrite=True)
        made = write_labels(tmp_path / "table.fits", tmp_path / "labels.parquet")
        written = pq.read_table(tmp_path / "labels.parquet")
        return made, written, json.loads(written.schema.metadata[METADATA_KEY])

    return write_and_read


def allstar(**columns) -> Table:
    """Seven rows as ASPCAP writes them: of four stars, one of them twice."""
    ids = [STAR + 3, 0, STAR, STAR, STAR + 1, -9999, STAR + 2]
    n = len(ids)
    table = {
        "APOGEE_ID": [f"2M{i:016d}" for i in range(n)],
        "RA": np.linspace(10, 20, n),
        "DEC": np.linspace(-5, 5, n),
        "J": np.full(n, 11.5, "f4"),
        "K": np.array([10.1] * (n - 1) + [MISSING], "f4"),
        "SFD_EBV": np.full(n, 0.1, "f4"),
        "SNR": np.array([90, 80, 70, 170, 60, 50, 40], "f4"),
        "STARFLAG": np.arange(n, dtype="i8") << 40,
        "ASPCAPFLAG": np.array([0, 1, 2, 3, 4, 5, -9999], "i8"),
        "EXTRATARG": np.array([0, 0, 1, 0, 4 | 16, 16, 0], "i4"),
        "GAIAEDR3_SOURCE_ID": np.array(ids, "i8"),
        "GAIAEDR3_PARALLAX": np.full(n, 0.5, "f4"),
        "GAIAEDR3_PHOT_G_MEAN_MAG": np.full(n, 12.5, "f4"),
        "GAIAEDR3_PHOT_BP_MEAN_MAG": np.array([13.0] * (n - 1) + [MISSING], "f4"),
        "GAIAEDR3_PHOT_RP_MEAN_MAG": np.full(n, 12.0, "f4"),
        "X_H": np.zeros((n, 27), "f4"),
        "TEFF": np.array([4000, 4100, 4200, 4300, 4400, 4500, MISSING], "f4"),
        "TEFF_ERR": np.array([10, 10, 10, 10, 10, 10, np.nan], "f4"),
        "M_H": np.full(n, -0.5, "f4"),
        "FE_H": np.full(n, -0.4, "f4"),
        "MG_FE": np.full(n, 0.2, "f4"),
        "MG_FE_ERR": np.full(n, 0.02, "f4"),
    }
    return Table(table | columns)


def astronn(**columns) -> Table:
    """Five rows as astroNN's catalog has them: of three stars, one of them three times."""
    n = 5
    table = {
        "APOGEE_ID": [f"2M{i:016d}" for i in range(n)],
        "TEFF": np.array([4000, 4100, 4200, 4300, np.nan], "f4"),
        "TEFF_ERR": np.array([50, 40, 20, 30, np.nan], "f4"),
        "LOGG": np.full(n, 2.5, "f4"),
        "LOGG_ERR": np.full(n, 0.1, "f4"),
        "MG_H": np.array([-0.2, -0.2, -0.1, MISSING, np.nan], "f4"),
        "MG_H_ERR": np.full(n, 0.03, "f4"),
        "FE_H": np.full(n, -0.4, "f4"),
        "FE_H_ERR": np.full(n, 0.02, "f4"),
        "weighted_dist": np.full(n, 1500.0),
        "RA": np.linspace(10, 20, n),
        "DEC": np.linspace(-5, 5, n),
        "phot_g_mean_mag": np.full(n, 12.5),
        "bp_rp": np.full(n, 1.1),
        "age_lowess_correct": np.full(n, 5.0),
        "source_id": np.array([STAR, STAR + 1, STAR, -1, STAR], "i8"),
        "jr": np.full(n, 30.0),
        "Lz": np.full(n, 1800.0),
        "jz": np.full(n, 10.0),
    }
    return Table(table | columns)


def test_one_row_a_star(write):
    made, labels, _ = write(allstar())
    assert labels["source_id"].to_pylist() == [STAR, STAR + 2, STAR + 3]
    assert labels["teff"].to_pylist() == [4300, None, 4000]  # of the row with SNR 170, not 70
    assert (made.n_rows, made.n_stars) == (7, 3)
    assert made.left_out == {NO_ID: 2, IS_DUPLICATE: 1, IS_REPEATED: 1}


def test_columns_are_the_catalogs(write):
    _, labels, _ = write(allstar())
    assert set(labels.column_names) == {
        *("source_id", "teff", "teff_err", "m_h", "fe_h", "mg_fe", "mg_fe_err"),
        *("phot_g_mean_mag", "bp_rp", "j", "k", "sfd_ebv", "parallax", "ra", "dec"),
        *("starflag", "aspcapflag"),
    }
    types = {name: str(labels.schema.field(name).type) for name in ("ra", "teff", "starflag")}
    assert types == {"ra": "double", "teff": "float", "starflag": "int64"}
    assert labels["bp_rp"].to_pylist() == [1, None, 1]
    assert labels["k"].to_pylist()[1] is None
    assert labels["teff_err"].to_pylist() == [10, None, 10]
    assert labels["starflag"].to_pylist() == [3 << 40, 6 << 40, 0]
    assert labels["aspcapflag"].to_pylist() == [3, None, 0]


def test_chunks_of_any_size_give_the_same(write, monkeypatch):
    _, labels, _ = write(allstar())
    for rows in (1, 100):
        monkeypatch.setattr(apogee_labels, "CHUNK", rows)
        assert write(allstar())[1].equals(labels)


def test_metadata(write):
    _, _, metadata = write(allstar())
    assert metadata["errors_of"] == "ASPCAP"
    assert metadata["source"] == "table.fits"
    assert metadata["left_out"] == {NO_ID: 2, IS_DUPLICATE: 1, IS_REPEATED: 1}


def test_without_extratarg_and_snr_the_first_row_counts(write):
    table = allstar()
    table.remove_columns(["EXTRATARG", "SNR", "TEFF_ERR"])
    made, labels, _ = write(table)
    assert labels["source_id"].to_pylist() == [STAR, STAR + 1, STAR + 2, STAR + 3]
    assert labels["teff"].to_pylist() == [4200, 4400, None, 4000]
    assert made.left_out == {NO_ID: 2, IS_REPEATED: 1}


def test_row_without_snr_comes_last(write):
    snr = np.array([90, 80, 70, np.nan, 60, 50, MISSING], "f4")
    assert write(allstar(SNR=snr))[1]["teff"].to_pylist() == [4200, None, 4000]


def test_astronn(write):
    made, labels, metadata = write(astronn())
    assert made.errors_of == metadata["errors_of"] == "astroNN"
    assert labels["source_id"].to_pylist() == [STAR, STAR + 1]
    assert labels["teff_err"].to_pylist() == [20, 40]  # the smallest of 50, 20 and none
    assert made.left_out == {NO_ID: 1, IS_REPEATED: 2}
    assert labels["mg_fe"].to_pylist() == pytest.approx([0.3, 0.2], abs=1e-6)
    assert "mg_fe_err" not in labels.column_names
    assert labels["lz"].to_pylist() == [1800, 1800]
    assert "teff_err" in made.note


def test_labels_go_into_a_catalog(write, tmp_path):
    write(allstar())
    labels = read_labels(tmp_path / "labels.parquet")
    assert labels.lookup(np.array([STAR, STAR + 9]))["teff"].to_pylist() == [4300, None]
    assert labels.n_repeated == 0


def test_old_allstar_has_no_dr3_ids(write):
    table = allstar()
    table.rename_column("GAIAEDR3_SOURCE_ID", "GAIA_SOURCE_ID")  # DR2's
    with pytest.raises(InputError, match="no Gaia DR3 identifiers"):
        write(table)


def test_dr3_ids_beside_those_of_dr2(write):
    table = allstar()
    table["GAIA_SOURCE_ID"] = np.arange(7) + 5
    assert write(table)[1]["source_id"].to_pylist() == [STAR, STAR + 2, STAR + 3]


def test_ids_that_floats_have_cut(tmp_path):
    path = tmp_path / "table.fits"
    allstar(GAIAEDR3_SOURCE_ID=np.array([4.1e18, 5, 0, 6, 7, -9999, 8])).write(path)
    made = write_labels(path, tmp_path / "labels.parquet")
    assert made.left_out[NO_ID] == 3
    assert made.without_id == (
        "3 rows without an exact integer in GAIAEDR3_SOURCE_ID (the first, row 1: '4.1e+18')"
    )
    assert made.without_id in run(path, "--out", tmp_path / "again.parquet").output


def test_codes_for_missing_values(write):
    table = allstar(
        J=np.array([99.999, 99.9999, 99.999, 99.999, 12, 1, -9999.99], "f4"),
        TEFF=np.array([0, 0, 0, 0, 4400, 4500, 1e20], "f4"),
        TEFF_ERR=np.array([-1, 9, 9, 99.999, 9, 9, 999999], "f4"),
    )
    rows = {row["source_id"]: row for row in write(table)[1].to_pylist()}
    assert [rows[STAR + i]["j"] for i in (0, 2, 3)] == [None] * 3
    assert [rows[STAR + i]["teff"] for i in (0, 2, 3)] == [None] * 3
    errors = [rows[STAR + i]["teff_err"] for i in (0, 2, 3)]
    assert errors == [pytest.approx(99.999), None, None]


def test_neither_or_both(write):
    with pytest.raises(InputError, match="both ASPCAP and astroNN"):
        write(allstar(weighted_dist=np.ones(7)))
    with pytest.raises(InputError, match="no table of APOGEE's"):
        write(Table({"source_id": [STAR], "teff": [5000.0]}))


def test_flag_that_is_no_integer(write, tmp_path):
    with pytest.raises(InputError, match=r"table\.fits: column aspcapflag cannot be read as int64"):
        write(allstar(ASPCAPFLAG=["none"] * 7))
    with pytest.raises(InputError, match=r"table\.fits: column EXTRATARG is no integer"):
        write(allstar(EXTRATARG=["none"] * 7))
    assert not (tmp_path / "labels.parquet").exists()


def test_no_rows(write):
    with pytest.raises(InputError, match=r"none of its 0 rows can be used \(empty\)"):
        write(allstar()[:0])


def test_no_usable_row(write):
    with pytest.raises(
        InputError,
        match=r"none of its 7 rows can be used \(7: no Gaia source_id\); 7 rows .* row 1: '0'",
    ):
        write(allstar(GAIAEDR3_SOURCE_ID=np.zeros(7, "i8")))


def test_table_is_not_overwritten(tmp_path):
    path = tmp_path / "table.parquet"  # found by content, so a FITS file may be called so
    allstar().write(path, format="fits")
    before = path.read_bytes()
    with pytest.raises(InputError, match="is the table itself"):
        write_labels(path, tmp_path / "." / "table.parquet")
    assert path.read_bytes() == before


def test_labels_are_parquet(tmp_path):
    path = tmp_path / "table.fits"
    allstar().write(path)
    with pytest.raises(InputError, match="must end in .parquet"):
        write_labels(path, tmp_path / "labels.csv")
    assert not (tmp_path / "labels.csv").exists()


def test_damaged_table_leaves_nothing(tmp_path):
    path = tmp_path / "table.fits"
    allstar().write(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="cut short or damaged"):
        write_labels(path, tmp_path / "labels.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["table.fits"]


def run(*arguments):
    group = type(main)("xpmodel", commands={"labels": labels_command})
    return CliRunner().invoke(group, ["labels", *map(str, arguments)])


def test_command(tmp_path):
    allstar().write(tmp_path / "table.fits")
    done = run(tmp_path / "table.fits", "--out", tmp_path / "labels.parquet")
    assert done.exit_code == 0, done.output
    assert "labels.parquet: 3 stars of 7 rows, errors of ASPCAP" in done.output
    assert f"left out 2: {NO_ID}" in done.output
    assert "named cuts (good, pristine)" in done.output


def test_command_without_a_file(tmp_path):
    done = run(tmp_path / "none.fits", "--out", tmp_path / "labels.parquet")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "no such file" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "id_name", "n_missing"),
    [("apogee_dr17_allstar_95", "GAIAEDR3_SOURCE_ID", 1), ("apogee_1612", "dr3_source_id", 0)],
)
def test_real_rows(shared, tmp_path, monkeypatch, name, id_name, n_missing):
    monkeypatch.setattr(apogee_labels, "CHUNK", 1000)
    path = shared / "labels" / f"{name}.fits"
    made = write_labels(path, tmp_path / "labels.parquet")
    table = Table.read(path)
    assert made.errors_of == "ASPCAP"
    assert made.n_stars == len(table)
    labels = read_labels(tmp_path / "labels.parquet")
    stars = labels.lookup(np.asarray(table[id_name], np.int64))
    assert stars["teff"].null_count == n_missing
    column = next(c for c in table.colnames if c.lower() == "teff_err")
    has = stars["teff_err"].is_valid().to_numpy()
    expected = np.asarray(table[column], np.float32)[has]
    np.testing.assert_array_equal(stars["teff_err"].drop_null().to_numpy(), expected)
