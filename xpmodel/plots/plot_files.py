"""Files of a plot of spectra: a table (ECSV, FITS) or a figure (PDF, PNG)."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from xpmodel._atomic import replacing
from xpmodel._version import __version__
from xpmodel.errors import InputError
from xpmodel.export import formats
from xpmodel.export.formats import Format, format_of
from xpmodel.plots.modes import MODES
from xpmodel.plots.spectrum_plots import Plot, Series
from xpmodel.report import figure_style
from xpmodel.report.figure_style import WIDTH, plain, write_figure
from xpmodel.spectra.spectral_lines import LINES

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

HERE = "xpmodel.plots.plot_files"
FORMATS: dict[str, Format] = {
    ".ecsv": replace(formats.FORMATS[".ecsv"], writer=f"{HERE}:write_ecsv"),
    ".fits": replace(formats.FORMATS[".fits"], writer=f"{HERE}:write_fits"),
    **{
        ending: Format(f"{ending[1:].upper()} figure", mime, f"{HERE}:write_plot_figure")
        for ending, mime in figure_style.FORMATS.items()
    },
}
"""What `write_plot` writes, by the ending of the file's name."""

HEIGHT, RATIO_HEIGHT = 3.0, 1.3  # inches
# More lines than this are told apart by color alone, with a bar for their order.
MAX_LEGEND = 8
# Of a line's name, written upright, as a part of the panel's width.
NAME_WIDTH = 0.013


def write_plot(path: str | Path, plot: Plot, *, lines: bool = False) -> None:
    """Write spectra as a table or a figure, by the ending of the name.

    Parameters
    ----------
    path : path
        Ends in one of `FORMATS`.
    plot : Plot
    lines : bool
        Mark spectral lines in a figure.

    Raises
    ------
    InputError
        When the ending is unknown, there is no line, or the file cannot be written.
    """
    path = Path(path)
    kind = format_of(path, FORMATS)
    if not plot.series:
        raise InputError(f"{path}: there is no spectrum to write")
    kind.write(path, plot, lines=lines)


def write_ecsv(path: Path, plot: Plot, *, lines: bool) -> None:
    """Write a plot's table as ECSV."""
    with replacing(path) as temporary:
        to_table(plot).write(temporary, format="ascii.ecsv", overwrite=True)


def write_fits(path: Path, plot: Plot, *, lines: bool) -> None:
    """Write a plot's table as FITS, which has ASCII only."""
    with replacing(path) as temporary:
        to_table(plot, ascii_names=True).write(temporary, format="fits", overwrite=True)


def write_plot_figure(path: Path, plot: Plot, *, lines: bool) -> None:
    """Write a plot's figure."""
    write_figure(path, lambda: make_figure(plot, lines=lines), tight=True)


def to_table(plot: Plot, *, ascii_names: bool = False) -> Table:
    """The lines of a plot as columns.

    Parameters
    ----------
    plot : Plot
    ascii_names : bool
        Name columns in letters, digits and ``_`` only, as FITS wants; their descriptions keep
        what the lines are called.

    Returns
    -------
    astropy.table.Table
        ``wavelength`` [nm] or ``coefficient``; for each line its value, and its low, high and
        error where it has them. The metadata say what is shown and how to make it again.
    """
    from astropy.table import Column, Table

    look = MODES[plot.mode]
    x = plot.series[0].x
    table = Table()
    if plot.mode == "coefficients":
        table["coefficient"] = Column(x.astype(np.int64), description=look.x_label)
    else:
        table["wavelength"] = Column(x, unit="nm", description="wavelength")
    lines = [(one, look.unit) for one in plot.series]
    lines += [(one, "%" if "[%]" in plot.residual_label else "") for one in plot.residuals]
    for one, unit in lines:
        for part in ("value", "low", "high", "error"):
            values = getattr(one, part)
            if values is None:
                continue
            label = one.label if part == "value" else f"{one.label}, {part}"
            name = _name(label, ascii_names)
            # FITS does not tell large letters from small ones.
            while name.lower() in map(str.lower, table.colnames):
                name += "_"
            table[name] = Column(np.asarray(values, np.float64), unit=unit or None)
            table[name].description = _plain(label) if ascii_names else label
    meta = {"mode": plot.mode, "software": f"xpmodel {__version__}", "notes": list(plot.notes)}
    meta |= plot.meta
    if ascii_names:
        # FITS headers hold short ASCII cards: all in one, which astropy splits.
        table.meta["comments"] = _chunks(_plain(json.dumps(meta, default=float)))
    else:
        table.meta.update(meta)
    return table


