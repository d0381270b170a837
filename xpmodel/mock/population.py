"""A mock sky: three populations of stars on the Kiel diagram, in space and in action space."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from xpmodel.catalog.label_relations import gb_teff, giant_mask, ms_logg
from xpmodel.catalog.positions import galactic_to_icrs

POPULATIONS = ("low-alpha disc", "high-alpha disc", "Gaia-Enceladus")
FRACTIONS = (0.685, 0.28, 0.035)
STAGES = ("red giant branch", "red clump", "main sequence", "subgiant", "hot", "very cool")
STAGE_FRACTIONS = (0.44, 0.27, 0.22, 0.04, 0.015, 0.015)
SUN_RADIUS_KPC = 8.2
# No star is drawn beyond: farther ones, which the draw of H asks for, are drawn in, smoothly.
FARTHEST_KPC, NEAR_KPC = 30.0, 5.0
SUN_TEFF, SUN_LOGG, SUN_MBOL = 5772.0, 4.438, 4.74
# Coordinates of a star about the ridge that its labels do not say: `xpmodel.mock.ridge`.
N_RESIDUALS = 6
ODDITY_FRACTION = {"emission": 0.007, "blend": 0.006, "binary": 0.05}


@dataclass(frozen=True, kw_only=True)
class Stars:
    """N stars, every attribute but `residual` an array (N,).

    Teff [K], log g [dex], abundances [dex], mass [M☉], age [Gyr], distance [kpc], G and 2MASS
    magnitudes as observed [mag], E(B−V) to the star and along the whole line of sight [mag],
    position [deg], actions and angular momentum [kpc km s⁻¹]; `second_light` is the light of an
    unresolved companion or blend in ratio to the star's, `second_teff` its temperature;
    `emission` the height of Hα over the continuum. `residual`, (N, 6), is what sets a star apart
    from others of its labels: standard normal, the star's own, and of no label.
    """

    population: np.ndarray
    stage: np.ndarray
    teff: np.ndarray
    logg: np.ndarray
    m_h: np.ndarray
    alpha_m: np.ndarray
    fe_h: np.ndarray
    mg_fe: np.ndarray
    mass: np.ndarray
    age: np.ndarray
    distance: np.ndarray
    g_mag: np.ndarray
    j: np.ndarray
    h: np.ndarray
    k: np.ndarray
    ebv: np.ndarray
    sfd_ebv: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    lz: np.ndarray
    jr: np.ndarray
    jz: np.ndarray
    second_light: np.ndarray
    second_teff: np.ndarray
    emission: np.ndarray
    residual: np.ndarray

    def __len__(self) -> int:
        return len(self.teff)

    def __getitem__(self, rows: np.ndarray) -> Stars:
        return Stars(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def giant(self) -> np.ndarray:
        """Giants, as the catalog divides them from dwarfs."""
        return giant_mask(self.teff, self.logg)

    def partner(self) -> Stars:
        """The stars whose light adds to these: dwarfs of the same abundances."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        teff = self.second_teff
        return Stars(**{**values, "teff": teff, "logg": ms_logg(teff)})


def plain_stars(**attributes: np.ndarray) -> Stars:
    """Stars of given attributes of `Stars`, (N,) each; all others are zero.

    Without more than labels they are single stars without dust, residual or emission.
    """
    n = len(next(iter(attributes.values())))
    zero = {f.name: np.zeros(n) for f in fields(Stars)}
    zero["residual"] = np.zeros((n, N_RESIDUALS))
    given = {name: np.asarray(values, np.float64) for name, values in attributes.items()}
    return Stars(**(zero | given))


