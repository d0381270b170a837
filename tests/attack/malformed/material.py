"""What the malformed inputs are made from: a small mock sky, its catalog, a few stars' spectra."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel.cli.main import main

N_SKY = 300
N_STARS = 6
FIRST_ID = 4_295_806_720_000_000_257  # needs more digits than a float64 has
BANDS = {"bp": slice(0, 55), "rp": slice(55, 110)}
Columns = dict[str, np.ndarray]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Show nothing of what is printed."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def command(*arguments: str) -> None:
    """Run ``xpmodel ARGUMENTS`` in this process; it exits as the command does."""
    main(list(arguments), prog_name="xpmodel")


@dataclass(frozen=True)
class Material:
    """Sound files that malformed ones are made from.

    Attributes
    ----------
    folder : Path
        With ``sky.h5``, ``truth.parquet``, ``xp_corrs.npz``, and the catalog ``sky.parquet``.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Material:
        """Make it, in some seconds."""
        mock = folder / "mock"
        run = main.main
        made = [*("mock", "--stars", str(N_SKY), "--seed", "3", "--out", str(mock))]
        run([*made, "--truth", "--correlations", "20", "--workers", "1"], standalone_mode=False)
        shutil.copy(mock / "xp_apogee_mock.h5", folder / "sky.h5")
        shutil.copy(mock / "truth.parquet", folder / "truth.parquet")
        shutil.copy(mock / "xp_corrs.npz", folder / "xp_corrs.npz")
        built = ["build", str(folder / "sky.h5"), "--model", "demo"]
        run([*built, "--out", str(folder / "sky.parquet")], standalone_mode=False)
        return cls(folder)

    @cached_property
    def sky(self) -> np.ndarray:
        """The rows of the mock sky."""
        with h5py.File(self.folder / "sky.h5") as file:
            return file["__astropy_table__"][:]

    @cached_property
    def spectra(self) -> Columns:
        """A few of its stars in the archive's columns, under made-up ids."""
        rows = self.sky[:N_STARS]
        columns: Columns = {"source_id": FIRST_ID + 2 * np.arange(N_STARS)}
        columns["phot_g_mean_flux"] = rows["phot_g_mean_flux"].astype(float)
        for band, part in BANDS.items():
            columns[f"{band}_coefficients"] = rows["coeffs"][:, part].astype(float)
            columns[f"{band}_coefficient_errors"] = rows["coeff_errs"][:, part].astype(float)
        return columns

    @cached_property
    def catalog(self) -> pa.Table:
        """The catalog of the mock sky."""
        return pq.read_table(self.folder / "sky.parquet")

    def put(self, folder: Path, *names: str) -> None:
        """Copy sound files into a folder; with a catalog its spectra."""
        for name in names:
            for path in self.folder.glob(f"{Path(name).stem}*{Path(name).suffix}"):
                shutil.copy(path, folder / path.name)
            if name == "sky.parquet":
                for path in self.folder.glob("sky.*"):
                    shutil.copy(path, folder / path.name)


def write_table(path: Path, columns: dict[str, Any]) -> None:
    """Write columns in the format that the path's ending says."""
    from astropy.table import Table

    if path.suffix == ".parquet":
        rows = {k: list(v) if np.ndim(v) > 1 else v for k, v in columns.items()}
        pq.write_table(pa.table(rows), path)
    elif path.suffix == ".csv":
        _write_csv(path, columns)
    elif path.suffix == ".h5":
        table = Table(columns)
        table.convert_unicode_to_bytestring()
        with h5py.File(path, "w") as file:
            file["__astropy_table__"] = table.as_array()
    else:
        formats = {".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}
        Table(columns).write(path, format=formats[path.suffix])


def _write_csv(path: Path, columns: dict[str, Any]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        cells = [
            [str(tuple(v.tolist())) for v in values] if np.ndim(values) > 1 else list(values)
            for values in columns.values()
        ]
        writer.writerows(zip(*cells, strict=True))


def write_json(path: Path, content: object) -> None:
    """Write JSON; NaN and infinity as Python does."""
    path.write_text(json.dumps(content))
