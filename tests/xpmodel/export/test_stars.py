"""Exports: every format read back by another reader, ids exact, values equal."""

import csv
import json
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
from tests.support.loops import some
from tests.support.mock import MOCK_ID
from xpmodel import load_model, read_spectra
from xpmodel.catalog.catalog import METADATA_KEY, open_catalog
from xpmodel.catalog.encode import encode_files
from xpmodel.errors import InputError
from xpmodel.export import rows as export_rows
from xpmodel.export.stars import FORMATS, write_stars

N = 500
TEXTS = ["disc", None, 'a "q", b', "two\nlines", "=1+1", "-5", "@x", "\tx", "π ≈ 3", "c:\\x", ""]
CHUNK = 90


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that the stars come in several."""
    monkeypatch.setattr(export_rows, "CHUNK_ROWS", CHUNK)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    rng = np.random.default_rng(1)
    teff = pa.array(rng.uniform(4000, 6000, N), pa.float32(), mask=rng.uniform(size=N) < 0.2)
    flag = pa.array(rng.integers(0, 2**40, N), pa.int64(), mask=rng.uniform(size=N) < 0.2)
    population = [TEXTS[i % len(TEXTS)] for i in range(N)]
    ra = rng.uniform(0, 360, N)
    path = tmp_path_factory.mktemp("export") / "stars.parquet"
    write_catalog(path, N, teff=teff, starflag=flag, population=population, ra=ra)
    return open_catalog(path)


@pytest.fixture(scope="module")
def mask():
    return np.random.default_rng(2).uniform(size=N) < 0.7


def read(path) -> Table:
    """A file as an astropy table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of units that a standard does not know
        if path.suffix == ".parquet":
            return pq.read_table(path).to_pandas()
        formats = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}
        return Table.read(path, format=formats[path.suffix])


def filled(column) -> np.ndarray:
    """Numbers as float64 with NaN where missing."""
    return np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("all_stars", [False, True])
def test_numbers_come_back(catalog, mask, tmp_path, suffix, all_stars):
    path = tmp_path / f"stars{suffix}"
    chosen = np.ones(N, bool) if all_stars else mask
    assert write_stars(catalog, None if all_stars else mask, path) == chosen.sum()
    table = read(path)
    names = list(table.columns) if suffix == ".parquet" else table.colnames
    assert names == catalog.filled
    ids = np.asarray(table["source_id"])
    assert ids.dtype.kind == "i" and ids.dtype.itemsize == 8
    np.testing.assert_array_equal(ids, catalog.source_id[chosen])
    for name in ("z1", "z4_err", "teff", "starflag", "ra"):
        wanted = catalog[name][chosen]
        read_back = filled(table[name]).astype(wanted.dtype)  # float32 is decimal in the text
        np.testing.assert_array_equal(read_back, wanted, err_msg=name)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".parquet", ".ecsv", ".vot"])
def test_text_comes_back(catalog, mask, tmp_path, suffix):
    path = tmp_path / f"stars{suffix}"
    write_stars(catalog, mask, path)
    wanted = [text or "" for text in catalog["population"][mask]]
    if suffix == ".parquet":
        column = pq.read_table(path)["population"].to_pylist()
        assert column == catalog["population"][mask].tolist()
    else:
        column = np.ma.filled(np.ma.asarray(read(path)["population"]), "").tolist()
        # astropy strips the text of ECSV.
        assert column == ([text.strip() for text in wanted] if suffix == ".ecsv" else wanted)


