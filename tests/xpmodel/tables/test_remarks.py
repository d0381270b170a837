"""What is not read of a file is said, whoever reads it."""

import zipfile

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.support.archive import archive_rows, text_rows, write_csv
from tests.support.commands import run
from xpmodel import encode_files, load_model, open_catalog, read_spectra
from xpmodel.catalog.apogee_labels import write_labels
from xpmodel.diagnostics.outlier_recovery import known_oddities
from xpmodel.errors import InputError
from xpmodel.export import samp
from xpmodel.own.given_files import read_own
from xpmodel.spectra.photometry import PhotometryTable

UNREAD = "not read, of other columns: HDU 2 (7 rows)"


@pytest.fixture(scope="module")
def model(mock):
    return load_model(mock.model, "cpu")


def with_notes(path, table):
    """A FITS file of a table and of one that has nothing to do with it."""
    notes = Table({"note": ["x"] * 7})
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(Table(table)), fits.BinTableHDU(notes)]
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.fixture
def spectra(tmp_path):
    return with_notes(tmp_path / "spectra.fits", archive_rows())


def test_spectra(spectra):
    report = read_spectra(spectra).report
    (remark,) = report.remarks
    assert UNREAD in remark and remark.startswith(str(spectra))
    assert remark in str(report)


def test_encode_and_its_tables(tmp_path, mock, spectra):
    ids = archive_rows()["source_id"]
    labels = with_notes(tmp_path / "labels.fits", {"source_id": ids, "teff": ids * 0 + 4000.0})
    phot = with_notes(tmp_path / "phot.fits", {"source_id": ids, "phot_g_mean_mag": ids * 0 + 15.0})
    out = run("encode", spectra, "--model", mock.model, "--labels", labels, "--photometry", phot,
              "--out", tmp_path / "out.parquet").output  # fmt: skip
    assert out.count(UNREAD) == 3
    assert UNREAD in PhotometryTable.read(phot).remarks[0]


def test_norm(tmp_path, mock, spectra):
    assert UNREAD in run("norm", spectra, "--out", tmp_path / "norm.npz").output


@pytest.mark.parametrize("options", [(), ("--stream",)], ids=["in memory", "from disk"])
def test_train(tmp_path, mock, options):
    rows = archive_rows(64)
    source = with_notes(tmp_path / "spectra.fits", rows)
    out = run("train", source, "--out", tmp_path / "m", "--epochs", 1, "--batch", 16,
              *options).output  # fmt: skip
    assert out.count(UNREAD) == 1


def test_labels(tmp_path, shared):
    source = shared / "labels" / "apogee_dr17_allstar_95.fits"
    table = with_notes(tmp_path / "allstar.fits", Table.read(source, hdu=1))
    assert UNREAD in write_labels(table, tmp_path / "l.parquet").remarks[0]
    assert UNREAD in run("labels", table, "--out", tmp_path / "l.parquet").output


def test_known_oddities(tmp_path, mock):
    catalog = open_catalog(mock.catalog)
    path = with_notes(tmp_path / "odd.fits", {"source_id": catalog.source_id[:3]})
    assert UNREAD in known_oddities([path], catalog).notes[0]


def test_a_table_of_another_program(tmp_path):
    path = with_notes(tmp_path / "t.fits", {"source_id": np.arange(1, 4)})
    status, text = samp._take(
        {"name": "mine", "url": path.as_uri()}, str(tmp_path), lambda name, ids: None
    )
    assert status == "samp.warning" and UNREAD in text and str(tmp_path) not in text


def test_a_visitors_file(tmp_path, model, spectra):
    own = read_own(spectra, model, name="mine.fits")
    assert own.report.remarks == [f"mine.fits: read HDU 1 (6 rows); {UNREAD}"]
    assert UNREAD in str(own)


# ---------------------------------------------------------------- other products of DataLink

RVS = "wavelength,flux,flux_error\n846.0,1.0,0.1\n"


@pytest.fixture
def folder(tmp_path):
    """An unzipped download of DataLink's, with all its products."""
    folder = tmp_path / "datalink"
    folder.mkdir()
    rows = archive_rows()
    write_csv(folder / "XP_CONTINUOUS-Gaia DR3 1.csv", text_rows(rows))
    for name in ("RVS", "XP_SAMPLED", "MCMC_GSPPHOT"):
        (folder / f"{name}-Gaia DR3 1.csv").write_text(RVS)
    (folder / "RVS-Gaia DR3 2.csv").write_text(RVS)
    return folder


def test_other_products_in_a_folder_are_passed_over_and_counted(folder, model, tmp_path):
    encoding = encode_files(folder, model, tmp_path / "out.parquet")
    assert encoding.n_stars == 6
    remark = "passed over 4 files with other products of DataLink: 1 MCMC_GSPPHOT, 2 RVS, "
    assert f"{remark}1 XP_SAMPLED" in encoding.notes


def test_the_same_zipped(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for path in folder.iterdir():
            file.write(path, path.name)
    spectra = read_spectra(tmp_path / "all.zip")
    assert len(spectra) == 6
    assert "RVS-Gaia DR3" in spectra.report.remarks[0]


@pytest.mark.parametrize("name", ["RVS-Gaia DR3 1.csv", "XP_SAMPLED-Gaia DR3 1.csv"])
def test_another_product_alone_is_called_so(folder, name):
    kind = name.partition("-")[0]
    with pytest.raises(InputError, match=rf"another product of DataLink \(1 {kind}\); download XP"):
        read_spectra(folder / name)
    with pytest.raises(InputError, match="no XP coefficients.*1 RVS, 1 XP_SAMPLED"):
        read_spectra([folder / "RVS-Gaia DR3 2.csv", folder / "XP_SAMPLED-Gaia DR3 1.csv"])


def test_one_schema_for_all_of_one_column(tmp_path):
    tables = [Table({"source_id": [1], "x": [1.5]}), Table({"source_id": [2], "x": ["a"]})]
    hdus = [fits.PrimaryHDU(), *map(fits.BinTableHDU, tables)]
    fits.HDUList(hdus).writeto(tmp_path / "x")
    from xpmodel.tables.reader import read_table

    with pytest.raises(InputError, match="its tables hold different things in one column"):
        read_table(tmp_path / "x")
    assert read_table(tmp_path / "x", ["source_id"])["source_id"].type == pa.int64()
