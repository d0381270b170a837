"""Tables of spectra whose values are wrong, in each format, to ``encode`` and the page's upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.attack.malformed.material import N_STARS, Columns, Material, command, write_table
from tests.attack.verdict import EITHER, READ, REFUSED, Attack

FORMATS = ("csv", "ecsv", "fits", "h5", "vot", "parquet")
ENCODE = ("--model", "demo", "--out", "out.parquet")


def attacks(material: Material) -> Iterator[Attack]:
    """Each wrong value in each format."""
    for name, (change, right, n_left) in CHANGES.items():
        for suffix in FORMATS:
            columns = change(dict(material.spectra))
            file = f"stars.{suffix}"
            prepare = _writer(file, columns)
            yield Attack(
                f"encode: {name} ({suffix})",
                prepare,
                _encode(file),
                right,
                names=file,
                check=stars_kept(columns.get("source_id"), material, n_left),
            )
            if suffix in ("csv", "fits"):
                yield Attack(f"upload: {name} ({suffix})", prepare, upload(file), right, names=file)


def stars_kept(
    ids: np.ndarray | None, material: Material, n_left: int | None
) -> Callable[[Path, str], str]:
    """Check that the catalog has the stars of the file, but as many as must be left out.

    With None any number may be missing, if it is said. Where the file's ids are no integers they
    are those of the material.
    """
    exact = ids is not None and ids.dtype.kind == "i"
    stars = set((ids if exact else material.spectra["source_id"]).tolist())

    def check(folder: Path, said: str) -> str:
        kept = set(pq.read_table(folder / "out.parquet")["source_id"].to_pylist())
        missing = stars - kept
        if kept - stars:
            return "stars that are not in the file"
        if n_left is not None and len(missing) != n_left:
            return f"{len(missing)} stars are missing, not {n_left}"
        if missing and "left out" not in said and "not read" not in said:
            return "stars are missing without a word"
        return ""

    return check


def upload(file: str) -> Callable[[], None]:
    """Read a file as the page does with what a visitor drops on it."""

    def work() -> None:
        from xpmodel import InputError, load_model
        from xpmodel.own.given_files import read_own_bytes

        try:
            own = read_own_bytes(file, Path(file).read_bytes(), load_model("demo"))
        except InputError as error:
            print(error)
            raise SystemExit(2) from None
        print(f"{file}:", "; ".join(str(own.report).splitlines()))
        if not own.report.n_used:  # the page says so, too, and why of each row
            raise SystemExit(2)

    return work


def _encode(file: str) -> Callable[[], None]:
    return lambda: command("encode", file, *ENCODE)


def _writer(file: str, columns: Columns) -> Callable[[Path], None]:
    return lambda folder: write_table(folder / file, columns)


def _without(name: str) -> Callable[[Columns], Columns]:
    return lambda columns: {k: v for k, v in columns.items() if k != name}


def _first(name: str, value: float) -> Callable[[Columns], Columns]:
    """Another value in the first row: throughout its vector."""

    def change(columns: Columns) -> Columns:
        values = columns[name].copy()
        values[0] = value
        return columns | {name: values}

    return change


def _all(name: str, value: Any) -> Callable[[Columns], Columns]:
    return lambda columns: columns | {name: np.full(columns[name].shape, value)}


def _renamed(name: str) -> Callable[[Columns], Columns]:
    return lambda columns: {name if k == "source_id" else k: v for k, v in columns.items()}


def _text_ids(form: str) -> Callable[[Columns], Columns]:
    return lambda c: c | {"source_id": np.array([form.format(i) for i in c["source_id"]])}


def _two_ids(columns: Columns) -> Columns:
    return {"dr3_source_id": columns["source_id"][::-1].copy()} | columns


def _shorter(columns: Columns) -> Columns:
    return columns | {"bp_coefficients": columns["bp_coefficients"][:, :54]}


def _words(columns: Columns) -> Columns:
    return columns | {"bp_coefficients": np.full(N_STARS, "many")}


def _wide(columns: Columns) -> Columns:
    return columns | {f"extra_{i}": np.arange(N_STARS) for i in range(300)}


def _twice(columns: Columns) -> Columns:
    return {k: np.concatenate([v, v[:2]]) for k, v in columns.items()}


BP, BP_ERRORS, FLUX = "bp_coefficients", "bp_coefficient_errors", "phot_g_mean_flux"
# What is wrong, whether it must be refused, and how many stars must be left out if it is read.
CHANGES: dict[str, tuple[Callable[[Columns], Columns], str, int | None]] = {
    "no ids": (_without("source_id"), REFUSED, None),
    "no coefficients": (_without(BP), REFUSED, None),
    "no errors": (_without(BP_ERRORS), REFUSED, None),
    "no rows": (lambda c: {k: v[:0] for k, v in c.items()}, REFUSED, None),
    "one row": (lambda c: {k: v[:1] for k, v in c.items()}, READ, None),
    "one star of NaN": (_first(BP, np.nan), READ, 1),
    "all stars NaN": (_all(BP, np.nan), REFUSED, None),
    "one star infinite": (_first(BP, np.inf), READ, 1),
    "one star of 1e300": (_first(BP, 1e300), EITHER, None),
    "all coefficients zero": (_all(BP, 0.0), EITHER, None),
    "one error zero": (_first(BP_ERRORS, 0.0), READ, 1),
    "one error negative": (_first(BP_ERRORS, -1.0), READ, 1),
    "one error infinite": (_first(BP_ERRORS, np.inf), READ, 1),
    "all errors infinite": (_all(BP_ERRORS, np.inf), REFUSED, None),
    "one flux zero": (_first(FLUX, 0.0), READ, 1),
    "one flux negative": (_first(FLUX, -5.0), READ, 1),
    "all fluxes 1e-300": (_all(FLUX, 1e-300), EITHER, None),
    "ids as floats": (lambda c: c | {"source_id": c["source_id"].astype(float)}, REFUSED, None),
    "ids negative": (lambda c: c | {"source_id": -c["source_id"]}, REFUSED, None),
    "ids as words": (_all("source_id", "Vega"), REFUSED, None),
    "ids with a name": (_text_ids("Gaia DR3 {}"), EITHER, 0),
    "ids of DR2 by name": (_text_ids("Gaia DR2 {}"), REFUSED, None),
    "ids with spaces": (_text_ids("  {} "), READ, 0),
    "DR2's column alone": (_renamed("dr2_source_id"), REFUSED, None),
    "SOURCE_ID": (_renamed("SOURCE_ID"), READ, 0),
    "Source": (_renamed("Source"), READ, 0),
    "gaia_dr3_source_id": (_renamed("gaia_dr3_source_id"), READ, 0),
    "two columns of ids": (_two_ids, EITHER, None),
    "54 coefficients": (_shorter, REFUSED, None),
    "coefficients as words": (_words, REFUSED, None),
    "300 more columns": (_wide, READ, 0),
    "two rows twice": (_twice, READ, 0),
}