def test_text_in_fits(catalog, mask, tmp_path):
    path = tmp_path / "stars.fits"
    write_stars(catalog, mask, path, extra={"plain": np.array(["a\\b", "cc"] * (N // 2))})
    with fits.open(path) as hdus:
        texts = [t.encode().decode("unicode_escape") for t in hdus[1].data["population"]]
        assert texts == [text or "" for text in catalog["population"][mask]]
        assert "population: characters beyond ASCII" in str(hdus[1].header["COMMENT"])
        assert set(hdus[1].data["plain"]) == {"a\\b", "cc"}  # as it is: all of it is ASCII
        assert "plain:" not in str(hdus[1].header["COMMENT"])


def test_csv_runs_no_formula(catalog, tmp_path):
    path = tmp_path / "stars.csv"
    extra = {"=cmd()": np.arange(N) - 5, 'a "b", c\nd': np.full(N, -0.5), "@name": ["+a\r"] * N}
    write_stars(catalog, None, path, extra=extra)
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == [*catalog.filled, "'=cmd()", 'a "b", c\nd', "'@name"]
    dangerous = ("=", "+", "-", "@", "\t", "\r")
    place = header.index("population")
    for row, population in zip(some(rows), catalog["population"], strict=True):
        text = population or ""
        assert row[place] == (f"'{text}" if text.startswith(dangerous) else text)
        assert row[-1] == "'+a\r" and float(row[-2]) == -0.5
    assert [int(row[-3]) for row in rows] == list(range(-5, N - 5))
    assert [row[0] for row in rows] == list(map(str, catalog.source_id.tolist()))


@pytest.mark.parametrize("suffix", FORMATS)
def test_extra_columns(catalog, mask, tmp_path, suffix):
    rng = np.random.default_rng(3)
    extra = {
        "probability": rng.uniform(size=N).astype(np.float32),
        "number": rng.integers(-(2**60), 2**60, N),
        "small": rng.integers(0, 9, N).astype(np.uint8),
        "inside": rng.uniform(size=N) < 0.5,
    }
    extra["probability"][::7] = np.nan
    path = tmp_path / f"stars{suffix}"
    write_stars(catalog, mask, path, extra=extra)
    table = read(path)
    for name in ("number", "small"):
        np.testing.assert_array_equal(np.asarray(table[name]), extra[name][mask])
    np.testing.assert_array_equal(
        filled(table["probability"]).astype(np.float32), extra["probability"][mask]
    )
    inside = [str(value) in ("True", "1") for value in table["inside"]]
    assert inside == extra["inside"][mask].tolist()


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_stars(catalog, tmp_path, suffix):
    path = tmp_path / f"none{suffix}"
    assert write_stars(catalog, np.zeros(N, bool), path) == 0
    table = read(path)
    assert len(table) == 0
    assert list(table.columns if suffix == ".parquet" else table.colnames) == catalog.filled


def test_units_and_origin_in_fits(catalog, mask, tmp_path):
    path = tmp_path / "stars.fits"
    write_stars(catalog, mask, path)
    with fits.open(path) as hdus:
        hdus.verify("exception")
        header, columns = hdus[1].header, hdus[1].columns
        assert columns["teff"].unit == "K" and columns["starflag"].null == np.iinfo(int).min
        number = columns.names.index("teff") + 1
        assert header[f"TCOMM{number}"] == "effective temperature"
        assert header["CATALOG"] == "stars.parquet" and header["CATSHA"] == catalog.sha256
        assert header["NMOCK"] == 0 and header["NSTARS"] == mask.sum()
    assert path.stat().st_size % 2880 == 0


def test_units_and_origin_in_the_others(catalog, mask, tmp_path):
    for suffix in (".vot", ".ecsv"):
        path = tmp_path / f"stars{suffix}"
        write_stars(catalog, mask, path)
        table = read(path)
        assert str(table["teff"].unit) == "K"
        assert table["teff"].description == "effective temperature"
        if suffix == ".ecsv":
            assert table.meta["catalog_sha256"] == catalog.sha256
            assert table.meta["mock_stars"] == 0
    infos = {info.name: info.value for info in parse(tmp_path / "stars.vot").resources[0].infos}
    assert infos["catalog"] == "stars.parquet" and infos["stars"] == str(mask.sum())
    write_stars(catalog, mask, tmp_path / "stars.parquet")
    schema = pq.read_schema(tmp_path / "stars.parquet")
    about = {b"unit": b"K", b"description": b"effective temperature"}
    assert schema.field("teff").metadata.items() >= about.items()
    assert json.loads(schema.metadata[METADATA_KEY])["catalog_sha256"] == catalog.sha256
    assert open_catalog(tmp_path / "stars.parquet").active == catalog.active


@pytest.mark.parametrize("suffix", [".fits", ".ecsv", ".vot"])
def test_units_of_fluxes_and_actions(tmp_path, suffix):
    values = {"lz": np.ones(9), "phot_g_mean_flux": np.ones(9), "alpha_m": np.ones(9)}
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet", 9, **values))
    write_stars(catalog, None, tmp_path / f"out{suffix}")
    table = read(tmp_path / f"out{suffix}")
    assert table["lz"].unit == Unit("kpc km / s") and str(table["alpha_m"].unit) == "dex"
    assert str(table["phot_g_mean_flux"].unit) == "electron / s"
    assert table["alpha_m"].description == "α enhancement [α/M]"
    if suffix == ".fits":  # for other readers than astropy, whose units are those of the standard
        comments = fits.getheader(tmp_path / "out.fits", 1)["TCOMM*"].values()
        assert "alpha enhancement [alpha/M] [dex]" in list(comments)
    if suffix == ".vot":
        text = (tmp_path / "out.vot").read_text("utf-8")
        assert 'unit="kpc.km.s**-1"' in text and 'unit="dex"' in text


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_export_can_be_encoded_again(mock, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(export_rows, "CHUNK_ROWS", 120)
    catalog = open_catalog(mock.catalog)
    mask = np.zeros(len(catalog), bool)
    mask[5:-1:13] = mask[-1] = True
    path, out = tmp_path / f"stars{suffix}", tmp_path / "again.parquet"
    seen = []
    write_stars(catalog, mask, path, coefficients=True, progress=seen.append)
    assert seen[-1] == 1.0 and seen == sorted(seen) and len(seen) > 2
    spectra, wanted = read_spectra(path), catalog.spectra[np.flatnonzero(mask)]
    np.testing.assert_array_equal(spectra.source_id, wanted.source_id)
    assert spectra.source_id[-1] == MOCK_ID
    for name in ("coefficients", "errors"):
        read_back = getattr(spectra, name).astype(np.float32)
        np.testing.assert_array_equal(read_back, getattr(wanted, name))
    encode_files(path, load_model(mock.model), out)
    again = open_catalog(out)
    for z in some(catalog.latents):
        np.testing.assert_allclose(again[z], catalog[z][mask], rtol=1e-4, atol=1e-5)


def test_the_mock_stars_are_counted(mock, tmp_path):
    catalog = open_catalog(mock.catalog)
    write_stars(catalog, None, tmp_path / "stars.fits")
    assert fits.getval(tmp_path / "stars.fits", "NMOCK", 1) == catalog.n_mock == 1
    assert fits.getval(tmp_path / "stars.fits", "MODEL", 1) == catalog.model_hash


@pytest.mark.parametrize("name", ["stars", "stars.txt", "stars.csv.gz", "stars.xml"])
def test_other_endings(catalog, tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: the name must end in .csv, .* or .vot"):
        write_stars(catalog, None, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_wrong_arguments(catalog, tmp_path):
    path = tmp_path / "stars.csv"
    for mask in (np.ones(N + 1, bool), np.ones(N, int)):
        with pytest.raises(InputError, match="the mask must be 500 bool"):
            write_stars(catalog, mask, path)
    for name, values, why in (
        ("z1", np.ones(N), "one of this name"),
        ("coeffs", np.ones(N), "one of this name"),
        ("p", np.ones(3), "shape is .3,., but the catalog .* has 500"),
        ("p", np.full(N, object()), "cannot be written"),
    ):
        with pytest.raises(InputError, match=f"extra column '{name}': .*{why}"):
            write_stars(catalog, None, path, extra={name: values})
    with pytest.raises(InputError, match="spectra are not beside it"):
        write_stars(catalog, None, path, coefficients=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_stars(catalog, None, tmp_path / "file" / "stars.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_of_other_types(tmp_path, suffix):
    lists = pa.array([[1, 2]] * 20, pa.list_(pa.int64()))
    kind = pa.array(["a", "b"] * 10).dictionary_encode()
    day = pa.array(np.arange(20), pa.int32()).cast(pa.date32())

    def add(table):
        return table.append_column("kind", kind).append_column("day", day)

    path = rewrite(write_catalog(tmp_path / "stars.parquet", 20), add)
    write_stars(open_catalog(path), None, tmp_path / f"out{suffix}")
    table = read(tmp_path / f"out{suffix}")
    assert [str(text) for text in table["kind"]] == ["a", "b"] * 10
    assert str(table["day"][1]) == "1970-01-02"
    rewrite(path, lambda table: table.append_column("pairs", lists))
    catalog, out = open_catalog(path), tmp_path / f"nested{suffix}"
    if suffix == ".parquet":
        write_stars(catalog, None, out)
        assert pq.read_table(out)["pairs"].to_pylist() == [[1, 2]] * 20
    else:
        with pytest.raises(InputError, match="column 'pairs' is list.* only .parquet can hold"):
            write_stars(catalog, None, out)
        assert not out.exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_coefficients_of_no_stars(mock, tmp_path, suffix):
    catalog = open_catalog(mock.catalog)
    path = tmp_path / f"none{suffix}"
    write_stars(catalog, np.zeros(len(catalog), bool), path, coefficients=True)
    assert len(read(path)) == 0


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_interrupt_leaves_the_old_file(catalog, tmp_path, suffix):
    path = tmp_path / f"stars{suffix}"
    path.write_text("old")

    def interrupt(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stars(catalog, None, path, progress=interrupt)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
