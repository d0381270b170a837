"""Planes of a catalog with tracks over the density of its stars, on a page of PDF.

Text and tracks are vectors with embedded fonts; only the density is an image in the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.label_relations import alpha_split, divide_logg
from xpmodel.columns import column_of, is_latent
from xpmodel.report.figure_style import axis_label, foot, plain, write_figure
from xpmodel.tracks.measured import Track

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType

PANEL = 2.5  # inches
BINS = 120
# An axis spans the stars between these percentiles, and all tracks.
SPAN = (1.0, 99.0)
# The metallicities of a family, colored.
M_H_SCALE = Normalize(-2.5, 0.8)


@dataclass(frozen=True)
class DrawnTrack:
    """A track and how it is drawn."""

    track: Track
    color: ColorType
    marker: str = "o"
    label: str | None = None


@dataclass(frozen=True)
class Relation:
    """A line of label space, y(x), drawn where a plane has these columns."""

    plane: tuple[str, str]
    y: Callable[[np.ndarray], np.ndarray]
    label: str


RELATIONS = (
    Relation(("teff", "logg"), divide_logg, "dwarfs | giants (Eq. 10)"),
    Relation(("fe_h", "mg_fe"), alpha_split, "α split (Patil et al. 2023)"),
)


def write_panels(
    path: Path,
    catalog: Catalog,
    mask: np.ndarray,
    planes: list[tuple[str, str]],
    lines: list[DrawnTrack],
    zoom: bool,
) -> None:
    """Write a PDF of some planes of a catalog, each with its density and the tracks over it.

    Parameters
    ----------
    path : Path
    catalog : Catalog
    mask : ndarray, (N,) bool
        The stars whose density is drawn.
    planes : list of (str, str)
        The columns of each plane.
    lines : list of DrawnTrack
        Not empty. Where none has a label they are a family, and a scale of [M/H] is added.
    zoom : bool
        Whether the axes span the tracks only (else the bulk of the stars too).

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    n_columns = min(len(planes), 4) if len(planes) != 6 else 3
    n_rows = -(-len(planes) // n_columns)

    def make() -> Figure:
        size = (PANEL * n_columns + 0.3, 0.9 * PANEL * n_rows + 0.8)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, plane in zip(grid, planes, strict=False):
            _draw(axes, catalog, mask, plane, lines, zoom)
        for axes in grid[len(planes) :]:
            axes.set_visible(False)
        _legend(figure, list(grid[: len(planes)]), lines)
        note = _note(catalog, mask, planes, lines)
        foot(figure, note, size[0])
        return figure

    write_figure(path, make)


def _draw(
    axes: Axes,
    catalog: Catalog,
    mask: np.ndarray,
    plane: tuple[str, str],
    lines: list[DrawnTrack],
    zoom: bool,
) -> None:
    """One plane: density, relations, tracks."""
    points = [[line.track.mean[column] for column in plane] for line in lines if _in(line, plane)]
    limits = [
        _limits(catalog[column][mask], [pair[i] for pair in points], zoom)
        for i, column in enumerate(plane)
    ]
    x, y = (catalog[column][mask].astype(np.float64) for column in plane)
    known = np.isfinite(x) & np.isfinite(y)
    counts, x_edges, y_edges = np.histogram2d(x[known], y[known], bins=BINS, range=limits)
    if counts.any():
        shades = LogNorm(1, 4 * counts.max())  # the densest is a mid gray, so that tracks stand out
        image = np.ma.masked_equal(counts.T, 0)
        axes.pcolormesh(x_edges, y_edges, image, cmap="Greys", norm=shades, rasterized=True)
    for relation in RELATIONS:
        if relation.plane == plane:
            at = np.linspace(*limits[0], 200)
            axes.plot(at, relation.y(at), "k--", lw=0.8, label=relation.label)
    for line in lines:
        if _in(line, plane):
            _draw_line(axes, line, plane)
    for set_limits, set_label, column, span in (
        (axes.set_xlim, axes.set_xlabel, plane[0], limits[0]),
        (axes.set_ylim, axes.set_ylabel, plane[1], limits[1]),
    ):
        set_limits(span[::-1] if column_of(column).reversed else span)
        set_label(axis_label(column))


def _in(line: DrawnTrack, plane: tuple[str, str]) -> bool:
    return all(column in line.track.mean for column in plane)


def _draw_line(axes: Axes, line: DrawnTrack, plane: tuple[str, str]) -> None:
    """A track: open symbols where it is thin, a large one where it starts."""
    x, y = (line.track.mean[column] for column in plane)
    thin = line.track.thin
    axes.plot(x, y, color=line.color, lw=1.0)
    dx, dy = (np.nan_to_num(line.track.error[column]) for column in plane)
    axes.errorbar(x, y, dy, dx, fmt="none", ecolor=line.color, elinewidth=0.8, zorder=2)
    sizes = np.full(len(x), 12.0)
    sizes[0] = 110.0 if line.marker == "*" else 32.0
    edge: dict[str, Any] = {"marker": line.marker, "linewidths": 0.6, "zorder": 3}
    name = None if line.label is None else plain(line.label)
    label = name if not thin.all() else None
    axes.scatter(
        x[~thin], y[~thin], sizes[~thin], color=line.color, edgecolors="w", label=label, **edge
    )
    label = name if thin.all() else None
    axes.scatter(
        x[thin], y[thin], sizes[thin], color="w", edgecolors=[line.color], label=label, **edge
    )


def _limits(values: np.ndarray, points: list[np.ndarray], zoom: bool) -> tuple[float, float]:
    """What an axis spans: every track, with the bulk of the stars (unless zoomed), and a margin."""
    values = values[np.isfinite(values)].astype(np.float64)
    ends = np.percentile(values, SPAN) if len(values) else np.empty(0)
    known = np.concatenate(points if zoom else [ends, *points])
    known = known[np.isfinite(known)]
    if not len(known):
        known = ends if len(ends) else np.array([0.0, 1.0])
    low, high = float(known.min()), float(known.max())
    margin = (0.4 if zoom else 0.1) * (high - low) or 0.5
    return (low - margin, high + margin)


def _legend(figure: Figure, grid: list[Axes], lines: list[DrawnTrack]) -> None:
    """One legend for all planes; a scale of metallicity for a family, whose lines have no name."""
    entries: dict[str, Artist] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        columns = min(len(entries), len(grid) + 1)
        figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=columns)
    if not any(line.label for line in lines):
        scale = ScalarMappable(M_H_SCALE, "plasma")
        figure.colorbar(scale, ax=grid, label=axis_label("m_h"), aspect=30, pad=0.01)