def draw_stars(n: int, rng: np.random.Generator) -> Stars:
    """Draw n stars of the mock sky.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
        The only source of chance: the same state gives the same stars.
    """
    population = rng.choice(len(POPULATIONS), n, p=FRACTIONS)
    stage = rng.choice(len(STAGES), n, p=STAGE_FRACTIONS)
    m_h, alpha_m = _abundances(population, rng)
    age = _by_population(
        population, rng.uniform(1, 8, n), rng.uniform(8, 12, n), rng.uniform(10, 13, n)
    )
    # Turn-off mass at an age: the main-sequence lifetime goes as 10 Gyr M^-3.2.
    mass = (age / 10.0) ** (-1 / 3.2) + 0.03 * rng.standard_normal(n)
    teff, logg = _kiel(stage, m_h, mass, rng)
    place = _places(population, rng, n, teff, logg, mass)
    fe_h = m_h - 0.1 * alpha_m + 0.01 * rng.standard_normal(n)
    mg_fe = 1.05 * alpha_m + 0.02 + 0.02 * rng.standard_normal(n)
    odd = rng.random(n)
    emission = np.where(odd < ODDITY_FRACTION["emission"], rng.uniform(0.5, 6.0, n), 0.0)
    blend = (odd > 0.1) & (odd < 0.1 + ODDITY_FRACTION["blend"])
    binary = (odd > 0.2) & (odd < 0.2 + ODDITY_FRACTION["binary"]) & (stage == 2)
    second_light = np.where(blend, rng.uniform(0.2, 1.0, n), 0.0)
    second_light = np.where(binary, rng.uniform(0.02, 0.8, n), second_light)
    second_teff = np.where(binary, teff * (1 - 0.35 * rng.random(n)), rng.uniform(3600, 9000, n))
    return Stars(
        population=population,
        stage=stage,
        teff=teff,
        logg=logg,
        m_h=m_h,
        alpha_m=alpha_m,
        fe_h=fe_h,
        mg_fe=mg_fe,
        mass=mass,
        age=age,
        second_light=second_light,
        second_teff=second_teff,
        emission=emission,
        residual=rng.standard_normal((n, N_RESIDUALS)),
        **place,
    )


def _by_population(population: np.ndarray, *values: np.ndarray) -> np.ndarray:
    return np.choose(population, values)


