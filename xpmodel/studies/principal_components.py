"""Principal components of XP coefficients, with regard to their errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.spectra.spectra import Spectra

# Spectra read at once.
BATCH = 65_536


@dataclass(frozen=True)
class Components:
    """The directions in which spectra of stars differ most, in units of their errors.

    Attributes
    ----------
    mean : ndarray, (110,)
        Weighted mean of the coefficients per unit G flux.
    scale : ndarray, (110,)
        Median error of each, by which differences are divided.
    axes : ndarray, (n, 110)
        Orthonormal, the one of the largest variance first.
    n_stars : int
        Stars they are of.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    n_stars: int

    def project(self, spectra: Spectra) -> np.ndarray:
        """Components of some spectra, (N, n)."""
        return (per_flux(spectra) - self.mean) / self.scale @ self.axes.T

    def reconstruct(self, spectra: Spectra, n: int) -> np.ndarray:
        """Spectra from their first n components, (N, 110) per unit G flux."""
        return self.project(spectra)[:, :n] @ self.axes[:n] * self.scale + self.mean


def fit_components(catalog: Catalog, rows: np.ndarray, n: int) -> Components:
    """The first n principal components of some stars of a catalog.

    Each coefficient per unit G flux is divided by its median error, and each star is weighted by
    the inverse square of how large its errors are: else the components would follow the noise of
    the faintest stars. scikit-learn's know no weights, nor spectra that are read in parts.

    Parameters
    ----------
    catalog : Catalog
    rows : ndarray of int64
    n : int
        At most 110.
    """
    rows = np.sort(rows)
    relative = np.concatenate([_errors(part) for part in _read(catalog, rows)])
    scale = np.median(relative, axis=0)
    weight = 1.0 / np.median(relative / scale, axis=1) ** 2
    weight /= weight.sum()
    mean = np.zeros(len(scale))
    for part, w in _with_weights(catalog, rows, weight):
        mean += w @ per_flux(part)
    scatter = np.zeros((len(scale), len(scale)))
    for part, w in _with_weights(catalog, rows, weight):
        x = (per_flux(part) - mean) / scale
        scatter += (x * w[:, None]).T @ x
    _, vectors = np.linalg.eigh(scatter)  # eigenvalues rise
    return Components(mean, scale, vectors[:, ::-1][:, :n].T, len(rows))


def per_flux(spectra: Spectra) -> np.ndarray:
    """Coefficients per unit G flux, (N, 110) float64."""
    return spectra.coefficients / spectra.g_flux[:, None].astype(np.float64)


def _errors(spectra: Spectra) -> np.ndarray:
    return (spectra.errors / spectra.g_flux[:, None]).astype(np.float32)


def _read(catalog: Catalog, rows: np.ndarray) -> Iterator[Spectra]:
    for start in range(0, len(rows), BATCH):
        yield catalog.spectra[rows[start : start + BATCH]]


def _with_weights(
    catalog: Catalog, rows: np.ndarray, weight: np.ndarray
) -> Iterator[tuple[Spectra, np.ndarray]]:
    start = 0
    for part in _read(catalog, rows):
        yield part, weight[start : start + len(part)]
        start += len(part)
