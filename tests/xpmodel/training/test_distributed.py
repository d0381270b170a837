"""Several processes that torchrun starts, against one that does the work of all by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.support.plain_loss import plain_loss
from tests.support.training import some_spectra, write_spectra
from xpmodel import InputError, ScatterVAE, load_model
from xpmodel.training.config import TrainingConfig
from xpmodel.training.distributed import Processes, join_processes
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.steps import draw

CONFIG = TrainingConfig(epochs=3, batch=64, learning_rate=1e-3, restart=3)
OPTIONS = ("--epochs", "3", "--batch", "64", "--learning-rate", "1e-3", "--restart", "3",
           "--device", "cpu")  # fmt: skip


def torchrun(*arguments, n=2):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
               str(n), "-m", "xpmodel", "train", *map(str, arguments)]  # fmt: skip
    return subprocess.run(
        command, cwd=Path(__file__).resolve().parents[3], capture_output=True, text=True,
        timeout=200, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def by_hand():
    """Losses of each epoch and the weights at the end.

    Each half of a batch is normalized by itself; gradients are means of both, and after each epoch
    so are the running statistics.
    """
    data = TrainingData.of(some_spectra(), torch.device("cpu"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(CONFIG.seed)
        state = ScatterVAE().state_dict()
    running = [{k: v.clone() for k, v in state.items() if "running" in k} for _ in range(2)]
    p = {k: v.clone().requires_grad_() for k, v in state.items()
         if "running" not in k and "tracked" not in k}  # fmt: skip
    optimizer = torch.optim.AdamW(p.values(), foreach=False, fused=False)
    losses = []
    for epoch in range(1, 4):
        optimizer.param_groups[0]["lr"] = CONFIG.rate(epoch)
        epoch_losses = []
        for rows, eps in zip(*draw(CONFIG, 540, epoch), strict=True):
            parts = [
                plain_loss(p, data.x[rows[half]], data.variance[rows[half]], eps[half], running[i])
                for i, half in enumerate((slice(0, 32), slice(32, 64)))
            ]
            reconstruction, kl = (sum(values) / 2 for values in zip(*parts, strict=True))
            optimizer.zero_grad()
            (reconstruction + kl).backward()
            optimizer.step()
            epoch_losses.append((reconstruction.item(), kl.item()))
        losses.append(np.mean(epoch_losses, axis=0))
        mean = {k: (running[0][k] + running[1][k]) / 2 for k in running[0]}
        running = [{k: v.clone() for k, v in mean.items()} for _ in range(2)]
    return np.array(losses), {k: v.detach() for k, v in p.items()} | running[0]


@pytest.mark.slow
def test_two_processes_are_one_by_hand(tmp_path, one_thread):
    source, out = write_spectra(tmp_path / "stars.h5"), tmp_path / "model"
    result = torchrun(source, "--out", out, *OPTIONS)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("600 of 600 rows used") == 1  # one speaks for both
    metrics = pq.read_table(out / "metrics.parquet").to_pandas()
    losses, weights = by_hand()
    np.testing.assert_allclose(metrics["reconstruction"], losses[:, 0], rtol=1e-4)
    np.testing.assert_allclose(metrics["kl"], losses[:, 1], rtol=1e-4)
    assert losses[-1, 0] < losses[0, 0] - 5
    model = load_model(out)
    found = model.network.state_dict()
    for name in (name for name in weights if "bias" not in name and "mean" not in name):
        # A bias before a batch norm drifts with rounding, and that mean with it. A step is 1e-3.
        torch.testing.assert_close(found[name], weights[name], rtol=0, atol=1e-4)
    said = json.loads((out / "model.json").read_text())["training"]
    assert (said["processes"], said["n_train"], said["n_test"]) == (2, 540, 60)

    # The test's share of each process together are all test stars.
    data = TrainingData.of(some_spectra(), torch.device("cpu"))
    from xpmodel.training.loss import scatter_loss
    from xpmodel.training.steps import draw_test

    with torch.no_grad():
        test = scatter_loss(
            model.network.cpu().eval(), data.test_x, data.test_variance, draw_test(CONFIG, 60)
        )
    shown = metrics["test_reconstruction"].iloc[-1]
    assert shown == pytest.approx(float(test.reconstruction), rel=1e-4)


@pytest.mark.slow
def test_two_processes_from_disk_stopped_and_resumed(tmp_path):
    source = write_spectra(tmp_path / "stars.h5")
    whole, again = tmp_path / "whole", tmp_path / "again"
    result = torchrun(source, "--out", whole, *OPTIONS, "--stream", "--checkpoint-every", 1)
    assert result.returncode == 0, result.stderr
    # A run whose third epoch fails goes on from the second.
    code = (
        "import xpmodel.training.config as r, sys; rate = r.TrainingConfig.rate\n"
        "r.TrainingConfig.rate = lambda self, epoch: 1e30 if epoch == 3 else rate(self, epoch)\n"
        "from xpmodel.cli.main import main; main()"
    )
    script = tmp_path / "spoiled.py"
    script.write_text(code)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
               "2", str(script), "train", str(source), "--out", str(again), *OPTIONS, "--stream",
               "--checkpoint-every", "1"]  # fmt: skip
    spoiled = subprocess.run(
        command, cwd=Path(__file__).resolve().parents[3], capture_output=True, text=True,
        timeout=200, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert spoiled.returncode != 0
    assert "not finite in epoch 3" in spoiled.stderr
    assert "the checkpoint of epoch 2 is kept" in spoiled.stderr
    result = torchrun(source, "--out", again, "--device", "cpu", "--stream", "--resume")
    assert result.returncode == 0, result.stderr
    a, b = (pq.read_table(f / "metrics.parquet").drop_columns("seconds") for f in (whole, again))
    assert a.num_rows == 3 and a.equals(b)
    assert load_model(whole).hash == load_model(again).hash


def test_a_batch_that_cannot_be_shared():
    assert Processes(4, 1).share(1024) == 256
    for batch in (1023, 4):
        with pytest.raises(InputError, match=f"batch {batch}: 4 processes cannot take equal parts"):
            Processes(4, 1).share(batch)


def test_alone_without_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_processes("cpu") == Processes(1, 0)
