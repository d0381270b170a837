"""Files of a visitor's own, some of them meant ill."""

import gzip
import itertools
import struct
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.archive import (
    BAD_ROWS,
    WRITERS,
    N,
    archive_rows,
    flat_rows,
    text_rows,
    write_csv,
    write_flat_fits,
    write_parquet,
)
from tests.support.loops import some
from tests.support.mock import MOCK_ID
from tests.support.released import released_rows, write_released
from xpmodel import encode_files, import_model, latent_covariance, load_model, open_catalog
from xpmodel.catalog.positions import icrs_to_galactic, position_from_id
from xpmodel.errors import InputError
from xpmodel.own import given_files
from xpmodel.own import stars as own_stars
from xpmodel.own.given_files import read_own, read_own_bytes
from xpmodel.spectra.report import BAD_FLUX, MISSING_BAND, NAN_COEFFICIENT, NOT_AN_ID, REPEATED
from xpmodel.tables.packed import given_name


def write_hdf5(path, rows):
    n = len(rows["source_id"])
    table = released_rows(n)
    table["ids"] = rows["source_id"]
    write_released(path, table)


FORMATS = WRITERS | {"hdf5": write_hdf5}


@pytest.fixture(scope="module")
def model(mock):
    return load_model(mock.model, "cpu")


@pytest.fixture(scope="module")
def released(shared):
    published = shared / "published"
    return import_model(published / "weight.pt", published / "norm_estimate.npz")


@pytest.fixture
def own(model, tmp_path):
    """Stars with labels of which one has half a position, and one no magnitude."""
    rows = archive_rows()
    rows["source_id"] = np.arange(N) * (10**18 + 1) + 4 * 10**17
    rows |= {"RA": np.linspace(10, 300, N), "dec": np.linspace(-80, 80, N)}
    rows |= {"parallax": np.full(N, 2.0), "teff": np.linspace(4000, 6000, N)}
    rows |= {"j": np.full(N, 11.0), "k": np.full(N, 10.25)}
    rows["dec"][1] = np.nan
    columns = text_rows(rows) | {"population": ["=1+1", *"bcdef"]}
    return read_own(write_csv(tmp_path / "mine.csv", columns), model)


def check_against_a_catalog(own, path, model, out):
    encode_files(path, model, out, correlations=True)
    catalog = open_catalog(out)
    np.testing.assert_array_equal(own.source_id, catalog.source_id)
    for name in some(catalog.numeric):
        expected = catalog[name]
        found, derived = own.values(name).astype(expected.dtype), name in catalog.derived
        # What a catalog derives comes from numbers that it has rounded to float32.
        # The noise is summed in another order.
        rtol = 1e-6 if derived else 1e-4 if name.endswith("_noise") else 0
        np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=name)
    table = own.to_table()
    plain = [name for name in table.column_names if not name.endswith("_cov")]
    assert plain == catalog.filled
    for i, j in itertools.combinations(range(own.n_latents), 2):
        found = table[f"z{i + 1}_z{j + 1}_cov"].to_numpy()
        np.testing.assert_allclose(found, own.covariance[:, i, j], rtol=1e-5)
    types = [catalog.table([name]).schema.types[0] for name in catalog.filled]
    assert table.select(plain).schema.types == types


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("layout", FORMATS)
def test_every_format_is_encoded_as_a_catalog_is(layout, model, tmp_path):
    path = tmp_path / "spectra"
    FORMATS[layout](path, archive_rows())
    own = read_own(path, model)
    assert own.name == "spectra"
    assert len(own) == N
    assert (own.spectra.correlations is not None) == ("flat" not in layout and layout != "hdf5")
    check_against_a_catalog(own, path, model, tmp_path / "stars.parquet")
    sent = read_own_bytes("mine", path.read_bytes(), model)
    np.testing.assert_array_equal(sent.encoded.mean, own.encoded.mean)


def test_a_mock_catalogs_stars_find_their_latents(mock, model):
    catalog = open_catalog(mock.catalog)
    own = read_own(mock.catalog.with_name("spectra.parquet"), model)
    np.testing.assert_array_equal(own.source_id, catalog.source_id)
    for name in some(catalog.latents):
        np.testing.assert_array_equal(own.values(name), catalog[name])
    np.testing.assert_allclose(own.g_mag, catalog["phot_g_mean_mag"], rtol=1e-6)
    i = own.source_id.tolist().index(MOCK_ID)
    assert np.isnan(own.values("ra")[i])


