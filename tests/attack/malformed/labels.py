"""Tables of labels, of photometry and of known stars that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.attack.malformed.material import N_STARS, Columns, Material, command, write_table
from tests.attack.malformed.spectra import ENCODE
from tests.attack.verdict import EITHER, READ, REFUSED, Attack

FORMATS = ("csv", "fits", "vot", "parquet")
Labels = dict[str, Any]


def attacks(material: Material) -> Iterator[Attack]:
    """Each wrong table, given to ``encode --labels``, ``encode --photometry`` and ``labels``."""
    ids = material.spectra["source_id"]
    for name, (labels, right, check) in LABELS(ids).items():
        for suffix in FORMATS:
            yield Attack(
                f"encode --labels: {name} ({suffix})",
                _files(f"labels.{suffix}", labels, material.spectra),
                _encode("--labels", f"labels.{suffix}"),
                right,
                names=f"labels.{suffix}",
                check=check,
            )
    no_flux = {k: v for k, v in material.spectra.items() if k != "phot_g_mean_flux"}
    for name, (table, right) in PHOTOMETRY(ids).items():
        for suffix in ("csv", "fits"):
            yield Attack(
                f"encode --photometry: {name} ({suffix})",
                _files(f"phot.{suffix}", table, no_flux),
                _encode("--photometry", f"phot.{suffix}"),
                right,
                names=f"phot.{suffix}",
            )
    for name, table in APOGEE(ids).items():
        yield Attack(
            f"labels: {name}",
            _files("allstar.fits", table, material.spectra),
            lambda: command("labels", "allstar.fits", "--out", "labels.parquet"),
            REFUSED,
            names="allstar.fits",
        )


def _files(file: str, table: Labels, spectra: Columns) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        write_table(folder / file, table)
        write_table(folder / "stars.parquet", spectra)

    return prepare


def _encode(option: str, file: str) -> Callable[[], None]:
    return lambda: command("encode", "stars.parquet", *ENCODE, option, file)


def _teff(expected: list[float]) -> Callable[[Path, str], str]:
    def check(folder: Path, _: str) -> str:
        found = pq.read_table(folder / "out.parquet")["teff"].to_numpy(zero_copy_only=False)
        right = np.array_equal(found, np.array(expected, np.float32), equal_nan=True)
        return "" if right else f"teff is {found.tolist()}"

    return check


def LABELS(ids: np.ndarray) -> dict[str, tuple[Labels, str, Callable[[Path, str], str] | None]]:
    """What is wrong, whether it must be refused, and what must come of it."""
    teff = np.linspace(4000, 6500, N_STARS)
    sound = {"source_id": ids, "teff": teff}
    gap = [np.nan, *teff[1:].tolist()]
    coded = lambda code: sound | {"teff": np.array([code, *teff[1:]])}  # noqa: E731
    return {
        "no ids": ({"teff": teff}, REFUSED, None),
        "no rows": ({k: v[:0] for k, v in sound.items()}, REFUSED, None),
        "ids as floats": (sound | {"source_id": ids.astype(float)}, REFUSED, None),
        "ids as words": (sound | {"source_id": np.full(N_STARS, "Vega")}, REFUSED, None),
        "DR2's ids alone": ({"dr2_source_id": ids, "teff": teff}, REFUSED, None),
        "designations of DR2": (
            {"designation": np.array([f"Gaia DR2 {i}" for i in ids]), "teff": teff},
            REFUSED,
            None,
        ),
        "designations of DR3": (
            {"designation": np.array([f"Gaia DR3 {i}" for i in ids]), "teff": teff},
            READ,
            _teff(teff.tolist()),
        ),
        "gaiadr3_source_id": (
            {"gaiadr3_source_id": ids, "teff": teff},
            READ,
            _teff(teff.tolist()),
        ),
        "labels as words": (sound | {"teff": np.full(N_STARS, "hot")}, REFUSED, None),
        "labels with spaces": (
            sound | {"teff": np.array([f" {t} " for t in teff])},
            READ,
            _teff(teff.tolist()),
        ),
        "-9999": (coded(-9999.0), READ, _teff(gap)),
        "-9999.99": (coded(-9999.99), READ, _teff(gap)),
        "0 K": (coded(0.0), READ, _teff(gap)),
        "1e20": (coded(1e20), READ, _teff(gap)),
        "infinity": (coded(np.inf), READ, _teff(gap)),
        "NaN": (coded(np.nan), READ, _teff(gap)),
        "no label": ({"source_id": ids, "mood": teff}, EITHER, None),
        "a vector as label": (sound | {"teff": np.ones((N_STARS, 3))}, REFUSED, None),
        "other stars": (sound | {"source_id": ids + 1_000_001}, EITHER, None),
        "each star twice": (
            {k: np.concatenate([v, v]) for k, v in sound.items()},
            READ,
            _teff(teff.tolist()),
        ),
    }


def PHOTOMETRY(ids: np.ndarray) -> dict[str, tuple[Labels, str]]:
    """What is wrong, and whether it must be refused."""
    flux = np.linspace(1e4, 2e4, N_STARS)
    sound = {"source_id": ids, "phot_g_mean_flux": flux}
    return {
        "no ids": ({"phot_g_mean_flux": flux}, REFUSED),
        "no flux": ({"source_id": ids}, REFUSED),
        "no rows": ({k: v[:0] for k, v in sound.items()}, REFUSED),
        "ids as floats": (sound | {"source_id": ids.astype(float)}, REFUSED),
        "ids as words": (sound | {"source_id": np.full(N_STARS, "Vega")}, REFUSED),
        "flux as words": (sound | {"phot_g_mean_flux": np.full(N_STARS, "bright")}, REFUSED),
        "other stars": (sound | {"source_id": ids + 1_000_001}, REFUSED),
        "fluxes negative": (sound | {"phot_g_mean_flux": -flux}, REFUSED),
        "magnitudes of 99.999": (
            {"source_id": ids, "phot_g_mean_mag": np.full(N_STARS, 99.999)},
            REFUSED,
        ),
        "magnitudes of NaN": (
            {"source_id": ids, "phot_g_mean_mag": np.full(N_STARS, np.nan)},
            REFUSED,
        ),
    }


def APOGEE(ids: np.ndarray) -> dict[str, Labels]:
    """What is wrong with a table that is given as APOGEE's."""
    teff = np.linspace(4000, 6500, N_STARS)
    return {
        "no ids": {"TEFF": teff},
        "DR2's ids": {"GAIA_SOURCE_ID": ids, "TEFF": teff},
        "no rows": {"GAIAEDR3_SOURCE_ID": ids[:0], "TEFF": teff[:0]},
        "no labels": {"GAIAEDR3_SOURCE_ID": ids, "MOOD": teff},
        "ids as floats": {"GAIAEDR3_SOURCE_ID": ids.astype(float), "TEFF": teff},
    }
