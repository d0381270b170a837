"""A scan over numbers of latents: what each costs and gains, as a table and a figure.

Laroche & Speagle (2024) chose six latents by training with several numbers of them. Here each
number is trained alike, and beside the losses stands how many of the latents are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from xpmodel.catalog.catalog import ACTIVE_KL
from xpmodel.errors import InputError
from xpmodel.model.folder import load_model
from xpmodel.training.metrics import METRICS_FILE, Epoch, from_array

if TYPE_CHECKING:
    from astropy.table import Table

TABLE_FILE, FIGURE_FILE = "latents.ecsv", "latents.pdf"


@dataclass(frozen=True)
class ScanPoint:
    """A training with one number of latents.

    Attributes
    ----------
    n_latents : int
    n_active : int
        Latents with a KL above 0.01 nat over the last epoch.
    last : Epoch
        The last epoch's means.
    training : dict
        The options and data of the training, as its model has them.
    """

    n_latents: int
    n_active: int
    last: Epoch
    training: dict[str, Any]


def read_point(folder: Path) -> ScanPoint:
    """What a training left in its model folder.

    Raises
    ------
    InputError
        When the folder holds no model, or one without metrics.
    """
    model = load_model(folder, "cpu")
    path = folder / METRICS_FILE
    training = model.description.get("training")
    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); train anew") from None
    if not (isinstance(training, dict) and table.num_rows):
        raise InputError(f"{folder}: its model does not say how it was trained; train anew")
    last = from_array(table.slice(table.num_rows - 1).to_pandas().to_numpy(float))[0]
    n_active = sum(kl > ACTIVE_KL for kl in last.kl_latents)
    return ScanPoint(model.n_latents, n_active, last, training)


def scan_table(points: Sequence[ScanPoint]) -> Table:
    """A row a number of latents: both parts of the loss on training and on test stars.

    Raises
    ------
    InputError
        When the trainings are not of the same spectra.
    """
    from xpmodel.report.tables import TableColumn, make_table

    if len({one.training.get("data_sha256") for one in points}) > 1:
        raise InputError(
            "the trainings of the scan are of different spectra (their sha256 differ): nothing to "
            "compare; start anew in another folder"
        )
    first = points[0].training
    same = {name: first[name] for name in sorted(first) if name not in ("latents", "threads")}
    columns: list[TableColumn] = [
        ("latents", [one.n_latents for one in points], "", "number of latents"),
        ("active", [one.n_active for one in points], "", "of them with a KL above 0.01 nat"),
    ]
    for name, unit, description in (
        ("reconstruction", "", "reconstruction loss, last epoch, training stars"),
        ("kl", "nat", "KL of all latents, last epoch, training stars"),
        ("test_reconstruction", "", "reconstruction loss, test stars"),
        ("test_kl", "nat", "KL of all latents, test stars"),
    ):
        columns.append((name, [getattr(one.last, name) for one in points], unit, description))
    total = [one.last.test_reconstruction + one.last.test_kl for one in points]
    columns.append(("test_loss", total, "", "both together, test stars"))
    return make_table(columns, same)


def write_scan(folder: Path, points: Sequence[ScanPoint]) -> list[Path]:
    """Write the scan's table and figure.

    Raises
    ------
    InputError
        As `scan_table`, and when a file cannot be written.
    """
    from matplotlib.figure import Figure

    from xpmodel.report.figure_style import BLUE, GREEN, RED, WIDTH, foot, write_figure
    from xpmodel.report.tables import write_table

    table = scan_table(points)
    k = table["latents"]

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        for axes, name, label in zip(
            figure.subplots(1, 3),
            ("reconstruction", "kl", "test_loss"),
            ("reconstruction loss", "KL [nat]", "loss of the test stars"),
            strict=True,
        ):
            if name == "test_loss":
                axes.plot(k, table[name], "o-", ms=3, lw=0.9, color=RED)
                used = axes.twinx()
                used.plot(k, table["active"], "s--", ms=3, lw=0.7, color=GREEN)
                used.set_ylabel("latents used", color=GREEN)
                used.set_ylim(0, max(k) + 0.5)
            else:
                axes.plot(k, table[name], "o-", ms=3, lw=0.9, color=BLUE, label="training")
                axes.plot(k, table[f"test_{name}"], "o--", ms=3, lw=0.9, color=RED, label="test")
                axes.legend(fontsize=6)
            axes.set_xlabel("latents")
            axes.set_ylabel(label)
        meta = table.meta
        foot(figure, f"{meta['n_train']:,} training and {meta['n_test']:,} test stars, "
             f"{meta['epochs']} epochs, seed {meta['seed']}, loss as {meta['loss']}, free bits "
             f"{meta['free_bits']:g} nat; one training of each.")  # fmt: skip
        return figure

    return [write_table(folder / TABLE_FILE, table), write_figure(folder / FIGURE_FILE, draw)]
