"""Stars as Parquet.

`xpmodel.export.stars.write_stars` is the way in.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from xpmodel.catalog.catalog import METADATA_KEY
from xpmodel.export.rows import StarRows

FORMAT = "xpmodel-stars"


def write_parquet(path: Path, stars: StarRows) -> None:
    """Write Parquet: the columns' own types, units and descriptions as the fields' metadata."""
    meta = {"format": FORMAT, **stars.meta, "model": {"hash": stars.meta["model_hash"]}}
    schema = stars.schema.with_metadata({METADATA_KEY: json.dumps(meta)})
    with pq.ParquetWriter(path, schema) as writer:
        for chunk in stars.chunks():
            writer.write_table(chunk)
