import signal
import subprocess
import sys

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.mock import mock_model
from tests.support.released import TABLE, released_rows, without, write_released
from xpmodel import encode_files, open_catalog
from xpmodel.catalog.build import build_catalog
from xpmodel.catalog.named_cuts import cut_report
from xpmodel.catalog.spectra_store import spectra_path
from xpmodel.cli.build import build_command
from xpmodel.errors import InputError
from xpmodel.spectra.train_test_split import train_test_rows

N = 300


@pytest.fixture(scope="module")
def model():
    return mock_model()


def flat_table(rows: np.ndarray) -> pa.Table:
    """The same stars in other columns: a number each, and labels under the catalog's names."""
    columns = {"source_id": rows["ids"], "phot_g_mean_flux": rows["phot_g_mean_flux"]}
    for i, band in enumerate(("bp", "rp")):
        for j in range(55):
            columns[f"{band}_coeff_{j}"] = rows["coeffs"][:, 55 * i + j]
            columns[f"e_{band}_coeff_{j}"] = rows["coeff_errs"][:, 55 * i + j]
    for name in rows.dtype.names[4:]:
        columns[name.lower()] = rows[name]
    native = {k: np.ascontiguousarray(v, v.dtype.newbyteorder("=")) for k, v in columns.items()}
    return pa.table(native)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_as_encode_makes_it_of_a_flat_file(tmp_path, model, dtype):
    rows = released_rows(N, dtype)
    rows["coeffs"][5, 3] = np.nan
    rows["TEFF"][7] = -9999
    rows["ids"][9] = rows["ids"][8]
    source = write_released(tmp_path / "stars.h5", rows, chunks=(64,), compression="gzip")
    built = build_catalog(source, model, tmp_path / "built.parquet")
    pq.write_table(flat_table(rows), tmp_path / "flat.parquet")
    encoded = encode_files(tmp_path / "flat.parquet", model, tmp_path / "encoded.parquet")
    assert built.n_stars == encoded.n_stars == N - 2
    assert built.report.counts == encoded.report.counts
    a, b = open_catalog(built.path), open_catalog(encoded.path)
    assert a.table().equals(b.table())
    assert spectra_path(a.path).read_bytes() == spectra_path(b.path).read_bytes()
    assert {"teff", "lz", "bp_rp", "starflag", "ra"} <= set(a.filled)
    assert np.isnan(a["teff"][6]) and a["teff"][5] == np.float32(rows["TEFF"][6])
    np.testing.assert_array_equal(a["ra"][:5], rows["RA"][:5])


def test_labels_given_apart_go_first(tmp_path, model):
    rows = released_rows(3)
    source = write_released(tmp_path / "stars.h5", rows)
    labels = pa.table({"source_id": rows["ids"][:2], "teff": [4321.0, None], "m_h": [-1.0, -2.0]})
    photometry = pa.table({"source_id": rows["ids"], "phot_g_mean_flux": [1.0, 2.0, 3.0]})
    photometry = photometry.append_column("m_h", pa.array([0.1, 0.2, 0.3]))
    pq.write_table(labels, tmp_path / "labels.parquet")
    pq.write_table(photometry, tmp_path / "photometry.parquet")
    encode_files(
        source,
        model,
        tmp_path / "out.parquet",
        labels=tmp_path / "labels.parquet",
        photometry=tmp_path / "photometry.parquet",
    )
    catalog = open_catalog(tmp_path / "out.parquet")
    np.testing.assert_array_equal(catalog["teff"], np.float32([4321, *rows["TEFF"][1:]]))
    np.testing.assert_array_equal(catalog["m_h"], np.float32([-1, -2, 0.3]))
    np.testing.assert_array_equal(catalog["lz"], rows["Lz"])
    assert "lz" in catalog.metadata["labels_in_sources"]


def test_the_split_is_recorded(tmp_path, model):
    source = write_released(tmp_path / "stars.h5", released_rows(N))
    encoding = build_catalog(source, model, tmp_path / "out.parquet")
    catalog = open_catalog(encoding.path)
    assert catalog.metadata["split"] == {"test_fraction": 0.1, "seed": 12345}
    train, test = train_test_rows(len(catalog), **catalog.metadata["split"])
    assert (len(train), len(test)) == (270, 30)
    assert catalog.metadata["made_by"].endswith(" build")
    assert not any("split" in note for note in encoding.notes)


