"""Catalogs of random latents, and of what columns a test wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel.columns import catalog_schema

N = 400
FIRST_ID = 2**53 + 1  # what a float64 does not hold


def write_catalog(path: Path, n: int = N, n_latents: int = 4, **columns) -> Path:
    """A catalog of random latents, all of them active, and of the columns given."""
    rng = np.random.default_rng(0)
    schema = catalog_schema(n_latents)
    values = {"source_id": FIRST_ID + 2 * np.arange(n)}
    for i in range(1, n_latents + 1):
        values[f"z{i}"] = rng.normal(size=n)
        values[f"z{i}_err"] = rng.uniform(0.1, 0.3, n)
    values |= columns
    table = {
        field.name: pa.array(values[field.name], field.type)
        if field.name in values
        else pa.nulls(n, field.type)
        for field in schema
    }
    pq.write_table(pa.table(table, schema=schema), path)
    return path


def rewrite(path: Path, change) -> Path:
    pq.write_table(change(pq.read_table(path)), path)
    return path
