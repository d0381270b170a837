"""Mock labels as a survey measures them: errors and flags in the manner of astroNN and APOGEE.

The errors are drawn so that the named cuts of Laroche & Speagle (2024) keep the shares of stars
that they publish, in both variants, and that only giants are pristine.
"""

from __future__ import annotations

import numpy as np

from xpmodel.mock.population import Stars

# Stars with a spectrum that a flag marks: a bright neighbour, few visits, persistence.
FLAGGED = 0.56
# Stars whose labels the network could not tell: every error is large.
FAILED = 0.063
STARFLAG_BITS = (3, 9, 11, 12, 17)
# ASPCAPFLAG: bits 19 (M_H_BAD) and 23 (STAR_BAD) by the paper, 2 and 3 by the released code.
# 2MASS: error of a bright star, and the magnitude from which it doubles [mag]. Dust maps: 16 % of
# the reddening, as Schlegel et al. (1998) state, and a hundredth.
JHK_ERROR, JHK_FAINT = 0.023, {"J": 15.2, "H": 14.4, "K": 13.9}
SFD_ERROR, SFD_FLOOR = 0.16, 0.005
ASPCAP_BITS = {2: 0.006, 3: 0.006, 19: 0.01, 23: 0.02}


def draw_labels(stars: Stars, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Measured labels with their errors, and flags.

    Returns
    -------
    columns : dict of str to ndarray, (N,)
        Under the released file's names: ``TEFF``, ``TEFF_ERR``, …, ``STARFLAG``, ``ASPCAPFLAG``,
        the parallax, ``J``, ``H``, ``K`` and ``SFD_EBV``.
    """
    n = len(stars)
    giant = stars.giant
    flagged = rng.random(n) < FLAGGED
    failed = rng.random(n) < FAILED
    # One number a star says how well its spectrum was measured; the labels' errors share it.
    quality = rng.standard_normal(n) + np.where(flagged, 0.6, -0.75)

    def error(giants: float, dwarfs: float, spread: float, worst: float) -> np.ndarray:
        log = np.log10(np.where(giant, giants, dwarfs))
        own = 0.8 * quality + 0.6 * rng.standard_normal(n)
        return np.where(failed, worst * rng.uniform(1.0, 3.0, n), 10 ** (log + spread * own))

    errors = {
        "TEFF": stars.teff * error(0.0084, 0.017, 0.14, 0.03),
        # A dwarf's gravity is never measured to 0.1 dex.
        "LOGG": np.where(giant, 0.0, 0.11) + error(0.083, 0.12, 0.20, 0.4),
        "M_H": error(0.018, 0.024, 0.13, 0.25),
        "ALPHA_M": error(0.013, 0.020, 0.13, 0.10),
        "FE_H": error(0.018, 0.024, 0.13, 0.25),
        "MG_FE": error(0.018, 0.028, 0.13, 0.15),
    }
    truth = {
        "TEFF": stars.teff,
        "LOGG": stars.logg,
        "M_H": stars.m_h,
        "ALPHA_M": stars.alpha_m,
        "FE_H": stars.fe_h,
        "MG_FE": stars.mg_fe,
    }
    columns: dict[str, np.ndarray] = {}
    for name, sigma in errors.items():
        columns[name] = (truth[name] + sigma * rng.standard_normal(n)).astype(np.float32)
        columns[f"{name}_ERR"] = sigma.astype(np.float32)
    bit = rng.choice(STARFLAG_BITS, n)
    columns["STARFLAG"] = np.where(flagged, 1 << bit, 0).astype(np.int64)
    aspcap = np.zeros(n, dtype=np.int64)
    for number, share in ASPCAP_BITS.items():
        aspcap |= np.where(rng.random(n) < np.where(failed, 10 * share, share), 1 << number, 0)
    columns["ASPCAPFLAG"] = aspcap
    parallax = 1.0 / stars.distance
    parallax_error = 0.02 * np.sqrt(1 + 10 ** (0.4 * (stars.g_mag - 14.5)))
    columns["GAIAEDR3_PARALLAX"] = (parallax + parallax_error * rng.standard_normal(n)).astype("f4")
    columns["GAIAEDR3_PARALLAX_ERROR"] = parallax_error.astype(np.float32)
    for name, true in (("J", stars.j), ("H", stars.h), ("K", stars.k)):
        sigma = JHK_ERROR * np.sqrt(1 + 3 * 10 ** (0.8 * (true - JHK_FAINT[name])))
        columns[name] = (true + sigma * rng.standard_normal(n)).astype(np.float32)
    scatter = SFD_ERROR * stars.sfd_ebv * rng.standard_normal(n)
    scatter += SFD_FLOOR * rng.standard_normal(n)
    columns["SFD_EBV"] = np.maximum(stars.sfd_ebv + scatter, 0.0).astype(np.float32)
    return columns
