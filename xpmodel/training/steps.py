"""Optimizer steps of an epoch, batch after batch, without waiting for the device between them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xpmodel.model.network import ScatterVAE
from xpmodel.training.config import TrainingConfig
from xpmodel.training.distributed import Processes
from xpmodel.training.loss import objective, scatter_loss

ALONE = Processes()
# Batches that run before a CUDA graph is recorded: libraries choose their kernels in them.
UNRECORDED = 3
# Stars tested at a time: as many as a CPU's cache holds, or as keep a GPU busy.
TEST_BATCH, TEST_BATCH_CUDA = 4096, 65_536


class Draws(NamedTuple):
    """What is random in an epoch: rows of its batches and draws of z, on the CPU.

    They follow from the seed and the epoch's number alone, the same on every device, so that a
    run that goes on after an interruption needs no state of a random generator.

    Attributes
    ----------
    order : Tensor, (batches, B) int64
    eps : Tensor, (batches, B, K)
    """

    order: Tensor
    eps: Tensor


class Part(NamedTuple):
    """Training stars at hand, and batches of them.

    Attributes
    ----------
    x, variance : Tensor, (N, 110)
        On the device, or in memory on the way to it.
    draws : Draws
    """

    x: Tensor
    variance: Tensor
    draws: Draws


def draw(config: TrainingConfig, n: int, epoch: int, dtype: torch.dtype = torch.float32) -> Draws:
    """The draws of an epoch over n training stars; its last, partial batch is dropped."""
    generator = generator_of(config, epoch)
    batches = n // config.batch
    order = torch.randperm(n, generator=generator)[: batches * config.batch]
    shape = (batches, config.batch, config.latents)
    eps = torch.randn(shape, generator=generator, dtype=dtype)
    return Draws(order.view(batches, config.batch), eps)


def draw_test(
    config: TrainingConfig, n: int, dtype: torch.dtype = torch.float32
) -> Tensor:  # (n, K)
    """Draws of z for n test stars: the same after every epoch, so that epochs compare."""
    return torch.randn((n, config.latents), generator=generator_of(config, 0), dtype=dtype)


def generator_of(config: TrainingConfig, *numbers: int) -> torch.Generator:
    """Of the draws of an epoch, or of whatever else has these numbers."""
    # Hashed: neighbouring seeds must not give sequences that have anything in common.
    seed = np.random.SeedSequence([config.seed, *numbers]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed))


class Steps:
    """A network, its optimizer, and the batches that train it.

    Everything that a step needs lies on the device, the number of its batch included. So on a GPU
    a step is recorded once as a CUDA graph and replayed, and the CPU only looks at the losses when
    an epoch is over.

    Parameters
    ----------
    network : ScatterVAE
        On the device, in the dtype of the data.
    config : TrainingConfig
    x, variance : Tensor, (N, 110)
        On the device: the training stars, or room for as many as come at a time.
    processes : Processes
        Those that train together. N is this one's share, and so are its batches.
    """

    def __init__(
        self,
        network: ScatterVAE,
        config: TrainingConfig,
        x: Tensor,
        variance: Tensor,
        processes: Processes = ALONE,
    ) -> None:
        self.network = network
        self.config = config
        self.compiled = False
        self._x, self._variance = x, variance
        self._joined = processes.joined(network)
        self._processes = processes
        device = x.device
        # Several processes talk to each other in a step; such a step is not recorded.
        self._is_recorded = x.is_cuda and processes.size == 1
        # A number that a recorded step reads must lie on the device.
        rate = torch.tensor(config.learning_rate, device=device) if self._is_recorded else 0.0
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=rate, fused=True, capturable=self._is_recorded
        )
        batch, k = processes.share(config.batch), config.latents
        batches = len(x) // batch
        self._order = torch.zeros((batches, batch), dtype=torch.int64, device=device)
        self._eps = x.new_zeros((batches, batch, k))
        self._number = torch.zeros(1, dtype=torch.int64, device=device)
        self._kl_weight = x.new_zeros(())
        self._parts = x.new_zeros((batches, 1 + k))
        self._graph: torch.cuda.CUDAGraph | None = None
        self._unrecorded = UNRECORDED
        self._loss: Callable[..., tuple[Tensor, Tensor]] = self._loss_and_parts
        if self._is_recorded:
            self._compile()

    def begin(self, epoch: int) -> None:
        """Take the weights of an epoch's rate and KL."""
        self.network.train()
        self._kl_weight.fill_(self.config.kl_weight(epoch))
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(self.config.rate(epoch))
            else:
                group["lr"] = self.config.rate(epoch)

    def take(self, part: Part) -> Tensor:
        """Take a step for each batch of a part; on a GPU this returns while they still run.

        Returns
        -------
        Tensor, (batches, 1 + K)
            Reconstruction and each latent's KL, batch by batch, on the device; of several
            processes each has those of its own stars.
        """
        self._load(part.x, part.variance)
        n = len(part.draws.order)
        for held, given in ((self._order, part.draws.order), (self._eps, part.draws.eps)):
            # From pinned memory a copy does not wait for the steps before it.
            held[:n].copy_(given.pin_memory() if held.is_cuda else given, non_blocking=True)
        self._number.zero_()
        take = self._take_recorded if self._is_recorded else self._take
        for _ in range(n):
            take()
        return self._parts[:n].clone()

    def _load(self, x: Tensor, variance: Tensor) -> None:
        if x.device == self._x.device:
            self._x, self._variance = x, variance
            return
        # Into the same memory every time: a recorded step reads there.
        self._x[: len(x)].copy_(x)
        self._variance[: len(x)].copy_(variance)

    def _take(self) -> None:
        """One step, on the batch whose number is due."""
        rows = self._order.index_select(0, self._number).view(-1)
        eps = self._eps.index_select(0, self._number)[0]
        x, variance = self._x.index_select(0, rows), self._variance.index_select(0, rows)
        total, parts = self._loss(x, variance, eps, self._kl_weight)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        self._parts.index_copy_(0, self._number, parts[None])
        self._number += 1

    def _loss_and_parts(
        self, x: Tensor, variance: Tensor, eps: Tensor, kl_weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        loss = scatter_loss(self._joined, x, variance, eps)
        parts = torch.cat([loss.reconstruction[None], loss.kl_latents]).detach()
        return objective(loss, self.config, kl_weight), parts

    def _take_recorded(self) -> None:
        """As `_take`, from a CUDA graph once one is recorded."""
        if self._graph is not None:
            self._graph.replay()
            return
        # What runs before a recording must run beside the default stream, says PyTorch.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._take()
        torch.cuda.current_stream().wait_stream(stream)
        self._unrecorded -= 1
        if not self._unrecorded:
            self.optimizer.zero_grad(set_to_none=True)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records, and runs nothing
                self._take()

    def _compile(self) -> None:
        """Fuse the many small kernels of loss and gradient, where a compiler is at hand."""
        compiled = torch.compile(self._loss_and_parts, dynamic=False)
        state = copy.deepcopy(self.network.state_dict())
        few = slice(0, self.config.batch)
        try:
            with torch.random.fork_rng(devices=[self._x.device]):
                self.network.train()
                total, _ = compiled(
                    self._x[few], self._variance[few], self._eps[0], self._kl_weight
                )
                total.backward()
        except Exception:  # noqa: BLE001  no compiler, no Triton: it fails in all kinds of ways
            self.compiled = False
        else:
            self.compiled = True
            self._loss = compiled
        self.network.load_state_dict(state)
        self.optimizer.zero_grad(set_to_none=True)

    def finish(self) -> None:
        """What several processes do when their steps of an epoch are taken."""
        self._processes.agree(self.network)

    def test(self, parts: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Tensor:  # -> (1 + K,)
        """Reconstruction and each latent's KL over stars that are not trained on.

        Parameters
        ----------
        parts : iterable of (x, variance, eps)
            Each of them for all processes, which take their shares.
        """
        self.network.eval()
        device = self._parts.device
        sums = self._parts.new_zeros(self._parts.shape[1], dtype=torch.float64)
        stars = slice(self._processes.rank, None, self._processes.size)
        batch = TEST_BATCH_CUDA if device.type == "cuda" else TEST_BATCH
        n = 0
        with torch.no_grad():
            for part in parts:
                n += len(part[0])
                for batches in zip(*(values[stars].split(batch) for values in part), strict=True):
                    x, variance, eps = (values.to(device) for values in batches)
                    loss = scatter_loss(self.network, x, variance, eps)
                    means = torch.cat([loss.reconstruction[None], loss.kl_latents])
                    sums += means * len(x)
        return self._processes.sum(sums) / n
