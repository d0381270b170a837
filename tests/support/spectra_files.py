"""Spectra in files of the archive's columns."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table

from xpmodel.spectra.spectra import Spectra

BANDS = {"bp": slice(0, 55), "rp": slice(55, 110)}


def archive_table(stars: Spectra, flux: bool = True) -> dict:
    """Stars in the columns of the archive."""
    table = {"source_id": stars.source_id}
    if flux:
        table["phot_g_mean_flux"] = stars.g_flux
    for band, columns in BANDS.items():
        table[f"{band}_coefficients"] = stars.coefficients[:, columns]
        table[f"{band}_coefficient_errors"] = stars.errors[:, columns]
    return table


def write_spectra(path: Path, stars: Spectra, flux: bool = True) -> Path:
    """FITS, Parquet, or CSV as the archive serves it, by the path's ending."""
    table = archive_table(stars, flux)
    if path.suffix == ".fits":
        Table(table).write(path)
    elif path.suffix == ".parquet":
        rows = {k: list(v) if v.ndim > 1 else v for k, v in table.items()}
        pq.write_table(pa.table(rows), path)
    else:
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            columns = [
                [str(tuple(v.tolist())) for v in values] if values.ndim > 1 else values.tolist()
                for values in table.values()
            ]
            writer.writerows(zip(*columns, strict=True))
    return path
