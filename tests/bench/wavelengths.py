"""From coefficients to flux, against GaiaXPy star by star."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from unittest import mock

import numpy as np
import pandas as pd

from tests.bench.inputs import random_correlations, random_spectra
from tests.bench.measure import Row, medians
from xpmodel import Spectra, Wavelengths
from xpmodel.spectra.bands import N_BAND

N_OURS = 10_000
N_COVARIANCES = 500
N_FLOOR = 50


def rows() -> Iterator[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gaiaxpy import calibrate
        from gaiaxpy.calibrator import calibrator

    wavelengths = Wavelengths()
    spectra = random_spectra(N_OURS, np.float64)
    correlations = random_correlations(N_COVARIANCES)
    some = spectra[:N_COVARIANCES]
    frame = _archive_rows(spectra[:N_FLOOR], correlations[:N_FLOOR])

    def both() -> None:
        wavelengths.flux(some.coefficients)
        wavelengths.error(some.errors, correlations)

    def floor() -> None:
        # What it prints goes in part to the stdout that it imported: see below.
        with contextlib.redirect_stdout(io.StringIO()):
            calibrate(frame, save_file=False)

    with warnings.catch_warnings(), mock.patch.object(calibrator, "stdout", io.StringIO()):
        warnings.simplefilter("ignore")
        seconds = medians(
            7, flux=lambda: wavelengths.flux(spectra.coefficients), both=both, floor=floor
        )
    floor_rate = N_FLOOR / seconds["floor"]
    yield Row(
        "wavelengths: flux",
        N_OURS / seconds["flux"],
        "spectra/s",
        f"Wavelengths().flux of {N_OURS:,} float64 spectra at once, against gaiaxpy.calibrate "
        f"of {N_FLOOR} (a DataFrame; it forms the errors as well)",
        floor_rate,
        "≥ 1,000",
    )
    yield Row(
        "wavelengths: flux, error",
        N_COVARIANCES / seconds["both"],
        "spectra/s",
        f"the same with error() from the full covariances, {N_COVARIANCES} spectra",
        floor_rate,
    )


def _archive_rows(spectra: Spectra, correlations: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({"source_id": spectra.source_id})
    for i, band in enumerate(("bp", "rp")):
        part = slice(i * N_BAND, (i + 1) * N_BAND)
        frame[f"{band}_n_parameters"] = N_BAND
        frame[f"{band}_standard_deviation"] = 1.0
        frame[f"{band}_coefficients"] = list(spectra.coefficients[:, part])
        frame[f"{band}_coefficient_errors"] = list(spectra.errors[:, part])
        frame[f"{band}_coefficient_correlations"] = list(correlations[:, i])
    return frame
