"""Distributed training: several processes, each on its share of a batch."""

from __future__ import annotations

import datetime
import gc
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.model.network import ScatterVAE
    from xpmodel.training.loss import Network

# One process prepares the data while the others wait.
PATIENCE = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Processes:
    """How many train together, and which of them this is.

    Attributes
    ----------
    size : int
        1: this one alone.
    rank : int
        From 0; the first one writes and speaks for all.
    """

    size: int = 1
    rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Stars of a batch that each process takes.

        Raises
        ------
        InputError
            When they cannot take the same number.
        """
        if batch % self.size or batch // self.size < 2:
            raise InputError(
                f"batch {batch}: {self.size} processes cannot take equal parts of it, of at least "
                "2 stars"
            )
        return batch // self.size

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            distributed.barrier()

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes; each gives a tensor of the same shape."""
        return self.sum(values) / self.size

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes; each gives a tensor of the same shape."""
        if self.size == 1:
            return values
        values = values.clone()
        distributed.all_reduce(values)
        return values

    def joined(self, network: ScatterVAE) -> Network:
        """The network, with gradients that are means over all processes.

        Each process normalizes its own share of a batch; `agree` brings the running statistics
        together.
        """
        if self.size == 1:
            return network
        joined = DistributedDataParallel(network, forward_sync_buffers=False)
        named = cast("Network", joined)
        named.variant = network.variant
        return named

    def agree(self, network: nn.Module) -> None:
        """Put the mean over all processes for each running mean and variance of a network."""
        for buffer in network.buffers():
            if buffer.is_floating_point():
                buffer.copy_(self.mean(buffer))

    def leave(self) -> None:
        """Take leave of the others, when all are ready to."""
        if self.size > 1:
            self.wait()
            # A network still joined would talk to the group while the interpreter ends, and abort.
            gc.collect()
            distributed.destroy_process_group()


def join_processes(device: str) -> Processes:
    """Meet the other processes that ``torchrun`` started; without it this one is alone.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu`` or ``cuda``. On GPUs each process takes the one of its number.

    Raises
    ------
    InputError
        When a machine has fewer GPUs than processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Processes()
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        local, n = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= n:
            raise InputError(f"this machine has {n} GPUs, fewer than processes were started on it")
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    return Processes(size, distributed.get_rank())