def _note(
    catalog: Catalog, mask: np.ndarray, planes: list[tuple[str, str]], lines: list[DrawnTrack]
) -> str:
    """What is drawn, and what is not."""
    first = lines[0].track
    note = (
        f"{plain(catalog.path.name)}: density of those of {mask.sum():,} of "
        f"{len(catalog):,} stars that lie within the axes; "
        f"variant of the tracks: {first.definition.variant}.{_cuts(lines)} "
        f"Large symbol: where a track starts; open: fewer than {first.thin_below} stars; "
        "bars: standard errors of the means."
    )
    drawn = {column for plane in planes for column in plane if is_latent(column)}
    left_out = [z for z in catalog.latents if z not in drawn]
    if not (drawn and left_out):
        return note
    inactive = all(z not in catalog.active for z in left_out)
    reason = "inactive, as the prior" if inactive else "inactive, or of smaller KL"
    return f"{note} Left out: {', '.join(left_out)} ({reason})."


def _cuts(lines: list[DrawnTrack]) -> str:
    """Which tracks are of fewer stars than all, a sentence."""
    of = {line.track.definition.title: line.track.definition.cut for line in lines}
    parts = [f"{plain(title)}: {cut} stars" for title, cut in of.items() if cut != "full"]
    return f" {'; '.join(parts)}." if parts else ""
