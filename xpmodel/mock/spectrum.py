"""Mock spectra: continuum, lines and dust at XP's resolution, and their XP coefficients."""

from __future__ import annotations

import functools
from dataclasses import KW_ONLY, dataclass

import numpy as np

from xpmodel._private_parts import instrument_model
from xpmodel.catalog.label_relations import ms_logg
from xpmodel.mock.population import Stars, plain_stars
from xpmodel.spectra.bands import BANDS, N_BAND

# Full width at half maximum of the line spread function [nm] at a wavelength [nm]: R falls from
# 100 to 30 over BP (330 to 680 nm) and from 100 to 70 over RP (640 to 1050 nm); Gaia
# Collaboration, Prusti et al. (2016), Sect. 3.3.6.
BP_RESOLUTION = (330.0, 80.0, 680.0, 25.0)
RP_RESOLUTION = (640.0, 100.0, 1050.0, 70.0)
BAND_EDGE = 640.0
FWHM_PER_SIGMA = 2.3548
SECOND_RADIATION_CONSTANT = 1.4387769e7  # h c / k [nm K]
# Prior spread of coefficient j over the G flux, A (1 + j)^-p: what 1,400 real stars show.
PRIOR_SPREAD = (0.06, 2.2)
# Weight of the flux against the prior: relative error of a flux sample [of the mean flux].
FLUX_WEIGHT = 1e-2
# G flux [e⁻ s⁻¹] of a spectrum with a mean flux of 1 W m⁻² nm⁻¹ over the grid: within 10 % for
# real stars of all colors.
UNIT_G_FLUX = 8.1e20
# Edge [nm] and depth in ln flux, at its deepest, of the jumps of neutral hydrogen.
JUMPS = ((364.7, 0.9), (820.4, 0.12))
# Heights of emission lines over their continuum, in ratio to Hα's.
EMISSION_RATIOS = {"Hα": 1.0, "Hβ": 0.35, "Pε": 0.1}

# BP−RP of dwarfs [mag] by Teff [K]: B8V, B9V, A0V, F0V, G0V, G2V, K0V, K5V, M0V, M2V, M4V and M5V
# in the table of Pecaut & Mamajek (2013), as updated.
DWARF_COLORS = {
    12500: -0.13, 10700: -0.08, 9700: 0.00, 7220: 0.377, 5920: 0.782, 5770: 0.82, 5270: 0.983,
    4440: 1.43, 3850: 1.84, 3550: 2.16, 3210: 2.90, 3060: 3.30,
}  # fmt: skip
# Hotter stars than this shine as black bodies [K].
BLACK_BODY_TEFF = 15000.0
# What moves a color: a slope in ln flux, about this wavelength and over so many [nm].
TILT_CENTER, TILT_SCALE = 640.0, 300.0
# A slope of 1 reddens by about so much [mag]; steps of Newton's method to find the slopes.
COLOR_PER_SLOPE, SLOPE_STEPS = 1.1, 12


@dataclass(frozen=True)
class Feature:
    """An absorption feature: where it lies, and how strong it is in which stars.

    Its equivalent width is `width` × 10^(metal [M/H] + alpha [α/M] + gravity (log g − 3)) times
    a bell in ln Teff. Which feature follows what is from Gray & Corbally (2009), Stellar
    Spectral Classification; the widths are tuned such that the medians of the first coefficients
    are those of real stars (`xpmodel mock --report`).

    Attributes
    ----------
    wavelength, spread : float
        Center and intrinsic standard deviation [nm].
    width : float
        Equivalent width [nm] in a star of solar abundances at the peak temperature, log g 3.
    teff, teff_spread : float
        Temperature of the largest strength and the bell's standard deviation in ln Teff.
    cool_plateau : bool
        Whether the strength stays at its peak below `teff`.
    metal, alpha : float
        Dex of strength a dex of [M/H] and of [α/M].
    gravity : float
        Dex of strength a dex of log g.
    """

    name: str
    wavelength: float
    spread: float
    width: float
    teff: float
    teff_spread: float
    _: KW_ONLY
    cool_plateau: bool = True
    metal: float = 0.35
    alpha: float = 0.0
    gravity: float = 0.0

    def strength(self, stars: Stars, alpha_signal: float) -> np.ndarray:
        """Equivalent width [nm], (N,)."""
        distance = np.log(stars.teff / self.teff)
        if self.cool_plateau:
            distance = np.maximum(distance, 0.0)
        bell = np.exp(-0.5 * (distance / self.teff_spread) ** 2)
        dex = self.metal * stars.m_h + self.gravity * (stars.logg - 3.0)
        dex = dex + self.alpha * alpha_signal * stars.alpha_m
        return self.width * bell * 10.0**dex


