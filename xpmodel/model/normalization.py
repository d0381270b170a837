"""The normalisation of a model: mean and standard deviation of the coefficients it trains on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xpmodel._atomic import replacing
from xpmodel.errors import InputError
from xpmodel.spectra.spectra import Paths, Report, iter_spectra
from xpmodel.spectra.train_test_split import train_test_rows


@dataclass(frozen=True, eq=False)
class Normalisation:
    """x = (coefficients / G flux − mu) / sig.

    Attributes
    ----------
    mu, sig : ndarray, (110,) float64
        Mean and standard deviation (that of the population) of coefficients / G flux.
    n_train : int
        Stars that they are of.
    report : Report
        Rows read and left out.
    """

    mu: np.ndarray
    sig: np.ndarray
    n_train: int
    report: Report


def normalisation(
    paths: Paths, progress: Callable[[int, float], None] | None = None
) -> Normalisation:
    """Normalisation over the training stars of some spectra.

    The files are read twice, in chunks: the split needs the number of usable stars first. Then
    mean and sum of squares are merged chunk by chunk in float64 (Chan et al. 1983), which loses no
    digits however large the mean.

    Parameters
    ----------
    paths : path or list of paths
        In any format of `xpmodel.read_spectra`. Rows that it leaves out are no stars of the
        split (`xpmodel.spectra.train_test_split.train_test_rows`) either.
    progress : callable, optional
        Called with the stars read, each counted twice, and the fraction of the work done.

    Raises
    ------
    InputError
        When a file cannot be used, or a coefficient is the same for all stars.
    """
    reports: list[Report] = []
    n_used = 0
    for spectra, fraction in iter_spectra(paths):
        reports.append(spectra.report)
        n_used += len(spectra)
        if progress is not None:
            progress(n_used, fraction / 2)
    is_train = np.zeros(n_used, bool)
    is_train[train_test_rows(n_used)[0]] = True

    n, seen = 0, 0
    mean, squares = np.zeros(110), np.zeros(110)  # squares: sum of (x − mean)²
    for spectra, fraction in iter_spectra(paths):
        flux = spectra.g_flux[:, None]
        x = (spectra.coefficients / flux)[is_train[seen : seen + len(spectra)]]  # (M, 110)
        seen += len(spectra)
        if len(x):
            step = x.mean(axis=0) - mean
            squares += ((x - x.mean(axis=0)) ** 2).sum(axis=0)
            squares += step**2 * (n * len(x) / (n + len(x)))
            mean += step * (len(x) / (n + len(x)))
            n += len(x)
        if progress is not None:
            progress(n_used + seen, (1 + fraction) / 2)
    sig = np.sqrt(squares / n)
    check_varied(sig, n)
    return Normalisation(mean, sig, n, Report.total(reports))


def check_varied(sig: np.ndarray, n: int) -> None:
    """Refuse standard deviations (110,) over n training stars of which one is 0.

    Raises
    ------
    InputError
        Which coefficient is the same for all.
    """
    if not (sig > 0).all():
        raise InputError(
            f"coefficient {int(np.argmin(sig > 0))} is the same for all {n} training stars, so "
            "that it cannot be normalised; give more stars"
        )


def write_normalisation(
    paths: Paths,
    out: str | Path,
    progress: Callable[[int, float], None] | None = None,
) -> Normalisation:
    """Write the `normalisation` of some spectra, as ``xpmodel import-model`` takes it.

    Parameters
    ----------
    paths, progress
        Of `normalisation`.
    out : path
        The file, ``….npz``, of ``mu`` and ``sig``.

    Raises
    ------
    InputError
        As `normalisation` does, or when `out` cannot be written.
    """
    out = Path(out)
    if out.suffix != ".npz":
        raise InputError(f"{out}: the normalisation's name must end in .npz")
    norm = normalisation(paths, progress)
    with replacing(out) as part, open(part, "wb") as file:
        np.savez(file, mu=norm.mu, sig=norm.sig)
    return norm
