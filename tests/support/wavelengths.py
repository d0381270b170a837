"""A few wavelengths, and stars whose coefficients are correlated."""

from __future__ import annotations

import numpy as np

from xpmodel.spectra.spectra import Spectra

GRID = [340.0, 400.25, 456.0, 636.0, 900.5, 1049.0]


def random_correlations(rng, n: int, size: int = 55) -> np.ndarray:
    """Valid correlation matrices, (n, 2, size, size), with correlations of any sign."""
    factors = rng.normal(size=(n, 2, size, 8))
    covariance = factors @ factors.swapaxes(2, 3) + 2 * np.eye(size)
    std = np.sqrt(np.diagonal(covariance, axis1=2, axis2=3))
    return covariance / (std[..., None] * std[..., None, :])


def random_stars(n: int = 6, seed: int = 0) -> Spectra:
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=(n, 110)) * 10 ** rng.uniform(0, 4, (n, 1))
    errors = np.abs(coefficients) * rng.uniform(0.01, 0.3, (n, 110)) + 0.1
    ids = np.arange(n) + (1 << 60)
    return Spectra(
        source_id=ids,
        coefficients=coefficients,
        errors=errors,
        g_flux=np.ones(n),
        g_flux_source="file",
        correlations=random_correlations(rng, n),
    )
