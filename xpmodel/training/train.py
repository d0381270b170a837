"""Train a scatter VAE by the released recipe: in memory or from disk, in one or more processes."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from xpmodel._prefetch import ahead
from xpmodel._version import __version__
from xpmodel.errors import InputError
from xpmodel.model.device import find_device
from xpmodel.model.model import Model
from xpmodel.model.network import ScatterVAE
from xpmodel.spectra.spectra import Spectra
from xpmodel.training.checkpoint import CHECKPOINT_FILE, Checkpoint, write_checkpoint
from xpmodel.training.config import PRESETS, TrainingConfig
from xpmodel.training.distributed import Processes
from xpmodel.training.in_memory import TrainingData
from xpmodel.training.loss import Loss, scatter_loss
from xpmodel.training.metrics import METRICS_FILE, Epoch, write_metrics
from xpmodel.training.on_disk import TrainingFiles
from xpmodel.training.steps import ALONE, Part, Steps

__all__ = ["PRESETS", "Epoch", "Loss", "TrainingConfig", "Store", "scatter_loss", "train"]


@dataclass
class Store:
    """The folder in which a run keeps its checkpoint and its metrics.

    Attributes
    ----------
    folder : Path
    every : int
        Epochs from one checkpoint to the next,
    seconds : float
        or this time, where it is shorter.
    resume : bool
        Go on from the folder's checkpoint.
    writes : bool
        Of several processes one does; the others only resume.
    warn : callable
        Told when a checkpoint could not be written; the training goes on.
    epochs : list of Epoch
        Those done so far, before the interruption too.
    n_saved : int
        Of them, in the last checkpoint.
    """

    folder: Path
    _: KW_ONLY
    every: int = 100
    seconds: float = 60.0
    resume: bool = False
    writes: bool = True
    warn: Callable[[str], None] = print
    epochs: list[Epoch] = field(default_factory=list)
    n_saved: int = 0
    _saved_at: float = 0.0

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"checkpoint every {self.every} epochs: must be at least 1")

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / CHECKPOINT_FILE

    def begin(self, steps: Steps, data_sha256: str) -> None:
        """Restore the checkpoint, or write the first, which shows that the folder takes one."""
        if self.resume:
            checkpoint = Checkpoint.read(self.path)
            checkpoint.check_options(asdict(steps.config))
            checkpoint.check_data(data_sha256)
            checkpoint.restore(steps)
            self.epochs = checkpoint.epochs
            self.n_saved, self._saved_at = len(self.epochs), time.monotonic()
        else:
            self._write(steps, data_sha256)

    def keep(self, steps: Steps, data_sha256: str, epoch: Epoch) -> None:
        """Note an epoch, and write a checkpoint when one is due."""
        self.epochs.append(epoch)
        due = len(self.epochs) - self.n_saved >= self.every or epoch.number == steps.config.epochs
        if not due and time.monotonic() - self._saved_at < self.seconds:
            return
        try:
            self._write(steps, data_sha256)
        except (OSError, InputError) as error:
            self._saved_at = time.monotonic()
            self.warn(
                f"after epoch {epoch.number}: {error}; the training goes on, the last checkpoint "
                f"is that of epoch {self.n_saved}"
            )

    def discard(self) -> None:
        """Delete the checkpoint and metrics of a run that came to nothing: of no epoch."""
        if self.writes and not self.resume and not self.n_saved:
            self.path.unlink(missing_ok=True)
            (self.folder / METRICS_FILE).unlink(missing_ok=True)

    def _write(self, steps: Steps, data_sha256: str) -> None:
        if self.writes:
            write_checkpoint(self.path, steps, self.epochs, data_sha256)
            write_metrics(self.folder / METRICS_FILE, self.epochs, steps.config.latents)
        self.n_saved, self._saved_at = len(self.epochs), time.monotonic()


def train(
    spectra: Spectra | TrainingData | TrainingFiles,
    config: TrainingConfig,
    *,
    device: str = "auto",
    processes: Processes = ALONE,
    progress: Callable[[Epoch], None] | None = None,
    store: Store | None = None,
) -> Model:
    """Train a model on spectra.

    The normalization is mean and standard deviation of the training stars' coefficients over
    G flux; the split is the released one (a tenth held out, seed 12345). Spectra with NaN, or with
    errors or G fluxes that are not positive, are left out and counted in the model's description.

    The seed alone makes initial weights, the order of the stars and draws of z, the same on every
    device. On a CPU the same numbers come bit for bit wherever PyTorch and its number of threads
    are the same, interrupted and resumed or not; on a GPU to rounding.

    Parameters
    ----------
    spectra : Spectra, TrainingData or TrainingFiles
        In memory, all of which go to the device, or lie there already; or prepared on disk, from
        which some go there at a time.
    config : TrainingConfig
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    processes : Processes
        Those that train this model together: each calls this function with the same arguments but
        takes its own part of every batch, and all return the same model.
    progress : callable, optional
        Called after each epoch.
    store : Store, optional
        Where checkpoints and metrics are kept. Without one nothing is written.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        When there are fewer training stars than a batch holds, the loss is not finite, or the
        store's checkpoint is of another run.
    """
    place = find_device(device)
    data = TrainingData.of(spectra, place) if isinstance(spectra, Spectra) else spectra
    if data.n_train < config.batch:
        raise InputError(
            f"{data.n_train} training stars do not fill a batch of {config.batch}; "
            "use more stars or a smaller batch"
        )
    network = _untrained(config, len(data.mu)).to(place)
    steps = Steps(network, config, *data.room(place), processes)
    if store is not None:
        store.begin(steps, data.sha256)
    first = len(store.epochs) + 1 if store is not None else 1
    start = time.perf_counter()
    # The next part is read and drawn while one is trained on.
    for number, parts in itertools.groupby(
        ahead(_parts(data, config, first, processes)), key=lambda item: item[0]
    ):
        steps.begin(number)
        losses = torch.cat([steps.take(part) for _, part in parts])
        steps.finish()
        test = steps.test(data.test_parts(config))
        try:
            _check_finite(processes.mean(losses).cpu().numpy(), network, number, store)
        except InputError:
            if store is not None:
                store.discard()
            raise
        end = time.perf_counter()
        means = processes.mean(losses.double().mean(0))
        epoch = _epoch(number, config, means, test, end - start)
        start = end
        if store is not None:
            store.keep(steps, data.sha256, epoch)
        if progress is not None:
            progress(epoch)
    description = _description(config, data, place, processes)
    return Model(network, data.mu, data.sig, description, device)


def _parts(
    data: TrainingData | TrainingFiles, config: TrainingConfig, first: int, processes: Processes
) -> Iterator[tuple[int, Part]]:
    """The parts of all epochs from the first to be done, with their numbers."""
    for number in range(first, config.epochs + 1):
        for part in data.parts(config, number, processes):
            yield number, part


def _untrained(config: TrainingConfig, n_coefficients: int) -> ScatterVAE:
    """The network with its initial weights, as PyTorch begins its layers after `manual_seed`.

    PyTorch's own generator, one for all threads, is left alone.
    """
    with torch.device("meta"):  # without weights
        network = ScatterVAE(n_coefficients, config.latents, config.layers, config.variant)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(config.seed)
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, math.sqrt(5), generator=generator)
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, nn.BatchNorm1d):
            layer.reset_parameters()
    return network


def _epoch(
    number: int, config: TrainingConfig, parts: torch.Tensor, test: torch.Tensor, seconds: float
) -> Epoch:
    reconstruction, *kl_latents = parts.tolist()
    test_reconstruction, *test_kl_latents = test.tolist()
    return Epoch(
        number=number,
        reconstruction=reconstruction,
        kl=sum(kl_latents),
        test_reconstruction=test_reconstruction,
        test_kl=sum(test_kl_latents),
        kl_latents=tuple(kl_latents),
        learning_rate=config.rate(number),
        seconds=seconds,
    )


def _check_finite(parts: np.ndarray, network: ScatterVAE, number: int, store: Store | None) -> None:
    """Stop where a batch's loss, or a weight after the last of them, is not finite."""
    bad = np.flatnonzero(~np.isfinite(parts).all(axis=1))
    if len(bad):
        where = f"in epoch {number}, batch {bad[0] + 1} of {len(parts)}"
    elif not torch.cat([v.flatten() for v in network.state_dict().values()]).isfinite().all():
        where = f"in epoch {number}, after its last batch"
    else:
        return
    kept = ""
    if store is not None and store.n_saved:
        kept = f"; the checkpoint of epoch {store.n_saved} is kept"
    raise InputError(
        f"the loss is not finite {where}: try a smaller learning rate, or look for extreme "
        f"values among the spectra{kept}"
    )


def _description(
    config: TrainingConfig,
    data: TrainingData | TrainingFiles,
    place: torch.device,
    processes: Processes,
) -> dict[str, Any]:
    """What is needed to repeat the run."""
    device = torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu"
    return {
        "made_by": f"xpmodel {__version__} train",
        "training": {
            **asdict(config),
            "n_train": data.n_train,
            "n_test": data.n_test,
            "n_left_out": data.n_left_out,
            "data_sha256": data.sha256,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "device": device,
            "threads": torch.get_num_threads(),
            "processes": processes.size,
            "from_disk": isinstance(data, TrainingFiles),
        },
        "estimated": [],
    }
