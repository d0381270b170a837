"""Sources of training, and of ``build`` and ``norm``, that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from tests.attack.malformed.material import Material, command
from tests.attack.verdict import EITHER, REFUSED, Attack

TRAIN = ("train", "sky.h5", "--out", "model", "--epochs", "2", "--batch", "64")
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": TRAIN,
    "train --stream": (*TRAIN, "--stream"),
    "norm": ("norm", "sky.h5", "--out", "norm.npz"),
    "build": ("build", "sky.h5", "--model", "demo", "--out", "out.parquet"),
}
Change = Callable[[np.ndarray], np.ndarray]


def attacks(material: Material) -> Iterator[Attack]:
    """Each wrong source to each command that reads spectra with their fluxes."""
    for name, (change, right) in CHANGES.items():
        for short, arguments in COMMANDS.items():
            yield Attack(
                f"{short}: {name}",
                _writer(material, change),
                lambda arguments=arguments: command(*arguments),
                EITHER if short == "build" else right,
                names="sky.h5",
            )


def _writer(material: Material, change: Change) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        with h5py.File(folder / "sky.h5", "w") as file:
            file["__astropy_table__"] = change(material.sky.copy())

    return prepare


def _set(name: str, value: float) -> Change:
    def change(rows: np.ndarray) -> np.ndarray:
        rows[name] = value
        return rows

    return change


def _noise(rows: np.ndarray) -> np.ndarray:
    rows["coeffs"] = np.random.default_rng(0).normal(size=rows["coeffs"].shape) * 1e30
    return rows


def _equal(rows: np.ndarray) -> np.ndarray:
    ids = rows["ids"].copy()
    rows[:] = rows[0]
    rows["ids"] = ids
    return rows


CHANGES: dict[str, tuple[Change, str]] = {
    "no star": (lambda rows: rows[:0], REFUSED),
    "one star": (lambda rows: rows[:1], REFUSED),
    "five stars": (lambda rows: rows[:5], EITHER),
    "equal stars": (_equal, REFUSED),
    "coefficients NaN": (_set("coeffs", np.nan), REFUSED),
    "coefficients zero": (_set("coeffs", 0.0), REFUSED),
    "coefficients of 1e30": (_noise, EITHER),
    "errors zero": (_set("coeff_errs", 0.0), REFUSED),
    "errors negative": (_set("coeff_errs", -1.0), REFUSED),
    "errors infinite": (_set("coeff_errs", np.inf), REFUSED),
    "errors of 1e30": (_set("coeff_errs", 1e30), EITHER),
    "fluxes of 1e-300": (_set("phot_g_mean_flux", 1e-300), EITHER),
    "fluxes zero": (_set("phot_g_mean_flux", 0.0), REFUSED),
    "fluxes NaN": (_set("phot_g_mean_flux", np.nan), REFUSED),
    "fluxes infinite": (_set("phot_g_mean_flux", np.inf), REFUSED),
}
