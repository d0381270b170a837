import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_info

from xpmodel import InputError
from xpmodel.catalog.catalog import LAST_GAIA_ID
from xpmodel.cli.main import main
from xpmodel.mock import write
from xpmodel.mock.write import DATASET, MOCK_FILE, Sky, draw_chunk, write_mock

RELEASED = {
    "ids", "coeffs", "coeff_errs", "phot_g_mean_flux", "TEFF", "LOGG", "M_H", "ALPHA_M",
    "TEFF_ERR", "LOGG_ERR", "M_H_ERR", "ALPHA_M_ERR", "FE_H", "MG_FE", "SFD_EBV", "J", "H", "K",
    "GAIAEDR3_PHOT_G_MEAN_MAG", "GAIAEDR3_PHOT_BP_MEAN_MAG", "GAIAEDR3_PHOT_RP_MEAN_MAG",
    "GAIAEDR3_PARALLAX", "GAIAEDR3_PARALLAX_ERROR", "STARFLAG", "ASPCAPFLAG", "Lz", "jz", "jr",
    "RA", "DEC",
}  # fmt: skip


@pytest.fixture(scope="module")
def sky_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    seen = []
    sky = Sky(9000, seed=3)
    write_mock(sky, folder, truth=True, correlations=5, workers=2, progress=seen.append)
    assert seen == [8192, 9000]
    return folder


def table_of(folder):
    with h5py.File(folder / MOCK_FILE) as file:
        return file[DATASET][:], dict(file[DATASET].attrs)


@pytest.mark.slow
def test_released_columns_ids_and_label(sky_folder):
    table, attributes = table_of(sky_folder)
    assert set(table.dtype.names) >= RELEASED
    assert table["coeffs"].shape == (9000, 110)
    assert table["coeffs"].dtype == np.float32
    assert table["ids"].dtype == np.int64
    assert (table["ids"] > LAST_GAIA_ID).all()
    assert len(np.unique(table["ids"])) == 9000
    assert attributes["mock"]
    assert "nothing in this file was observed" in attributes["description"]


@pytest.mark.slow
def test_same_seed_same_bytes_whatever_the_workers(sky_folder, tmp_path):
    write_mock(Sky(9000, seed=3), tmp_path, truth=True, workers=1)
    for name in (MOCK_FILE, "truth.parquet"):
        assert (tmp_path / name).read_bytes() == (sky_folder / name).read_bytes()


def threads_of_blas() -> list[int]:
    import scipy.linalg  # noqa: F401  has a BLAS of its own

    return [library["num_threads"] for library in threadpool_info()]


def test_a_worker_adds_with_one_thread():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=write.use_one_thread) as pool:
        numbers = pool.submit(threads_of_blas).result()
    assert numbers and set(numbers) == {1}


@pytest.mark.slow
def test_the_process_that_writes_stays_as_it_is():
    before, threads = dict(os.environ), threads_of_blas()
    chunks = write._chunks(Sky(20), workers=1)
    next(chunks)
    assert dict(os.environ) == before and threads_of_blas() == threads
    assert not list(chunks)
    assert dict(os.environ) == before and threads_of_blas() == threads


def test_other_seed_other_stars():
    first, second = (draw_chunk(Sky(20, seed), 0)[0]["TEFF"] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_truth_stands_beside_the_noise(sky_folder):
    table, _ = table_of(sky_folder)
    truth = pq.read_table(sky_folder / "truth.parquet").to_pandas()
    assert np.array_equal(truth["source_id"], table["ids"])
    clean = np.stack(truth["coefficients"])
    unit = (table["coeffs"] - clean) / table["coeff_errs"]
    assert unit.std() == pytest.approx(1, abs=0.01)
    assert set(truth["population"]) == {"low-alpha disc", "high-alpha disc", "Gaia-Enceladus"}


def test_correlations_have_the_released_layout(sky_folder):
    with np.load(sky_folder / "xp_corrs.npz", allow_pickle=False) as file:
        assert file["bp_corrs"].shape == file["rp_corrs"].shape == (5, 55, 55)
        assert np.allclose(np.einsum("nii->ni", file["bp_corrs"]), 1)


def test_alpha_signal_off_changes_spectra_and_nothing_else():
    on, off = (draw_chunk(Sky(500, 0, signal), 0) for signal in (1.0, 0.0))
    assert not np.array_equal(on[2], off[2])
    for name in ("TEFF", "ALPHA_M", "Lz", "GAIAEDR3_PHOT_G_MEAN_MAG"):
        assert np.array_equal(on[0][name], off[0][name])


@pytest.mark.slow
def test_interrupted_leaves_nothing(tmp_path, monkeypatch):
    def fail(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_mock(Sky(100), tmp_path, truth=True, workers=1, progress=fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sky", [(0, 0), (5, -1), (5, 0, np.nan), (5, 0, -3.0)])
def test_impossible_skies(sky):
    with pytest.raises(InputError):
        Sky(*sky)


def test_more_correlations_than_stars(tmp_path):
    with pytest.raises(InputError, match="the sky has 10"):
        write_mock(Sky(10), tmp_path, correlations=11)


def test_no_workers(tmp_path):
    with pytest.raises(InputError, match="-1 workers"):
        write_mock(Sky(10), tmp_path / "sky", workers=-1)
    assert not (tmp_path / "sky").exists()


def test_report_without_its_references_stops_before_the_work(tmp_path):
    command = ["mock", "--stars", "50", "--out", str(tmp_path / "sky"), "--report", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "the report compares with it" in result.output
    assert not (tmp_path / "sky").exists()


def test_command(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "_chunks", lambda sky, workers: [draw_chunk(sky, 0)])
    result = CliRunner().invoke(main, ["mock", "--stars", "50", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "50 mock stars (seed 0" in result.output


def test_report_against_published_and_real_spectra(shared, sky_folder):
    from xpmodel.mock.report import report

    lines = list(report(sky_folder / MOCK_FILE, shared))
    differences = [float(line.split()[3]) for line in lines if line.startswith(("  bp", "  rp"))]
    assert len(differences) == 20
    # Red giants have the ridge of real stars, whose red ones are dwarfs: magnesium in bp4.
    assert np.sort(np.abs(differences))[-3] < 1.5
    assert np.abs(differences).max() < 3.5
    chi2 = next(line for line in lines if line.startswith("  mock ") and "real" in line)
    mock, real = (float(word.strip(",")) for word in chi2.split()[1::2])
    assert mock < 2 and real < 1.2
    for line in lines:
        if line.startswith("  spread of the published z"):
            mock, real = (float(word.strip(",")) for word in line.split()[-3::2])
            assert mock == pytest.approx(real, rel=0.2)
    assert any(line.startswith("a forest on [M/H] alone") for line in lines)
