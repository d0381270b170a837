"""Spectra truncated at their relevant bases: as GaiaXPy does it, and where the numbers stand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.models import random_model, random_spectra
from xpmodel import InputError, Wavelengths, encode_files, open_catalog, read_spectra, write_stars
from xpmodel._private_parts import gaiaxpy
from xpmodel._process_wide import ignored_warnings
from xpmodel.catalog.spectra_store import SPECTRA_SCHEMA, SpectraStore, spectra_path, spectra_table
from xpmodel.spectra.spectra import join_spectra

REAL = Path(__file__).parents[4] / "shared" / "real_xp"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="needs ../shared")


def with_bases(n: int = 6):
    """Spectra of which one has no numbers, and one the numbers of one band only."""
    spectra = random_spectra(random_model(), n)
    bases = np.random.default_rng(2).integers(1, 56, (n, 2)).astype(np.int16)
    bases[1], bases[2, 1] = 0, 0
    return replace(spectra, n_relevant_bases=bases)


@needs_real
def test_truncated_spectra_equal_those_of_gaiaxpy(capsys):
    path = REAL / "XP_CONTINUOUS_RAW.csv"
    stars = read_spectra(path, correlations=True)
    assert stars.n_relevant_bases.tolist() == [[53, 40], [53, 50]]
    with ignored_warnings():
        wanted, grid = gaiaxpy().calibrate(path, truncation=True, save_file=False)
    short, ours = stars.truncated(), Wavelengths()
    np.testing.assert_allclose(grid, ours.grid)
    flux, error = ours.flux(short.coefficients), ours.error(short.errors, short.correlations)
    for i in range(len(stars)):
        row = wanted[wanted["source_id"] == stars.source_id[i]].iloc[0]
        np.testing.assert_allclose(flux[i], row["flux"], rtol=1e-6, atol=1e-24)
        np.testing.assert_allclose(error[i], row["flux_error"], rtol=1e-5)
    assert np.abs(flux / ours.flux(stars.coefficients) - 1).max() > 1e-3


def test_what_lies_beyond_the_relevant_bases_is_0():
    spectra = with_bases()
    short = spectra.truncated()
    for i, (bp, rp) in enumerate(spectra.n_relevant_bases):
        kept = np.zeros(110, bool)
        kept[:bp] = kept[55 : 55 + rp] = True
        if i in (1, 2):
            kept[:] = True
        np.testing.assert_array_equal(
            short.coefficients[i], np.where(kept, spectra.coefficients[i], 0)
        )
        np.testing.assert_array_equal(short.errors[i], np.where(kept, spectra.errors[i], 0))
    assert spectra.truncatable.tolist() == [True, False, False, True, True, True]
    unknown = replace(spectra, n_relevant_bases=None)
    assert unknown.truncated() is unknown and not unknown.truncatable.any()


def test_numbers_stay_with_their_stars():
    spectra = with_bases()
    np.testing.assert_array_equal(
        spectra[[4, 0]].n_relevant_bases, spectra.n_relevant_bases[[4, 0]]
    )
    both = join_spectra([spectra[:3], replace(spectra[3:], n_relevant_bases=None)])
    np.testing.assert_array_equal(both.n_relevant_bases[:3], spectra.n_relevant_bases[:3])
    assert not both.n_relevant_bases[3:].any()


@pytest.mark.parametrize(
    "cells", [[53, None, "many", 0, 56, 12.0], ["7", "x", "", "0", "-1", "12"]]
)
def test_cells_that_are_no_number_of_bases(tmp_path, cells):
    """Such a star is used all the same: its number is not known."""
    spectra = random_spectra(random_model(), 6)
    rows = {"source_id": spectra.source_id, "phot_g_mean_flux": spectra.g_flux}
    for band, part in (("bp", slice(0, 55)), ("rp", slice(55, 110))):
        for i in range(55):
            rows[f"{band}_coeff_{i}"] = spectra.coefficients[:, part][:, i]
            rows[f"e_{band}_coeff_{i}"] = spectra.errors[:, part][:, i]
        rows[f"{band}_n_relevant_bases"] = cells
    pd.DataFrame(rows).to_csv(tmp_path / "spectra.csv", index=False)
    found = read_spectra(tmp_path / "spectra.csv").n_relevant_bases
    assert found.dtype == np.int16 and found[5].tolist() == [12, 12]
    assert found[:, 0].tolist() == [int(cells[0]), 0, 0, 0, 0, 12]


def test_a_catalog_keeps_them_and_an_export_brings_them_back(tmp_path):
    model, spectra = random_model(), with_bases()
    write_spectra(tmp_path / "spectra.parquet", spectra)
    encode_files(tmp_path / "spectra.parquet", model, tmp_path / "stars.parquet")
    catalog = open_catalog(tmp_path / "stars.parquet")
    np.testing.assert_array_equal(catalog.spectra[:].n_relevant_bases, spectra.n_relevant_bases)
    np.testing.assert_array_equal(catalog.spectra.n_relevant_bases, spectra.n_relevant_bases)
    write_stars(catalog, None, tmp_path / "out.fits", coefficients=True)
    again = read_spectra(tmp_path / "out.fits")
    np.testing.assert_array_equal(again.n_relevant_bases, spectra.n_relevant_bases)
    write_stars(catalog, None, tmp_path / "out.parquet", coefficients=True, truncated=True)
    table = pd.read_parquet(tmp_path / "out.parquet")
    wanted = spectra.truncated().coefficients.astype(np.float32)
    np.testing.assert_array_equal(np.stack(table["coeffs"]), wanted)


def test_spectra_of_earlier_versions_open_without_them(tmp_path):
    spectra = random_spectra(random_model(), 4)
    path = spectra_path(tmp_path / "stars.parquet")
    table = spectra_table(spectra).drop_columns("n_relevant_bases")
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    store = SpectraStore(path)
    assert len(SPECTRA_SCHEMA) == len(table.schema) + 1
    assert store.n_relevant_bases is None and store[0].n_relevant_bases is None
    np.testing.assert_array_equal(store[:].truncated().coefficients, store[:].coefficients)


def test_stars_without_numbers_cannot_be_written_truncated(tmp_path):
    model = random_model()
    write_spectra(tmp_path / "spectra.parquet", random_spectra(model, 4))
    encode_files(tmp_path / "spectra.parquet", model, tmp_path / "stars.parquet")
    catalog = open_catalog(tmp_path / "stars.parquet")
    assert catalog.spectra.n_relevant_bases is None
    with pytest.raises(InputError, match="no numbers of relevant bases"):
        write_stars(catalog, None, tmp_path / "o.fits", coefficients=True, truncated=True)


def write_spectra(path: Path, spectra) -> None:
    rows = {"source_id": spectra.source_id, "phot_g_mean_flux": spectra.g_flux}
    rows |= {"coeffs": list(spectra.coefficients), "coeff_errs": list(spectra.errors)}
    if spectra.n_relevant_bases is not None:
        for i, band in enumerate(("bp", "rp")):
            rows[f"{band}_n_relevant_bases"] = spectra.n_relevant_bases[:, i]
    pd.DataFrame(rows).to_parquet(path)
