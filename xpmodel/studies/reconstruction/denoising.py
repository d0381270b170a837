"""Denoising: where a reconstruction is nearer to the truth than the observation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.reconstruction.evaluate import HeldOut
from xpmodel.studies.reconstruction.residuals import ZGR_GRID
from xpmodel.studies.reconstruction.rivals import Reconstruction

STEP = 0.5  # mag
FEWEST = 20


@dataclass(frozen=True)
class Denoising:
    """Errors against noise-free spectra in bins of G magnitude.

    A star's error is the root mean square over the 61 wavelengths of (f − f_true) / f_true.

    Attributes
    ----------
    g_mag : ndarray, (B,)
        Middles of the bins [mag].
    n : ndarray, (B,) int64
        Stars.
    observed : ndarray, (B,)
        Median error of the observation.
    observed_of : dict of str to ndarray, (B,)
        Median error of the observation, over the stars of each reconstruction.
    error : dict of str to ndarray, (B,)
        Median error of each reconstruction.
    better : dict of str to ndarray, (B,)
        Part of the stars where it is nearer to the truth than the observation.
    """

    g_mag: np.ndarray
    n: np.ndarray
    observed: np.ndarray
    observed_of: dict[str, np.ndarray]
    error: dict[str, np.ndarray]
    better: dict[str, np.ndarray]

    def better_from(self, name: str) -> float:
        """The bright end [mag] of the bins from which on its median error is the smaller.

        Both medians are of the stars that the reconstruction has.

        NaN where it is at no magnitude; bins of few stars do not count.
        """
        full = self.n >= FEWEST
        wins = (self.error[name] < self.observed_of[name])[full]
        last_loss = np.flatnonzero(~wins)
        first = int(last_loss[-1]) + 1 if len(last_loss) else 0
        return float(self.g_mag[full][first] - STEP / 2) if first < len(wins) else float("nan")


def denoising(
    stars: HeldOut, reconstructions: list[Reconstruction], truth: np.ndarray, g_mag: np.ndarray
) -> Denoising:
    """Compare observations and reconstructions with noise-free spectra.

    Parameters
    ----------
    stars : HeldOut
    reconstructions : list of Reconstruction
        Those without all 110 coefficients are left out.
    truth : ndarray, (T, 110)
        Noise-free coefficients of the test stars, archive units.
    g_mag : ndarray, (T,)
        [mag]
    """
    wavelengths = Wavelengths(ZGR_GRID)
    true = wavelengths.flux(truth.astype(np.float64))
    observed = _error(wavelengths.flux(stars.spectra.coefficients.astype(np.float64)), true)
    known = np.isfinite(g_mag)
    low, high = np.floor(g_mag[known].min() / STEP), np.ceil(g_mag[known].max() / STEP)
    edges = STEP * np.arange(low, max(high, low + 1) + 1)
    bins = np.where(known, np.searchsorted(edges, g_mag, side="right") - 1, -1)
    bins = np.where(bins == len(edges) - 1, len(edges) - 2, bins)
    n_bins = len(edges) - 1
    errors, same, better = {}, {}, {}
    for one in reconstructions:
        if one.coefficients is None or np.isnan(one.coefficients).all(axis=0).any():
            continue
        own = _error(wavelengths.flux(one.coefficients), true[one.places])
        of = bins[one.places]
        errors[one.name] = medians_of(own, of, n_bins)
        same[one.name] = medians_of(observed[one.places], of, n_bins)
        wins = (own < observed[one.places]).astype(float)
        better[one.name] = np.array([_mean(wins[of == b]) for b in range(n_bins)])
    n = np.bincount(bins[bins >= 0], minlength=n_bins)
    middles = edges[:-1] + STEP / 2
    return Denoising(middles, n, medians_of(observed, bins, n_bins), same, errors, better)


def _error(flux: np.ndarray, true: np.ndarray) -> np.ndarray:  # (T, L), (T, L) -> (T,)
    return np.sqrt((((flux - true) / true) ** 2).mean(axis=1))


def medians_of(values: np.ndarray, bins: np.ndarray, n_bins: int) -> np.ndarray:
    """Median of the values (N,) in each of n bins, by their numbers (N,); NaN where none is."""
    parts = (values[bins == b] for b in range(n_bins))
    return np.array([np.median(part) if len(part) else np.nan for part in parts])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
