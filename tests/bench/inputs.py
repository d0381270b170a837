"""A random model of the released sizes, and random spectra: enough to time the work."""

from __future__ import annotations

import numpy as np
import torch

from xpmodel import Model, ScatterVAE, Spectra
from xpmodel.spectra.bands import N_BAND


def random_model(device: str = "cpu") -> Model:
    """An untrained network of the released sizes, with statistics in its batch norms."""
    torch.manual_seed(0)
    network = ScatterVAE().train()
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(1024, network.input_dim))
    order = np.tile(np.arange(N_BAND), 2)
    mu = np.where(order == 0, 10.0, 0.0)
    return Model(network, mu, 1.0 / (1 + order), {"source": "tests/bench"}, device)


def random_spectra(n: int, dtype: type = np.float32) -> Spectra:
    """Spectra of n stars that the random model takes for ordinary ones."""
    rng = np.random.default_rng(1)
    order = np.tile(np.arange(N_BAND), 2)
    g_flux = 10 ** rng.uniform(3.0, 6.0, n)
    coefficients = rng.standard_normal((n, 2 * N_BAND), np.float32)
    coefficients /= 1 + order
    coefficients[:, order == 0] += 10.0
    coefficients *= g_flux[:, None]
    errors = (0.01 * g_flux[:, None] / (1 + order)).astype(np.float32)
    return Spectra(
        source_id=np.arange(1, n + 1, dtype=np.int64) << 35,
        coefficients=coefficients.astype(dtype, copy=False),
        errors=errors.astype(dtype, copy=False),
        g_flux=g_flux,
        g_flux_source="file",
    )


def random_correlations(n: int) -> np.ndarray:  # (n, 2, 55, 55)
    """Correlation matrices of n stars' BP and RP coefficients."""
    rng = np.random.default_rng(2)
    factors = rng.standard_normal((n, 2, N_BAND, 2 * N_BAND))
    factors /= np.linalg.norm(factors, axis=-1, keepdims=True)
    return factors @ factors.swapaxes(-1, -2)
