"""Metrics of a training by epoch: their table, figure and TensorBoard log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel._atomic import replacing
from xpmodel.columns import latent_columns
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRICS_FILE = "metrics.parquet"
CURVES_FILE = "curves.pdf"


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Means over an epoch of the training stars and, after it, over the test stars.

    Attributes
    ----------
    number : int
        The first is 1.
    reconstruction, kl : float
        In the released loss's units, however the run weights them, see
        `xpmodel.training.loss.Loss`.
    test_reconstruction, test_kl : float
    kl_latents : tuple of float
        KL of each latent [nat]; their sum is `kl`.
    learning_rate : float
    seconds : float
        Of wall clock, the test included.
    """

    number: int
    reconstruction: float
    kl: float
    test_reconstruction: float
    test_kl: float
    kl_latents: tuple[float, ...]
    learning_rate: float
    seconds: float

    def __str__(self) -> str:
        each = " ".join(f"{kl:.2g}" for kl in self.kl_latents)
        return (
            f"reconstruction {self.reconstruction:.2f} (test {self.test_reconstruction:.2f}) "
            f"KL {self.kl:.2f} (test {self.test_kl:.2f}): {each}; rate {self.learning_rate:.1e}"
        )


def columns(n_latents: int) -> list[str]:
    """Columns of `metrics.parquet`: all but the first are float64."""
    return [
        *("epoch", "reconstruction", "kl", "test_reconstruction", "test_kl"),
        *(f"kl_{z}" for z in latent_columns(n_latents)),
        *("learning_rate", "seconds"),
    ]


def to_array(epochs: Sequence[Epoch], n_latents: int) -> np.ndarray:
    """A row an epoch, in the order of `columns`, float64."""
    rows = [
        (e.number, e.reconstruction, e.kl, e.test_reconstruction, e.test_kl)
        + (*e.kl_latents, e.learning_rate, e.seconds)
        for e in epochs
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(columns(n_latents)))


def from_array(table: np.ndarray) -> list[Epoch]:
    """The inverse of `to_array`."""
    epochs = []
    for number, reconstruction, kl, *test, learning_rate, seconds in table.tolist():
        test_reconstruction, test_kl, *kl_latents = test
        epochs.append(
            Epoch(
                number=int(number),
                reconstruction=reconstruction,
                kl=kl,
                test_reconstruction=test_reconstruction,
                test_kl=test_kl,
                kl_latents=tuple(kl_latents),
                learning_rate=learning_rate,
                seconds=seconds,
            )
        )
    return epochs


def write_metrics(path: str | Path, epochs: Sequence[Epoch], n_latents: int) -> None:
    """Write the epochs as Parquet, a row each."""
    values = to_array(epochs, n_latents)
    table = pa.table(dict(zip(columns(n_latents), values.T, strict=True)))
    table = table.set_column(0, "epoch", pa.array(values[:, 0].astype(np.int64)))
    with replacing(path) as part:
        pq.write_table(table, part)


def write_curves(path: str | Path, epochs: Sequence[Epoch]) -> Path:
    """Draw both parts of the loss, each latent's KL and the learning rate against the epoch."""
    from matplotlib.figure import Figure

    from xpmodel.report.figure_style import BLUE, COLORS, RED, WIDTH, axis_label, write_figure

    number = [epoch.number for epoch in epochs]
    mark = "." if len(epochs) < 30 else ""

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
        reconstruction, kl, latents, rate = figure.subplots(2, 2, sharex=True).flat
        for axes, name in ((reconstruction, "reconstruction"), (kl, "kl")):
            for part, label, color in ((name, "training", BLUE), (f"test_{name}", "test", RED)):
                axes.plot(number, [getattr(e, part) for e in epochs], mark + "-", color=color,
                          lw=0.9, ms=3, label=label)  # fmt: skip
            axes.legend()
        _stretch(reconstruction, [e.reconstruction for e in epochs])
        _stretch(kl, [e.kl for e in epochs])
        reconstruction.set_ylabel("reconstruction")
        kl.set_ylabel("KL [nat]")
        for i, (z, values) in enumerate(
            zip(latent_columns(len(epochs[0].kl_latents)),
                zip(*(e.kl_latents for e in epochs), strict=True), strict=True)
        ):  # fmt: skip
            latents.plot(number, values, mark + ("-", "--", ":")[i // 6 % 3], lw=0.9, ms=3,
                         color=COLORS[i % 6], label=axis_label(z))  # fmt: skip
        latents.set_ylim(0, 1.35 * max(max(e.kl_latents) for e in epochs) or 1)  # room for names
        latents.legend(ncols=3)
        latents.set_ylabel("KL of a latent [nat]")
        rate.plot(number, [e.learning_rate for e in epochs], mark + "-", color="0.3", lw=0.9, ms=3)
        rate.set_ylabel("learning rate")
        for axes in (latents, rate):
            axes.set_xlabel("epoch")
        return figure

    return write_figure(path, draw)


def _stretch(axes: Axes, values: list[float]) -> None:
    """Show what the training curve does; the first epochs' tests are often far outside."""
    low, high = min(values), max(values)
    margin = 0.15 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def tensorboard_writer(folder: str | Path, first: int) -> Callable[[Epoch], None]:
    """A function that writes an epoch for TensorBoard; what follows `first` there is dropped.

    Raises
    ------
    InputError
        When TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "TensorBoard is not installed: pip install tensorboard, or leave --tensorboard out"
        ) from None
    writer = SummaryWriter(str(folder), purge_step=first)

    def write(epoch: Epoch) -> None:
        row = to_array([epoch], len(epoch.kl_latents))[0]
        for name, value in zip(columns(len(epoch.kl_latents))[1:], row[1:], strict=True):
            writer.add_scalar(name, value, epoch.number)
        writer.flush()

    return write
