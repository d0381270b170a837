"""The table and the figure of how well [α/M] can be known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from xpmodel.report.figure_style import BLUE, GREEN, ORANGE, RED, SKY, WIDTH, foot
from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.alpha.bound import BOUNDS, BoundBin

if TYPE_CHECKING:
    from astropy.table import Table

REACHED = {
    "latents": "trees on the active latents",
    "true labels": "trees on the true Teff, log g, [M/H], E(B-V)",
    "true labels, latents": "trees on both",
}
BOUND_LINES = {
    "known": (SKY, ":", "bound, all else known"),
    "labels": (BLUE, "-", "bound, labels within their errors"),
    "free": (BLUE, "--", "bound, labels and dust free"),
    "population": (GREEN, "-", "with the population as a prior"),
}
REACHED_MARKS = {
    "latents": (RED, "o", "latents reach"),
    "true labels": (ORANGE, "v", "true labels reach"),
    "true labels, latents": ("k", "s", "true labels and latents reach"),
}
COLUMNS = 3


def bound_table(bins: Sequence[BoundBin], meta: dict[str, Any]) -> Table:
    """A row a kind of star and a bin of G: bounds, and errors that are reached [dex]."""
    columns: list[TableColumn] = [
        ("stars", [b.stars for b in bins], "", "by true Teff and log g"),
        ("g", [b.g for b in bins], "mag", "center of the bin, 1 mag wide"),
        ("n_bound", [b.n_bound for b in bins], "", "stars that the bound is of"),
        ("n", [b.n for b in bins], "", "stars that errors are of"),
        ("spread", [b.spread for b in bins], "dex", "standard deviation of the true [alpha/M]"),
    ]
    for name, what in BOUNDS.items():
        values = [b.bounds[name] for b in bins]
        how = "root mean square" if name == "population" else "median"
        columns.append((f"bound_{name}", values, "dex", f"bound, {what}: {how}"))
    for name, what in REACHED.items():
        values = [b.reached[name] for b in bins]
        column = name.replace(", ", "_").replace(" ", "_")
        columns.append((f"reached_{column}", values, "dex", f"rms error out of fold: {what}"))
    return make_table(columns, meta)


def bound_figure(bins: Sequence[BoundBin], note: str) -> Figure:
    """σ([α/M]) against G, a panel a kind of star.

    Parameters
    ----------
    bins : sequence of BoundBin
    note : str
        What it is about, for the foot of the figure.
    """
    kinds = list(dict.fromkeys(b.stars for b in bins))
    rows = -(-len(kinds) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 2.3 * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
    for axes, kind in zip(grid.flat, kinds, strict=False):
        of_kind = [b for b in bins if b.stars == kind]
        g = [b.g for b in of_kind]
        axes.plot(g, [b.spread for b in of_kind], color="0.6", lw=0.8, label="spread of [α/M]")
        for name, (color, dashes, label) in BOUND_LINES.items():
            values = [b.bounds[name] for b in of_kind]
            axes.plot(g, values, color=color, ls=dashes, lw=1.1, label=label)
        for name, (color, marker, label) in REACHED_MARKS.items():
            values = [b.reached[name] for b in of_kind]
            axes.plot(g, values, marker, color=color, ms=3.5, label=label)
        axes.set_yscale("log")
        axes.set_title(kind, size=7)
    for axes in grid.flat[len(kinds) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("G [mag]")
    for axes in grid[:, 0]:
        axes.set_ylabel("σ([α/M]) [dex]")
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4, fontsize=6)
    foot(figure, note)
    return figure


def lines_of_bound(table: Table) -> list[str]:
    """The table as text, in short words."""
    heads = ["G", "stars", "spread", *BOUNDS, *REACHED]
    lines, kind = [], None
    for row in table:
        if row["stars"] != kind:
            kind = row["stars"]
            lines += ["", kind, "".join(f"{head:>22}" if "," in head else f"{head:>12}"
                                        for head in heads)]  # fmt: skip
        values = [row[c] for c in table.colnames if c.startswith(("bound_", "reached_"))]
        cells = [f"{row['g']:.0f}", f"{row['n']:,}", f"{row['spread']:.3f}"]
        cells += [f"{v:.3f}" if np.isfinite(v) else "–" for v in values]
        lines.append("".join(f"{c:>22}" if "," in h else f"{c:>12}"
                             for c, h in zip(cells, heads, strict=True)))  # fmt: skip
    return lines[1:]
