"""Runs that are killed, interrupted, out of disk, or resumed with something else."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

from tests.support.loops import some
from tests.support.training import SMALL, interrupt, some_spectra, write_spectra
from xpmodel import InputError, load_model
from xpmodel.cli.main import main
from xpmodel.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from xpmodel.training.metrics import to_array
from xpmodel.training.train import Store, train

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = dataclasses.replace(SMALL, epochs=6, kl_warmup=3)


def curves(epochs):
    """All but the seconds."""
    return to_array(epochs, 2)[:, :-1]


@pytest.fixture(scope="module")
def whole():
    """A run that nothing stopped: its epochs and its model."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    epochs = []
    model = train(some_spectra(), CONFIG, device="cpu", progress=epochs.append)
    torch.set_num_threads(threads)
    return epochs, model


@pytest.mark.parametrize("step", [1, 5, 8, 9, 20, 47, 48])
def test_stopped_at_any_step_and_resumed(step, whole, tmp_path, monkeypatch):
    store = Store(tmp_path, every=2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, step)
        train(some_spectra(), CONFIG, device="cpu", store=store)
    assert store.n_saved == (step - 1) // 8 // 2 * 2  # 8 steps an epoch
    resumed = Store(tmp_path, every=2, resume=True)
    seen = []
    model = train(some_spectra(), CONFIG, device="cpu", store=resumed, progress=seen.append)
    assert seen[0].number == store.n_saved + 1
    np.testing.assert_array_equal(curves(resumed.epochs), curves(whole[0]))
    assert model.hash == whole[1].hash


@pytest.mark.slow
def test_killed_and_resumed(tmp_path):
    """SIGKILL, which no program can answer; then the same command with --resume."""
    source = write_spectra(tmp_path / "stars.h5")
    command = ["train", str(source), "--device", "cpu", "--checkpoint-every", "3",
               "--epochs", "40", "--batch", "64", "--restart", "10", "--learning-rate", "1e-3",
               "--out"]  # fmt: skip
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    child = subprocess.Popen(
        [sys.executable, "-m", "xpmodel", *command, str(killed)],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    path = killed / CHECKPOINT_FILE
    end = time.monotonic() + 60
    while not path.exists() or not Checkpoint.read(path).epochs:
        assert child.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    time.sleep(0.1)  # into an epoch
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert 3 <= len(Checkpoint.read(path).epochs) < 40

    for arguments in ([str(killed), "--resume"], [str(whole)]):
        result = CliRunner().invoke(main, [*command, *arguments])
        assert result.exit_code == 0, result.output
    a, b = (pq.read_table(f / "metrics.parquet").drop_columns("seconds") for f in (killed, whole))
    assert a.num_rows == 40 and a.equals(b)
    a, b = ((folder / "model.safetensors").read_bytes() for folder in (killed, whole))
    assert a == b


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    source, out = write_spectra(tmp_path / "stars.h5"), tmp_path / "model"
    command = ["train", str(source), "--out", str(out), "--device", "cpu", "--epochs", "4",
               "--batch", "64", "--checkpoint-every", "1"]  # fmt: skip
    with monkeypatch.context() as patch:
        interrupt(patch, 20)
        result = CliRunner().invoke(main, command)
    assert result.exit_code == 130
    assert "the state after epoch 2 of 4" in result.output
    again = f"xpmodel train {source} --out {out} --resume"
    assert again in result.output
    assert sorted(os.listdir(out)) == [CHECKPOINT_FILE, "metrics.parquet"]

    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2 and "unfinished training" in refused.output
    # The options come from the checkpoint.
    result = CliRunner().invoke(main, [*again.split()[1:], "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert sorted(os.listdir(out)) == [
        "curves.pdf", "metrics.parquet", "model.json", "model.safetensors"
    ]  # fmt: skip
    assert pq.read_table(out / "metrics.parquet")["epoch"].to_pylist() == [1, 2, 3, 4]
    assert load_model(out).description["training"]["batch"] == 64
    result = CliRunner().invoke(main, [*command, "--resume"])
    assert result.exit_code == 2 and "no checkpoint to resume from" in result.output


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 20)
        train(some_spectra(), CONFIG, device="cpu", store=Store(tmp_path, every=1))
    return tmp_path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"beta": 2.0}, "was made with beta 1.0, not 2.0"),
        ({"learning_rate": 1e-4}, "was made with learning rate 0.003, not 0.0001"),
        ({"layers": (20, 8)}, "was made with layers"),
        ({"seed": 1}, "was made with seed 0, not 1"),
        ({"variant": "vae"}, "was made with variant scatter-vae, not vae"),
    ],
)
def test_other_options_are_refused(stopped, change, words):
    before = (stopped / CHECKPOINT_FILE).read_bytes()
    other = dataclasses.replace(CONFIG, **change)
    with pytest.raises(InputError, match=words):
        train(some_spectra(), other, device="cpu", store=Store(stopped, resume=True))
    assert (stopped / CHECKPOINT_FILE).read_bytes() == before


