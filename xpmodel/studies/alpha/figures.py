"""The figures of the α-bimodality: how well classifiers do, and which wavelengths carry it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from xpmodel.report.figure_style import BLUE, GREEN, ORANGE, PINK, RED, WIDTH, foot
from xpmodel.spectra.spectral_lines import LINES
from xpmodel.studies.alpha.classifiers import Verdict
from xpmodel.studies.alpha.difference_spectra import AlphaSpectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN = {
    "accuracy": (BLUE, "o"),
    "balanced_accuracy": (GREEN, "s"),
    "recall_high": (RED, "^"),
    "recall_low": (PINK, "v"),
}
# Lines whose part in the α-bimodality is asked for.
MARKED = ("Mg b", "Na D")
ROW = 0.3  # inches
MATRIX = 1.05
PER_ROW = 6
Y_LABELS = {"flux": "Δ flux / flux [%]", "continuum_relative": "Δ (flux / continuum) [%]"}


def classifiers_figure(verdicts: Sequence[Verdict], note: str, seed: int = 0) -> Figure:
    """Scores with their intervals above, confusion matrices below.

    Parameters
    ----------
    verdicts : sequence of Verdict
    note : str
        What it is about, for the foot of the figure.
    seed : int
        Of the bootstrap.
    """
    rows = -(-len(verdicts) // PER_ROW)
    heights = [ROW * len(verdicts) + 0.9, MATRIX * rows + 0.3 * rows]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights).flat
    axes = above.subplots()
    places = np.arange(len(verdicts))[::-1]
    shifts = np.linspace(0.24, -0.24, len(DRAWN))
    scores = [verdict.confusion.scores(seed) for verdict in verdicts]
    for shift, (name, (color, marker)) in zip(shifts, DRAWN.items(), strict=True):
        value, low, high = (
            np.array([getattr(s[name], part) for s in scores]) for part in ("value", "low", "high")
        )
        ends = np.maximum([value - low, high - value], 0.0)
        axes.errorbar(
            value, places + shift, xerr=ends, fmt=marker, ms=3.5, lw=0.9, color=color,
            label=name.replace("_", " ").replace("high", "high-α").replace("low", "low-α"),
        )  # fmt: skip
    axes.axvline(0.5, color="0.7", lw=0.6, ls=":")
    axes.set_yticks(places, [verdict.name for verdict in verdicts])
    axes.set_xlabel("score over the test stars, with 95 % bootstrap intervals")
    above.legend(loc="outside upper center", ncols=len(DRAWN))
    grid = below.subplots(rows, min(PER_ROW, len(verdicts)), squeeze=False).ravel()
    for one, verdict in zip(grid, verdicts, strict=False):
        _matrix(one, verdict)
    for one in grid[len(verdicts) :]:
        one.set_visible(False)
    grid[0].set_ylabel("truly")
    grid[0].set_xlabel("called")
    foot(below, note)
    return figure


def _matrix(axes: Axes, verdict: Verdict) -> None:
    """A confusion matrix in % of all test stars."""
    parts = verdict.confusion.counts / verdict.confusion.n
    axes.imshow(parts, cmap="Blues", vmin=0, vmax=1)
    for (i, j), part in np.ndenumerate(parts):
        axes.text(j, i, f"{100 * part:.1f}", ha="center", va="center", size=6,
                  color="w" if part > 0.6 else "k")  # fmt: skip
    axes.set_title("\n".join(textwrap.wrap(verdict.name, 16)), size=6)
    axes.set_xticks([0, 1], ["high", "low"], size=6)
    axes.set_yticks([0, 1], ["high", "low"], size=6)
    axes.tick_params(length=0)


def spectra_figure(kinds: dict[str, dict[str, AlphaSpectrum]], note: str) -> Figure:
    """What the decoded and the observed spectra differ by, a row a kind of stars.

    Parameters
    ----------
    kinds : dict of str to dict of str to AlphaSpectrum
        By kind (giants, dwarfs), then by mode.
    note : str
        What it is about, for the foot of the figure.
    """
    figure = Figure(figsize=(WIDTH, 2.3 * len(kinds) + 0.5), layout="constrained")
    grid = figure.subplots(len(kinds), 2, squeeze=False, sharex=True)
    for row, (kind, spectra) in zip(grid, kinds.items(), strict=True):
        for axes, (mode, one) in zip(row, spectra.items(), strict=True):
            _differences(axes, one)
            axes.set_ylabel(Y_LABELS[mode])
            axes.set_title(f"{kind}: {one.n_pairs:,} pairs", size=7)
    for axes in grid[-1]:
        axes.set_xlabel("wavelength [nm]")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    foot(figure, note)
    return figure


def _differences(axes: Axes, one: AlphaSpectrum) -> None:
    x = one.wavelength
    axes.axhline(0.0, color="0.6", lw=0.5)
    if one.observed is not None:
        low, high = one.observed - one.observed_error, one.observed + one.observed_error
        axes.fill_between(x, 100 * low, 100 * high, color=ORANGE, alpha=0.35, lw=0)
        axes.plot(x, 100 * one.observed, color=ORANGE, lw=0.8, label="observed, high − low α")
    low, high = one.decoded - one.decoded_error, one.decoded + one.decoded_error
    axes.fill_between(x, 100 * low, 100 * high, color=BLUE, alpha=0.25, lw=0)
    axes.plot(x, 100 * one.decoded, color=BLUE, lw=1.1, label="decoded, high − low α")
    axes.plot(x, 100 * one.gradient, color=RED, lw=0.9, ls="--", label="gradient along Δz")
    marked = [line for line in LINES if line.name in MARKED]
    for line, (side, shift) in zip(marked, (("right", -4), ("left", 4)), strict=True):
        axes.axvline(line.wavelength, color="0.4", lw=0.6, ls=":")
        axes.text(line.wavelength + shift, 0.03, f"{line.name} {line.wavelength:.0f}", ha=side,
                  size=6, transform=axes.get_xaxis_transform())  # fmt: skip