def test_what_cannot_be_done_is_said(tmp_path, model):
    rows = released_rows(N)
    rows["coeffs"][3] = np.nan
    rows["SFD_EBV"] = -9999
    source = write_released(tmp_path / "stars.h5", without(rows, "jr", "MG_FE", "M_H_ERR"))
    notes = build_catalog(source, model, tmp_path / "out.parquet").notes
    for note in (
        "without jr: not the Gaia-Enceladus overlay",
        "without mg_fe: not the α split",
        "without sfd_ebv: not reddening",
        "without m_h_err: not the cut 'good'",
        "without m_h_err: not the cut 'pristine'",
    ):
        assert note in notes
    assert sum(note.startswith("without") for note in notes) == 5
    assert any(note.startswith(f"the split is over the {N - 1} stars kept") for note in notes)


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("ids", "'source_id'.*ids"),
        ("coeff_errs", "'coeff_errs'"),
        ("coeffs", "'bp_coefficients'"),
        ("phot_g_mean_flux", "'phot_g_mean_flux' or 'phot_g_mean_mag'; a catalog is built with"),
    ],
)
def test_a_column_that_cannot_be_missing(tmp_path, model, gone, named):
    source = write_released(tmp_path / "stars.h5", without(released_rows(5), gone))
    with pytest.raises(InputError, match=rf"stars\.h5: no column {named}"):
        build_catalog(source, model, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["stars.h5"]


@pytest.mark.slow
def test_damage_on_the_way_leaves_nothing(tmp_path, model):
    source = write_released(
        tmp_path / "stars.h5",
        released_rows(20_000),
        chunks=(1000,),
        compression="gzip",
        compression_opts=1,
        fletcher32=True,
    )
    with h5py.File(source) as file:
        chunk = file[TABLE].id.get_chunk_info(17)
    damaged = bytearray(source.read_bytes())
    damaged[chunk.byte_offset + 50] ^= 0xFF
    source.write_bytes(damaged)
    calls = []
    with pytest.raises(InputError, match=r"stars\.h5: cut short or damaged"):
        build_catalog(source, model, tmp_path / "out.parquet", lambda *call: calls.append(call))
    assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["stars.h5"]


def test_command(tmp_path, model, capsys):
    model.save(tmp_path / "model")
    source = write_released(tmp_path / "stars.h5", without(released_rows(N), "jz"))
    out = tmp_path / "out.parquet"
    arguments = [str(source), "--model", str(tmp_path / "model"), "--out", str(out)]
    build_command.main([*arguments, "--device", "cpu"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: {N} stars of {N} rows"
    assert "without jz: not the Gaia-Enceladus overlay" in lines
    catalog = open_catalog(out)
    for variant in ("released", "paper"):
        for name in ("full", "good", "pristine"):
            report = str(cut_report(catalog, name, variant)).splitlines()
            start = lines.index(report[0])
            assert lines[start : start + len(report)] == report


# For each line of its input this process forks, lets the child build a catalog, slowly and in many
# small groups, kills it after as many seconds as the line says, and prints how it ended and when.
# It holds the imports and has no threads yet, so that a fork is quick and sound.
KILLER = """
import os, signal, sys, time
import torch
from xpmodel.catalog import encode
from xpmodel.catalog.build import build_catalog
from xpmodel.model.folder import load_model

torch.set_num_threads(1)
encode.CHUNK_ROWS, encode.CATALOG_GROUP, encode.SPECTRA_GROUP = 100, 300, 200
source, folder, out = sys.argv[1:]
for line in sys.stdin:
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        build_catalog(source, load_model(folder, "cpu"), out, lambda *_: time.sleep(0.02))
        os._exit(0)
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.perf_counter() - started > float(line):
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.001)
    print(ended[1], time.perf_counter() - started, flush=True)
"""


@pytest.mark.slow
def test_a_killed_build_leaves_no_broken_file(tmp_path, model):
    n = 1000
    model.save(tmp_path / "model")
    source = write_released(tmp_path / "stars.h5", released_rows(n))
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-c", KILLER, str(source), str(tmp_path / "model"), str(out)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killer:

        def build(seconds: float) -> tuple[int, float]:
            """Exit status of a build that is killed after so many seconds, and when it ended."""
            killer.stdin.write(f"{seconds}\n")
            killer.stdin.flush()
            status, ended = killer.stdout.readline().split()
            return int(status), float(ended)

        def check() -> None:
            if spectra_path(out).exists():
                assert len(pa.ipc.open_file(spectra_path(out)).read_all()) == n
            if out.exists():
                catalog = open_catalog(out)
                assert len(catalog) == len(catalog.spectra) == n
                assert catalog.metadata["n_stars"] == n

        status, duration = build(np.inf)
        assert status == 0 and out.exists()
        check()
        out.unlink()
        spectra_path(out).unlink()
        statuses = []
        for seconds in np.random.default_rng(0).uniform(0.1, 1, 20) * duration:
            statuses.append(build(seconds)[0])
            check()
        assert statuses.count(signal.SIGKILL) >= 10
        assert build(np.inf)[0] == 0  # what a killed run left is in nobody's way
        check()
        killer.stdin.close()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".arrow", ".h5", ".parquet"]