def _balmer(name: str, wavelength: float, width: float) -> Feature:
    return Feature(
        name, wavelength, 1.2, width, 9200, 0.28, cool_plateau=False, metal=0.0, gravity=0.08
    )


def _tio(wavelength: float, spread: float, width: float) -> Feature:
    # Gone by about 4200 K; oxygen and titanium are both α elements.
    name = f"TiO {wavelength:.0f}"
    return Feature(name, wavelength, spread, width, 3200, 0.13, metal=0.3, alpha=0.6)


FEATURES: tuple[Feature, ...] = (
    _balmer("Hε", 397.0, 1.2),
    _balmer("Hδ", 410.2, 1.35),
    _balmer("Hγ", 434.0, 1.35),
    _balmer("Hβ", 486.1, 1.2),
    _balmer("Hα", 656.3, 1.7),
    _balmer("P12", 875.0, 0.6),
    _balmer("Pε", 954.6, 0.6),
    _balmer("Pδ", 1005.0, 0.7),
    Feature("CN 384", 384.0, 7.0, 8.2, 4900, 0.20, metal=0.45, gravity=-0.08),
    Feature("Ca II HK", 395.0, 6.0, 7.3, 4900, 0.22, metal=0.25, alpha=0.30),
    Feature("CN 416", 415.0, 5.0, 2.6, 4600, 0.16, metal=0.55, gravity=-0.12),
    Feature("Ca I", 422.7, 2.0, 1.95, 4200, 0.18, metal=0.30, alpha=0.45, gravity=0.10),
    Feature("CH G", 430.8, 4.0, 3.55, 5000, 0.15, metal=0.30),
    Feature("Fe 438", 438.5, 3.0, 2.4, 4700, 0.22, metal=0.40),
    Feature("Fe 452", 453.0, 5.0, 0.52, 4500, 0.22, metal=0.40),
    Feature("Fe 495", 495.7, 5.0, 0.69, 4500, 0.22, metal=0.40),
    Feature("MgH", 512.0, 8.0, 3.8, 4500, 0.13, metal=0.30, alpha=0.40, gravity=0.10),
    Feature("Mg b", 517.0, 4.0, 2.3, 4600, 0.20, alpha=0.55, gravity=0.08),
    Feature("Fe 527", 527.0, 3.0, 1.7, 4500, 0.22, metal=0.40),
    Feature("Fe 540", 540.0, 5.0, 1.6, 4400, 0.22, metal=0.40),
    Feature("Na D", 589.3, 1.0, 1.0, 4000, 0.18, gravity=0.15),
    Feature("CaH", 685.0, 4.0, 2.0, 3300, 0.10, metal=0.20, alpha=0.30, gravity=0.25),
    Feature("Ca II T", 857.0, 6.0, 1.6, 4800, 0.35, metal=0.30, alpha=0.35, gravity=-0.12),
    _tio(476.0, 5.0, 9.4),
    _tio(520.0, 6.0, 8.2),
    _tio(560.0, 9.0, 11.7),
    _tio(590.0, 8.0, 12.1),
    _tio(623.0, 9.0, 13.9),
    _tio(677.0, 9.0, 28.0),
    _tio(713.0, 9.0, 60.0),
    _tio(770.0, 10.0, 16.3),
    _tio(850.0, 10.0, 16.6),
    _tio(935.0, 12.0, 13.6),
)


