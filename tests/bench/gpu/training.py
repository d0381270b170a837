"""Epochs of training: as it is, without its compiler, without its CUDA graph, and by hand."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from unittest import mock

import torch
from torch import Tensor, nn

from tests.bench.gpu.results import Row
from tests.bench.gpu.timing import Bench
from tests.bench.inputs import random_spectra
from tests.bench.train import PUBLISHED, RELEASED_BATCH, RELEASED_EPOCHS
from xpmodel.model.network import ScatterVAE
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.loss import scatter_loss
from xpmodel.training.steps import TEST_BATCH_CUDA, Steps
from xpmodel.training.train import Epoch, TrainingConfig, train

# Epochs before those that count: kernels are compiled and chosen in the first.
UNMEASURED = 2
# Of the losses after the same few epochs, which rounding drives apart.
AGREEMENT = 1e-2
VARIANTS = {
    "as it is": (),
    "CUDA graph, not compiled": ("compiler",),
    "compiled, no CUDA graph": ("graph",),
    "neither": ("compiler", "graph"),
}


def epochs(bench: Bench) -> Iterator[Row]:
    """An epoch with its test, in every way that it can be run."""
    data = TrainingData.of(random_spectra(bench.sizes.train), bench.device)
    batch = min(RELEASED_BATCH, data.n_train // 4)
    loop = _BareLoop(data, batch)
    floor = bench.times({"bare": loop.epoch}, 5, warm=1)["bare"]
    products = bench.times({"products": _products(bench, loop.network, batch)}, warm=1)["products"]
    steps = data.n_train // batch
    replayed = [seconds * steps for seconds in products]
    flops = _flops(loop.network, data.n_train // batch * batch, data.n_test)
    rate = _flop_rate(bench)
    losses: dict[str, float] = {}
    for name, without in VARIANTS.items():
        n = bench.sizes.epochs if "graph" not in without else max(1, bench.sizes.epochs // 4)
        found = _run(data, bench.device.type, batch, n, without)
        losses[name] = found.losses[UNMEASURED]
        yield Row.timed(
            f"training epoch: {name}",
            f"{data.n_train:,} × 110 in batches of {batch:,}, and its test; against the same "
            "steps written by hand, one operation after another, no loss read",
            found.seconds,
            floor,
            "s",
            **found.said,
        )
        if without:
            continue
        ours = statistics.median(found.seconds)
        yield Row(
            "training epoch: as it is, products",
            "s",
            "against the epoch's matrix products alone, batch by batch, from a CUDA graph",
            ours,
            statistics.median(replayed),
            repeats=len(found.seconds),
        )
        yield Row(
            "training epoch: as it is, FLOP/s",
            "s",
            "against its matrix products at the float32 rate of a large product",
            ours,
            flops / rate,
            repeats=len(found.seconds),
            more={"epoch_GFLOP": flops / 1e9, "large_product_TFLOP_per_s": rate / 1e12},
        )
        yield Row(
            f"training: {RELEASED_EPOCHS:,} epochs",
            "min",
            f"the first epoch and {RELEASED_EPOCHS - 1:,} of the median; against {PUBLISHED} s an "
            "epoch on an RTX 4070 Ti, as published",
            (found.first + (RELEASED_EPOCHS - 1) * ours) / 60,
            PUBLISHED * RELEASED_EPOCHS / 60,
        )
    wanted = losses["neither"]
    yield Row.agreement(
        "training: agreement",
        f"loss after {UNMEASURED + 1} epochs: largest relative difference from that without graph "
        "and compiler",
        max(abs(loss / wanted - 1) for loss in losses.values()),
        AGREEMENT,
    )


def on_the_cpu(bench: Bench) -> Iterator[Row]:
    """The same epoch on this machine's CPU."""
    data = TrainingData.of(random_spectra(bench.sizes.train), torch.device("cpu"))
    batch = min(RELEASED_BATCH, data.n_train // 4)
    found = _run(data, "cpu", batch, 1, ())
    yield Row.timed(
        "training epoch: on the CPU",
        f"{data.n_train:,} × 110 on {torch.get_num_threads()} threads; for comparison",
        found.seconds,
        unit="s",
    )


class _Found:
    """What a training was seen to do."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.losses: list[float] = []
        self.first = 0.0
        self.said: dict[str, object] = {}


def _run(data: TrainingData, device: str, batch: int, n: int, without: tuple[str, ...]) -> _Found:
    """Train for n epochs that count, without the parts named."""
    config = TrainingConfig(epochs=UNMEASURED + n, batch=batch)
    found, made = _Found(), []
    start = time.perf_counter()

    def progress(epoch: Epoch) -> None:
        if epoch.number == 1:
            found.first = time.perf_counter() - start
        if epoch.number > UNMEASURED:
            found.seconds.append(epoch.seconds)
        found.losses.append(epoch.test_reconstruction + epoch.test_kl)

    begin = Steps.begin

    def watched(steps: Steps, epoch: int) -> None:
        made.append(steps)
        begin(steps, epoch)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(Steps, "begin", watched))
        if "compiler" in without:
            stack.enter_context(mock.patch.object(Steps, "_compile"))
        if "graph" in without:
            stack.enter_context(mock.patch.object(Steps, "_take_recorded", Steps._take))
        train(data, config, device=device, progress=progress)
    median = statistics.median(found.seconds)
    found.said = {
        "compiled": made[0].compiled,
        "first_epoch_s": found.first,
        "hours_for_5000_epochs": RELEASED_EPOCHS * median / 3600,
    }
    if device == "cuda" and "compiler" not in without and not made[0].compiled:
        found.said["note"] = "the compiler failed here, and the steps ran without it"
    return found


class _BareLoop:
    """The steps of an epoch as one writes them down, on data that lie on the device."""

    def __init__(self, data: TrainingData, batch: int) -> None:
        torch.manual_seed(0)
        self.network = ScatterVAE().to(data.x.device)
        self._optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, fused=True)
        self._data = data
        self._batch = batch

    def epoch(self) -> None:
        data = self._data
        order = torch.randperm(data.n_train, device=data.x.device)
        self.network.train()
        for rows in order[: data.n_train // self._batch * self._batch].split(self._batch):
            loss = scatter_loss(self.network, data.x[rows], data.variance[rows])
            self._optimizer.zero_grad()
            loss.total.backward()
            self._optimizer.step()
        self.network.eval()
        with torch.no_grad():
            for parts in zip(data.test_x.split(TEST_BATCH_CUDA),
                             data.test_variance.split(TEST_BATCH_CUDA), strict=True):  # fmt: skip
                scatter_loss(self.network, *parts)


def _layers(network: ScatterVAE) -> list[nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


def _products(bench: Bench, network: ScatterVAE, batch: int) -> Callable[[], object]:
    """The matrix products of one step: forward, and those of both gradients."""
    sizes = [(layer.in_features, layer.out_features) for layer in _layers(network)]

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, device=bench.device)

    operands = [(random(batch, a), random(b, a), random(batch, b)) for a, b in sizes]

    def step() -> list[Tensor]:
        return [
            product
            for x, weight, gradient in operands
            for product in (x @ weight.T, gradient @ weight, gradient.T @ x)
        ]

    return bench.captured(step)


def _flops(network: ScatterVAE, n_train: int, n_test: int) -> float:
    """Operations of an epoch's matrix products: one forward and two backward, and the test's."""
    weights = sum(layer.weight.numel() for layer in _layers(network))
    return 2.0 * weights * (3 * n_train + n_test)


def _flop_rate(bench: Bench) -> float:
    """Operations a second of a large product in float32."""
    n = bench.sizes.ceiling
    a, b = torch.randn((2, n, n), device=bench.device)
    seconds = bench.times({"product": lambda: a @ b}, 5)["product"]
    return 2.0 * n**3 / statistics.median(seconds)