def test_values(own):
    assert own.values("z9") is own.values("nothing") is own.values("population") is None
    assert own.values("h") is own.values("j_h") is None
    assert own.values("teff").tolist() == pytest.approx(np.linspace(4000, 6000, N))
    np.testing.assert_array_equal(own.values("j_k"), 0.75)
    ra, dec = own.values("ra"), own.values("dec")
    from_id = position_from_id(own.source_id)
    given = np.arange(N) != 1
    np.testing.assert_array_equal(ra[given], np.linspace(10, 300, N)[given])
    assert (ra[1], dec[1]) == (from_id[0][1], from_id[1][1])
    np.testing.assert_array_equal(own.values("l"), icrs_to_galactic(ra, dec)[0])
    np.testing.assert_array_equal(own.values("b"), icrs_to_galactic(ra, dec)[1])
    absolute = own.g_mag + 5 * np.log10(2.0 / 100)
    np.testing.assert_allclose(own.values("abs_g_mag"), absolute, rtol=1e-6)
    np.testing.assert_array_equal(own.values("phot_g_mean_flux"), own.spectra.g_flux)
    assert own.values("z1").dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        own.values("z1")[0] = 0
    assert own.notes == ["position of 1 stars from their source_id (to about an arcminute)"]


def test_photometry_of_another_file(model, tmp_path):
    rows = archive_rows()
    rows["phot_g_mean_mag"][3] = np.nan
    table = tmp_path / "photometry.csv"
    columns = {name: rows[name] for name in ("source_id", "phot_g_mean_mag")}
    write_csv(table, text_rows(columns))
    del rows["phot_g_mean_mag"]
    write_flat = tmp_path / "spectra.fits"
    WRITERS["fits"](write_flat, rows)
    own = read_own(write_flat, model, photometry=table)
    assert own.report.counts == {BAD_FLUX: 1}
    np.testing.assert_allclose(own.g_mag, np.delete(columns["phot_g_mean_mag"], 3))


def test_covariances_of_the_latents_stay_with_their_stars(model, own):
    """Those of `latent_covariance`, also when stars are added, of which one is there again."""
    np.testing.assert_allclose(own.covariance, latent_covariance(model, own.spectra))
    later = own_stars.encode_own("again", own.spectra[[2]], model)
    both = own + later
    np.testing.assert_array_equal(both.covariance[-1], later.covariance[0])
    np.testing.assert_array_equal(both.covariance[0], own.covariance[0])
    assert both.covariance.shape == (len(both), own.n_latents, own.n_latents)


@pytest.mark.parametrize("name", ["list.csv", "list.parquet"])
def test_write(own, tmp_path, name):
    own.write(tmp_path / name)
    if name.endswith("csv"):
        table = pa.csv.read_csv(tmp_path / name)
        assert table["population"][0].as_py() == "'=1+1"
    else:
        table = pq.read_table(tmp_path / name)
        assert table.schema.metadata[b"model_hash"].decode() == own.model_hash
        assert table["population"][0].as_py() == "=1+1"
    assert table["source_id"].to_pylist() == own.source_id.tolist()
    np.testing.assert_allclose(table["z2"].to_numpy(), own.encoded.mean[:, 1], rtol=1e-6)
    with pytest.raises(InputError, match="must end in .parquet or .csv"):
        own.write(tmp_path / "list.txt")


def test_adding_a_file(model, tmp_path):
    first, second = archive_rows(seed=1), archive_rows(seed=2)
    first["source_id"][:] = np.arange(N) + 1
    second["source_id"][:] = np.arange(N) + 5
    second["bp_coefficients"][5] = np.nan
    WRITERS["fits"](tmp_path / "a.fits", first)
    write_flat_fits(tmp_path / "b.fits", second | {"teff": np.ones(N)})
    a, b = read_own(tmp_path / "a.fits", model), read_own(tmp_path / "b.fits", model)
    both = a + b
    assert both.source_id.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(both.encoded.mean[4:], b.encoded.mean)
    assert both.name == "a.fits + b.fits"
    assert (both.n_replaced, both.report.n_read) == (2, 2 * N)
    assert "2 stars replaced by those of a file added later" in both.notes
    assert np.isfinite(both.spectra.correlations[:4]).all()
    assert np.isnan(both.spectra.correlations[4:]).all()
    assert (both + b).source_id.tolist() == both.source_id.tolist()
    assert (both + b).name == both.name


def test_latents_of_two_models_are_not_mixed(own, mock):
    other = load_model(mock.model, "cpu")
    other.mu = other.mu + 1
    mine = own_stars.encode_own("other.csv", own.spectra, other)
    with pytest.raises(InputError, match="other.csv: encoded by another model than mine.csv"):
        own + mine


