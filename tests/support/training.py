"""Small spectra to train on, recipes that finish at once, and a way to stop them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xpmodel import Spectra
from xpmodel.training.steps import Steps
from xpmodel.training.train import TrainingConfig

SMALL = TrainingConfig(epochs=4, batch=64, learning_rate=3e-3, restart=4, latents=2, layers=(16, 8))


def some_spectra(n: int = 600, seed: int = 0) -> Spectra:
    """Spectra that two numbers determine, with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n, 2))
    shape = rng.standard_normal((2, 110))
    g_flux = rng.uniform(1e3, 1e5, n)
    errors = np.full((n, 110), 0.05) * g_flux[:, None]
    coefficients = (1 + hidden @ shape) * g_flux[:, None] + errors * rng.standard_normal((n, 110))
    return Spectra(
        source_id=np.arange(1, n + 1),
        coefficients=coefficients,
        errors=errors,
        g_flux=g_flux,
        g_flux_source="file",
    )


def write_spectra(path: Path, n: int = 600) -> Path:
    """The same stars in a file of the released layout."""
    from tests.support.released import released_rows, write_released  # h5py is not everywhere

    spectra = some_spectra(n)
    rows = released_rows(n)
    rows["coeffs"], rows["coeff_errs"] = spectra.coefficients, spectra.errors
    rows["phot_g_mean_flux"] = spectra.g_flux
    return write_released(path, rows)


def interrupt(monkeypatch, step, error=KeyboardInterrupt):
    """Let the step with this number, counted through all epochs, be the last but for an error."""
    taken, take = [0], Steps._take

    def stop(steps):
        taken[0] += 1
        if taken[0] == step:
            raise error
        take(steps)

    monkeypatch.setattr(Steps, "_take", stop)
