"""Rows of spectra in every layout in which the archive serves them, and spoilt ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from astropy.io import fits
from astropy.table import Table

from xpmodel.spectra import report

N = 6
BANDS = ("bp", "rp")


def archive_rows(n: int = N, seed: int = 0) -> dict[str, np.ndarray]:
    """Stars that nobody observed, in the columns of the archive."""
    rng = np.random.default_rng(seed)
    rows = {"source_id": rng.integers(1 << 60, 1 << 62, n)}
    for band in BANDS:
        rows[f"{band}_coefficients"] = rng.normal(size=(n, 55)) * 1000
        rows[f"{band}_coefficient_errors"] = rng.uniform(1, 2, (n, 55))
        rows[f"{band}_coefficient_correlations"] = rng.uniform(-1, 1, (n, 1485))
    rows["phot_g_mean_mag"] = rng.uniform(10, 17, n)
    return rows


def text_rows(rows: dict[str, np.ndarray], brackets: str = "()") -> dict[str, list[str]]:
    def text(value):
        if np.ndim(value) == 0:
            return str(value)
        return brackets[0] + ", ".join(map(repr, value.tolist())) + brackets[1]

    return {name: [text(value) for value in values] for name, values in rows.items()}


def write_csv(path: Path, columns: dict[str, list[str]], comment: str = "") -> Path:
    quoted = [[f'"{v}"' if "," in v else v for v in values] for values in columns.values()]
    lines = [",".join(columns), *(",".join(row) for row in zip(*quoted, strict=True))]
    path.write_text(comment + "\n".join(lines) + "\n")
    return path


def write_datalink_csv(path, rows):
    write_csv(path, text_rows(rows))


def write_bulk_file(path, rows):
    write_csv(path, text_rows(rows, "[]"), "# %ECSV 1.0\n# ---\n# delimiter: ','\n")
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_fits(path, rows):
    Table(rows).write(path, format="fits")


def write_upper_case_fits(path, rows):
    Table({name.upper(): values for name, values in rows.items()}).write(path, format="fits")


def write_varying_fits(path, rows):
    columns = [
        fits.Column(name, "PD()", array=np.array([*values, None], object)[:-1])
        if values.ndim > 1
        else fits.Column(name, "K" if name == "source_id" else "D", array=values)
        for name, values in rows.items()
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)


def write_votable(path, rows):
    Table(rows).write(path, format="votable", tabledata_format="binary2")


def write_parquet(path, rows):
    columns = {name: list(v) if v.ndim > 1 else v for name, v in rows.items()}
    pa.parquet.write_table(pa.table(columns), path)


def flat_rows(rows):
    flat = {"source_id": rows["source_id"], "phot_g_mean_mag": rows["phot_g_mean_mag"]}
    for band in BANDS:
        for i in range(55):
            flat[f"{band}_coeff_{i}"] = rows[f"{band}_coefficients"][:, i]
            flat[f"e_{band}_coeff_{i}"] = rows[f"{band}_coefficient_errors"][:, i]
    return flat


def write_flat_fits(path, rows):
    write_fits(path, flat_rows(rows))


def write_flat_csv(path, rows):
    write_csv(path, text_rows(flat_rows(rows)))


WRITERS = {
    "datalink csv": write_datalink_csv,
    "bulk file": write_bulk_file,
    "fits": write_fits,
    "upper case fits": write_upper_case_fits,
    "varying fits": write_varying_fits,
    "votable": write_votable,
    "parquet": write_parquet,
    "flat fits": write_flat_fits,
    "flat csv": write_flat_csv,
}


def spoilt(column, change):
    def spoil(columns):
        columns[column][2] = change(columns[column][2])

    return spoil


BAD_ROWS = {
    "12.5": (spoilt("source_id", lambda _: "12.5"), report.NOT_AN_ID),
    "abc": (spoilt("source_id", lambda _: "abc"), report.NOT_AN_ID),
    "negative": (spoilt("source_id", lambda _: "-5"), report.NOT_AN_ID),
    "no id": (spoilt("source_id", lambda _: ""), report.NOT_AN_ID),
    "too large": (spoilt("source_id", lambda _: "9" * 19), report.NOT_AN_ID),
    "no bp": (spoilt("bp_coefficients", lambda _: ""), report.MISSING_BAND),
    "null rp": (spoilt("rp_coefficients", lambda _: "null"), report.MISSING_BAND),
    "()": (spoilt("rp_coefficients", lambda _: "()"), report.MISSING_BAND),
    "54": (spoilt("rp_coefficients", lambda t: t.rsplit(",", 1)[0] + ")"), report.WRONG_NUMBER),
    "56": (spoilt("bp_coefficients", lambda t: t[:-1] + ", 1.0)"), report.WRONG_NUMBER),
    "nan": (
        spoilt("bp_coefficients", lambda t: "(nan" + t[t.index(",") :]),
        report.NAN_COEFFICIENT,
    ),
    "inf": (
        spoilt("rp_coefficients", lambda t: "(inf" + t[t.index(",") :]),
        report.NAN_COEFFICIENT,
    ),
    "word": (spoilt("rp_coefficients", lambda t: "(a" + t[t.index(",") :]), report.NAN_COEFFICIENT),
    "gap": (spoilt("rp_coefficients", lambda t: "(" + t[t.index(",") :]), report.NAN_COEFFICIENT),
    "no error": (spoilt("bp_coefficient_errors", lambda _: ""), report.BAD_ERROR),
    "0 error": (
        spoilt("bp_coefficient_errors", lambda t: "(0" + t[t.index(",") :]),
        report.BAD_ERROR,
    ),
    "nan error": (
        spoilt("rp_coefficient_errors", lambda t: "(nan" + t[t.index(",") :]),
        report.BAD_ERROR,
    ),
    "54 errors": (
        spoilt("rp_coefficient_errors", lambda t: t.rsplit(",", 1)[0] + ")"),
        report.BAD_ERROR,
    ),
    "no mag": (spoilt("phot_g_mean_mag", lambda _: "null"), report.BAD_FLUX),
}