def model_flux(stars: Stars, alpha_signal: float = 1.0) -> np.ndarray:
    """Spectra on GaiaXPy's grid, of arbitrary scale.

    Parameters
    ----------
    stars : Stars
    alpha_signal : float
        1: the α elements' features follow [α/M]; 0: they do not, and α leaves no trace.

    Returns
    -------
    flux : ndarray, (N, 343) float32
        F_λ at XP's resolution, mean 1 over the grid.
    """
    flux = _tilted(stars, _star_flux(stars, alpha_signal))
    # Unresolved binaries and blends: the light of a second star, in ratio to the first's.
    second = np.flatnonzero(stars.second_light)
    partners = stars[second].partner()
    partner = _tilted(partners, _star_flux(partners, alpha_signal))
    flux[second] += stars.second_light[second, None] * partner
    flux += _emission(stars, flux)
    flux *= 10.0 ** (-0.4 * stars.ebv[:, None] * _extinction()[None]).astype(np.float32)
    return flux / flux.mean(axis=1, keepdims=True)


def _emission(stars: Stars, continuum: np.ndarray) -> np.ndarray:
    """Hydrogen lines in emission, (N, L), in ratio to the continuum at each line."""
    lines = np.zeros_like(continuum)
    glowing = np.flatnonzero(stars.emission)
    for number, feature in enumerate(FEATURES):
        if feature.name in EMISSION_RATIOS:
            here = int(np.argmin(np.abs(wavelength_grid() - feature.wavelength)))
            height = EMISSION_RATIOS[feature.name] * stars.emission[glowing]
            height = height * continuum[glowing, here]
            lines[glowing] += height[:, None] * _profiles()[0][number]
    return lines


def _star_flux(stars: Stars, alpha_signal: float) -> np.ndarray:
    """One star's light without dust, (N, L) float32, mean 1."""
    grid = wavelength_grid()
    teff = stars.teff[:, None]
    planck = np.expm1(SECOND_RADIATION_CONSTANT / (grid[None] * teff))
    flux = (grid[None] / 600.0) ** -5.0 / planck
    # Metal lines too dense to be told apart depress the blue, more in cool and metal-rich stars.
    blanketing = 10.0 ** (0.30 * stars.m_h) * np.clip((6800 - stars.teff) / 2300, 0, 1.6)
    depth = blanketing[:, None] * np.exp(-0.5 * ((grid[None] - 330.0) / 65.0) ** 2)
    log_flux = np.log(flux) - 0.9 * depth
    # Jumps of neutral hydrogen: deepest near 9500 K, small in cool and in hot stars.
    jump = np.exp(-0.5 * (np.log(stars.teff / 9500.0) / 0.30) ** 2)[:, None]
    for edge, size in JUMPS:
        log_flux -= size * jump / (1.0 + np.exp((grid[None] - edge) / 4.0))
    profiles, area = _profiles()
    strengths = np.stack([f.strength(stars, alpha_signal) for f in FEATURES], axis=1)
    # 1 / (1 + depth): weak lines take their equivalent width, strong ones saturate.
    log_flux -= np.log1p((strengths / area) @ profiles)
    flux = np.exp(log_flux).astype(np.float32)
    return flux / flux.mean(axis=1, keepdims=True)


def _tilted(stars: Stars, flux: np.ndarray) -> np.ndarray:
    """Flux (N, L) with the slope that gives dwarfs of these Teff their color, mean 1."""
    return _with_slopes(flux, np.interp(stars.teff, *_color_slopes()))


