"""Spectra prepared on disk, against the same ones in memory and the rows that were written."""

import dataclasses
import errno
import os
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

from tests.support.loops import some
from tests.support.training import SMALL, interrupt, some_spectra, write_spectra
from xpmodel import InputError, load_model
from xpmodel.cli.main import main
from xpmodel.training import on_disk as module
from xpmodel.training.distributed import Processes
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.metrics import to_array
from xpmodel.training.on_disk import TRAIN, TrainingFiles, prepare_files
from xpmodel.training.steps import ALONE
from xpmodel.training.train import Store, train

pytestmark = pytest.mark.usefixtures("one_thread")


def cut(spectra, rows=100):
    return (spectra[start : start + rows] for start in range(0, len(spectra), rows))


@pytest.fixture
def files(tmp_path):
    return prepare_files(cut(some_spectra()), tmp_path / "spectra")


@pytest.mark.parametrize("part_rows", [50, 10_000])
@pytest.mark.parametrize("rows", [1, 7, 600])
def test_they_hold_what_memory_would(rows, part_rows, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 128)
    monkeypatch.setattr(module, "PART_ROWS", part_rows)
    spectra = some_spectra()
    spectra.coefficients[3, 0] = np.nan
    spectra.errors[50, 109] = 0.0
    spectra.g_flux[599] = -1.0
    files = prepare_files(cut(spectra, rows), tmp_path)
    data = TrainingData.of(spectra, torch.device("cpu"))
    assert (files.n_train, files.n_test, files.n_left_out) == (537, 60, 3)
    assert files.sha256 == data.sha256
    np.testing.assert_allclose(files.mu, data.mu, rtol=1e-7)
    np.testing.assert_allclose(files.sig, data.sig, rtol=1e-6)
    kinds = {"train": (data.x, data.variance), "test": (data.test_x, data.test_variance)}
    for kind, expected in kinds.items():
        for name, values in zip(("x", "variance"), expected, strict=True):
            found = np.fromfile(tmp_path / f"{kind}_{name}.f32", np.float32).reshape(-1, 110)
            np.testing.assert_allclose(found, values, rtol=3e-6, atol=3e-6)
    assert sorted(os.listdir(tmp_path)) == sorted((*TRAIN, *module.TEST, module.DESCRIPTION))


def row_numbers(files, x):
    """Which rows of the file these are."""
    rows = np.fromfile(files.folder / TRAIN[0], np.float32).reshape(-1, 110)
    number = {row.tobytes(): i for i, row in enumerate(rows)}
    assert len(number) == files.n_train
    return np.array([number[row.tobytes()] for row in np.asarray(x)])


def epoch_rows(files, config, epoch, processes=ALONE):
    """Rows of the batches of an epoch, (batches, B)."""
    return np.concatenate([
        row_numbers(files, part.x)[part.draws.order]
        for part in files.parts(config, epoch, processes)
    ])  # fmt: skip


