import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.spectra_files import write_spectra
from tests.support.training import some_spectra
from xpmodel.errors import InputError
from xpmodel.spectra.photometry import (
    ZERO_POINT_G,
    PhotometryTable,
    g_flux_from_mag,
    g_mag_from_flux,
    synthetic_g_flux,
)
from xpmodel.spectra.spectra import read_spectra


def test_magnitudes_and_fluxes():
    assert g_flux_from_mag(ZERO_POINT_G) == 1
    assert g_flux_from_mag(ZERO_POINT_G - 5) == pytest.approx(100)
    mag = np.linspace(3, 21, 19)
    np.testing.assert_allclose(g_mag_from_flux(g_flux_from_mag(mag)), mag, rtol=1e-14)
    np.testing.assert_array_equal(g_mag_from_flux([0, -1, np.nan]), np.nan)


def test_synthetic_flux_is_linear():
    coefficients = np.random.default_rng(1).normal(size=(4, 110))
    flux = synthetic_g_flux(coefficients)
    assert flux.shape == (4,)
    np.testing.assert_allclose(synthetic_g_flux(-3 * coefficients), -3 * flux, rtol=1e-12)
    np.testing.assert_allclose(synthetic_g_flux(coefficients.sum(0)[None]), flux.sum(), rtol=1e-9)
    assert synthetic_g_flux(np.zeros((1, 110))) == 0


def test_looking_up_stars(tmp_path):
    path = tmp_path / "photometry.csv"
    path.write_text("source_id,phot_g_mean_mag\n30,15\n10,12\n10,18\nabc,3\n20,\n")
    table = PhotometryTable.read(path)
    flux, found = table.find(np.array([20, 10, 99, 30, 5, 10]))
    np.testing.assert_array_equal(found, [True, True, False, True, False, True])
    expected = g_flux_from_mag([np.nan, 12, np.nan, 15, np.nan, 12])
    np.testing.assert_array_equal(flux, expected)


def test_the_flux_comes_before_the_magnitude(tmp_path):
    path = tmp_path / "photometry.csv"
    path.write_text("SOURCE_ID,PHOT_G_MEAN_MAG,PHOT_G_MEAN_FLUX\n1,15,5.5\n")
    assert PhotometryTable.read(path).g_flux == 5.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source_id,mag\n1,2\n", "no column 'phot_g_mean_flux' or 'phot_g_mean_mag'"),
        ("id,phot_g_mean_mag\n1,2\n", "no column 'source_id'"),
        ("source_id,phot_g_mean_mag\nx,2\n", "no row has an integer id .* row 1: 'x'"),
        ("source_id,phot_g_mean_mag\n", "no rows"),
        ("source_id,phot_g_mean_mag\n1,2\n2,'12,5'\n".replace("'", '"'), "row 2: .* '12,5'"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path, text, message):
    path = tmp_path / "photometry.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        PhotometryTable.read(path)


def test_synthetic_flux_of_real_stars(shared):
    spectra = read_spectra(shared / "real_xp" / "xp_continuous_1400.fits")
    table = PhotometryTable.read(shared / "real_xp" / "photometry_1400.csv")
    flux, found = table.find(spectra.source_id)
    assert found.all()
    np.testing.assert_allclose(spectra.g_flux, flux, rtol=1e-9, atol=5.1e-7)  # 6 decimals


def test_synthetic_flux_is_that_of_gaiaxpy(shared):
    path = shared / "real_xp" / "XP_CONTINUOUS_RAW.csv"
    spectra = read_spectra(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gaiaxpy import PhotometricSystem, generate

        theirs = generate(path, PhotometricSystem.Gaia_DR3_Vega, save_file=False)
    np.testing.assert_array_equal(spectra.source_id, theirs["source_id"].astype("int64"))
    expected = g_flux_from_mag(theirs["GaiaDr3Vega_mag_G"])
    np.testing.assert_allclose(spectra.g_flux, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["gaia_dr3_source_id", "Source", "DR3Name", "GAIAEDR3_SOURCE_ID"])
def test_ids_of_photometry_by_other_names(tmp_path, name):
    path = tmp_path / "photometry.csv"
    path.write_text(f"dr2_source_id,{name},phot_g_mean_mag\n3,1, 12 \n4,2.5,13\n")
    table = PhotometryTable.read(path)
    assert table.source_id.tolist() == [1] and table.n_without_id == 1


def test_photometry_falls_back_row_by_row(tmp_path):
    path = tmp_path / "photometry.csv"
    path.write_text("source_id,phot_g_mean_flux,phot_g_mean_mag\n1,5,9\n2,,12\n3,-1,12\n4,,\n")
    flux = PhotometryTable.read(path).g_flux
    np.testing.assert_array_equal(flux, [5, *g_flux_from_mag([12, 12]), np.nan])


@pytest.mark.parametrize(("flux", "other", "n"), [(-5, 0, 0), (100, 7, 2)])
def test_spectra_that_find_no_flux_name_the_table(tmp_path, flux, other, n):
    stars, table = some_spectra(2), tmp_path / "photometry.csv"
    rows = [f"{i + other},{flux}" for i in stars.source_id.tolist()]
    table.write_text("\n".join(["source_id,phot_g_mean_flux", *rows]))
    path = write_spectra(tmp_path / "stars.parquet", stars, flux=False)
    with pytest.raises(InputError, match=rf"photometry\.csv has the G flux of {n} stars"):
        read_spectra(path, photometry=table)


def test_photometry_of_the_wrong_kind(tmp_path):
    path = tmp_path / "photometry.parquet"
    pq.write_table(pa.table({"source_id": [1], "phot_g_mean_mag": [[12.0, 13.0]]}), path)
    with pytest.raises(InputError, match="photometry.parquet: .* wrong kind .phot_g_mean_mag: "):
        PhotometryTable.read(path)
