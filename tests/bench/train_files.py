"""``python -m tests.bench.train_files [STARS]``: training from disk, against memory.

Needs PyTorch, numpy, pandas, pyarrow and safetensors only, and for 5 million stars 9 GB of disk and
6 GB of memory.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tests.bench.inputs import random_spectra
from tests.bench.measure import Row, machine, table
from xpmodel.spectra.bands import N_COEFFICIENTS
from xpmodel.spectra.spectra import Spectra
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.on_disk import TEST, TRAIN, TrainingFiles, prepare_files
from xpmodel.training.train import Epoch, TrainingConfig, train

N_STARS = 5_000_000
CHUNK = 50_000
EPOCHS, ROUNDS = 2, 2
MEMORY_GOAL = 4.0  # GB


def simulated(n_stars: int) -> Iterator[Spectra]:
    """Spectra in chunks: the same ones again and again, each time with noise of their own."""
    chunk = random_spectra(min(CHUNK, n_stars))
    rng = np.random.default_rng(0)
    for start in range(0, n_stars, len(chunk)):
        rows = slice(0, min(len(chunk), n_stars - start))
        noise = rng.standard_normal(chunk.coefficients[rows].shape, np.float32)
        yield Spectra(
            source_id=np.arange(start, start + len(noise)),
            coefficients=chunk.coefficients[rows] + noise * chunk.errors[rows],
            errors=chunk.errors[rows],
            g_flux=chunk.g_flux[rows],
            g_flux_source="file",
        )


def child(work: str, folder: Path, n_stars: int) -> dict[str, object]:
    """What a process of its own measures: seconds, and its peak of memory in GB."""
    start = time.perf_counter()
    seconds: list[float] = []
    if work == "prepare":
        prepare_files(simulated(n_stars), folder)
        seconds.append(time.perf_counter() - start)
    else:
        files = TrainingFiles.open(folder)

        def progress(epoch: Epoch) -> None:
            seconds.append(epoch.seconds)
            _forget(folder)

        data = _loaded(files) if work == "memory" else files
        _forget(folder)
        batch = min(1024, files.n_train)
        train(data, TrainingConfig(epochs=EPOCHS, batch=batch), device=_device(), progress=progress)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak": peak / (1e9 if sys.platform == "darwin" else 1e6 / 1.024)}


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _forget(folder: Path) -> None:
    """Let the operating system forget what it has read, so that the disk is read again."""
    if not hasattr(os, "posix_fadvise"):
        return
    for name in (*TRAIN, *TEST):
        with open(folder / name, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _loaded(files: TrainingFiles) -> TrainingData:
    tensors = [
        torch.from_numpy(np.fromfile(files.folder / name, np.float32).reshape(-1, N_COEFFICIENTS))
        for name in (*TRAIN, *TEST)
    ]
    x, variance, test_x, test_variance = (values.to(_device()) for values in tensors)
    return TrainingData(
        x=x,
        variance=variance,
        test_x=test_x,
        test_variance=test_variance,
        mu=files.mu,
        sig=files.sig,
        n_left_out=files.n_left_out,
        sha256=files.sha256,
    )


def rows(n_stars: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        prepared = _measure("prepare", name, n_stars)
        runs = [{work: _measure(work, name, n_stars) for work in ("memory", "disk")}
                for _ in range(ROUNDS)]  # fmt: skip
        seconds = {
            work: statistics.median(s for run in runs for s in run[work]["seconds"])
            for work in ("memory", "disk")
        }
    n_train = n_stars - -(-n_stars // 10)
    yield Row(
        "train from disk",
        n_train / seconds["disk"],
        "stars/s",
        f"stars trained on a second, tests included, {n_stars:,} simulated stars on {_device()}, "
        "the operating system's memory of the files dropped before each epoch; against all in "
        f"memory (medians of {EPOCHS * ROUNDS} epochs)",
        n_train / seconds["memory"],
        "≥ 0.8",
    )
    yield Row(
        "train from disk: memory",
        max(run["disk"]["peak"] for run in runs),
        "GB",
        "peak of the process, against that of training in memory",
        max(run["memory"]["peak"] for run in runs),
        limit=MEMORY_GOAL,
    )
    yield Row(
        "prepare for it",
        n_stars / prepared["seconds"][0],
        "stars/s",
        f"simulating and preparing them, once; peak of memory {prepared['peak']:.1f} GB",
    )


def _measure(work: str, folder: str, n_stars: int) -> dict:
    command = [sys.executable, "-m", "tests.bench.train_files", str(n_stars), work, folder]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main(arguments: list[str]) -> int:
    n_stars = int(arguments[0]) if arguments else N_STARS
    if len(arguments) == 3:
        print(json.dumps(child(arguments[1], Path(arguments[2]), n_stars)))
        return 0
    found = list(rows(n_stars))
    print(machine(), "", table(found), "", *(f"{row.name}: {row.what}" for row in found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
