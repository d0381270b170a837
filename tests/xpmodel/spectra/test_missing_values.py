"""Codes that stand for no value become none, and no honest value does."""

import numpy as np
import pytest

from tests.support.loops import some
from xpmodel.columns import BY_NAME, JOINED
from xpmodel.spectra.label_tables import read_labels
from xpmodel.spectra.missing_values import MISSING_CODES, without_codes
from xpmodel.spectra.photometry import PhotometryTable, g_flux_from_mag

NUMBERS = [c for c in JOINED if str(c.type) in ("float", "double")]
EVERYWHERE = [-9999, -9999.0, -9999.9, -9999.99, 1e20, -1e20, 9.96921e36, 999999, np.nan, np.inf]


def number(name: str, value: float, kind: type) -> float:
    found = without_codes(np.array([value], kind), BY_NAME[name])
    assert found.dtype == kind
    return float(found[0])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", EVERYWHERE)
def test_codes_of_all_columns(value, kind):
    for column in some(NUMBERS):
        assert np.isnan(number(column.name, value, kind)), column.name


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, v) for name in ("j", "h", "k") for v in (99, 99.99, 99.999, 99.9999, -99.9)),
        ("phot_g_mean_mag", -999), ("bp_rp", 99.99), ("logg", -99.99), ("m_h", 999), ("mg_fe", 99),
        ("alpha_m_err", 99.9), ("teff", 0), ("teff", -999), ("teff_err", -1), ("logg_err", -9),
        ("parallax_error", -999), ("parallax", -999), ("ra", -999), ("dec", 999),
        ("sfd_ebv", -99), ("jr", -999),
    ],
)  # fmt: skip
def test_codes_of_one_kind_of_column(name, value, kind):
    assert np.isnan(number(name, value, kind))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha_m", 0), ("sfd_ebv", 0), ("sfd_ebv", 120), ("m_h", 0), ("m_h", -5), ("logg", 0),
        ("logg", -0.5), ("logg", 9.5), ("teff", 2300), ("teff", 99_999), ("teff_err", 99.999),
        ("teff_err", 0), ("alpha_m_err", 0), ("lz", -10_100), ("lz", -999), ("lz", 99.999),
        ("lz", -9998), ("lz", -9999.5), ("jz", 0), ("jr", 99.999), ("parallax", -99),
        ("parallax", 768), ("ra", 0), ("ra", 360), ("dec", -90), ("dec", 89.9), ("j", -5.5),
        ("phot_g_mean_mag", 0), ("bp_rp", -1), ("k", 22), ("phot_g_mean_flux", 999_999),
    ],
)  # fmt: skip
def test_honest_values_stay(name, value, kind):
    assert number(name, value, kind) == kind(value)


def test_every_code_has_a_source():
    for code in some(MISSING_CODES):
        assert code.source and code.low <= code.high


def test_codes_in_a_table_of_labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "source_id,teff,teff_err,j,alpha_m,starflag,aspcapflag,phot_bp_mean_mag,phot_rp_mean_mag\n"
        "1, 5000.0 ,50,12.5,0.0,4,0,12,11\n"
        "2,0,-9999.99, 99.999 ,-9999,-9999,999999,99.999,11\n"
        "3,1e20,1e20,99.9999,--,N/A,\\N,12,-9999\n"
    )
    rows = read_labels(path).labels.to_pylist()
    assert rows[0] == {
        "teff": 5000.0, "teff_err": 50, "j": 12.5, "alpha_m": 0, "starflag": 4, "aspcapflag": 0,
        "bp_rp": 1,
    }  # fmt: skip
    assert all(value is None for row in some(rows[1:]) for value in row.values())


@pytest.mark.parametrize("code", ["99.999", "-9999", "1e20", "999999", "", " NaN ", "--"])
def test_codes_in_a_table_of_photometry(tmp_path, code):
    path = tmp_path / "photometry.csv"
    path.write_text(f"source_id,phot_g_mean_mag\n1, 12.0 \n2,{code}\n")
    flux, found = PhotometryTable.read(path).find(np.array([1, 2]))
    np.testing.assert_array_equal(flux, [g_flux_from_mag(12.0), np.nan])
    assert found.all()
