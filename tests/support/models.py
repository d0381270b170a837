"""Small models, and spectra such as they expect."""

from __future__ import annotations

import numpy as np

from tests.support.networks import random_network
from xpmodel.model.model import Model
from xpmodel.spectra.spectra import Spectra

K = 3


def random_model(seed: int = 0, n_latents: int = K, device: str = "cpu") -> Model:
    """A small model of 110 coefficients whose normalization is as uneven as the real one's."""
    rng = np.random.default_rng(seed)
    mu, sig = rng.normal(size=110), 10 ** rng.uniform(-3, 0, 110)
    return Model(random_network(seed, 110, n_latents, (20, 8)), mu, sig, device=device)


def random_spectra(model: Model, n: int = 50, seed: int = 1, dtype: type = np.float64) -> Spectra:
    """Stars that nobody observed, such as the model expects, of fluxes between 10² and 10⁶."""
    rng = np.random.default_rng(seed)
    flux = 10 ** rng.uniform(2, 6, n)
    coefficients = (model.mu + model.sig * rng.normal(size=(n, 110))) * flux[:, None]
    errors = model.sig * rng.uniform(0.05, 0.5, (n, 110)) * flux[:, None]
    ids = rng.integers(1 << 60, 1 << 62, n)
    return Spectra(
        source_id=ids,
        coefficients=coefficients.astype(dtype),
        errors=errors.astype(dtype),
        g_flux=flux,
        g_flux_source="file",
    )
