"""Many files of one star each, as DataLink's folders have them, into a catalog."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.bench.inputs import random_model, random_spectra
from tests.bench.measure import Row, medians
from tests.support.spectra_files import write_spectra
from xpmodel.catalog.encode import encode_files

N_FILES = 193


def rows() -> Iterator[Row]:
    spectra = random_spectra(N_FILES, np.float64)
    model = random_model()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one, many = folder / "all.csv", folder / "stars"
        many.mkdir()
        write_spectra(one, spectra)
        for i in range(N_FILES):
            write_spectra(many / f"{i:03}.csv", spectra[i])
        seconds = medians(
            5,
            many=lambda: encode_files(many, model, folder / "many.parquet"),
            one=lambda: encode_files(one, model, folder / "one.parquet"),
        )
    yield Row(
        "small_files: encode",
        seconds["many"],
        "s",
        f"encode_files of {N_FILES} CSV files of one star each, against one file of all",
        seconds["one"],
        "≤ 2 s",
        limit=2.0,
    )
