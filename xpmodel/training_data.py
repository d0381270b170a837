"""Spectra as training takes them: usable, split, normalised, in float32 on one device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xpmodel.errors import InputError
from xpmodel.norm import check_varied
from xpmodel.spectra import Spectra
from xpmodel.split import train_test_rows

# Stars worked on at a time, so that float64 copies stay small beside the data.
CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Normalised coefficients and variances, split as released (a tenth held out, seed 12345).

    Attributes
    ----------
    x, variance : Tensor, (N, 110) float32
        Of the training stars.
    test_x, test_variance : Tensor, (M, 110) float32
        Of those held out.
    mu, sig : ndarray, (110,) float64
        Mean and standard deviation of coefficients / G flux over the training stars.
    n_left_out : int
        Spectra with a coefficient, error or G flux that is not finite, or an error or G flux that
        is not positive.
    sha256 : str
        Of the usable spectra: their ids, coefficients, errors and G fluxes.
    """

    x: Tensor
    variance: Tensor
    test_x: Tensor
    test_variance: Tensor
    mu: np.ndarray
    sig: np.ndarray
    n_left_out: int
    sha256: str

    @classmethod
    def of(cls, spectra: Spectra, device: torch.device) -> TrainingData:
        """Prepare spectra.

        Raises
        ------
        InputError
            When too few are usable to be split, or a coefficient is the same for all.
        """
        usable = usable_rows(spectra)
        if len(usable) < 2:
            raise InputError(
                f"{len(usable)} of {len(spectra)} spectra are usable for training: the others hold "
                "NaN, or errors or G fluxes that are not positive"
            )
        train, test = (usable[rows] for rows in train_test_rows(len(usable)))
        mu, sig = _normalisation(spectra, train)
        return cls(
            *_normalised(spectra, train, mu, sig, device),
            *_normalised(spectra, test, mu, sig, device),
            mu,
            sig,
            len(spectra) - len(usable),
            _sha256(spectra, usable),
        )


def usable_rows(spectra: Spectra) -> np.ndarray:
    """Rows whose numbers can be trained on, (N,) int64; `read_spectra` gives no others."""
    good = np.isfinite(spectra.g_flux) & (spectra.g_flux > 0)
    for start in range(0, len(spectra), CHUNK):
        rows = slice(start, start + CHUNK)
        errors = spectra.errors[rows]
        good[rows] &= np.isfinite(spectra.coefficients[rows]).all(axis=1)
        good[rows] &= (np.isfinite(errors) & (errors > 0)).all(axis=1)
    return np.flatnonzero(good)


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _normalisation(spectra: Spectra, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over some stars, in two passes and float64."""

    def per_flux(chunk: np.ndarray) -> np.ndarray:
        return spectra.coefficients[chunk] / spectra.g_flux[chunk, None].astype(np.float64)

    mu = sum(per_flux(chunk).sum(axis=0) for chunk in _chunks(rows)) / len(rows)
    squares = sum(((per_flux(chunk) - mu) ** 2).sum(axis=0) for chunk in _chunks(rows))
    sig = np.sqrt(squares / len(rows))
    check_varied(sig, len(rows))
    return mu, sig


def _normalised(
    spectra: Spectra, rows: np.ndarray, mu: np.ndarray, sig: np.ndarray, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Normalised coefficients and variances of some stars."""
    x = np.empty((len(rows), len(mu)), np.float32)
    variance = np.empty_like(x)
    done = 0
    for chunk in _chunks(rows):
        flux = spectra.g_flux[chunk, None].astype(np.float64)
        here = slice(done, done + len(chunk))
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and so the loss
            x[here] = (spectra.coefficients[chunk] / flux - mu) / sig
            variance[here] = (spectra.errors[chunk] / flux / sig) ** 2
        done += len(chunk)
    return torch.from_numpy(x).to(device), torch.from_numpy(variance).to(device)


def _sha256(spectra: Spectra, rows: np.ndarray) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(rows):
        for values in (spectra.source_id, spectra.coefficients, spectra.errors, spectra.g_flux):
            digest.update(np.ascontiguousarray(values[chunk]))
    return digest.hexdigest()
