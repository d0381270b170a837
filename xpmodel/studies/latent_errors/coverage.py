"""How often bands of decoded spectra hold the noise-free and the observed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xpmodel.model.model import Encoded, Model
from xpmodel.spectra.spectra import Spectra
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.latent_errors.repeated_noise import G_EDGES

GRID = np.arange(392, 993, 10)  # nm
# The sum of parts that each band has, by its name.
BANDS: dict[str, tuple[str, ...]] = {
    "ŝ": ("scatter",),
    "ŝ ⊕ posterior": ("scatter", "posterior"),
    "ŝ ⊕ noise": ("scatter", "noise"),
    "ŝ ⊕ posterior ⊕ seeds": ("scatter", "posterior", "seeds"),
    "ŝ ⊕ noise ⊕ seeds": ("scatter", "noise", "seeds"),
}
# What a normal distribution has within 1 and 2 standard deviations.
EXPECTED = (0.683, 0.954)


@dataclass(frozen=True, eq=False)
class Coverage:
    """Shares within bands, in bins of G.

    Attributes
    ----------
    n : ndarray, (B,) int64
        Stars.
    truth : dict of str to ndarray, (B, 2)
        By the band's name: share of star and wavelength where the noise-free spectrum lies within
        1 and 2 of the band; NaN where there is no truth.
    observed : dict of str to ndarray, (B, 2)
        The same of the observed spectrum, within 1 and 2 of band ⊕ σ of the observation.
    n_models : int
        Models of the ensemble, this one counted.
    """

    n: np.ndarray
    truth: dict[str, np.ndarray]
    observed: dict[str, np.ndarray]
    n_models: int


def band_coverage(
    model: Model,
    spectra: Spectra,
    g_mag: np.ndarray,
    truth: np.ndarray | None,
    ensemble: Sequence[Model] = (),
    progress: Callable[[float], None] | None = None,
) -> Coverage:
    """Count how often bands hold spectra.

    Parameters
    ----------
    model : Model
    spectra : Spectra
        N stars.
    g_mag : ndarray, (N,)
    truth : ndarray, (N, 110), optional
        Noise-free coefficients.
    ensemble : sequence of Model
        Other seeds.
    progress : callable, optional
        Told the fraction done.
    """
    wavelengths = Wavelengths(GRID)
    encoded = model.score(spectra)
    decoded = _flux(model, encoded, wavelengths)
    observed, sigma = _observed(spectra, wavelengths)
    parts = _parts(model, encoded, wavelengths, progress)
    if ensemble:
        others = [_flux(one, one.score(spectra), wavelengths) for one in ensemble]
        parts["seeds"] = np.std([decoded, *others], axis=0, ddof=1)
    bins = np.digitize(g_mag, G_EDGES) - 1
    bins[~np.isfinite(g_mag)] = -1
    n_bins = len(G_EDGES) - 1
    of_truth, of_observed = {}, {}
    true = None
    if truth is not None:
        true = wavelengths.flux(truth / spectra.g_flux[:, None])
    for name, summed in BANDS.items():
        if not set(summed) <= set(parts):
            continue
        variance = sum(parts[part] ** 2 for part in summed)
        away = np.abs(observed - decoded) / np.sqrt(variance + sigma**2)
        of_observed[name] = _shares(away, bins, n_bins)
        of_truth[name] = np.full((n_bins, 2), np.nan)
        if true is not None:
            of_truth[name] = _shares(np.abs(true - decoded) / np.sqrt(variance), bins, n_bins)
    n = np.bincount(bins[bins >= 0], minlength=n_bins)
    return Coverage(n, of_truth, of_observed, 1 + len(ensemble))


def _observed(spectra: Spectra, wavelengths: Wavelengths) -> tuple[np.ndarray, np.ndarray]:
    """Flux and its standard deviation per unit G flux, (N, L) both."""
    g_flux = spectra.g_flux[:, None]
    values, errors = (v.astype(np.float64) / g_flux for v in (spectra.coefficients, spectra.errors))
    return wavelengths.flux(values), wavelengths.error(errors, spectra.correlations)


def _flux(model: Model, encoded: Encoded, wavelengths: Wavelengths) -> np.ndarray:
    return wavelengths.flux(model.decode(encoded.mean)[0].astype(np.float64))


def _parts(
    model: Model,
    encoded: Encoded,
    wavelengths: Wavelengths,
    progress: Callable[[float], None] | None,
) -> dict[str, np.ndarray]:
    """Standard deviations of the decoded flux by ŝ and by the latents' errors, (N, L) each."""
    scatter = wavelengths.error(model.decode(encoded.mean)[1].astype(np.float64))
    by_latents = {"posterior": np.empty_like(scatter), "noise": np.empty_like(scatter)}
    for i, z in enumerate(encoded.mean):
        _, slopes = model.decode_gradient(z)
        slopes = slopes @ wavelengths.matrix  # (K, L)
        for name, std in (("posterior", encoded.std[i]), ("noise", encoded.noise[i])):
            by_latents[name][i] = np.sqrt(((std[:, None] * slopes) ** 2).sum(axis=0))
        if progress is not None and i % 100 == 99:
            progress((i + 1) / len(encoded.mean))
    return {"scatter": scatter, **by_latents}


def _shares(away: np.ndarray, bins: np.ndarray, n_bins: int) -> np.ndarray:  # (B, 2)
    shares = np.full((n_bins, 2), np.nan)
    for b in range(n_bins):
        here = away[bins == b]
        if here.size:
            shares[b] = [(here <= k).mean() for k in (1, 2)]
    return shares