@pytest.mark.parametrize("part_rows", [128, 200, 10_000])
def test_an_epoch_takes_each_star_once(part_rows, files, monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", part_rows)
    seen = np.zeros(540, int)
    for epoch in range(1, 41):
        rows = epoch_rows(files, SMALL, epoch)
        assert rows.shape == (8, 64)
        assert len(np.unique(rows)) == 8 * 64
        np.add.at(seen, rows.ravel(), 1)
    assert seen.min() > 25  # of 28 left over in each epoch none is always the same
    first, again, other = (epoch_rows(files, SMALL, epoch) for epoch in (3, 3, 4))
    assert (first == again).all() and (first != other).mean() > 0.9


def test_variances_and_draws_belong_to_the_stars(files):
    (part,) = files.parts(SMALL, 1, ALONE)
    rows = np.fromfile(files.folder / TRAIN[1], np.float32).reshape(-1, 110)
    np.testing.assert_array_equal(part.variance, rows[row_numbers(files, part.x)])
    assert part.draws.eps.shape == (8, 64, 2)
    assert float(part.draws.eps.mean()) == pytest.approx(0, abs=0.1)
    assert float(part.draws.eps.std()) == pytest.approx(1, abs=0.1)


def test_a_batch_is_mixed(files, monkeypatch):
    """It has stars of all blocks in memory, not of one."""
    monkeypatch.setattr(module, "PART_ROWS", 256)
    for batch in some(epoch_rows(files, SMALL, 1)[:4]):
        assert len(np.unique(batch // 64)) >= 4
        assert np.abs(np.diff(batch)).mean() > 40


def test_processes_share_a_batch(files, monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", 128)
    parts = [epoch_rows(files, SMALL, 2, Processes(2, rank)) for rank in (0, 1)]
    assert [part.shape for part in parts] == [(8, 32)] * 2
    assert len(np.unique(parts)) == 8 * 64
    eps = [next(files.parts(SMALL, 2, Processes(2, rank))).draws.eps for rank in (0, 1)]
    assert not torch.equal(*eps)


def test_test_stars_come_once_and_in_order(files, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 25)
    parts = [[values.clone() for values in part] for part in files.test_parts(SMALL)]
    assert [len(part[0]) for part in parts] == [25, 25, 10]
    data = TrainingData.of(some_spectra(), torch.device("cpu"))
    x, variance, eps = (torch.cat(values) for values in zip(*parts, strict=True))
    torch.testing.assert_close(x, data.test_x, rtol=3e-6, atol=3e-6)
    torch.testing.assert_close(variance, data.test_variance, rtol=3e-6, atol=3e-6)
    torch.testing.assert_close(eps, module.draw_test(SMALL, 60))


@pytest.mark.slow
def test_training_from_a_sorted_file_is_as_good_as_in_memory(tmp_path, monkeypatch):
    """Sorted by the first coefficient, and a fifth of the stars in memory at a time.

    The loss falls by hundreds; with other seeds it ends up to 10 away, from memory as from disk.
    """
    monkeypatch.setattr(module, "PART_ROWS", 512)
    config = dataclasses.replace(SMALL, epochs=40, restart=40)
    spectra = some_spectra(3000)
    spectra = spectra[np.argsort(spectra.coefficients[:, 0] / spectra.g_flux)]
    files = prepare_files(cut(spectra, 500), tmp_path)
    memory, disk = [], []
    train(spectra, config, device="cpu", progress=memory.append)
    model = train(files, config, device="cpu", progress=disk.append)
    assert memory[-1].test_reconstruction < memory[0].test_reconstruction - 150
    assert disk[-1].test_reconstruction == pytest.approx(memory[-1].test_reconstruction, abs=12)
    assert model.description["training"]["from_disk"] is True
    assert model.description["training"]["n_train"] == 2700


def test_stopped_and_resumed(files, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", 128)
    whole, resumed = Store(tmp_path / "whole"), Store(tmp_path / "stopped", every=1)
    model = train(files, SMALL, device="cpu", store=whole)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 20)
        train(files, SMALL, device="cpu", store=resumed)
    resumed = Store(tmp_path / "stopped", resume=True)
    again = train(TrainingFiles.open(files.folder), SMALL, device="cpu", store=resumed)
    assert again.hash == model.hash
    a, b = (to_array(store.epochs, 2)[:, :-1] for store in (whole, resumed))
    np.testing.assert_array_equal(a, b)


def test_a_full_disk_leaves_nothing_large(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_move", fail)
    with pytest.raises(OSError, match="No space left on device; prepared spectra take 880 bytes"):
        prepare_files(cut(some_spectra()), tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coefficients": np.nan}, "0 of 600 spectra are usable"),
        ({"coefficients": 0.0}, "coefficient 0 is the same for all 540 training stars"),
    ],
)
def test_spectra_that_cannot_be_trained_on(change, words, tmp_path):
    spectra = some_spectra()
    for name, value in change.items():
        getattr(spectra, name)[:] = value
    with pytest.raises(InputError, match=words):
        prepare_files(cut(spectra), tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("damage", ["cut", "missing", "text", "numbers", "foreign"])
def test_damaged_files_are_refused(damage, files):
    path = files.folder / TRAIN[1]
    description = files.folder / module.DESCRIPTION
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    elif damage == "missing":
        path.unlink()
    elif damage == "text":
        description.write_text("{")
    elif damage == "numbers":
        description.write_text(description.read_text().replace('"n_train": 540', '"n_train": null'))
    else:
        description.write_text('{"format": "other"}')
    with pytest.raises(InputError, match=str(files.folder)):
        TrainingFiles.open(files.folder)


def run(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments), "--device", "cpu"])


@pytest.mark.slow
def test_the_command(tmp_path, monkeypatch):
    """Interrupted and resumed, without the source: what was prepared is enough."""
    source, out = write_spectra(tmp_path / "stars.h5"), tmp_path / "model"
    options = ("--out", out, "--stream", "--epochs", 3, "--batch", 64, "--checkpoint-every", 1)
    with monkeypatch.context() as patch:
        interrupt(patch, 12)
        result = run(source, *options)
    assert result.exit_code == 130
    assert f"--out {out} --resume --stream" in result.output
    assert "spectra: 600 spectra prepared, 0 left out" in result.output
    assert TrainingFiles.open(out / "spectra").n_train == 540
    shutil.move(source, tmp_path / "elsewhere.h5")
    result = run(source, "--out", out, "--resume", "--stream")
    assert result.exit_code == 0, result.output
    assert sorted(os.listdir(out)) == [
        "curves.pdf", "metrics.parquet", "model.json", "model.safetensors"
    ]  # fmt: skip
    assert pq.read_table(out / "metrics.parquet")["epoch"].to_pylist() == [1, 2, 3]
    said = load_model(out).description
    assert said["source"]["spectra"]["name"] == "stars.h5"
    assert len(said["source"]["spectra"]["sha256"]) == 64
    assert said["training"]["from_disk"] is True


def test_the_command_proposes_it_where_memory_is_short(tmp_path, monkeypatch):
    monkeypatch.setattr("xpmodel.cli.train._physical_memory", lambda: 1e5)
    result = run(write_spectra(tmp_path / "stars.h5"), "--out", tmp_path / "model")
    assert result.exit_code == 2
    assert "train from disk with --stream" in result.output
    assert not (tmp_path / "model").exists()
