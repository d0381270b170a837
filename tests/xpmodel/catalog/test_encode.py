"""From files of spectra to a catalog, end to end; and what is left when it fails."""

import csv
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from tests.support.loops import some
from tests.support.models import random_model, random_spectra
from tests.support.spectra_files import archive_table, write_spectra
from xpmodel.catalog import encode as module
from xpmodel.catalog.catalog import left_out_path, open_catalog
from xpmodel.catalog.encode import encode_files
from xpmodel.catalog.positions import position_from_id
from xpmodel.catalog.spectra_store import spectra_path
from xpmodel.columns import COLUMNS, catalog_schema
from xpmodel.errors import InputError
from xpmodel.model.import_released import import_model
from xpmodel.model.model import Model
from xpmodel.spectra.photometry import g_mag_from_flux
from xpmodel.spectra.spectra import Spectra, read_spectra
from xpmodel.spectra.wavelengths import Wavelengths

N = 60


@pytest.fixture(scope="module")
def model() -> Model:
    return random_model()


@pytest.fixture
def stars(model) -> Spectra:
    return random_spectra(model, N)


@pytest.fixture
def source(tmp_path, stars) -> Path:
    return write_spectra(tmp_path / "spectra.fits", stars)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".fits", ".csv", ".parquet"])
def test_end_to_end(tmp_path, model, stars, suffix):
    path = write_spectra(tmp_path / f"spectra{suffix}", stars)
    out = tmp_path / "new" / "stars.parquet"
    encoding = encode_files(path, model, out)
    assert encoding.path == out and encoding.n_stars == N
    assert encoding.report.n_read == N and encoding.report.n_used == N
    assert names(out.parent) == ["stars.parquet", "stars.spectra.arrow"]

    table = pq.read_table(out)
    assert table.schema.names == catalog_schema(3).names
    for column in some(COLUMNS):
        assert table.schema.field(column.name).type == column.type
    for name in ("z1", "z3", "z2_err"):
        assert table.schema.field(name).type == pa.float32()
    types = {"source_id": pa.int64(), "ra": pa.float64(), "dec": pa.float64()}
    types |= {"starflag": pa.int64(), "aspcapflag": pa.int64(), "population": pa.string()}
    types |= {"teff": pa.float32(), "kl": pa.float32(), "bp_rp": pa.float32()}
    assert types.items() <= {f.name: f.type for f in table.schema}.items()

    catalog = open_catalog(out)
    np.testing.assert_array_equal(catalog.source_id, stars.source_id)
    scores = model.score(read_spectra(path))
    for name in ("chi2", "chi2_obs", "kl"):
        np.testing.assert_allclose(catalog[name], getattr(scores, name), rtol=1e-5)
    for i in range(3):
        np.testing.assert_allclose(catalog[f"z{i + 1}"], scores.mean[:, i], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(catalog[f"z{i + 1}_err"], scores.std[:, i], rtol=1e-4)
        np.testing.assert_allclose(catalog[f"z{i + 1}_noise"], scores.noise[:, i], rtol=1e-4)
    np.testing.assert_allclose(catalog["phot_g_mean_flux"], stars.g_flux, rtol=1e-6)
    np.testing.assert_allclose(catalog["phot_g_mean_mag"], g_mag_from_flux(stars.g_flux), rtol=1e-6)
    empty = {"teff", "logg", "m_h", "bp_rp", "starflag", "population", "parallax"}
    assert not empty & set(catalog.filled)
    np.testing.assert_array_equal(
        catalog.spectra[:].coefficients, stars.coefficients.astype(np.float32)
    )
    np.testing.assert_array_equal(catalog.spectra[:].errors, stars.errors.astype(np.float32))


def test_the_metadata_say_how_it_was_made(tmp_path, model, source):
    out = tmp_path / "stars.parquet"
    encode_files(source, model, out)
    metadata = open_catalog(out).metadata
    assert metadata["model"]["hash"] == model.hash
    assert metadata["sources"] == [{"name": "spectra.fits", "bytes": source.stat().st_size}]
    assert metadata["n_stars"] == N and metadata["g_flux"] == {"file": N}
    assert metadata["left_out"] == {}
    assert metadata["latent_noise"] == {"with_correlations": 0, "independent": N}
    assert str(tmp_path) not in str(metadata)
    # pandas and others see it as metadata of the schema.
    assert b"xpmodel" in pq.read_schema(out).metadata


def test_labels_are_joined(tmp_path, model, stars, source):
    some = np.arange(0, N, 3)
    rows = {"GAIAEDR3_SOURCE_ID": np.append(stars.source_id[some][::-1], 12345)}
    rows["TEFF"] = np.append(np.linspace(4000, 6000, len(some)), 1.0)
    rows["LOGG"] = np.where(np.arange(len(some) + 1) % 2, -9999, 3.5)
    rows["STARFLAG"] = np.arange(len(some) + 1) + 2**40
    Table(rows).write(tmp_path / "allStar.fits")
    out = tmp_path / "stars.parquet"
    encoding = encode_files(source, model, out, labels=tmp_path / "allStar.fits")
    assert any(f"{len(some)} of {N} stars found" in note for note in encoding.notes)
    table = pq.read_table(out)
    found = {name: np.full(N, None) for name in ("teff", "logg", "starflag")}
    found["teff"][some] = rows["TEFF"][:-1][::-1].astype(np.float32)
    found["logg"][some] = [None if v < 0 else 3.5 for v in rows["LOGG"][:-1][::-1]]
    found["starflag"][some] = rows["STARFLAG"][:-1][::-1]
    for name, wanted in found.items():
        assert table[name].to_pylist() == wanted.tolist()


def test_photometry_is_joined(tmp_path, model, stars):
    path = write_spectra(tmp_path / "spectra.parquet", stars, flux=False)
    order = np.random.default_rng(0).permutation(N)[: N - 5]
    rows = {"source_id": stars.source_id[order], "bp_rp": np.linspace(0, 3, N - 5)}
    rows["phot_g_mean_flux"] = stars.g_flux[order]
    pq.write_table(pa.table(rows), tmp_path / "photometry.parquet")
    out = tmp_path / "stars.parquet"
    encoding = encode_files(path, model, out, photometry=tmp_path / "photometry.parquet")
    assert encoding.n_stars == N - 5
    assert encoding.report.counts == {"no match in the photometry table": 5}
    catalog = open_catalog(out)
    kept = np.sort(order)
    np.testing.assert_array_equal(catalog.source_id, stars.source_id[kept])
    np.testing.assert_allclose(catalog["phot_g_mean_flux"], stars.g_flux[kept], rtol=1e-6)
    wanted = dict(zip(rows["source_id"].tolist(), rows["bp_rp"], strict=True))
    wanted = [wanted[i] for i in catalog.source_id.tolist()]
    np.testing.assert_allclose(catalog["bp_rp"], wanted, rtol=1e-6, atol=1e-7)
    scores = model.score(stars[kept])
    np.testing.assert_allclose(catalog["chi2"], scores.chi2, rtol=1e-4)


def test_labels_come_before_photometry(tmp_path, model, stars, source):
    ids = stars.source_id
    labels = {"source_id": ids[:2], "bp_rp": [1.0, None], "j": [9.0, 9.0]}
    photometry = {"source_id": ids, "bp_rp": [2.0] * N, "phot_g_mean_mag": [12.5] * N}
    for name, rows in (("labels", labels), ("photometry", photometry)):
        pq.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
    out = tmp_path / "stars.parquet"
    encode_files(
        source, model, out, labels=tmp_path / "labels.parquet",
        photometry=tmp_path / "photometry.parquet",
    )  # fmt: skip
    catalog = open_catalog(out)
    np.testing.assert_array_equal(catalog["bp_rp"][:4], [1, 2, 2, 2])
    np.testing.assert_array_equal(catalog["phot_g_mean_mag"], np.full(N, 12.5))
    assert catalog["j"][0] == 9 and np.isnan(catalog["j"][2])


def test_positions_from_ids(tmp_path, model, stars):
    ids = stars.source_id.copy()
    ids[0] = 4345775217221821312  # 18 Sco
    ids[1] = 9_100_000_000_000_000_001  # a mock star, which is nowhere
    moved = Spectra(
        source_id=ids,
        coefficients=stars.coefficients,
        errors=stars.errors,
        g_flux=stars.g_flux,
        g_flux_source="file",
    )
    out = tmp_path / "stars.parquet"
    encoding = encode_files(write_spectra(tmp_path / "a.fits", moved), model, out)
    catalog = open_catalog(out)
    ra, dec = position_from_id(ids)
    np.testing.assert_array_equal(catalog["ra"], ra)
    np.testing.assert_array_equal(catalog["dec"], dec)
    assert catalog["ra"][0] == pytest.approx(243.905, abs=0.02)
    assert catalog["dec"][0] == pytest.approx(-8.372, abs=0.02)
    assert np.isnan(catalog["ra"][1]) and catalog.source_id[1] == ids[1]
    assert catalog.metadata["positions"] == {"source_id": N - 1, "none": 1}
    assert any(f"position of {N - 1} stars from their source_id" in n for n in encoding.notes)


def test_positions_that_are_given_are_kept(tmp_path, model, stars, source):
    given = {"source_id": stars.source_id[:3], "ra": [10.123456789012, np.nan, 30]}
    given["dec"] = [-20.123456789012, np.nan, 40]
    Table(given).write(tmp_path / "labels.fits")
    out = tmp_path / "stars.parquet"
    encode_files(source, model, out, labels=tmp_path / "labels.fits")
    catalog = open_catalog(out)
    ra, dec = position_from_id(stars.source_id)
    assert (catalog["ra"][0], catalog["dec"][0]) == (10.123456789012, -20.123456789012)
    assert (catalog["ra"][1], catalog["dec"][1]) == (ra[1], dec[1])
    assert (catalog["ra"][2], catalog["dec"][2]) == (30, 40)
    assert catalog.metadata["positions"] == {"table": 2, "source_id": N - 2}


@pytest.mark.parametrize(
    "half", [{"ra": [10.0, 20.0]}, {"ra": [10.0, np.nan], "dec": [np.nan, 20.0]}]
)
def test_half_a_position_is_none(tmp_path, model, stars, source, half):
    Table({"source_id": stars.source_id[:2], **half}).write(tmp_path / "labels.fits")
    out = tmp_path / "stars.parquet"
    encode_files(source, model, out, labels=tmp_path / "labels.fits")
    catalog = open_catalog(out)
    ra, dec = position_from_id(stars.source_id)
    np.testing.assert_array_equal(catalog["ra"], ra)
    np.testing.assert_array_equal(catalog["dec"], dec)
    assert catalog.metadata["positions"] == {"source_id": N}


def spoil(stars: Spectra) -> Spectra:
    """Some stars that cannot be used, the first and the last among them."""
    coefficients, errors, flux = (
        v.copy() for v in (stars.coefficients, stars.errors, stars.g_flux)
    )
    coefficients[0, 3] = np.nan
    errors[[7, N - 1], 60] = 0
    flux[9] = -1
    ids = stars.source_id.copy()
    ids[20] = ids[10]
    return Spectra(
        source_id=ids, coefficients=coefficients, errors=errors, g_flux=flux, g_flux_source="file"
    )


def test_what_is_left_out_is_listed(tmp_path, model, stars):
    source = write_spectra(tmp_path / "spectra.csv", spoil(stars))
    out = tmp_path / "stars.parquet"
    encoding = encode_files(source, model, out)
    assert encoding.n_stars == N - 5
    kept = np.setdiff1d(np.arange(N), [0, 7, 9, 20, N - 1])
    catalog = open_catalog(out)
    np.testing.assert_array_equal(catalog.source_id, stars.source_id[kept])
    np.testing.assert_array_equal(catalog.spectra.source_id, stars.source_id[kept])
    counts = catalog.metadata["left_out"]
    assert counts == encoding.report.counts and sum(counts.values()) == 5
    with open(left_out_path(out), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == [1, 8, 10, 21, N]
    assert rows[2]["source_id"] == str(stars.source_id[9])
    assert rows[2]["reason"] == "G flux not positive"


def test_a_stale_list_of_what_was_left_out_goes(tmp_path, model, stars, source):
    out = tmp_path / "stars.parquet"
    encode_files(write_spectra(tmp_path / "bad.csv", spoil(stars)), model, out)
    assert left_out_path(out).exists()
    encode_files(source, model, out)
    assert not left_out_path(out).exists()
    assert len(open_catalog(out)) == N


class Stop(Exception):
    pass


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
@pytest.mark.parametrize("older", [False, True])
def test_an_interruption_leaves_what_was_there(
    tmp_path, model, stars, source, error, older, monkeypatch
):
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / "stars.parquet"
    if older:
        encode_files(write_spectra(tmp_path / "bad.csv", spoil(stars)), model, out)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert bool(before) == older
    monkeypatch.setattr(module, "CHUNK_ROWS", 20)

    def progress(n_stars, fraction):
        if n_stars >= 40:
            raise error

    with pytest.raises(error):
        encode_files(source, model, out, progress=progress)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


KILLED = """
import sys
import numpy as np
from xpmodel.catalog import encode
from xpmodel.model.folder import load_model
encode.CHUNK_ROWS = encode.SPECTRA_GROUP = encode.CATALOG_GROUP = 20
def progress(n_stars, fraction):
    if n_stars >= 40:
        print("writing", flush=True)
        sys.stdin.read()
model, source, out = sys.argv[1:]
encode.encode_files(source, load_model(model, "cpu"), out, progress=progress)
"""


@pytest.mark.slow
def test_a_killed_run_leaves_the_older_catalog(tmp_path, model, stars, source):
    model.save(tmp_path / "model")
    folder = tmp_path / "out"
    out = folder / "stars.parquet"
    encode_files(write_spectra(tmp_path / "bad.csv", spoil(stars)), model, out)
    before = {path.name: path.read_bytes() for path in some(folder.iterdir())}
    command = [sys.executable, "-c", KILLED, tmp_path / "model", source, out]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as run:
        assert run.stdout.readline() == "writing\n"
        with pytest.raises(InputError, match="another run is writing it"):
            encode_files(source, model, out)
        os.kill(run.pid, signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    # What it left has names that nobody opens, and the next run overwrites it.
    leftovers = set(names(folder)) - set(before)
    assert leftovers and all(n.startswith(".") and n.endswith(".part") for n in leftovers)
    assert {n: (folder / n).read_bytes() for n in before} == before
    encode_files(source, model, out)
    assert names(folder) == ["stars.parquet", "stars.spectra.arrow"]
    assert len(open_catalog(out)) == N


def test_the_same_input_gives_the_same_bytes(tmp_path, model, stars, source):
    Table({"source_id": stars.source_id[::2], "teff": np.full(N // 2, 5000.0)}).write(
        tmp_path / "labels.fits"
    )
    bad = write_spectra(tmp_path / "bad.csv", spoil(stars))
    outs = [tmp_path / d / "stars.parquet" for d in ("a", "b")]
    for out in outs:
        encode_files([bad, source], model, out, labels=tmp_path / "labels.fits")
    for path in (lambda p: p, spectra_path, left_out_path):
        assert path(outs[0]).read_bytes() == path(outs[1]).read_bytes()


def test_no_usable_row_writes_nothing(tmp_path, model, stars):
    bad = Spectra(
        source_id=stars.source_id,
        coefficients=stars.coefficients * np.nan,
        errors=stars.errors,
        g_flux=stars.g_flux,
        g_flux_source="file",
    )
    path = write_spectra(tmp_path / "bad.csv", bad)
    out = tmp_path / "out" / "stars.parquet"
    with pytest.raises(InputError, match="none of 60 rows is usable"):
        encode_files(path, model, out)
    assert not out.parent.exists()


def test_a_file_that_fails_after_another_writes_nothing(tmp_path, model, source):
    (tmp_path / "cut.csv").write_text("source_id,bp_coefficients\n1,2\n")
    out = tmp_path / "out" / "stars.parquet"
    with pytest.raises(InputError, match="cut.csv: no column"):
        encode_files([source, tmp_path / "cut.csv"], model, out)
    assert not out.parent.exists() or names(out.parent) == []


def test_spectra_of_another_length(tmp_path, source):
    small = Model(random_model().network.__class__(20, 2, (8,)), np.zeros(20), np.ones(20))
    with pytest.raises(InputError, match="the model takes 20"):
        encode_files(source, small, tmp_path / "out" / "stars.parquet")
    assert not (tmp_path / "out").exists() or names(tmp_path / "out") == []


@pytest.mark.parametrize("role", ["spectra", "labels", "photometry"])
@pytest.mark.parametrize("link", [False, True])
def test_the_output_is_not_an_input(tmp_path, model, stars, role, link):
    path = tmp_path / "in.parquet"
    spectra = path if role == "spectra" else tmp_path / "spectra.parquet"
    write_spectra(spectra, stars)
    tables = {}
    if role != "spectra":
        rows = {"source_id": stars.source_id, "phot_g_mean_mag": np.full(N, 12.0)}
        pq.write_table(pa.table(rows), path)
        tables[role] = path
    out = path
    if link:
        out = tmp_path / "linked.parquet"
        out.symlink_to(path)
    content = path.read_bytes()
    with pytest.raises(InputError, match="is one of the input files"):
        encode_files(spectra, model, out, **tables)
    assert path.read_bytes() == content


def test_the_files_beside_the_output_are_not_inputs(tmp_path, model, stars):
    source = write_spectra(tmp_path / "stars.left_out.csv", stars)
    content = source.read_bytes()
    with pytest.raises(InputError, match="stars.left_out.csv: is one of the input files"):
        encode_files(source, model, tmp_path / "stars.parquet")
    assert source.read_bytes() == content


@pytest.mark.parametrize("name", ["stars", "stars.csv", "stars.parquet.gz"])
def test_an_output_of_another_name(tmp_path, model, source, name):
    with pytest.raises(InputError, match="name must end in .parquet"):
        encode_files(source, model, tmp_path / name)


@pytest.mark.parametrize("rows", [7, 60])
def test_chunks_do_not_matter(tmp_path, model, stars, monkeypatch, rows):
    paths = [write_spectra(tmp_path / "a.csv", spoil(stars))]
    paths.append(write_spectra(tmp_path / "b.fits", random_spectra(model, N, seed=9)))
    outs = [tmp_path / name / "stars.parquet" for name in ("whole", "chunks")]
    whole = encode_files(paths, model, outs[0])
    for name in ("CHUNK_ROWS", "CATALOG_GROUP", "SPECTRA_GROUP"):
        monkeypatch.setattr(module, name, rows)
    seen = []
    chunks = encode_files(paths, model, outs[1], progress=lambda n, f: seen.append((n, f)))
    assert seen == sorted(seen) and seen[-1] == (chunks.n_stars, 1.0)
    assert chunks.n_stars == whole.n_stars == 2 * N - 5
    assert chunks.report.left_out.equals(whole.report.left_out)
    catalogs = [open_catalog(out) for out in outs]
    assert catalogs[0].metadata == catalogs[1].metadata
    for name in some(catalogs[0].filled):
        a, b = (catalog[name] for catalog in catalogs)
        if a.dtype == np.float32:
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(catalogs[0].spectra[:].errors, catalogs[1].spectra[:].errors)


def test_memory_does_not_grow_with_the_stars(tmp_path, model, monkeypatch):
    for name in ("CHUNK_ROWS", "CATALOG_GROUP", "SPECTRA_GROUP"):
        monkeypatch.setattr(module, name, 500)
    peaks = []
    for n in (1000, 10_000):
        stars = random_spectra(model, n, dtype=np.float32)
        rows = archive_table(stars)
        rows = {k: list(v) if v.ndim > 1 else v for k, v in rows.items()}
        pq.write_table(pa.table(rows), tmp_path / f"{n}.parquet", row_group_size=500)
        del rows, stars
        default = pa.default_memory_pool()
        pool = pa.proxy_memory_pool(default)
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            encode_files(tmp_path / f"{n}.parquet", model, tmp_path / f"out{n}.parquet")
            peaks.append(tracemalloc.get_traced_memory()[1] + pool.max_memory())
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(default)
    # The ten times as many spectra take 8 MB more; 8 bytes an id and the footer may grow.
    assert peaks[1] < peaks[0] + 2e6


def test_a_spectrum_too_large_for_the_network(tmp_path, model, stars):
    """It overflows float32: the star keeps its row, and the others' latents their meaning."""
    coefficients = stars.coefficients.copy()
    coefficients[4] = 1e37
    flux = stars.g_flux.copy()
    flux[4] = 1e-9
    wild = Spectra(
        source_id=stars.source_id,
        coefficients=coefficients,
        errors=stars.errors,
        g_flux=flux,
        g_flux_source="file",
    )
    out = tmp_path / "stars.parquet"
    encode_files(write_spectra(tmp_path / "a.parquet", wild), model, out)
    catalog = open_catalog(out)
    assert len(catalog) == N and not np.isfinite(catalog["z1"][4])
    assert np.isfinite(catalog.kl).all() and len(catalog.active) == 3


def test_estimates_and_synthetic_fluxes_are_noted(tmp_path, model, stars):
    estimated = Model(
        model.network, model.mu, model.sig, {"estimated": ["mu", "sig"]}, device="cpu"
    )
    # A positive spectrum, for a positive synthetic flux: the first coefficients dominate.
    coefficients = stars.coefficients * 1e-6
    coefficients[:, [0, 55]] = 1000
    path = write_spectra(
        tmp_path / "a.fits",
        Spectra(
            source_id=stars.source_id,
            coefficients=coefficients,
            errors=stars.errors,
            g_flux=stars.g_flux,
            g_flux_source="",
        ),
        flux=False,
    )
    encoding = encode_files(path, estimated, tmp_path / "stars.parquet")
    notes = " ".join(encoding.notes)
    assert "the model's mu, sig are estimates" in notes
    assert f"G flux of {encoding.n_stars} stars synthesized" in notes
    metadata = open_catalog(encoding.path).metadata
    assert metadata["model"]["estimated"] == ["mu", "sig"]
    assert metadata["g_flux"] == {"synthetic": encoding.n_stars}


@pytest.mark.slow
def test_first_light(shared, tmp_path):
    """1,400 real stars through the released model, and how well it describes them."""
    model = import_model(
        shared / "published" / "weight.pt", shared / "published" / "norm_estimate.npz"
    )
    real = shared / "real_xp"
    out = tmp_path / "stars.parquet"
    encoding = encode_files(
        real / "xp_continuous_1400.fits", model, out, photometry=real / "photometry_1400.csv"
    )
    assert encoding.n_stars == 1400
    catalog = open_catalog(out)
    assert catalog.active == ["z1", "z3", "z4", "z5"]
    g, color = catalog["phot_g_mean_mag"], catalog["bp_rp"]
    chosen = (color > 0.65) & (color < 2.5) & (g > 8) & (g < 15)
    assert chosen.sum() == 372
    spectra = catalog.spectra[chosen]
    z = np.stack([catalog[name][chosen] for name in catalog.latents], axis=1)
    coefficients, _ = model.decode(z)
    wavelengths = Wavelengths()
    decoded = wavelengths.flux(coefficients.astype(float) * spectra.g_flux[:, None])
    observed = wavelengths.flux(spectra.coefficients.astype(float))
    error = np.median(np.abs(decoded / observed - 1), axis=0)
    at = dict(zip(wavelengths.grid.tolist(), error, strict=True))
    assert at[636] < 0.007
    assert at[456] < 0.016


def test_where_the_time_went(tmp_path, model, source, monkeypatch):
    """With a clock that ticks only in the network, a second at each use."""
    now = [0.0]
    score = Model.score

    def slow(self, *args, **kwargs):
        now[0] += 1.0
        return score(self, *args, **kwargs)

    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(Model, "score", slow)
    monkeypatch.setattr(module, "CHUNK_ROWS", 5)
    encoding = encode_files(source, model, tmp_path / "stars.parquet")
    seconds = encoding.seconds
    assert (seconds.waiting, seconds.writing) == (0, 0)
    assert seconds.network == -(-encoding.report.n_read // 5) > 1
    assert str(seconds) == "waiting for spectra 0%, network 100%, labels and writing 0%"
