"""Figures that compare the α sequences: the latents' marginals, classifiers by slices of Teff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from xpmodel.report.figure_style import BLUE, COLORS, RED, WIDTH, axis_label, foot, plain
from xpmodel.studies.alpha.marginals import Marginal
from xpmodel.studies.alpha.slices import SliceVerdict, slice_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 60
PER_ROW = 4
SPAN = (0.5, 99.5)
ROW = 1.6  # inches
# The classifiers that slices are drawn of, where they are there.
DRAWN = ("[M/H]", "labels", "labels + colors", "latents", "labels + latents")


def marginals_figure(found: Sequence[Marginal], note: str) -> Figure:
    """Histograms of the high- and the low-α sequence in each column.

    Solid: all stars; dashed: pairs of a high- and a low-α star of equal labels.

    Parameters
    ----------
    found : sequence of Marginal
    note : str
        What it is about, for the foot of the figure.
    """
    rows = -(-len(found) // PER_ROW)
    figure = Figure(figsize=(WIDTH, ROW * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, PER_ROW, squeeze=False).ravel()
    for axes, one in zip(grid, found, strict=False):
        _histograms(axes, one)
    for axes in grid[len(found) :]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    foot(figure, note)
    return figure


def _histograms(axes: Axes, one: Marginal) -> None:
    start, stop = np.percentile(np.concatenate([one.high, one.low]), SPAN).tolist()
    edges = np.linspace(start, stop, BINS + 1)
    if edges[0] == edges[-1]:
        edges = edges[0] + np.linspace(-0.5, 0.5, BINS + 1)
    drawn = [(one.high, RED, "-", "high α"), (one.low, BLUE, "-", "low α")]
    if len(one.pair_high):
        drawn += [
            (one.pair_high, RED, "--", "high α, equal labels"),
            (one.pair_low, BLUE, "--", "low α, equal labels"),
        ]
    for values, color, dash, label in drawn:
        density = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
        axes.stairs(density, edges, color=color, ls=dash, lw=0.9, label=label)
    title = f"KS {one.ks:.3f}"
    if len(one.pair_high):
        title += f"; equal labels {one.pair_ks:.3f} (chance {one.pair_ks_by_chance:.3f})"
    axes.set_title(title, size=5)
    axes.set_xlabel(axis_label(one.column))
    axes.set_yticks([])


def slices_figure(found: Sequence[SliceVerdict], note: str) -> Figure:
    """Balanced accuracy of classifiers, and their gain over labels, by slice of Teff.

    Parameters
    ----------
    found : sequence of SliceVerdict
    note : str
        What it is about, for the foot of the figure.
    """
    slices = list(dict.fromkeys((one.low, one.high) for one in found))
    names = [name for name in DRAWN if any(one.name == name for one in found)]
    figure = Figure(figsize=(WIDTH, 0.45 * len(slices) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    shifts = np.linspace(0.3, -0.3, max(len(names), 2))
    for name, color, shift in zip(names, COLORS, shifts, strict=False):
        rows = {(one.low, one.high): one for one in found if one.name == name}
        places = np.array([-slices.index(key) for key in rows]) + shift
        accuracy = [one.scores["balanced_accuracy"] for one in rows.values()]
        gains = [one.gain for one in rows.values() if one.gain is not None]
        for axes, estimates in ((left, accuracy), (right, gains)):
            if len(estimates) < len(places):  # without a classifier on labels no gain
                continue
            value, low, high = (
                np.array([getattr(e, part) for e in estimates]) for part in ("value", "low", "high")
            )
            ends = np.maximum([value - low, high - value], 0.0)
            axes.errorbar(value, places, xerr=ends, fmt="o", ms=3, lw=0.9, color=color,
                          label=plain(name))  # fmt: skip
    left.axvline(0.5, color="0.6", lw=0.6, ls=":")
    right.axvline(0.0, color="0.6", lw=0.6, ls=":")
    of_slice = {(one.low, one.high): f"{one.n_high:,} + {one.n_low:,}" for one in found}
    left.set_yticks(
        [-i for i in range(len(slices))],
        [f"{slice_name(*key)}\n{of_slice[key]} stars" for key in slices],
    )
    left.set_xlabel("balanced accuracy (0.5 by chance)")
    right.set_xlabel("less that of the labels")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    foot(figure, note)
    return figure