def _abundances(population: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """[M/H] and [α/M]: two disc sequences and an accreted one (Hayden et al. 2015)."""
    n = len(population)
    noise = rng.standard_normal((2, n))
    low = np.clip(-0.09 + 0.21 * noise[0], -0.75, 0.45)
    high = np.clip(-0.31 + 0.24 * noise[0], -1.2, 0.25)
    accreted = np.clip(-1.20 + 0.28 * noise[0], -2.3, -0.6)
    m_h = _by_population(population, low, high, accreted)
    alpha = _by_population(
        population,
        0.02 - 0.14 * low + 0.018 * noise[1],
        np.clip(0.25 - 0.22 * (high + 0.5), 0.04, 0.29) + 0.025 * noise[1],
        np.clip(0.15 - 0.20 * (accreted + 1.2), 0.0, 0.30) + 0.04 * noise[1],
    )
    return m_h, alpha


def _kiel(
    stage: np.ndarray, m_h: np.ndarray, mass: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Teff and log g of each stage, moved by metallicity and mass as isochrones are."""
    n = len(stage)
    u, noise = rng.random(n), rng.standard_normal((2, n))
    # Giant branch: more stars towards its foot; the published line at [M/H] = -0.1, hotter if
    # metal-poor or massive.
    shift = -470.0 * (m_h + 0.1) + 90.0 * (mass - 1.1)
    rgb_logg = 3.65 * u**0.62
    rgb_teff = gb_teff(rgb_logg) + shift * (0.6 + 0.12 * rgb_logg) + 35 * noise[0]
    clump_logg = 2.44 + 0.06 * noise[0] + 0.05 * (mass - 1.1)
    clump_teff = 4770 + 0.85 * shift + 45 * noise[1]
    hottest = np.clip(5900 * (mass / 1.0) ** 0.35 - 180 * m_h, 5000, 6900)
    ms_teff = 3600 + (hottest - 3600) * u**0.55
    turn = np.clip((ms_teff - 5600) / 900.0, 0, 1)
    dwarf_logg = ms_logg(ms_teff) - 0.10 * m_h - 0.15 * turn * rng.random(n)
    dwarf_logg = dwarf_logg + 0.03 * noise[1]
    sub_logg = 3.5 + 0.6 * u
    sub_teff = 4950 + (hottest - 5050) * (u**1.5) + 60 * noise[0]
    hot_teff = 7000 * np.exp(0.75 * u**2 + 0.02 * noise[0])
    # Some have left the main sequence.
    hot_logg = 4.25 - 0.75 * rng.random(n) ** 1.5 + 0.08 * noise[1]
    dwarf = rng.random(n) < 0.3
    cool_teff = 3100 + 650 * u
    cool_logg = np.where(dwarf, 4.75 + 0.08 * noise[0], np.clip(2.0 * u - 0.4, -0.3, 2.0))
    teff = np.choose(stage, [rgb_teff, clump_teff, ms_teff, sub_teff, hot_teff, cool_teff])
    logg = np.choose(stage, [rgb_logg, clump_logg, dwarf_logg, sub_logg, hot_logg, cool_logg])
    return np.clip(teff, 3000, 16000), logg


def _places(
    population: np.ndarray,
    rng: np.random.Generator,
    n: int,
    teff: np.ndarray,
    logg: np.ndarray,
    mass: np.ndarray,
) -> dict[str, np.ndarray]:
    """Distances, dust, magnitudes, positions and orbits."""
    # Luminosity from mass, gravity and temperature; magnitudes by smooth relations through the
    # tables of Pecaut & Mamajek (2013).
    theta = 5040.0 / teff
    log_l = np.log10(np.clip(mass, 0.3, None)) + 4 * np.log10(teff / SUN_TEFF) - (logg - SUN_LOGG)
    bolometric = SUN_MBOL - 2.5 * log_l
    correction_g = (
        -0.08 - 2.2 * np.clip(theta - 0.87, 0, None) ** 2 - 1.5 * np.clip(0.75 - theta, 0, None)
    )
    j_k = np.clip(-0.95 + 1.53 * theta, -0.2, 1.3)
    g_k = np.clip(-2.20 + 4.35 * theta, -0.5, 6.5)
    absolute_g = bolometric - correction_g
    # APOGEE chose by H, so that is what is drawn; the distance follows.
    h_k = 0.05 + 0.14 * np.clip(j_k, 0, None)
    h = np.clip(11.6 + 1.25 * rng.standard_normal(n), 6.5, 14.2)
    scale_height = _by_population(population, np.full(n, 0.3), np.full(n, 0.8), np.full(n, 6.0))
    ebv_near = rng.gamma(1.1, 0.20, n)
    asked = 10 ** (0.2 * (h - (absolute_g - g_k + h_k)) - 2.0)
    distance = _within_the_galaxy(asked)
    h = h + 5 * np.log10(distance / asked)
    sin_b = _latitudes(distance, scale_height, rng)
    # Dust is a thin layer: what a line of sight collects saturates beyond some 100 pc of height.
    height = distance * np.abs(sin_b)
    ebv = ebv_near * np.clip(distance, 0.05, 3.0) ** 0.5 / (1 + 4 * np.abs(sin_b))
    sfd_ebv = ebv * (1.0 + 0.8 * np.exp(-height / 0.15)) + 0.005
    gal_l = np.where(rng.random(n) < 0.35, 30 * rng.standard_normal(n), rng.uniform(0, 360, n))
    ra, dec = galactic_to_icrs(gal_l, np.degrees(np.arcsin(sin_b)))
    g = h + (g_k - h_k) + 2.4 * ebv - 0.45 * ebv
    orbit = _orbits(population, rng, n, distance, gal_l, sin_b)
    return {
        "distance": distance,
        "ebv": ebv,
        "sfd_ebv": sfd_ebv,
        "ra": ra,
        "dec": dec,
        "g_mag": g,
        "h": h + 0.46 * ebv,
        "k": h - h_k + 0.31 * ebv,
        "j": h - h_k + j_k + 0.72 * ebv,
        **orbit,
    }


def _within_the_galaxy(distance: np.ndarray) -> np.ndarray:
    """Distances [kpc] as they are up to 5 kpc, and drawn in below 30 kpc from there on."""
    room = FARTHEST_KPC - NEAR_KPC
    beyond = np.maximum(distance - NEAR_KPC, 0.0)
    return np.minimum(distance, NEAR_KPC) - room * np.expm1(-beyond / room)


def _latitudes(
    distance: np.ndarray, scale_height: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Sine of Galactic latitude: uniform on the sphere, thinned by height above the plane."""
    # |z| is exponential within what the distance allows: the inverse of its distribution.
    reach = distance / scale_height
    u = rng.random(len(distance))
    height = -np.log1p(-u * -np.expm1(-reach))
    return np.where(rng.random(len(distance)) < 0.5, -1, 1) * height / reach


def _orbits(
    population: np.ndarray,
    rng: np.random.Generator,
    n: int,
    distance: np.ndarray,
    gal_l: np.ndarray,
    sin_b: np.ndarray,
) -> dict[str, np.ndarray]:
    """Lz, JR, Jz: near-circular discs, and debris on radial orbits (Lane et al. 2022)."""
    in_plane = distance * np.sqrt(1 - sin_b**2)
    longitude = np.deg2rad(gal_l)
    radius = np.hypot(SUN_RADIUS_KPC - in_plane * np.cos(longitude), in_plane * np.sin(longitude))
    noise = rng.standard_normal(n)
    v_phi = _by_population(population, 222 + 22 * noise, 185 + 45 * noise, 25 * noise)
    jr = _by_population(
        population, *(rng.gamma(1.0, 28.0, n), rng.gamma(1.1, 75.0, n), rng.gamma(3.0, 330.0, n))
    )
    jz = _by_population(
        population, *(rng.gamma(1.0, 8.0, n), rng.gamma(1.2, 38.0, n), rng.gamma(1.5, 110.0, n))
    )
    return {"lz": np.clip(radius, 0.2, 30.0) * v_phi, "jr": jr, "jz": jz}
