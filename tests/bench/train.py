"""``python -m tests.bench.train``: an epoch of training, against plain loops in the same run.

Needs PyTorch, numpy, pandas, pyarrow and safetensors only.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from tests.bench.inputs import random_spectra
from tests.bench.measure import Row, machine, table
from xpmodel.model.network import ScatterVAE
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.loss import scatter_loss
from xpmodel.training.train import Epoch, TrainingConfig, train

RELEASED_STARS = 502_311  # 452,079 of them to train on
RELEASED_EPOCHS = 5000
RELEASED_BATCH, RELEASED_TEST_BATCH = 1024, 5120
# What an epoch of the released run took, on an RTX 4070 Ti.
PUBLISHED = 4.57
GOAL = 0.24


def rows(n_stars: int, epochs: int, floor_epochs: int = 3) -> Iterator[Row]:
    """Medians over epochs but for the first few, in which a GPU's kernels are made."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spectra = random_spectra(n_stars)
    data = TrainingData.of(spectra, torch.device("cpu"))
    plain = {"DataLoader": PlainLoop(data, device, _loaded),
             "batches": PlainLoop(data, device, _indexed)}  # fmt: skip
    unmeasured = 1 if device == "cpu" else 5
    ours: list[float] = []
    floors: dict[str, list[float]] = {name: [] for name in plain}

    def progress(epoch: Epoch) -> None:
        if epoch.number <= unmeasured:
            return
        ours.append(epoch.seconds)
        if len(ours) <= floor_epochs:  # between ours, so that noise meets all alike
            for name, loop in plain.items():
                floors[name].append(loop.epoch())

    batch = min(RELEASED_BATCH, len(data.x))
    train(
        spectra,
        TrainingConfig(epochs=epochs + unmeasured, batch=batch),
        device=device,
        progress=progress,
    )
    seconds = statistics.median(ours)
    n_train = len(data.x)
    each = f"an epoch of {n_train:,} × 110 with its test, median of {epochs}, on {device}; "
    yield Row(
        "train: epoch",
        seconds,
        "s",
        each + "against a loop like the released one: DataLoader over single stars, gradient "
        f"scaler, a loss read each batch, test in batches of {RELEASED_TEST_BATCH:,} (median of "
        f"{min(floor_epochs, epochs)})",
        statistics.median(floors["DataLoader"]),
        "≤ 0.9",
    )
    yield Row(
        "train: epoch, harder",
        seconds,
        "s",
        "against the same loop taking its batches whole from tensors on the device",
        statistics.median(floors["batches"]),
        "≤ 0.9",
    )
    if n_train >= 452_079:
        yield Row(
            "train: as published",
            seconds,
            "s",
            f"against {PUBLISHED} s on an RTX 4070 Ti, as published; {RELEASED_EPOCHS:,} epochs "
            f"take {RELEASED_EPOCHS * seconds / 60:.1f} minutes at this rate",
            PUBLISHED,
            limit=GOAL if device == "cuda" else None,
        )


class PlainLoop:
    """Training as one writes it first."""

    def __init__(
        self,
        data: TrainingData,
        device: str,
        batches: Callable[[Tensor, Tensor, int, str], Iterable[tuple[Tensor, Tensor]]],
    ) -> None:
        torch.manual_seed(0)
        self.network = ScatterVAE().to(device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4)
        self.scaler = torch.amp.GradScaler(device, enabled=device == "cuda")
        n = len(data.x)
        self.batches = partial(batches, data.x, data.variance, min(RELEASED_BATCH, n), device)
        self.test = partial(
            batches,
            data.test_x,
            data.test_variance,
            min(RELEASED_TEST_BATCH, len(data.test_x)),
            device,
        )

    def epoch(self) -> float:
        """Seconds that it takes."""
        start = time.perf_counter()
        sums = [0.0, 0.0]
        self.network.train()
        for x, variance in self.batches():
            self.optimizer.zero_grad()
            loss = scatter_loss(self.network, x, variance)
            self.scaler.scale(loss.total).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            sums[0] += loss.reconstruction.item()
            sums[1] += loss.kl.item()
        self.network.eval()
        with torch.no_grad():
            for x, variance in self.test():
                loss = scatter_loss(self.network, x, variance)
                sums[0] += loss.reconstruction.item()
                sums[1] += loss.kl.item()
        return time.perf_counter() - start


def _loaded(x: Tensor, variance: Tensor, batch: int, device: str) -> Iterator[tuple[Tensor, ...]]:
    loader = DataLoader(TensorDataset(x, variance), batch, shuffle=True, drop_last=True)
    for part in loader:
        yield tuple(values.to(device) for values in part)


def _indexed(x: Tensor, variance: Tensor, batch: int, device: str) -> Iterator[tuple[Tensor, ...]]:
    # A copy on a GPU once an epoch costs it milliseconds.
    x, variance = x.to(device), variance.to(device)
    order = torch.randperm(len(x), device=device)
    for rows in order[: len(x) // batch * batch].split(batch):
        yield x[rows], variance[rows]


def main() -> int:
    if torch.cuda.is_available():
        found = list(rows(RELEASED_STARS, epochs=100))
    else:
        # A fifth of the stars and few epochs: hours would go by otherwise.
        found = list(rows(RELEASED_STARS // 5, epochs=7))
    print(machine(), "", table(found), "", *(f"{row.name}: {row.what}" for row in found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
