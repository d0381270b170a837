"""A made-up model and made-up stars: small, seeded, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from xpmodel import Model, encode_files
from xpmodel.model.network import ScatterVAE
from xpmodel.spectra.photometry import g_flux_from_mag

N_STARS = 4000
N_LATENTS = 4
INACTIVE = "z3"
# Ids between 2**53, above which a float misses some, and the end of the sky's cells.
LOWEST_ID, HIGHEST_ID = 2**53 + 1, 12 * 4**12 << 35
MOCK_ID = 9_100_000_000_000_000_001  # what no Gaia source has


@dataclass(frozen=True)
class Mock:
    """Where the mock catalog and its model lie."""

    catalog: Path
    model: Path


def make_mock(folder: Path) -> Mock:
    """Write a model folder, spectra and labels, and encode them."""
    model = mock_model()
    model.save(folder / "model")
    spectra, labels = mock_stars(model)
    pq.write_table(spectra, folder / "spectra.parquet")
    pq.write_table(labels, folder / "labels.parquet")
    catalog = folder / "stars.parquet"
    encode_files(folder / "spectra.parquet", model, catalog, labels=folder / "labels.parquet")
    return Mock(catalog, folder / "model")


def mock_model(seed: int = 1) -> Model:
    """An untrained network whose layers are scaled so that latents and spectra vary.

    Its third latent follows the prior, whatever the spectrum: it is inactive.
    """
    torch.manual_seed(seed)
    network = ScatterVAE(110, N_LATENTS, (40, 16))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = None  # running statistics are those of all that it has seen
        network.train()
        network(torch.randn(4096, 110))
        network.eval()
        h = network.encoder(torch.randn(4096, 110))
        network.mu.weight /= network.mu(h).std(0)[:, None]
        network.mu.bias -= network.mu(h).mean(0)
        network.log_var.bias -= 3.0
        inactive = int(INACTIVE[1:]) - 1
        for layer in (network.mu, network.log_var):
            layer.weight[inactive] *= 1e-2
            layer.bias[inactive] = 0.0
        network.decoder[-1][-1].weight *= 3.0
    # Coefficients of either band fall off with their number, as those of real stars do.
    order = np.tile(np.arange(55), 2)
    mu = np.where(order == 0, 20.0, 2.0 * (-1.0) ** order / (1 + order) ** 2)
    sig = 1.0 / (1 + order) ** 1.5
    provenance = {"source": "tests/support/mock.py", "estimated": ["mu", "sig"]}
    return Model(network, mu, sig, provenance, device="cpu")


def mock_stars(model: Model, n: int = N_STARS, seed: int = 2) -> tuple[pa.Table, pa.Table]:
    """Spectra decoded from random latents, with noise, and labels that a part of them has."""
    rng = np.random.default_rng(seed)
    source_id = rng.choice(np.arange(LOWEST_ID, HIGHEST_ID, HIGHEST_ID // (4 * n)), n, False)
    source_id += rng.integers(0, 1000, n)
    source_id[-1] = MOCK_ID
    z = rng.normal(size=(n, N_LATENTS)).astype(np.float32) * np.float32(1.3)
    mag = rng.uniform(9, 17, n)
    coefficients, scatter = model.decode(z)
    errors = 0.3 * scatter
    flux = g_flux_from_mag(mag)[:, None]
    noisy = (coefficients + errors * rng.normal(size=errors.shape)) * flux
    errors = errors * flux
    columns = {"source_id": source_id, "phot_g_mean_mag": mag}
    for band, part in (("bp", slice(0, 55)), ("rp", slice(55, 110))):
        columns[f"{band}_coefficients"] = list(noisy[:, part].astype(np.float32))
        columns[f"{band}_coefficient_errors"] = list(errors[:, part].astype(np.float32))

    giant = z[:, 0] > 0.4
    labels = {
        "teff": np.where(giant, 4700, 5600) + 350 * z[:, 1],
        "logg": np.where(giant, 2.4, 4.4) + 0.25 * z[:, 3],
        "m_h": 0.3 * z[:, 1] - 0.2 * z[:, 0],
        "alpha_m": 0.1 - 0.1 * z[:, 1] + 0.03 * rng.normal(size=n),
    }
    for name in labels:
        labels[name] = np.where(rng.random(n) < 0.1, np.nan, labels[name])
    labels["population"] = np.where(giant, "giant, cool", 'dwarf "main sequence"')
    known = rng.random(n) < 0.8
    table = pa.table({"source_id": source_id, **labels}).filter(pa.array(known))
    return pa.table(columns), table
