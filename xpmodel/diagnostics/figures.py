"""Figures of odd stars and their recovery, and of what a model makes of its latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import symbol
from xpmodel.diagnostics.latent_use import Following, LatentUse
from xpmodel.diagnostics.outlier_recovery import Recovery
from xpmodel.diagnostics.outliers import MAGNITUDE, PARTS, OutlierScores
from xpmodel.report import figure_style
from xpmodel.report.figure_style import WIDTH, axis_label, foot, plain, write_figure
from xpmodel.report.tables import title_of

GRID, WIDTH_BINS = 150, 100
PART_COLORS = {
    "misfit": figure_style.RED,
    "isolation": figure_style.BLUE,
    "width": figure_style.GREEN,
}


def write_outliers(path: Path, catalog: Catalog, scores: OutlierScores, n: int) -> Path | None:
    """Draw the n oddest stars over the density of all: in latents, and their score by magnitude.

    Their color is that of the part that adds most to the score. None where nothing can be drawn.
    """
    rows = scores.ranked[:n]
    names = list(scores.parts)
    largest = np.nan_to_num(np.stack([scores.parts[name][rows] for name in names])).argmax(axis=0)
    x, y = catalog.default_axes
    panels = [(catalog[x], catalog[y], axis_label(x), axis_label(y))]
    if MAGNITUDE in catalog.numeric:
        panels.append((catalog[MAGNITUDE], scores.score, "G [mag]", "outlier score [dex]"))
    panels = [one for one in panels if (np.isfinite(one[0]) & np.isfinite(one[1])).any()]
    if not panels:
        return None

    def make() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
        for axes, panel in zip(figure.subplots(1, 2), [*panels, None][:2], strict=True):
            if panel is None:
                axes.set_visible(False)
                continue
            _density(axes, *panel)
            for i, name in enumerate(names):
                some = rows[largest == i]
                dots = {"color": PART_COLORS[name], "linewidths": 0, "rasterized": True}
                axes.scatter(panel[0][some], panel[1][some], 4.0, **dots, label=PARTS[name])
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(),
            loc="outside upper center",
            ncols=len(names),
            markerscale=2.5,
        )
        text = f"the {len(rows):,} oddest of {len(catalog):,} stars; color: the largest part"
        foot(figure, _note(catalog, text))
        return figure

    return write_figure(path, make)


def write_recovery(path: Path, catalog: Catalog, recoveries: Sequence[Recovery]) -> Path:
    """Draw the part of the odd stars found against the stars looked at, a panel a kind."""
    columns = min(len(recoveries), 2)
    n_rows = -(-len(recoveries) // columns)

    def make() -> Figure:
        figure = Figure(figsize=(WIDTH, 0.5 + 2.3 * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, columns, squeeze=False, sharey=True)
        for axes in grid.flat[len(recoveries) :]:
            axes.set_visible(False)
        for axes, recovery in zip(grid.flat, recoveries, strict=False):
            for name, found in recovery.found.items():
                style = {"color": PART_COLORS.get(name, "k"), "lw": 1.8 if name == "score" else 1.0}
                label = PARTS.get(name, "score: all parts")
                axes.plot(recovery.n, found, **style, label=label)
            axes.plot(recovery.n, recovery.random, "--", color="0.5", lw=0.8, label="at random")
            axes.axvline(recovery.n_odd, color="0.5", lw=0.6, ls=":")
            axes.set_xscale("log")
            axes.set_xlim(1, recovery.n_stars)
            axes.set_ylim(0, 1.02)
            odd = f"{recovery.n_odd:,} of {recovery.n_stars:,} stars"
            axes.set_title(f"{plain(recovery.kind)}: {odd}", fontsize=8)
            axes.set_xlabel("stars looked at, the oddest first")
        for axes in grid[:, 0]:
            axes.set_ylabel("part of the odd ones found")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        text = "dotted: as many stars as are odd"
        foot(figure, _note(catalog, text))
        return figure

    return write_figure(path, make)


def write_correlations(path: Path, catalog: Catalog, following: Following, use: LatentUse) -> Path:
    """Draw Spearman's rank correlation of each latent with each label, as a map of numbers."""

    def make() -> Figure:
        n_latents, n_labels = following.rho.shape
        figure = Figure(
            figsize=(1.6 + 0.6 * n_labels, 1.4 + 0.35 * n_latents), layout="constrained"
        )
        axes = figure.subplots()
        image = axes.imshow(following.rho, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        for (k, i), rho in np.ndenumerate(following.rho):
            text = f"{rho:+.2f}".replace("-", "−") if np.isfinite(rho) else "–"
            color = "w" if abs(rho) > 0.6 else "k"
            axes.text(i, k, text, ha="center", va="center", color=color, fontsize=7)
        axes.set_xticks(range(n_labels), [symbol(name) for name in following.labels])
        states = zip(following.latents, use.active, strict=True)
        names = [axis_label(z) + ("" if active else " (collapsed)") for z, active in states]
        axes.set_yticks(range(n_latents), names)
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, label="Spearman's ρ")
        n = f"{following.n.min():,} to {following.n.max():,} of {len(catalog):,}"
        foot(figure, _note(catalog, f"{n} stars with labels"))
        return figure

    return write_figure(path, make)


def write_widths(path: Path, catalog: Catalog, use: LatentUse) -> Path:
    """Draw the distribution of each latent's posterior standard deviation over the stars."""
    widths = {name: catalog[f"{name}_err"].astype(np.float64) for name in use.latents}
    widths = {name: w[np.isfinite(w) & (w > 0)] for name, w in widths.items()}
    ends = [end for w in widths.values() if len(w) for end in (w.min(), w.max())]
    n_drawn = min(map(len, widths.values()))

    def make() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
        axes = figure.subplots()
        if ends:
            bins = np.geomspace(0.99 * min(ends), 1.01 * max(ends), WIDTH_BINS)
            for i, (name, values) in enumerate(widths.items()):
                label = axis_label(name) + ("" if use.active[i] else " (collapsed)")
                axes.hist(
                    values,
                    bins.tolist(),
                    histtype="step",
                    label=label,
                    color=figure_style.COLORS[i % len(figure_style.COLORS)],
                    ls="-" if use.active[i] else ":",
                )
        axes.axvline(1.0, color="0.5", lw=0.6, ls="--")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("posterior standard deviation")
        axes.set_ylabel("stars")
        figure.legend(loc="outside right center")
        text = f"widths of {n_drawn:,} of {len(catalog):,} stars; dashed: the prior's"
        foot(figure, _note(catalog, text))
        return figure

    return write_figure(path, make)


def _density(axes: Axes, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> None:
    known = np.isfinite(x) & np.isfinite(y)
    counts, x_edges, y_edges = np.histogram2d(x[known], y[known], bins=GRID)
    image = np.ma.masked_equal(counts.T, 0)
    shades = LogNorm(0.5, 4 * counts.max())  # the densest is a mid gray, so that dots stand out
    axes.pcolormesh(x_edges, y_edges, image, cmap="Greys", norm=shades, rasterized=True)
    axes.use_sticky_edges = False  # so that no dot is cut at the edge
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)


def _note(catalog: Catalog, text: str) -> str:
    return f"{plain(title_of(catalog))}: {text}"
