"""The table and the figure of which wavelengths drive latents and a classifier of α."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from xpmodel.report.figure_style import BLUE, RED, WIDTH, axis_label, foot
from xpmodel.report.tables import TableColumn, make_table
from xpmodel.spectra.spectral_lines import LINES
from xpmodel.studies.alpha.attribution import Attribution

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

# Bands that are printed [nm].
PRINTED = {
    "Ca II H, K": (385, 405),
    "CH G, Ca I": (415, 440),
    "Mg b, MgH": (500, 525),
    "Na D": (580, 598),
    "TiO": (660, 760),
    "Ca II triplet": (840, 872),
}
# Lines with a name in the figure: the others are marked alone.
NAMED = ("Ca II K", "CH G", "Mg b", "Na D", "Hα", "TiO", "Ca II")
NAME_EVERY = 60.0  # nm: names nearer than that would lie on each other
RANGE = (392.0, 992.0)  # where XP spectra are well measured [nm]
COLUMNS = 2


def attribution_table(found: Attribution, meta: dict[str, Any]) -> Table:
    """A row a wavelength: the classifier with its null, and each latent."""
    columns: list[TableColumn] = [
        ("wavelength", found.wavelength, "nm", "wavelength"),
        ("classifier", found.classifier, "1 / nm", "part of the logit, high less low alpha"),
        ("classifier_error", found.classifier_error, "1 / nm", "its standard error over pairs"),
        ("null_p2", found.null_low, "1 / nm", "2.5 % of the same, stars of pairs changing places"),
        ("null_p98", found.null_high, "1 / nm", "97.5 % of the same"),
    ]
    for z, response, part in zip(found.latents, found.response, found.by_latent, strict=True):
        columns += [
            (f"{z}_response", response, "1 / nm", f"d{z} / dln flux, mean over stars"),
            (f"{z}_part", part, "1 / nm", f"part of the difference in {z}, high less low alpha"),
        ]
    meta = {
        **meta,
        "n_pairs": found.n_pairs,
        "n_found": found.n_found,
        "equal": found.equal,
        "delta_z": dict(zip(found.latents, found.difference.tolist(), strict=True)),
        "logit": found.logit,
        "right": found.right,
        "null_right": found.null_right,
        "incomplete": found.incomplete,
        "unseen": found.unseen,
    }
    return make_table(columns, meta)


def lines_of_attribution(name: str, found: Attribution) -> list[str]:
    """What was found, as text: the classifier, and its logit by bands beside the null's."""
    step = float(np.diff(found.wavelength).mean())
    equal = ", ".join(f"{column} ± {most:g}" for column, most in found.equal.items())
    lines = [
        f"{name}: {found.n_pairs:,} of {found.n_found:,} pairs equal within {equal}",
        f"  in the right order {found.right:.3f} (97.5 % of the null below "
        f"{found.null_right:.3f}); logit {found.logit:.4f}, its sum over wavelengths off by "
        f"{found.incomplete:.1e} at most",
        f"  {found.unseen:.2f} sd of the latents is in coefficients that flux does not show",
    ]
    for band, (low, high) in PRINTED.items():
        here = (found.wavelength >= low) & (found.wavelength <= high)
        part = found.classifier[here].sum() * step
        outside = (found.classifier < found.null_low) | (found.classifier > found.null_high)
        lines.append(
            f"  {band:14} {low} to {high} nm: {part:+.4f} of the logit, outside of the null at "
            f"{outside[here].sum()} of {here.sum()} wavelengths"
        )
    return lines


def attribution_figure(found: Attribution, null: Attribution | None, note: str) -> Figure:
    """The classifier with its nulls above, the response of each latent below.

    Parameters
    ----------
    found : Attribution
    null : Attribution, optional
        The same on a sky without α in its spectra.
    note : str
        What it is about, for the foot of the figure.
    """
    rows = -(-len(found.latents) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 2.2 + 1.25 * rows), layout="constrained")
    halves = figure.add_gridspec(2, 1, height_ratios=[2.2, 1.25 * rows])
    above, below = (figure.add_subfigure(halves[i, 0]) for i in range(2))
    axes = above.subplots()
    x = found.wavelength
    shown = (x >= RANGE[0]) & (x <= RANGE[1])
    low, high = found.null_low, found.null_high
    axes.fill_between(x, low, high, color="0.85", lw=0, label="null: stars of pairs change places")
    _curve(axes, found, BLUE, "classifier, ± 1 standard error")
    curves = [found.classifier, low, high]
    if null is not None:
        _curve(axes, null, RED, "no α in the spectra")
        curves.append(null.classifier)
    _limits(axes, np.array(curves)[:, shown])
    _mark(axes, named=True)
    axes.set_ylabel("part of the logit [nm$^{-1}$]")
    axes.legend(loc="best", fontsize=6)
    grid = below.subplots(rows, COLUMNS, squeeze=False, sharex=True)
    for axes, z, response in zip(grid.flat, found.latents, found.response, strict=False):
        axes.plot(x, response, color=BLUE, lw=0.9)
        _limits(axes, response[None, shown])
        _mark(axes, named=False)
        axes.set_ylabel(f"∂{axis_label(z)} / ∂ln f [nm$^{{-1}}$]", fontsize=6)
    for axes in grid.flat[len(found.latents) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("wavelength [nm]")
    foot(figure, note)
    return figure


def _curve(axes: Axes, found: Attribution, color: str, label: str) -> None:
    low = found.classifier - found.classifier_error
    high = found.classifier + found.classifier_error
    axes.fill_between(found.wavelength, low, high, color=color, alpha=0.3, lw=0)
    axes.plot(found.wavelength, found.classifier, color=color, lw=0.9, label=label)


def _limits(axes: Axes, curves: np.ndarray) -> None:
    axes.axhline(0.0, color="0.6", lw=0.5)
    axes.set_xlim(*RANGE)
    low, high = float(curves.min()), float(curves.max())
    margin = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _mark(axes: Axes, *, named: bool) -> None:
    last = -np.inf
    for line in LINES:
        if not RANGE[0] <= line.wavelength <= RANGE[1]:
            continue
        axes.axvline(line.wavelength, color="0.5", lw=0.4, ls=":")
        if named and line.name in NAMED and line.wavelength - last > NAME_EVERY:
            last = line.wavelength
            axes.text(last, 1.02, line.name, ha="center", size=6,
                      transform=axes.get_xaxis_transform())  # fmt: skip
