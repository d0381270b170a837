"""Small catalogs of given columns, and made-up stars with labels that have gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel import Catalog, open_catalog
from xpmodel.columns import is_latent


def catalog_of(path: Path, columns: dict[str, np.ndarray]) -> Catalog:
    """Write columns as a catalog; errors of 0.3 for latents that vary, and of 1 for the others."""
    n = len(next(iter(columns.values())))
    table = {"source_id": np.arange(n, dtype=np.int64) + (1 << 60)}
    for name, values in columns.items():
        table[name] = pa.array(np.asarray(values, np.float32), from_pandas=True)  # NaN: null
        if is_latent(name):
            error = 0.3 if np.nanstd(values) > 0.1 else 1.0
            table[f"{name}_err"] = np.full(n, error, np.float32)
    pq.write_table(pa.table(table), path)
    return open_catalog(path)


def star_columns(n: int = 6000, seed: int = 0) -> dict[str, np.ndarray]:
    """Labels over the whole of label space, a tenth of each missing; z2 is inactive."""
    rng = np.random.default_rng(seed)
    columns = {
        "teff": rng.uniform(3000, 7000, n),
        "logg": rng.uniform(-0.3, 5, n),
        "m_h": rng.uniform(-2.7, 0.6, n),
        "alpha_m": rng.uniform(-0.2, 0.5, n),
        "fe_h": rng.uniform(-2.5, 0.6, n),
        "mg_fe": rng.uniform(-0.3, 0.6, n),
        "lz": rng.uniform(-300, 300, n),
        "jr": rng.uniform(0, 2000, n),
        "jz": rng.uniform(0, 500, n),
        "parallax": rng.uniform(-0.2, 2, n),
        "parallax_error": rng.uniform(0.01, 0.1, n),
    }
    # Enough stars along the sequences that narrow bins hold some.
    half = n // 2
    columns["logg"][:half] = rng.uniform(-0.1, 3.7, half)
    columns["teff"][:half] = 5200 - 441.86 * (3.65 - columns["logg"][:half])
    columns["teff"][:half] += rng.normal(0, 60, half)
    for values in columns.values():
        values[rng.random(n) < 0.1] = np.nan
    columns["z1"] = rng.normal(0, 1, n)
    columns["z2"] = np.zeros(n)
    columns["z3"] = np.where(np.isfinite(columns["logg"]), columns["logg"], 0) - 2.5
    columns["z3"] += rng.normal(0, 0.5, n)
    columns["z3"][rng.random(n) < 0.01] = np.nan
    return columns
