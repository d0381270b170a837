"""Noise of XP coefficients: errors by magnitude as fitted to real stars, and draws of noise.

The error e_j of coefficient j of a star of G magnitude G, over its G flux, is

    e_j = a_j [1 + 10^(0.4 (G − g_j)) + 10^(0.8 (G − h_j))]^½ 10^(ε_band + ε_j):

a floor (calibration), photon noise and background, times a scatter common to the band, from the
number of transits, and a small one of each coefficient. `noise.json` holds log10 a, g and h of
the 110 coefficients, fitted to 1,400 real Gaia DR3 stars (G 7.3 to 19.8) by

    python -m xpmodel.mock.noise SPECTRA PHOTOMETRY
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import sys
from pathlib import Path

import numpy as np

from xpmodel.spectra.bands import N_BAND, N_COEFFICIENTS

# Scatter [dex] about the relation that the same stars show.
BAND_SCATTER, COEFFICIENT_SCATTER = 0.11, 0.04
# Real correlations within a band are of either sign, 0.1 in the root mean square, and alike from
# star to star; the mock's are one matrix a band of this strength.
CORRELATION_RANK, CORRELATION_STRENGTH, CORRELATION_SEED = 12, 0.5, 20221
FIT_START = (14.5, 18.0)


def draw_errors(g_mag: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Standard deviations of the coefficients over the G flux.

    Parameters
    ----------
    g_mag : ndarray, (N,)
    rng : numpy.random.Generator

    Returns
    -------
    errors : ndarray, (N, 110)
    """
    band = BAND_SCATTER * rng.standard_normal((len(g_mag), 2))
    own = COEFFICIENT_SCATTER * rng.standard_normal((len(g_mag), N_COEFFICIENTS))
    return 10.0 ** (relation(g_mag) + np.repeat(band, N_BAND, axis=1) + own)


def relation(g_mag: np.ndarray) -> np.ndarray:
    """Log10 of the median error over the G flux, (N, 110)."""
    return _relation(parameters(), g_mag)


def _relation(fitted: np.ndarray, g_mag: np.ndarray) -> np.ndarray:
    floor, photon, background = fitted.T
    g = np.asarray(g_mag)[:, None]
    growth = 10 ** (0.4 * (g - photon)) + 10 ** (0.8 * (g - background))
    return floor + 0.5 * np.log10(1 + growth)


@functools.cache
def parameters() -> np.ndarray:
    """Log10 a_j, g_j and h_j, (110, 3)."""
    text = importlib.resources.files("xpmodel.mock").joinpath("noise.json").read_text()
    return np.array(json.loads(text))


@functools.cache
def correlations() -> np.ndarray:
    """The mock's correlation matrices of BP and RP, (2, 55, 55)."""
    rng = np.random.default_rng(CORRELATION_SEED)
    common = rng.standard_normal((2, N_BAND, CORRELATION_RANK)) / np.sqrt(CORRELATION_RANK)
    covariance = np.eye(N_BAND) + CORRELATION_STRENGTH * np.einsum("bik,bjk->bij", common, common)
    scale = np.sqrt(np.einsum("bii->bi", covariance))
    return covariance / (scale[:, :, None] * scale[:, None, :])


def draw_noise(errors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of given standard deviations, (N, 110), correlated within each band."""
    factor = np.linalg.cholesky(correlations())
    unit = rng.standard_normal((len(errors), 2, N_BAND))
    correlated = np.concatenate([unit[:, b] @ factor[b].T for b in (0, 1)], axis=1)
    return errors * correlated


def fit(errors: np.ndarray, g_flux: np.ndarray, g_mag: np.ndarray) -> np.ndarray:
    """Fit the relation to real stars' errors (N, 110); returns its parameters (110, 3)."""
    from scipy.optimize import least_squares

    measured = np.log10(errors / g_flux[:, None])

    def fit_one(values: np.ndarray) -> np.ndarray:
        start = (np.median(values[g_mag < np.percentile(g_mag, 20)]), *FIT_START)

        def residuals(parameters: np.ndarray) -> np.ndarray:
            return _relation(parameters[None], g_mag)[:, 0] - values

        return least_squares(residuals, start, loss="soft_l1", f_scale=0.1).x

    return np.array([fit_one(column) for column in measured.T])


def main(spectra_path: str, photometry: str) -> None:
    """Fit the relation and write it to `noise.json` in the working directory."""
    from xpmodel.spectra.photometry import g_mag_from_flux
    from xpmodel.spectra.spectra import read_spectra

    spectra = read_spectra(spectra_path, photometry=photometry)
    fitted = fit(spectra.errors, spectra.g_flux, g_mag_from_flux(spectra.g_flux))
    rows = ",\n".join(json.dumps(row) for row in fitted.round(3).tolist())
    Path("noise.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
