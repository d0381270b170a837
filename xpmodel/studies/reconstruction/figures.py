"""The figures of an evaluation, like Figures 5 to 9 of Laroche & Speagle (2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from xpmodel.plots.modes import MODES
from xpmodel.report.figure_style import BLUE, WIDTH, axis_label, foot, plain
from xpmodel.spectra.bands import BANDS
from xpmodel.studies.reconstruction.distributions import EDGES, Distribution
from xpmodel.studies.reconstruction.tables import THIN

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

ROW = 1.9  # inches
PER_ROW = 3
# Residuals beyond these are cut; a perfect model has 0 ± 1.
RESIDUAL_RANGE = (-3.0, 3.0)


def names_in(table: Table, ending: str) -> list[str]:
    """Reconstructions that have a column of this ending, in order."""
    return [c.removesuffix(ending) for c in table.colnames if c.endswith(ending)]


def residuals_figure(table: Table, note: str) -> Figure:
    """Bias and spread of the residuals above (Figs. 5, 7), rms over the model's below (6, 8).

    Parameters
    ----------
    table : Table
        Of coefficients or of wavelengths: the first column is the abscissa.
    note : str
        What it is about.
    """
    x_name = table.colnames[0]
    by_wavelength = x_name == "wavelength"
    x = np.asarray(table[x_name])
    names = names_in(table, "_bias")
    rows = -(-len(names) // PER_ROW)
    figure = Figure(figsize=(WIDTH, 1.3 * rows + 2.6), layout="constrained")
    heights = [1.3 * rows + 0.2, 2.4]
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights).flat
    grid = above.subplots(rows, PER_ROW, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(grid, names, strict=False):
        bias, spread = (np.asarray(table[f"{name}_{part}"]) for part in ("bias", "spread"))
        axes.axhspan(-1, 1, color="0.93", lw=0)
        axes.axhline(0, color="0.6", lw=0.5)
        axes.fill_between(x, bias - spread, bias + spread, color=BLUE, alpha=0.35, lw=0)
        axes.plot(x, bias, color=BLUE, lw=0.8)
        axes.set_title(plain(name), size=7)
        _mark_bands(axes, by_wavelength)
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    for axes in grid[max(0, len(names) - PER_ROW) : len(names)]:  # nothing drawn below them
        axes.tick_params(labelbottom=True)
    grid[0].set_ylim(*RESIDUAL_RANGE)
    above.supylabel("residual / error", size=8)
    axes = below.subplots()
    for name, color in zip(names[1:], _colors(len(names) - 1), strict=True):
        axes.plot(x, table[f"{name}_rms_ratio"], lw=0.9, color=color, label=plain(name))
    axes.axhline(1, color="k", lw=0.6)
    axes.set_yscale("log")
    axes.set_ylabel("rms residual, over the model's")
    axes.set_xlabel(MODES["flux" if by_wavelength else "coefficients"].x_label)
    _mark_bands(axes, by_wavelength)
    if len(names) > 1:
        below.legend(loc="outside upper center", ncols=min(len(names) - 1, 6))
    foot(figure, note)
    return figure


def distributions_figure(found: Sequence[Distribution], short: str, note: str) -> Figure:
    """Residuals of the model as 68 and 95 % bands, and of all reconstructions as histograms.

    Like Figures 5 and 7; dashed: a unit normal, which a model that misses nothing has.

    Parameters
    ----------
    found : sequence of Distribution
        The model's first.
    short : str
        ``j`` or ``lambda``.
    note : str
    """
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    model = found[0]
    lowest, low, median, high, highest = model.percentiles
    left.fill_between(model.x, lowest, highest, color=BLUE, alpha=0.2, lw=0, label="95 % of stars")
    left.fill_between(model.x, low, high, color=BLUE, alpha=0.4, lw=0, label="68 %")
    left.plot(model.x, median, color=BLUE, lw=0.9, label="median")
    for level in (-1.96, -1.0, 1.0, 1.96):
        left.axhline(level, color="0.3", lw=0.5, ls="--")
    left.set_ylim(2 * RESIDUAL_RANGE[0], 2 * RESIDUAL_RANGE[1])
    left.set_title(plain(model.name), size=7)
    left.legend(loc="upper right", ncols=3, fontsize=6)
    _mark_bands(left, short == "lambda")
    left.set_xlabel(MODES["flux" if short == "lambda" else "coefficients"].x_label)
    symbol = "λ" if short == "lambda" else "j"
    left.set_ylabel(f"ℛ({symbol}) [σ]")
    middles = 0.5 * (EDGES[1:] + EDGES[:-1])
    normal = np.exp(-0.5 * middles**2) / np.sqrt(2 * np.pi)
    right.plot(middles, normal, "k--", lw=0.9, label="unit normal")
    for one, color in zip(found, [BLUE, *_colors(len(found) - 1)], strict=True):
        right.stairs(np.where(one.density > 0, one.density, np.nan), EDGES, color=color, lw=0.9,
                     label=f"{plain(one.name)}: sd {one.sd:.2f}")  # fmt: skip
    right.set_yscale("log")
    right.set_ylim(1e-4, 3.0)
    right.set_xlabel("residual [σ]")
    right.set_ylabel("density")
    right.legend(fontsize=6)
    foot(figure, note)
    return figure


def labels_figure(table: Table, short: str, note: str) -> Figure:
    """Median RMSE against each label (Fig. 9), bins of few stars shaded.

    Parameters
    ----------
    table : Table
        As `xpmodel.studies.reconstruction.tables.labels_table` makes it.
    short : str
        ``j`` or ``lambda``.
    note : str
    """
    labels = list(dict.fromkeys(table["label"]))
    names = names_in(table, f"_rmse_{short}")
    names = [n for n in names if not np.isnan(np.asarray(table[f"{n}_rmse_{short}"])).all()]
    rows = -(-len(labels) // PER_ROW)
    figure = Figure(figsize=(WIDTH, ROW * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, PER_ROW, sharey=True, squeeze=False).ravel()
    colors = ["k", *_colors(len(names) - 1)]
    for axes, label in zip(grid, labels, strict=False):
        part = table[table["label"] == label]
        edges = np.append(np.asarray(part["low"]), part["high"][-1])
        for low, high in zip(part["low"][part["thin"]], part["high"][part["thin"]], strict=True):
            axes.axvspan(low, high, color="0.88", lw=0)
        for name, color in zip(names, colors, strict=True):
            # Where a rival has few of a bin's stars its median says nothing of that bin.
            few = (np.asarray(part[f"{name}_n"]) < THIN) & ~np.asarray(part["thin"])
            values = np.where(few, np.nan, part[f"{name}_rmse_{short}"])
            axes.stairs(values, edges, color=color, lw=1.1, label=plain(name), baseline=None)
        axes.set_xlabel(axis_label(label))
        axes.set_xlim(edges[0], edges[-1])
        axes.set_yscale("log")
    for axes in grid[len(labels) :]:
        axes.set_visible(False)
    symbol = "λ" if short == "lambda" else "j"
    figure.supylabel(f"median RMSE({symbol})", size=8)
    handles, texts = grid[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=min(len(names), 6))
    foot(figure, note)
    return figure


def denoising_figure(table: Table, note: str) -> Figure:
    """Errors against the truth by magnitude, and how often a reconstruction is the better one."""
    names = names_in(table, "_better")
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    g = np.asarray(table["phot_g_mean_mag"])
    left.plot(g, 100 * np.asarray(table["observed_error"]), "k--", lw=1.3, label="observed")
    colors = [BLUE, *_colors(len(names) - 1)]
    for name, color in zip(names, colors, strict=True):
        left.plot(
            g, 100 * np.asarray(table[f"{name}_error"]), color=color, lw=1.0, label=plain(name)
        )
        right.plot(g, 100 * np.asarray(table[f"{name}_better"]), color=color, lw=1.0)
    left.set_yscale("log")
    left.set_ylabel("median error against the truth [%]")
    right.axhline(50, color="0.6", lw=0.6, ls=":")
    right.set_ylabel("stars better than observed [%]")
    for axes in (left, right):
        axes.set_xlabel("G [mag]")
    figure.legend(loc="outside upper center", ncols=6)
    foot(figure, note)
    return figure


def _colors(n: int) -> list[tuple[float, ...]]:
    """Distinct colors of rivals."""
    return [tuple(c) for c in matplotlib.colormaps["plasma"](np.linspace(0.1, 0.85, max(n, 1)))][:n]


def _mark_bands(axes: Axes, by_wavelength: bool) -> None:
    """Where BP ends and RP begins."""
    axes.axvline(640.0 if by_wavelength else BANDS["bp"].stop + 0.5, color="0.5", lw=0.5, ls=":")
