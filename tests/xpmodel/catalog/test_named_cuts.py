import numpy as np
import pytest

from tests.support.mock import mock_model
from tests.support.released import released_rows, without, write_released
from xpmodel import Catalog, encode_files, open_catalog
from xpmodel.catalog.named_cuts import cut_mask, cut_report, gaia_enceladus_mask, needed_columns
from xpmodel.errors import InputError

N = 2000
LIMITS = {
    ("good", "released"): (20, 0.4, 0.2, [2, 3]),
    ("good", "paper"): (30, 0.4, 0.2, [19, 23]),
    ("pristine", "released"): (100, 0.1, 0.05, [2, 3]),
    ("pristine", "paper"): (100, 0.1, 0.05, [19, 23]),
}


def catalog_of(folder, rows) -> Catalog:
    source = write_released(folder / "stars.h5", rows)
    encode_files(source, mock_model(), folder / "stars.parquet")
    return open_catalog(folder / "stars.parquet")


@pytest.fixture(scope="module")
def rows():
    rows = released_rows(N)
    rng = np.random.default_rng(5)
    rows["TEFF_ERR"][: N // 2] = rng.uniform(20, 60, N // 2)
    rows["LOGG_ERR"][: N // 2] = rng.uniform(0.02, 0.12, N // 2)
    rows["M_H_ERR"][: N // 2] = rng.uniform(0.02, 0.06, N // 2)
    for name in ("TEFF", "LOGG_ERR", "M_H_ERR", "GAIAEDR3_PHOT_BP_MEAN_MAG", "Lz"):
        rows[name][rng.integers(0, N, 20)] = np.nan
    rows["TEFF_ERR"][rng.integers(0, N, 20)] = -9999
    rows["STARFLAG"][rng.integers(0, N, 20)] = -9999
    rows["ASPCAPFLAG"][rng.integers(0, N, 20)] = -9999
    return rows


@pytest.fixture(scope="module")
def catalog(rows, tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("cuts"), rows)


def conditions(rows, teff, logg, m_h, bits) -> list[np.ndarray]:
    """The conditions one by one, on the file's own numbers."""
    flags = rows["ASPCAPFLAG"]
    missing = rows["TEFF_ERR"] == -9999
    color = rows["GAIAEDR3_PHOT_BP_MEAN_MAG"] - rows["GAIAEDR3_PHOT_RP_MEAN_MAG"]
    g_mag = rows["GAIAEDR3_PHOT_G_MEAN_MAG"]
    return [
        (rows["TEFF"] / rows["TEFF_ERR"] > teff) & ~missing,
        rows["LOGG_ERR"] < np.float32(logg),
        rows["M_H_ERR"] < np.float32(m_h),
        (color > 0) & (color < 4),
        (g_mag > 6) & (g_mag < 17.5),
        rows["STARFLAG"] == 0,
        (flags != -9999) & ((flags >> bits[0]) & 1 == 0) & ((flags >> bits[1]) & 1 == 0),
    ]


@pytest.mark.parametrize(("name", "variant"), LIMITS)
def test_counts(rows, catalog, name, variant):
    passes = conditions(rows, *LIMITS[name, variant])
    expected = np.logical_and.reduce(passes)
    assert 10 < expected.sum() < N
    np.testing.assert_array_equal(cut_mask(catalog, name, variant), expected)
    report = cut_report(catalog, name, variant)
    assert (report.n_stars, report.n_kept) == (N, expected.sum())
    assert list(report.removed.values()) == [(~mask).sum() for mask in passes]


def test_conditions_are_named_as_printed(catalog):
    assert list(cut_report(catalog, "good").removed) == [
        "Teff/σ(Teff) > 20",
        "σ(log g) < 0.4",
        "σ([M/H]) < 0.2",
        "0 < BP−RP < 4",
        "6 < G < 17.5",
        "STARFLAG = 0",
        "ASPCAPFLAG bits 2 and 3 clear",
    ]
    lines = str(cut_report(catalog, "pristine", "paper")).splitlines()
    assert lines[0].startswith("pristine (paper): ") and lines[0].endswith(f" of {N} stars")
    assert lines[1].startswith("  Teff/σ(Teff) > 100 removes ")


def test_full(catalog):
    assert cut_mask(catalog, "full").all()
    assert str(cut_report(catalog, "full", "paper")) == f"full (paper): {N} of {N} stars"


def test_nothing_else_is_a_cut(catalog):
    with pytest.raises(InputError, match="no cut 'best'; use one of full, good, pristine"):
        cut_mask(catalog, "best")
    with pytest.raises(
        InputError, match="no variant 'mine' of the cuts; use one of released, paper"
    ):
        cut_mask(catalog, "good", "mine")


@pytest.mark.parametrize("parallax", [True, False])
def test_gaia_enceladus(rows, catalog, parallax):
    lz, jz, jr = (rows[name].astype(float) for name in ("Lz", "jz", "jr"))
    total = abs(lz) + abs(jz) + abs(jr)
    expected = (abs(lz / total) < 0.07) & ((jz - jr) / total < -0.3)
    if parallax:
        plx = rows["GAIAEDR3_PARALLAX"].astype(float)
        expected &= (plx > 0) & (plx / rows["GAIAEDR3_PARALLAX_ERROR"] > 10)
    assert 10 < expected.sum() < N
    np.testing.assert_array_equal(gaia_enceladus_mask(catalog, parallax=parallax), expected)


def test_a_missing_column_is_named(tmp_path):
    gone = ("M_H_ERR", "jr", "GAIAEDR3_PARALLAX_ERROR")
    catalog = catalog_of(tmp_path, without(released_rows(50), *gone))
    message = r"stars\.parquet: column m_h_err has no values, and the cut 'good' needs it"
    with pytest.raises(InputError, match=message):
        cut_mask(catalog, "good")
    with pytest.raises(InputError, match="m_h_err"):
        cut_report(catalog, "pristine", "paper")
    with pytest.raises(InputError, match="column jr .* the Gaia-Enceladus diamond needs it"):
        gaia_enceladus_mask(catalog, parallax=False)
    assert cut_mask(catalog, "full").sum() == 50
    assert needed_columns("good")[:2] == ("teff", "teff_err")
