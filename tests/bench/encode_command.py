"""``xpmodel encode`` as a user runs it: a process of its own, from file to catalog."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from astropy.io import fits

from tests.bench.inputs import random_correlations, random_model, random_spectra
from tests.bench.measure import Row, medians
from xpmodel import Model, Spectra, load_model, read_spectra
from xpmodel.catalog.encode import encode_files
from xpmodel.spectra.bands import N_BAND

# Both above a row group of the catalog, which is held in memory until it is full.
N_SMALL, N_LARGE = 150_000, 400_000
N_ARCHIVE = 5000
ROUNDS = 3
# A child's peak counts what its parent held when it was made: this parent holds little.
MEASURE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([seconds, peak / 2**20 if sys.platform == "darwin" else peak / 2**10]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = random_model()
        model.save(folder / "model")
        small, large = folder / "small.fits", folder / "large.fits"
        _write_fits(random_spectra(N_SMALL), small)
        _write_fits(random_spectra(N_LARGE), large)
        archive = folder / "archive.csv.gz"
        _write_archive(random_spectra(N_ARCHIVE, np.float64), archive)

        runs = [[_run(path) for path in (small, large, archive)] for _ in range(ROUNDS)]
        seconds, peaks = np.median(np.array(runs), axis=0).T
        loaded = read_spectra(large)
        floors = medians(
            ROUNDS, score=lambda: model.score(loaded), unpack=lambda: _read(gzip.open, archive)
        )

        yield from _parquet(model, loaded, folder)

    yield Row(
        "encode_command: FITS",
        N_SMALL / seconds[0],
        "stars/s",
        f"the whole command on {N_SMALL:,} stars, flat float32 FITS, against Model.score in memory",
        N_LARGE / floors["score"],
    )
    yield Row(
        "encode_command: FITS, going",
        (N_LARGE - N_SMALL) / (seconds[1] - seconds[0]),
        "stars/s",
        f"the same without the start: from the times of {N_SMALL:,} and {N_LARGE:,} stars",
        N_LARGE / floors["score"],
    )
    yield Row(
        "encode_command: csv.gz",
        N_ARCHIVE / seconds[2],
        "stars/s",
        f"the whole command on {N_ARCHIVE:,} archive rows with their correlations, against "
        "unpacking the file with gzip",
        N_ARCHIVE / floors["unpack"],
    )
    yield Row(
        "encode_command: peak memory",
        peaks[1],
        "MB",
        f"peak RSS on {N_LARGE:,} stars against that on {N_SMALL:,}: it must not grow",
        peaks[0],
        "≤ 1.2",
    )


def _parquet(model: Model, spectra: Spectra, folder: Path) -> Iterator[Row]:
    """From Parquet to catalog within a process that has started, on every device."""
    path = folder / "stars.parquet"
    _write_parquet(spectra, path)
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        on_device = load_model(folder / "model", device)
        on_device.score(spectra[:1000])
        runs = [encode_files(path, on_device, folder / "out.parquet") for _ in range(ROUNDS)]
        taken = sorted((run.seconds for run in runs), key=lambda seconds: seconds.total)
        reading = medians(ROUNDS, read=lambda: read_spectra(path))["read"]
        score = medians(ROUNDS, score=lambda m=on_device: m.score(spectra))["score"]
        median = taken[ROUNDS // 2]
        yield Row(
            f"encode: Parquet, {device}",
            len(spectra) / median.total,
            "stars/s",
            f"encode_files of {len(spectra):,} float32 stars to a catalog and its spectra, against "
            f"Model.score in memory: {median}; reading alone, in its own thread, "
            f"{len(spectra) / reading:,.0f} stars/s, {reading / median.total:.0%} of the time",
            len(spectra) / score,
        )


def _write_parquet(spectra: Spectra, path: Path) -> None:
    columns = {"source_id": spectra.source_id, "phot_g_mean_flux": spectra.g_flux}
    for name, values in (("coefficients", spectra.coefficients),
                         ("coefficient_errors", spectra.errors)):  # fmt: skip
        for i, band in enumerate(("bp", "rp")):
            flat = pa.array(values[:, i * N_BAND : (i + 1) * N_BAND].ravel())
            columns[f"{band}_{name}"] = pa.FixedSizeListArray.from_arrays(flat, N_BAND)
    pq.write_table(pa.table(columns), path, row_group_size=65_536)


def _run(spectra: Path) -> tuple[float, float]:
    """Seconds and peak memory [MB] of one command."""
    folder = spectra.parent
    xpmodel = [sys.executable, "-m", "xpmodel", "encode", str(spectra)]
    xpmodel += ["--model", str(folder / "model"), "--out", str(folder / "catalog.parquet")]
    xpmodel += ["--device", "cpu"]
    result = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, *xpmodel], check=True, capture_output=True
    )
    seconds, peak = json.loads(result.stdout)
    return seconds, peak


def _read(opener, path: Path) -> None:
    with opener(path) as stream:
        while stream.read(1 << 20):
            pass


def _write_fits(spectra: Spectra, path: Path) -> None:
    columns = [
        fits.Column("source_id", "K", array=spectra.source_id),
        fits.Column("phot_g_mean_flux", "D", array=spectra.g_flux),
    ]
    for prefix, values in (("", spectra.coefficients), ("e_", spectra.errors)):
        for i, band in enumerate(("bp", "rp")):
            columns += [
                fits.Column(f"{prefix}{band}_coeff_{j}", "E", array=values[:, i * N_BAND + j])
                for j in range(N_BAND)
            ]
    fits.BinTableHDU.from_columns(columns).writeto(path)


def _write_archive(spectra: Spectra, path: Path) -> None:
    """A file as the archive's bulk download has them; a few stars lend their correlations."""
    lower = np.tril_indices(N_BAND, k=-1)
    lent = [
        [_text(matrix[lower].astype(np.float32)) for matrix in star]
        for star in random_correlations(50)
    ]
    with gzip.open(path, "wt", compresslevel=6, newline="") as stream:
        writer = csv.writer(stream)
        header = ["source_id", "phot_g_mean_flux"]
        for band in ("bp", "rp"):
            header += [f"{band}_coefficients", f"{band}_coefficient_errors"]
            header += [f"{band}_coefficient_correlations"]
        writer.writerow(header)
        for i in range(len(spectra)):
            row = [spectra.source_id[i], spectra.g_flux[i]]
            for band in range(2):
                part = slice(band * N_BAND, (band + 1) * N_BAND)
                row += [_text(values[i, part]) for values in (spectra.coefficients, spectra.errors)]
                row.append(lent[i % len(lent)][band])
            writer.writerow(row)


def _text(values: np.ndarray) -> str:
    return f"({', '.join(map(str, values.tolist()))})"