@pytest.mark.parametrize("folder", ["symbiotic", "planetary_nebula"])
def test_real_odd_stars(shared, released, folder):
    files = sorted((shared / "real_xp" / "per_source" / folder).glob("*.csv"))
    own = read_own(files[0], released)
    for file in some(files[1:]):
        own = own + read_own_bytes(file.name, file.read_bytes(), released)
    assert len(own) == len(files) == 10
    assert np.isfinite(own.spectra.correlations).all()
    for name in ("chi2", "chi2_obs", "kl", "l", "b", "z1_err", "phot_g_mean_mag"):
        assert np.isfinite(own.values(name)).all(), name
    assert any("synthesized" in note for note in own.notes)


# ---------------------------------------------------------------- rows that cannot be used


@pytest.mark.parametrize(("spoil", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_listed(spoil, reason, model, tmp_path):
    columns = text_rows(archive_rows())
    spoil(columns)
    content = write_csv(tmp_path / "x", columns).read_bytes()
    own = read_own_bytes("../My stars.csv", content, model)
    assert len(own) == N - 1
    line = own.report.left_out.iloc[0].to_dict()
    line["reason"] = line["reason"].partition(": ")[0]
    assert line == {
        "file": "My stars.csv",
        "row": 3,
        "source_id": columns["source_id"][2],
        "reason": reason,
    }


def test_no_row_can_be_used(model, tmp_path):
    columns = text_rows(archive_rows(3))
    columns["source_id"][0] = "Vega"
    columns["bp_coefficients"][1] = "null"
    columns["rp_coefficients"][2] = columns["rp_coefficients"][2].replace("(", "(nan, ", 1)
    columns["rp_coefficients"][2] = columns["rp_coefficients"][2].rsplit(",", 1)[0] + ")"
    own = read_own_bytes("bad.csv", write_csv(tmp_path / "x", columns).read_bytes(), model)
    assert len(own) == 0
    assert own.report.left_out["reason"].tolist() == [NOT_AN_ID, MISSING_BAND, NAN_COEFFICIENT]
    assert own.report.left_out["row"].tolist() == [1, 2, 3]
    assert set(own.report.left_out["file"]) == {"bad.csv"}
    for name in ("z1", "ra", "l", "chi2_obs"):
        assert own.values(name).shape == (0,)
    assert own.to_table().num_rows == 0
    own.write(tmp_path / "none.csv")
    good = tmp_path / "good.fits"
    WRITERS["fits"](good, archive_rows())
    assert len(own + read_own(good, model)) == N
    assert len(read_own(good, model) + own) == N


def test_an_id_twice(model, tmp_path):
    rows = archive_rows()
    rows["source_id"][4] = rows["source_id"][1]
    write_parquet(tmp_path / "x.parquet", rows)
    own = read_own(tmp_path / "x.parquet", model)
    assert own.report.left_out[["row", "reason"]].values.tolist() == [[5, REPEATED]]


# ---------------------------------------------------------------- what is meant ill


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../x.csv", "x.csv"),
        ("C:\\Users\\me\\x.fits", "x.fits"),
        ("/etc/passwd", "passwd"),
        ("a.php", "a.php"),
        ("", "file"),
        ("..", "file"),
        ("a/", "file"),
        ("x\0\n\x1b[31m.csv", "x[31m.csv"),
        ("gpj\u202evsc.csv", "gpjvsc.csv"),
        ("ζ Ori.csv", "ζ Ori.csv"),
        ("x" * 5000, "x" * 100),
    ],
)
def test_names_are_only_shown(name, shown, model, tmp_path, monkeypatch):
    assert given_name(name) == shown
    monkeypatch.setattr(given_files.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(InputError) as caught:
        read_own_bytes(name, b"", model)
    assert str(caught.value).startswith(f"{shown}: the file is empty")
    assert not list(tmp_path.iterdir())
    content = write_csv(tmp_path / "x", text_rows(archive_rows())).read_bytes()
    assert read_own_bytes(name, content, model).name == shown


def cut_parquet(tmp_path):
    write_parquet(tmp_path / "x", archive_rows())
    return (tmp_path / "x").read_bytes()[:-3000]


def without_rows(tmp_path):
    return write_csv(tmp_path / "x", {name: [] for name in archive_rows()}).read_bytes()


def without_errors(tmp_path):
    rows = flat_rows(archive_rows())
    del rows["e_rp_coeff_7"]
    return write_csv(tmp_path / "x", text_rows(rows)).read_bytes()


HOSTILE = {
    "nothing": (lambda _: b"", "the file is empty"),
    "noise": (lambda _: np.random.default_rng(5).bytes(100_000), "not a table"),
    "packed noise": (
        lambda _: gzip.compress(np.random.default_rng(5).bytes(9000)),
        "not a table",
    ),
    "broken gzip": (lambda _: gzip.compress(b"source_id,ra\n" * 9)[:-20] + b"x", "damaged"),
    "a page": (lambda _: b"<html><script>alert(1)</script></html>", "a web page or other XML"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(64), "not a table"),
    "code": (lambda _: b"<?php system($_GET['c']); ?>", "a web page or other XML"),
    "doctype": (
        lambda _: b'<!DOCTYPE x [<!ENTITY a "aaaa">]>\n<VOTABLE>&a;</VOTABLE>',
        "declares a DOCTYPE",
    ),
    "cut parquet": (cut_parquet, "cut short or damaged"),
    "no rows": (without_rows, "none of 0 rows is usable"),
    "no error column": (without_errors, "no column 'e_rp_coeff_7'"),
}


@pytest.mark.parametrize(("make", "message"), HOSTILE.values(), ids=HOSTILE)
def test_files_that_are_no_spectra(make, message, model, tmp_path):
    content = make(tmp_path)
    with pytest.raises(InputError) as caught:
        read_own_bytes("dir/mine.csv", content, model)
    text = str(caught.value)
    assert text.startswith("mine.csv: "), text
    assert message in text
    assert "\n" not in text
    assert "/" not in text


def test_a_file_over_the_limit_is_not_read(model, tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    write_csv(path, text_rows(archive_rows()))
    size = path.stat().st_size
    assert len(read_own(path, model, max_bytes=size)) == N
    monkeypatch.setattr(given_files, "iter_spectra", None)
    monkeypatch.setattr(given_files.tempfile, "TemporaryDirectory", None)
    with pytest.raises(InputError, match="has .* MB, more than .*xpmodel encode"):
        read_own(path, model, max_bytes=size - 1)
    with pytest.raises(InputError, match="^x.csv: has .* MB, more than"):
        read_own_bytes("x.csv", path.read_bytes(), model, max_bytes=size - 1)


def test_a_gzip_bomb(model, monkeypatch):
    header = ",".join(archive_rows()).encode()
    bomb = gzip.compress(header + b"\n" + bytes(10_000_000))
    assert len(bomb) < 100_000
    monkeypatch.setattr(given_files, "iter_spectra", None)
    with pytest.raises(InputError, match="bomb.csv.gz: unpacks to more than 1 MB"):
        read_own_bytes("bomb.csv.gz", bomb, model, max_bytes=100_000)


def test_a_gzip_that_lies_about_its_length(model):
    bomb = gzip.compress(bytes(10_000_000))[:-4] + struct.pack("<I", 100)
    with pytest.raises(InputError, match="unpacks to more than"):
        read_own_bytes("bomb.gz", bomb, model, max_bytes=100_000)


def test_a_parquet_bomb(model, tmp_path):
    column = pa.array(np.zeros(3_000_000))
    pq.write_table(pa.table({"source_id": column, "bp_coefficients": column}), tmp_path / "x")
    assert (tmp_path / "x").stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to more than"):
        read_own(tmp_path / "x", model, max_bytes=100_000)


@pytest.mark.parametrize(
    ("layout", "limit", "message"),
    [
        ("fits", "MAX_ROWS_CORRELATIONS", "more than 5 rows with correlations"),
        ("flat fits", "MAX_ROWS", "more than 5 rows;"),
    ],
)
def test_too_many_rows(layout, limit, message, model, tmp_path, monkeypatch):
    WRITERS[layout](tmp_path / "x.fits", archive_rows())
    monkeypatch.setattr(own_stars, limit, 5)
    with pytest.raises(InputError, match=f"x.fits: {message}"):
        read_own(tmp_path / "x.fits", model)


def test_too_many_stars_together(model, tmp_path, monkeypatch):
    parts = []
    for seed, layout in enumerate(("flat fits", "flat csv", "fits")):
        path = tmp_path / f"{seed}"
        WRITERS[layout](path, archive_rows(seed=seed))
        parts.append(read_own(path, model))
    monkeypatch.setattr(own_stars, "MAX_ROWS_CORRELATIONS", 2 * N - 1)
    assert len(parts[0] + parts[1]) == 2 * N
    with pytest.raises(InputError, match="2: with those of 0 more than 11 stars, some with corr"):
        parts[0] + parts[2]
    monkeypatch.setattr(own_stars, "MAX_ROWS", 2 * N - 1)
    with pytest.raises(InputError, match="more than 11 stars; look at it alone"):
        parts[0] + parts[1]


@pytest.mark.parametrize("what", ["missing.csv", "*.csv", "."])
def test_one_file_is_read(what, model, tmp_path):
    WRITERS["flat csv"](tmp_path / "x.csv", archive_rows())
    with pytest.raises(InputError, match="no such file"):
        read_own(tmp_path / what, model)


def test_nothing_is_said_beside_the_report(model, tmp_path, capfd):
    WRITERS["votable"](tmp_path / "x", archive_rows())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_own(tmp_path / "x", model)
    assert capfd.readouterr() == ("", "")
