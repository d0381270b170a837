"""A file of the released catalog's layout, of stars that nobody observed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

TABLE = "__astropy_table__"
LABELS = (
    *("TEFF", "LOGG", "M_H", "ALPHA_M", "TEFF_ERR", "LOGG_ERR", "M_H_ERR", "ALPHA_M_ERR"),
    *("FE_H", "MG_FE", "SFD_EBV", "J", "H", "K", "GAIAEDR3_PHOT_G_MEAN_MAG"),
    *("GAIAEDR3_PHOT_BP_MEAN_MAG", "GAIAEDR3_PHOT_RP_MEAN_MAG"),
    *("GAIAEDR3_PARALLAX", "GAIAEDR3_PARALLAX_ERROR", "Lz", "jz", "jr", "RA", "DEC"),
)
FLAGS = ("STARFLAG", "ASPCAPFLAG")


def released_rows(n: int, dtype: str = "<f4", seed: int = 0) -> np.ndarray:
    """Rows of numbers of one type, with labels on both sides of every cut."""
    rng = np.random.default_rng(seed)
    order = dtype[0]
    kinds = [("ids", f"{order}i8"), ("coeffs", dtype, (110,)), ("coeff_errs", dtype, (110,))]
    kinds += [("phot_g_mean_flux", f"{order}f8")]
    kinds += [(name, dtype) for name in LABELS] + [(name, f"{order}i8") for name in FLAGS]
    rows = np.zeros(n, kinds)
    rows["ids"] = rng.choice(1 << 40, n, replace=False) + (1 << 60)
    flux = 10 ** rng.uniform(3, 6, n)
    rows["phot_g_mean_flux"] = flux
    shape = np.tile(np.concatenate([[20.0], 2.0 / np.arange(1, 55) ** 2]), 2)
    rows["coeffs"] = shape * rng.normal(1, 0.3, (n, 110)) * flux[:, None]
    rows["coeff_errs"] = 0.01 * shape * rng.uniform(1, 2, (n, 110)) * flux[:, None]
    for name, (low, high) in {
        "TEFF": (3500, 6500),
        "TEFF_ERR": (20, 400),
        "LOGG": (0, 5),
        "LOGG_ERR": (0.02, 0.6),
        "M_H": (-2, 0.5),
        "M_H_ERR": (0.02, 0.3),
        "GAIAEDR3_PHOT_G_MEAN_MAG": (5, 18.5),
        "GAIAEDR3_PHOT_BP_MEAN_MAG": (11, 16),
        "GAIAEDR3_PHOT_RP_MEAN_MAG": (11, 13),
        "GAIAEDR3_PARALLAX": (-0.2, 2),
        "GAIAEDR3_PARALLAX_ERROR": (0.01, 0.1),
        "Lz": (-300, 300),
        "jz": (0, 500),
        "jr": (0, 2000),
        "RA": (0, 360),
        "DEC": (-90, 90),
    }.items():
        rows[name] = rng.uniform(low, high, n)
    for name in ("ALPHA_M", "ALPHA_M_ERR", "FE_H", "MG_FE", "SFD_EBV", "J", "H", "K"):
        rows[name] = rng.uniform(0, 1, n)
    rows["STARFLAG"] = rng.choice([0, 0, 0, 1 << 9], n)
    rows["ASPCAPFLAG"] = rng.choice([0, 0, 1 << 2, 1 << 3, 1 << 19, 1 << 23, 1 << 40], n)
    return rows


def write_released(path: Path, rows: np.ndarray, **options: object) -> Path:
    """Write rows as the released file has them; options are those of h5py's create_dataset."""
    with h5py.File(path, "w") as file:
        file.create_dataset(TABLE, data=rows, **options)
    return path


def without(rows: np.ndarray, *names: str) -> np.ndarray:
    """Rows without some columns."""
    kept = [name for name in rows.dtype.names if name not in names]
    new = np.empty(len(rows), [(name, rows.dtype[name]) for name in kept])
    for name in kept:
        new[name] = rows[name]
    return new