def test_other_data_are_refused(stopped):
    spectra = some_spectra()
    spectra.errors[0, 0] *= 1.01
    with pytest.raises(InputError, match="was made from other spectra"):
        train(spectra, CONFIG, device="cpu", store=Store(stopped, resume=True))


def test_a_full_disk_leaves_the_last_checkpoint(whole, tmp_path, monkeypatch):
    """Writes fail half-way from epoch 3 on; the run ends well, and the checkpoint is epoch 2's."""
    from pathlib import Path

    said = []
    store = Store(tmp_path, every=1, warn=said.append)
    write = Path.write_bytes

    def fail(path, content):
        if CHECKPOINT_FILE in path.name and len(store.epochs) >= 3:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    model = train(some_spectra(), CONFIG, device="cpu", store=store)
    assert len(said) == 4 and "No space left" in said[0]
    assert "the last checkpoint is that of epoch 2" in said[-1]
    assert model.hash == whole[1].hash
    assert os.listdir(tmp_path).count(CHECKPOINT_FILE) == 1
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    monkeypatch.undo()
    resumed = Store(tmp_path, resume=True)
    again = train(some_spectra(), CONFIG, device="cpu", store=resumed)
    assert again.hash == whole[1].hash
    np.testing.assert_array_equal(curves(resumed.epochs), curves(whole[0]))


def test_a_loss_that_is_not_finite_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    rate = dataclasses.replace(CONFIG).rate
    monkeypatch.setattr(
        "xpmodel.training.config.TrainingConfig.rate",
        lambda self, epoch: 1e30 if epoch == 3 else rate(epoch),
    )
    with pytest.raises(InputError, match=r"in epoch 3, batch 2 of 8.*checkpoint of epoch 2 is kep"):
        train(some_spectra(), CONFIG, device="cpu", store=Store(tmp_path, every=1))
    checkpoint = Checkpoint.read(tmp_path / CHECKPOINT_FILE)
    assert len(checkpoint.epochs) == 2
    assert all(torch.isfinite(tensor).all() for tensor in some(checkpoint.tensors.values()))


def test_checkpoints_by_time(tmp_path, monkeypatch):
    interrupt(monkeypatch, 20)
    store = Store(tmp_path, every=1000, seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(some_spectra(), CONFIG, device="cpu", store=store)
    assert store.n_saved == 2


def test_a_folder_that_takes_no_checkpoint_is_found_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        train(some_spectra(), CONFIG, device="cpu", store=Store(tmp_path / "file" / "model"))


@pytest.mark.parametrize("damage", ["cut", "text", "foreign", "nan", "shape", "moment"])
def test_damaged_checkpoints_are_refused(stopped, damage):
    from safetensors.torch import load, save

    path = stopped / CHECKPOINT_FILE
    content = path.read_bytes()
    tensors = load(content)
    checkpoint = Checkpoint.read(path)
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("no checkpoint")
    elif damage == "foreign":
        path.write_bytes(save(tensors))
    else:
        import json

        name = {"nan": "network.mu.weight", "shape": "network.mu.bias"}.get(
            damage, "exp_avg.mu.weight"
        )
        if damage == "nan":
            tensors[name][0, 0] = torch.nan
        elif damage == "shape":
            tensors[name] = torch.zeros(7)
        else:
            del tensors[name]
        said = {"format": "xpmodel-training", "recipe": dataclasses.asdict(CONFIG),
                "data_sha256": checkpoint.data_sha256}  # fmt: skip
        path.write_bytes(save(tensors, metadata={"xpmodel": json.dumps(said)}))
    with pytest.raises(InputError, match=CHECKPOINT_FILE):
        train(some_spectra(), CONFIG, device="cpu", store=Store(stopped, resume=True))