def _with_slopes(flux: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    offset = (wavelength_grid() - TILT_CENTER) / TILT_SCALE
    flux = flux * np.exp(slopes[:, None] * offset).astype(np.float32)
    return flux / flux.mean(axis=1, keepdims=True)


@functools.cache
def _color_slopes() -> tuple[np.ndarray, np.ndarray]:
    """Teff [K], ascending, and the slope there: dwarfs have the BP−RP of `DWARF_COLORS`."""
    teff = np.array(sorted(DWARF_COLORS), np.float64)
    wanted = np.array([DWARF_COLORS[int(t)] for t in teff])
    flux = _star_flux(plain_stars(teff=teff, logg=ms_logg(teff)), 1.0)
    slopes = np.zeros(len(teff))
    for _ in range(SLOPE_STEPS):
        off = wanted - bp_rp(coefficients_of(_with_slopes(flux, slopes)))
        slopes += off / COLOR_PER_SLOPE
    return np.append(teff, BLACK_BODY_TEFF), np.append(slopes, 0.0)


def bp_rp(coefficients: np.ndarray) -> np.ndarray:
    """Synthetic BP−RP [mag], (N,), of coefficients (N, 110)."""
    from xpmodel.spectra.photometry import synthetic_mag

    return synthetic_mag(coefficients, "BP") - synthetic_mag(coefficients, "RP")


@functools.cache
def wavelength_grid() -> np.ndarray:
    """GaiaXPy's default grid [nm], (343,)."""
    return design()[0]


@functools.cache
def design() -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """GaiaXPy's grid, and for each band its design matrix (55, L) and merging weights (L,)."""
    return instrument_model(N_BAND)


def _line_width(feature: Feature) -> float:
    """Standard deviation of a feature as XP sees it [nm]."""
    low, r_low, high, r_high = BP_RESOLUTION if feature.wavelength < BAND_EDGE else RP_RESOLUTION
    resolution = np.interp(feature.wavelength, (low, high), (r_low, r_high))
    return float(np.hypot(feature.spread, feature.wavelength / resolution / FWHM_PER_SIGMA))


@functools.cache
def _profiles() -> tuple[np.ndarray, np.ndarray]:
    """Shape of each feature, (F, L) with a peak of 1, and its area [nm], (F,)."""
    grid = wavelength_grid()
    center = np.array([feature.wavelength for feature in FEATURES])
    sigma = np.array([_line_width(feature) for feature in FEATURES])
    shape = np.exp(-0.5 * ((grid[None] - center[:, None]) / sigma[:, None]) ** 2)
    return shape, sigma * np.sqrt(2 * np.pi)


@functools.cache
def _extinction() -> np.ndarray:
    """A(λ) / E(B−V) [mag], (L,): Gordon et al. (2023) with R_V = 3.1."""
    import astropy.units as u
    from dust_extinction.parameter_averages import G23

    return np.asarray(G23(Rv=3.1)(wavelength_grid() * u.nm)) * 3.1


def coefficients_of(flux: np.ndarray) -> np.ndarray:
    """XP coefficients whose GaiaXPy flux is nearest to given spectra.

    Regularized least squares, band by band: GaiaXPy's design matrix runs from coefficients to
    flux and has no stable inverse; a Gaussian prior of the spread that real coefficients have
    chooses among those that give the same flux.

    Parameters
    ----------
    flux : ndarray, (N, 343)
        Mean 1 over the grid.

    Returns
    -------
    coefficients : ndarray, (N, 110) float64
        Per unit G flux.
    """
    from xpmodel.spectra.photometry import synthetic_g_flux

    coefficients = flux.astype(np.float64) @ solver().T
    return coefficients / synthetic_g_flux(coefficients)[:, None]


@functools.cache
def solver() -> np.ndarray:
    """What `coefficients_of` multiplies spectra with before their G flux is divided out, (110, L).

    Its spectra have a mean of 1 over the grid; coefficients come out per unit G flux, nearly.
    """
    grid, matrices, merge = design()
    amplitude, power = PRIOR_SPREAD
    rows = []
    for band in BANDS:
        used = merge[band] > 0
        a = matrices[band][:, used].T * UNIT_G_FLUX  # (samples, 55): flux of c per G flux
        prior = amplitude * (1.0 + np.arange(a.shape[1])) ** -power
        normal = a.T @ a / FLUX_WEIGHT**2 + np.diag(prior**-2.0)
        solution = np.zeros((a.shape[1], len(grid)))
        solution[:, used] = np.linalg.solve(normal, a.T) / FLUX_WEIGHT**2
        rows.append(solution)
    return np.concatenate(rows)
