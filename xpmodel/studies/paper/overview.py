"""Figures of the paper that no other command draws: the model at work, the samples, the tracks.

What Figure 1 of Laroche & Speagle (2024) shows could not be looked up here: the released code
draws the layers of the network and the three catalogs on the Kiel diagram. The first figure is
therefore one star's spectrum on its way through the model, the second the catalogs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.named_cuts import CUTS, cut_mask
from xpmodel.columns import column_of, width_column
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.plots.curves import decoded_curve, observed_curve, residual
from xpmodel.plots.modes import MODES, Projection
from xpmodel.plots.plot_files import write_plot
from xpmodel.plots.spectrum_plots import track_plot
from xpmodel.report.figure_style import BLUE, RED, WIDTH, axis_label, foot, write_figure
from xpmodel.report.tables import make_table, provenance, title_of, write_table
from xpmodel.spectra.photometry import g_flux_from_mag
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.tracks.measured import measure_all

GRID = np.arange(392.0, 993.0, 2.0)
FLUX_AT = 15.0  # G [mag] of the spectra along tracks
M_H_SPAN = (-1.5, 0.4)  # [dex]
SPAN = (0.5, 98.5)  # percentiles that the axes of the Kiel diagram span
AWAY = (400.0, 980.0)  # [nm]


def write_overview(catalog: Catalog, model: Model, folder: Path) -> None:
    """One star's spectrum through the model: coefficients, latents, decoded spectrum and band.

    The star is the one whose χ² without the scatter is nearest to the catalog's median.

    Raises
    ------
    InputError
        When the catalog has no spectra, or no star with latents and χ².
    """
    if not catalog.has_spectra:
        raise InputError(f"{catalog.path}: no spectra lie beside it; encode with spectra")
    chi2 = catalog["chi2_obs"].astype(np.float64)
    known = np.flatnonzero(np.isfinite(chi2) & catalog.placed)
    if not len(known):
        raise InputError(f"{catalog.path}: no star has latents and a χ²")
    row = int(known[np.argmin(np.abs(chi2[known] - np.median(chi2[known])))])
    star = catalog.spectra[np.array([row])]
    z = np.array([catalog[name][row] for name in catalog.latents], np.float64)
    z_err = np.array([catalog[width_column(name)][row] for name in catalog.latents], np.float64)
    wavelengths = Wavelengths(GRID)
    curves = {}
    for mode, scale in (("coefficients", 1.0), ("flux", float(star.g_flux[0]))):
        projection = Projection(mode, wavelengths, model)
        curves[mode] = (
            observed_curve(star, projection, scale=scale),
            decoded_curve(model, projection, z, scale),
        )

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
        grid = figure.add_gridspec(3, 4, height_ratios=[1.4, 1.4, 0.8])
        for place, (mode, (seen, made)) in enumerate(curves.items()):
            axes = figure.add_subplot(grid[place, :3] if place == 0 else grid[place, :])
            low, high = made.value - made.error, made.value + made.error
            axes.fill_between(made.x, low, high, color=BLUE, alpha=0.3, lw=0, label="± ŝ")
            axes.plot(made.x, made.value, color=BLUE, lw=0.9, label="decoded")
            style = {"fmt": ".", "ms": 2, "lw": 0.5} if mode == "coefficients" else {"lw": 0.4}
            axes.errorbar(seen.x, seen.value, yerr=seen.error, color=RED, label="observed",
                          elinewidth=0.3, **style)  # fmt: skip
            axes.set_ylabel(MODES[mode].y_label, size=7)
            axes.set_xlabel(MODES[mode].x_label)
            axes.legend(fontsize=6, ncols=3)
        axes = figure.add_subplot(grid[0, 3])
        axes.axhspan(-1, 1, color="0.92", lw=0)
        axes.errorbar(np.arange(len(z)), z, yerr=z_err, fmt="o", ms=3, color=BLUE)
        axes.set_xticks(np.arange(len(z)), [axis_label(name) for name in catalog.latents])
        axes.set_title("posterior; gray: prior", size=7)
        axes = figure.add_subplot(grid[2, :])
        axes.axhspan(-1, 1, color="0.92", lw=0)
        seen, made = curves["flux"]
        axes.plot(seen.x, residual(seen, made), color=RED, lw=0.6)
        axes.set_ylabel("residual [σ]")
        axes.set_xlabel(MODES["flux"].x_label)
        foot(
            figure,
            f"{title_of(catalog)}: the star {star.source_id[0]}, whose χ² is the median one: "
            "110 coefficients over G flux, normalized → posterior of "
            f"{len(z)} latents → decoded coefficients with scatter ŝ → wavelengths.",
        )
        return figure

    values: dict[str, Any] = {"source_id": star.source_id}
    for name in ("phot_g_mean_mag", "chi2", "chi2_obs", "kl", *catalog.latents):
        values[name] = [catalog[name][row]] if name in catalog.numeric else [np.nan]
    columns = [(name, value, "", name) for name, value in values.items()]
    write_table(folder / "star.ecsv", make_table(columns, provenance(catalog)))
    write_figure(folder / "overview.pdf", draw)


def write_samples(catalog: Catalog, model: Model, folder: Path) -> None:
    """The full, good and pristine stars: their numbers, and where they lie on the Kiel diagram.

    Raises
    ------
    InputError
        When the catalog has neither Teff and log g nor the columns of a cut.
    """
    if not {"teff", "logg"} <= set(catalog.numeric):
        raise InputError(f"{catalog.path}: no columns teff and logg; encode again with --labels")
    rows, masks = [], {}
    for variant, cuts in CUTS.items():
        for name in cuts:
            try:
                mask = cut_mask(catalog, name, variant)
            except InputError:  # a column that the cut needs is not there
                continue
            rows.append((name, variant, int(mask.sum())))
            if variant == "paper":
                masks[name] = mask
    table = make_table(
        [
            ("cut", [r[0] for r in rows], "", "named cut"),
            ("variant", [r[1] for r in rows], "", "as the paper prints it, or its released code"),
            ("n", [r[2] for r in rows], "", "stars"),
        ],
        provenance(catalog),
    )
    write_table(folder / "samples.ecsv", table)

    def draw() -> Figure:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm, Normalize

        figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
        grid = figure.subplots(2, len(masks), sharex=True, sharey=True, squeeze=False)
        teff, logg = (catalog[name].astype(np.float64) for name in ("teff", "logg"))
        m_h = catalog["m_h"].astype(np.float64) if "m_h" in catalog.numeric else None
        span = [np.nanpercentile(v, SPAN) for v in (teff, logg)]
        for (above, below), (name, mask) in zip(grid.T, masks.items(), strict=True):
            use = mask & np.isfinite(teff) & np.isfinite(logg)
            counts, x, y = np.histogram2d(teff[use], logg[use], bins=120, range=span)
            image = np.ma.masked_equal(counts.T, 0)
            above.pcolormesh(
                x, y, image, cmap="viridis", norm=LogNorm(1, max(counts.max(), 2)), rasterized=True
            )
            above.set_title(f"{name}: {int(mask.sum()):,}", size=7)
            if m_h is not None:
                use &= np.isfinite(m_h)
                n, *_ = np.histogram2d(teff[use], logg[use], bins=120, range=span)
                total, *_ = np.histogram2d(
                    teff[use], logg[use], bins=120, range=span, weights=m_h[use]
                )
                with np.errstate(invalid="ignore", divide="ignore"):
                    mean = np.ma.masked_invalid((total / n).T)
                below.pcolormesh(
                    x, y, mean, cmap="coolwarm_r", norm=Normalize(*M_H_SPAN), rasterized=True
                )
            below.set_xlabel(axis_label("teff"))
        if m_h is not None:
            scale = ScalarMappable(Normalize(*M_H_SPAN), "coolwarm_r")
            label = f"mean {axis_label('m_h')}"
            figure.colorbar(scale, ax=list(grid[1]), label=label, aspect=30)
        for column, set_limits, ends in (
            ("teff", grid[0, 0].set_xlim, span[0]),
            ("logg", grid[0, 0].set_ylim, span[1]),
        ):
            set_limits(*(ends[::-1] if column_of(column).reversed else ends))
        for axes in grid[:, 0]:
            axes.set_ylabel(axis_label("logg"))
        foot(
            figure,
            f"{title_of(catalog)}: stars of the paper's cuts, number above, [M/H] below. The axes "
            f"span the {SPAN[0]:g} to {SPAN[1]:g} percentiles of all stars.",
        )
        return figure

    if masks:
        write_figure(folder / "samples.pdf", draw)


def write_track_spectra(catalog: Catalog, model: Model, folder: Path) -> None:
    """Spectra along main sequence and giant branch, decoded and observed (Fig. 11).

    Raises
    ------
    InputError
        When the catalog has no spectra or no stars on the tracks.
    """
    if not catalog.has_spectra:
        raise InputError(f"{catalog.path}: no spectra lie beside it; encode with spectra")
    measured = measure_all(catalog)
    projection = Projection("flux", Wavelengths(GRID), model)
    inside = (projection.x >= AWAY[0]) & (projection.x <= AWAY[1])
    names, away = [], []
    for name in ("main_sequence", "giant_branch"):
        if name not in measured.tracks:
            raise InputError(measured.skipped[name])
        g_flux = float(g_flux_from_mag(np.array([FLUX_AT]))[0])
        plot = track_plot(catalog, model, projection, measured.tracks[name][0], g_flux)
        write_plot(folder / f"{name}.pdf", plot, lines=True)
        names.append(name)
        values = [np.abs(one.value[inside]) for one in plot.residuals]
        away.append(float(np.nanmedian(values)) if values else np.nan)
    table = make_table(
        [
            ("track", names, "", "through label space"),
            ("median_away", away, "%", "median |observed / decoded - 1| over points, wavelengths"),
        ],
        provenance(catalog, wavelengths=f"{AWAY[0]:g} to {AWAY[1]:g} nm"),
    )
    write_table(folder / "away.ecsv", table)
