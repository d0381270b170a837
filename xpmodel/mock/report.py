"""Comparison of a mock sky with real and published spectra."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from xpmodel.catalog.label_relations import gb_teff, high_alpha_mask, ms_logg
from xpmodel.errors import InputError
from xpmodel.mock.population import draw_stars, plain_stars
from xpmodel.mock.ridge import true_coefficients
from xpmodel.mock.spectrum import DWARF_COLORS, bp_rp, coefficients_of, model_flux
from xpmodel.mock.write import DATASET
from xpmodel.spectra.bands import BANDS
from xpmodel.spectra.spectra import Spectra, iter_spectra, read_spectra
from xpmodel.spectra.wavelengths import Wavelengths

N_STARS = 40_960
REFERENCES = (
    "published/lb23_norm.csv",
    "published/weight.pt",
    "published/norm_estimate.npz",
    "real_xp/xp_continuous_1400.fits",
    "real_xp/photometry_1400.csv",
)
CLIP = (0.2, 99.8)
FIRST = 10
GIANT_COLOR = (0.9, 1.8)
BRIGHT = 15.0
# Spread of a published latent that carries anything, and stars of either α sequence to classify.
ACTIVE, MIN_CLASS = 0.05, 20


def check_reference(folder: Path) -> None:
    """Make sure that a folder has what a mock sky is compared with.

    Raises
    ------
    InputError
        When a file is missing.
    """
    for name in REFERENCES:
        if not (folder / name).exists():
            raise InputError(f"{folder / name}: not there, and the report compares with it")


def report(mock: Path, reference: Path) -> Iterator[str]:
    """Compare a mock file with published and real spectra, line by line.

    Parameters
    ----------
    mock : path
        What `write_mock` wrote.
    reference : path
        Folder with ``published/lb23_norm.csv`` (mean and standard deviation of coefficients over
        G flux in Leung & Bovy 2023), ``published/weight.pt`` and ``norm_estimate.npz``, and
        ``real_xp/xp_continuous_1400.fits`` with ``photometry_1400.csv``.

    Raises
    ------
    InputError
        When a file is missing.
    """
    check_reference(reference)
    spectra, _ = next(iter_spectra(mock, chunk_rows=N_STARS))
    real = read_spectra(
        reference / "real_xp/xp_continuous_1400.fits",
        photometry=reference / "real_xp/photometry_1400.csv",
    )
    yield f"of the first {len(spectra)} stars of {mock}:"
    yield from _coefficients(spectra, reference / "published/lb23_norm.csv")
    yield from _errors(spectra, real)
    yield from _reconstruction(spectra, real, reference / "published")
    yield from _ridge(spectra, real, reference / "published")
    yield from _colors()
    yield from _population(mock)
    yield from _closed_loop()


def _coefficients(spectra: Spectra, published: Path) -> Iterator[str]:
    # The file holds "np.float64(0.057)" in places: the number is what counts.
    table = pd.read_csv(published, dtype=str).set_index("vocab")
    number = r"(-?\d\.?\d*(?:e-?\d+)?)\)?$"
    x = spectra.coefficients / spectra.g_flux[:, None]
    yield "coefficients over G flux, clipped at 0.2 and 99.8 %, against Leung & Bovy (2023):"
    yield "       mock median   published mean   difference [published sd]   sd: mock / published"
    for band, columns in BANDS.items():
        for j in range(FIRST):
            values = x[:, columns.start + j]
            low, high = np.percentile(values, CLIP)
            values = values[(values >= low) & (values <= high)]
            row = table.loc[f"{band}{j}", ["mean", "std"]].str.extract(number)[0].astype(float)
            mean, std = row["mean"], row["std"]
            median = np.median(values)
            yield (
                f"  {band}{j}  {median:+.2e}       {mean:+.2e}        {(median - mean) / std:+.2f}"
                f"                       {values.std() / std:.2f}"
            )


def _errors(spectra: Spectra, real: Spectra) -> Iterator[str]:
    from xpmodel.spectra.photometry import g_mag_from_flux

    yield "errors over G flux, median of log10(mock / real) over the coefficients, at equal G:"
    mags = [g_mag_from_flux(s.g_flux) for s in (spectra, real)]
    for low in range(10, 18):
        errors = []
        for mag, s in zip(mags, (spectra, real), strict=True):
            here = (mag >= low) & (mag < low + 1)
            errors.append(np.median(s.errors[here] / s.g_flux[here, None], axis=0))
        ratio = np.log10(errors[0] / errors[1])
        yield (
            f"  G {low} to {low + 1}: {np.median(ratio):+.3f} dex "
            f"(from {ratio.min():+.2f} to {ratio.max():+.2f})"
        )


def _reconstruction(spectra: Spectra, real: Spectra, published: Path) -> Iterator[str]:
    from xpmodel.model.import_released import import_model

    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    grid = Wavelengths()
    yield "median |Δf/f| of the published model (normalization estimated):"
    yield f"  stars with {GIANT_COLOR[0]} < BP−RP < {GIANT_COLOR[1]} and G < {BRIGHT}"
    rows = []
    for all_stars in (spectra, real):
        s = _usual(all_stars)
        coefficients, _ = model.decode(model.encode(s)[0])
        decoded = grid.flux(coefficients.astype(np.float64) * s.g_flux[:, None])
        rows.append(
            np.median(np.abs(decoded / grid.flux(s.coefficients.astype(float)) - 1), axis=0)
        )
    for wavelength in (456, 536, 636, 736, 836, 936):
        i = int(np.argmin(np.abs(grid.grid - wavelength)))
        yield f"  {wavelength} nm: mock {100 * rows[0][i]:.2f} %, real {100 * rows[1][i]:.2f} %"


def _usual(spectra: Spectra) -> Spectra:
    """Bright stars of the colors that most stars of the published training set have."""
    from xpmodel.spectra.photometry import g_mag_from_flux

    color = bp_rp(spectra.coefficients)
    bright = g_mag_from_flux(spectra.g_flux) < BRIGHT
    return spectra[(color > GIANT_COLOR[0]) & (color < GIANT_COLOR[1]) & bright]


def _ridge(spectra: Spectra, real: Spectra, published: Path) -> Iterator[str]:
    from xpmodel.model.import_released import import_model

    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    scores = [model.score(_usual(stars)) for stars in (spectra, real)]
    chi2 = [float(np.median(score.chi2_obs)) for score in scores]
    yield "χ² over the observed errors alone, median of the same stars:"
    yield f"  mock {chi2[0]:.2f}, real {chi2[1]:.2f}"
    spreads = [score.mean.std(axis=0) for score in scores]
    for k in np.flatnonzero(spreads[1] > ACTIVE):
        mock, observed = spreads[0][k], spreads[1][k]
        yield f"  spread of the published z{k + 1}: mock {mock:.2f}, real {observed:.2f}"


def _colors() -> Iterator[str]:
    teff = np.array(sorted(DWARF_COLORS, reverse=True), np.float64)
    found = bp_rp(true_coefficients(plain_stars(teff=teff, logg=ms_logg(teff))))
    yield "BP−RP of dwarfs without dust, against Pecaut & Mamajek (2013):"
    for t, color in zip(teff, found, strict=True):
        yield f"  {t:.0f} K: {color:.3f}, theirs {DWARF_COLORS[int(t)]:.3f}"


def _population(mock: Path) -> Iterator[str]:
    """Of labels: the giant branch's slope as drawn, and what [M/H] alone says of α as measured."""
    import h5py
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    stars = draw_stars(N_STARS, np.random.default_rng(0))
    branch = stars.giant & (stars.logg > 1.0) & (stars.logg < 3.5)
    off = (stars.teff - gb_teff(stars.logg))[branch]
    slope = np.polyfit(stars.m_h[branch], off, 1)[0]
    farthest = stars.distance.max()
    yield f"giants at equal log g: {slope:.0f} K a dex of [M/H]; farthest star {farthest:.0f} kpc"
    with h5py.File(mock) as file:
        table = file[DATASET][:N_STARS]
    good = (table["TEFF"] > 100 * table["TEFF_ERR"]) & (table["LOGG_ERR"] < 0.1)
    good &= (table["M_H_ERR"] < 0.05) & (table["STARFLAG"] == 0)
    high = high_alpha_mask(table["FE_H"], table["MG_FE"])[good]
    if min(high.sum(), (~high).sum()) < MIN_CLASS:
        yield "[M/H] alone against α: too few pristine stars"
        return
    m_h = table["M_H"][good][:, None]
    known, rest, truth, asked = train_test_split(m_h, high, test_size=0.1, random_state=0)
    called = RandomForestClassifier(random_state=0).fit(known, truth).predict(rest)
    yield (
        f"a forest on [M/H] alone, {good.sum()} pristine stars: accuracy "
        f"{(called == asked).mean():.3f}; always low-α {1 - high.mean():.3f}"
    )


def _closed_loop() -> Iterator[str]:
    stars = draw_stars(4096, np.random.default_rng(0))
    flux = model_flux(stars)
    grid = Wavelengths()
    back = grid.flux(coefficients_of(flux))
    back /= back.mean(axis=1, keepdims=True)
    error = np.abs(back / flux - 1)
    inner = (grid.grid > 400) & (grid.grid < 1000)
    yield (
        "closed loop flux → coefficients → GaiaXPy flux, 400 to 1000 nm: "
        f"median |Δf/f| {100 * np.median(error[:, inner]):.2f} %, "
        f"99 % below {100 * np.percentile(error[:, inner], 99):.1f} %"
    )