def make_figure(plot: Plot, *, lines: bool = False) -> Figure:
    """A figure for a publication, two columns wide; the caller owns matplotlib's settings."""
    height = HEIGHT + (RATIO_HEIGHT if plot.residuals else 0)
    figure = Figure(figsize=(WIDTH, height))
    ratios = [HEIGHT, RATIO_HEIGHT] if plot.residuals else [1]
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    figure.subplots_adjust(hspace=0.06)
    look = MODES[plot.mode]
    _draw(axes[0], plot.series)
    axes[0].set_ylabel(look.y_label)
    if plot.residuals:
        _draw(axes[1], plot.residuals)
        level = 1.0 if plot.residual_label == "A / B" else 0.0
        axes[1].axhline(level, color="0.6", lw=0.6, ls=":")
        # In lines as long as the panel is high.
        axes[1].set_ylabel(textwrap.fill(plot.residual_label, 16))
        limits = np.concatenate([one.value[np.isfinite(one.value)] for one in plot.residuals])
        if len(limits):
            # A point where a flux is nearly 0 must not flatten all others.
            low, high = np.percentile(limits, [0.5, 99.5])
            pad = 0.1 * (high - low) or 1.0
            axes[1].set_ylim(min(low - pad, level - pad), max(high + pad, level + pad))
    axes[-1].set_xlabel(look.x_label)
    _notes(axes[-1], plot)
    axes[0].set_xlim(plot.series[0].x[0], plot.series[0].x[-1])
    if len(plot.series) <= MAX_LEGEND:
        axes[0].legend(fontsize=7)
    else:
        _order_bar(figure, axes, plot.series)
    if lines and plot.mode != "coefficients":
        for line in LINES:
            for one in axes:
                one.axvline(line.wavelength, color="0.7", lw=0.5, ls=":", zorder=0)
        _name_lines(axes[0])
    return figure


def _name_lines(axes: Axes) -> None:
    """The lines' names over a panel, each beside the last where they would overlap."""
    low, high = axes.get_xlim()
    # The power of ten of the flux makes room for them.
    axes.yaxis.get_offset_text().set_horizontalalignment("right")
    place = -np.inf
    for line in LINES:
        if low <= line.wavelength <= high:
            place = max(line.wavelength, place + NAME_WIDTH * (high - low))
            axes.text(
                place,
                1.01,
                line.name,
                rotation=90,
                fontsize=5,
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
            )


def _notes(axes: Axes, plot: Plot) -> None:
    """Under a figure: how many of how many stars, and whether they are made up."""
    notes = list(plot.notes)
    if plot.meta.get("n_mock"):
        notes.append(f"{plot.meta['n_mock']:,} stars of the catalog are mock stars")
    if notes:
        # Points below the panel, under its label: matplotlib's own margin moves with the size.
        text = "\n".join(plain(line) for note in notes for line in textwrap.wrap(note, 130))
        axes.annotate(
            text,
            (0, 0),
            (0, -30),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=6,
            color="0.3",
            va="top",
        )


def _draw(axes: Axes, series: tuple[Series, ...]) -> None:
    for one in series:
        style = "--" if one.dash == "dashed" else "-"
        if one.low is not None and one.high is not None:
            axes.fill_between(one.x, one.low, one.high, color=one.color, alpha=0.18, lw=0)
        axes.plot(one.x, one.value, style, color=one.color, lw=0.9, label=plain(one.label))


def _order_bar(figure: Figure, axes: np.ndarray, series: tuple[Series, ...]) -> None:
    """A bar of the lines' colors, with the first and the last one's name."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colors = ScalarMappable(Normalize(0, 1), ListedColormap([one.color for one in series]))
    bar = figure.colorbar(colors, ax=list(axes), ticks=[0, 1], pad=0.02, aspect=40)
    bar.ax.set_yticklabels([plain(series[i].label.split(",")[0]) for i in (0, -1)])


def _name(label: str, ascii_names: bool) -> str:
    if not ascii_names:
        return label
    return re.sub(r"\W+", "_", _plain(label), flags=re.ASCII).strip("_") or "line"


def _plain(text: str) -> str:
    """In ASCII: α becomes alpha, what has no such name is left away."""
    text = text.replace("−", "-").replace("σ", "sigma")
    letters = []
    for letter in text:
        name = unicodedata.name(letter, "")
        found = re.match(r"GREEK (?:SMALL|CAPITAL) LETTER (\w+)$", name)
        letters.append(found[1].lower() if found else letter)
    decomposed = unicodedata.normalize("NFKD", "".join(letters))
    return decomposed.encode("ascii", "ignore").decode()


def _chunks(text: str) -> list[str]:
    """Text in cards, none of which ends in a blank: FITS would lose it."""
    return re.findall(r".{0,69}\S", text)
