"""A label that the project has never heard of, in its one table and in a catalog."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xpmodel import Catalog, columns, open_catalog

NEW = columns.Column(
    "vmic",
    "km s⁻¹",
    "microturbulence",
    kind=columns.PARAMETER,
    steerable=True,
    digits=1,
    symbol="vmic",
    math=r"$v_\mathrm{mic}$",
)


def make_known(monkeypatch: pytest.MonkeyPatch) -> columns.Column:
    """Add the label to the table of columns: the one edit that a new label takes."""
    monkeypatch.setitem(columns.BY_NAME, NEW.name, NEW)
    return NEW


def with_new_label(source: Path, out: Path) -> Catalog:
    """A catalog to which the label is added; it grows with the first active latent."""
    stars = open_catalog(source)
    z = stars[stars.active[0]].astype(np.float64)
    values = 1.5 + 0.4 * z + np.random.default_rng(0).normal(0, 0.05, len(z))
    table = pq.read_table(source)
    table = table.append_column(NEW.name, pa.array(values.astype(np.float32), from_pandas=True))
    pq.write_table(table, out)
    return open_catalog(out)
