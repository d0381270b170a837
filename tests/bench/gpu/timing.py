"""Times of work on a device, its end waited for, and the sizes of that work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.bench.inputs import random_model
from tests.support.tracks import catalog_of
from xpmodel import Catalog, Model

# Runs of everything, unless they take too long.
FEWEST = 3


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    points: int = 500
    repeats: int = 20
    stars: int = 500_000
    group: int = 100_000
    train: int = 502_311  # 452,079 of them to train on
    epochs: int = 20
    ceiling: int = 8192


SMALL = Sizes(points=3, repeats=2, stars=2000, group=500, train=1200, epochs=1, ceiling=64)


class Bench:
    """What the rows are measured with.

    Parameters
    ----------
    device : str
    sizes : Sizes
    folder : Path
        For temporary files.
    """

    def __init__(self, device: str, sizes: Sizes, folder: Path) -> None:
        self.device = torch.device(device)
        self.sizes = sizes
        self.folder = folder

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU to measure."""
        return self.device.type == "cuda"

    @cached_property
    def model(self) -> Model:
        """On the device."""
        return random_model(self.device.type)

    @cached_property
    def cpu_model(self) -> Model:
        """The same, on the CPU."""
        return random_model("cpu")

    @cached_property
    def catalog(self) -> Catalog:
        """Stars with random latents, all active."""
        z = np.random.default_rng(5).standard_normal((6, self.sizes.stars), np.float32)
        columns = {f"z{i}": values for i, values in enumerate(z, 1)}
        return catalog_of(self.folder / "stars.parquet", columns)

    def times(
        self,
        works: dict[str, Callable[[], object]],
        repeats: int | None = None,
        seconds: float = 10.0,
        warm: int = 3,
    ) -> dict[str, list[float]]:
        """Seconds of each run of each work, in turn, so that noise meets all alike.

        Parameters
        ----------
        works : dict of callable
        repeats : int, optional
            At the most; by default the sizes' own.
        seconds : float
            No further round begins after these, once there are three.
        warm : int
            Runs before, which do not count.
        """
        found: dict[str, list[float]] = {name: [] for name in works}
        for work in works.values():
            for _ in range(warm):
                work()
        start = time.perf_counter()
        for i in range(self.sizes.repeats if repeats is None else repeats):
            if i >= FEWEST and time.perf_counter() - start > seconds:
                break
            # There and back again: nobody always runs behind the same neighbor.
            for name in list(works)[:: 1 if i % 2 else -1]:
                found[name].append(self.seconds(works[name]))
        return found

    def seconds(self, work: Callable[[], object]) -> float:
        """Of one run, until the device has nothing left to do."""
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start

    def wait(self) -> None:
        """For the device."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def captured(self, work: Callable[[], object]) -> Callable[[], object]:
        """The same work as a CUDA graph, which costs one launch; on a CPU the work itself."""
        if not self.on_gpu:
            return work
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = work()

        def replay() -> object:
            graph.replay()
            return kept  # the graph writes there

        return replay


def largest_difference(found: np.ndarray | Tensor, wanted: np.ndarray | Tensor) -> float:
    """Largest difference over the stars, each column in its standard deviation."""
    found, wanted = (torch.as_tensor(v).cpu().double() for v in (found, wanted))
    spread = wanted.std(dim=0)
    return float(((found - wanted).abs() / torch.where(spread > 0, spread, 1.0)).max())
