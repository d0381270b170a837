"""Files as people have them, given to the commands: what is read, and what is said of the rest."""

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.support.commands import run
from tests.support.models import random_model, random_spectra
from tests.support.spectra_files import archive_table, write_spectra
from xpmodel.catalog.catalog import open_catalog

IDS = [4111834567000000001, 4111834567000000257, 4111834567000001025, 4111834567000007777]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    random_model().save(folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def cases(shared) -> Path:
    if not (shared / "cases").is_dir():
        pytest.skip("needs the folder shared/cases beside the project: files after complaints")
    return shared / "cases"


def encoded(model, out, *arguments):
    done = run("encode", *arguments, "--model", model, "--out", out)
    return open_catalog(out), done.output


@pytest.mark.parametrize(
    "name", ["array_repr", "braces", "numpy2_list_repr", "numpy_repr", "space_arrays"]
)
def test_vectors_of_text(cases, model, tmp_path, name):
    """Whatever brackets and separators; all 55 numbers of a band stand in each of these."""
    file = cases / "text_vectors" / f"{name}.csv"
    catalog, _ = encoded(model, tmp_path / "stars.parquet", file)
    assert catalog.source_id.tolist() == IDS
    plain, _ = encoded(model, tmp_path / "plain.parquet", cases / "flux_per_row" / "base.csv")
    assert catalog["z1"] == pytest.approx(plain["z1"], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("folder", "file", "said"),
    [
        ("labels_dr2_ids", "allstar_dr16.fits", "column 'GAIA_SOURCE_ID' has those of Gaia DR2"),
        (
            "labels_float_ids",
            "id_float.csv",
            "no row has an integer id .* row 1: '4.111834567e.18'",
        ),
    ],
)
def test_labels_without_ids_of_dr3(cases, model, tmp_path, folder, file, said):
    labels = cases / folder / file
    out = tmp_path / "stars.parquet"
    command = ["encode", cases / folder / "base.csv", "--labels", labels]
    done = run(*command, "--model", model, "--out", out, status=2)
    assert done.stderr.count("\n") == 1 and not out.exists()
    assert file in done.stderr
    assert re.search(said, done.stderr)


def test_labels_with_blanks_about_them(cases, model, tmp_path):
    labels = cases / "labels_spaces" / "spaces.csv"
    file = cases / "labels_spaces" / "base.csv"
    catalog, _ = encoded(model, tmp_path / "stars.parquet", file, "--labels", labels)
    assert catalog["teff"].tolist() == [4500, 5100, 4800, 6000]
    assert catalog["logg"] == pytest.approx([2.1, 3.0, 2.5, 4.2])


def test_apogees_codes_for_missing_magnitudes(cases, model, tmp_path):
    folder = cases / "apogee_bad_99"
    run("labels", folder / "allstar17_bad99.fits", "--out", tmp_path / "labels.parquet")
    catalog, _ = encoded(
        model, tmp_path / "stars.parquet", folder / "base.csv", "--labels",
        tmp_path / "labels.parquet",
    )  # fmt: skip
    for name, known in {"j": [1, 3], "h": [1, 2, 3], "k": [1, 2]}.items():
        values = catalog[name]
        assert [i for i, value in enumerate(values) if value == value] == known
    assert [value == value for value in catalog["j_k"]] == [False, True, False, False]


@pytest.mark.parametrize("file", ["file_flux_null.csv", "file_mag_null.csv"])
def test_the_g_flux_falls_back_row_by_row(cases, model, tmp_path, file):
    folder = cases / "flux_per_row"
    catalog, said = encoded(
        model, tmp_path / "stars.parquet", folder / file, "--photometry", folder / "phot.csv"
    )
    assert catalog.source_id.tolist() == IDS
    assert "from the photometry table" in said and "from the files of their spectra" in said
    assert sum(catalog.metadata["g_flux"].values()) == 4


@pytest.mark.parametrize("what", ["spectra", "labels", "labels of APOGEE"])
def test_tables_that_are_not_read_are_told(model, tmp_path, what):
    loaded = random_model()
    stars = random_spectra(loaded, 5)
    labels = {
        "source_id": stars.source_id,
        "teff": np.full(5, 5000.0),
        "aspcapflag": np.zeros(5, int),
    }
    first = archive_table(stars) if what == "spectra" else labels
    tables = [first, {"note": ["odd"]}]
    hdus = [fits.table_to_hdu(Table(table)) for table in tables]
    path = tmp_path / "two.fits"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    out = tmp_path / "out.parquet"
    if what == "spectra":
        said = run("encode", path, "--model", model, "--out", out).output
    elif what == "labels":
        spectra = write_spectra(tmp_path / "spectra.fits", stars)
        said = run("encode", spectra, "--labels", path, "--model", model, "--out", out).output
    else:
        said = run("labels", path, "--out", out).output
    assert re.search(r"two.fits: read HDU 1.*; not read, .* HDU 2 \(1 row\)", said)
