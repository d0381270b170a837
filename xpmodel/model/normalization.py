"""The normalization of a model: mean and standard deviation of the coefficients it trains on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xpmodel._atomic import replacing
from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_COEFFICIENTS
from xpmodel.spectra.report import Report
from xpmodel.spectra.spectra import Paths, iter_spectra
from xpmodel.spectra.train_test_split import train_test_rows

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Normalization:
    """What a network sees of a spectrum: x = (coefficients / G flux − mu) / sig.

    Attributes
    ----------
    mu, sig : ndarray, (110,) float64
        Mean and standard deviation (that of the population) of coefficients / G flux.
    """

    mu: np.ndarray
    sig: np.ndarray

    @classmethod
    def of(cls, chunks: Callable[[], Iterable[np.ndarray]], n: int) -> Normalization:
        """Of the coefficients per unit G flux of n stars, in two passes and float64.

        Parameters
        ----------
        chunks : callable
            Gives the stars some at a time, (M, 110) float64, twice the same; their numbers are
            such as float32 holds.
        n : int

        Raises
        ------
        InputError
            When a coefficient is the same for all of them.
        """
        mu = sum(values.sum(axis=0) for values in chunks()) / n
        sig = np.sqrt(sum(((values - mu) ** 2).sum(axis=0) for values in chunks()) / n)
        check_varied(mu, sig, n)
        return cls(mu, sig)

    def coefficients(self, per_flux: np.ndarray) -> np.ndarray:
        """Normalized coefficients, of coefficients per unit G flux, (..., 110) float64 both."""
        return (per_flux - self.mu) / self.sig

    def variance(self, per_flux: np.ndarray) -> np.ndarray:
        """Squares of normalized errors, of errors per unit G flux, (..., 110) float64 both."""
        return (per_flux / self.sig) ** 2

    def restored(self, x: np.ndarray) -> np.ndarray:
        """Coefficients per unit G flux, of normalized ones, (..., 110) float64 both."""
        return x * self.sig + self.mu

    def restored_scatter(self, scatter: np.ndarray) -> np.ndarray:
        """Scatter per unit G flux, of normalized one, (..., 110) float64 both."""
        return scatter * self.sig

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """Matrix, (110, 110), and offset, (110,): `coefficients` as per_flux @ matrix + offset."""
        return np.diag(1.0 / self.sig), -self.mu / self.sig

    def on(self, device: torch.device, dtype: torch.dtype) -> NormalizationOnDevice:
        """The same for tensors."""
        import torch

        mu, sig, inverse = (
            torch.as_tensor(values, dtype=dtype, device=device)
            for values in (self.mu, self.sig, 1.0 / self.sig)
        )
        return NormalizationOnDevice(mu, sig, inverse)


@dataclass(frozen=True, eq=False)
class NormalizationOnDevice:
    """A `Normalization` for tensors of one device and dtype, (N, 110); made for speed.

    Attributes
    ----------
    mu, sig, inverse : Tensor, (110,)
        `inverse` is 1 / sig, by which multiplying takes less time than dividing.
    """

    mu: Tensor
    sig: Tensor
    inverse: Tensor

    def coefficients_(self, per_flux: Tensor) -> Tensor:
        """As `Normalization.coefficients`, in place."""
        return per_flux.sub_(self.mu).mul_(self.inverse)

    def sigma(self, per_flux: Tensor) -> Tensor:
        """Normalized errors, of errors per unit G flux."""
        return per_flux / self.sig

    def variance(self, per_flux: Tensor) -> Tensor:
        """As `Normalization.variance`."""
        return self.sigma(per_flux) ** 2

    def restored(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """As `Normalization.restored`, into a tensor if one is given."""
        import torch

        return torch.addcmul(self.mu, x, self.sig, out=out)

    def restored_scatter(self, scatter: Tensor, out: Tensor | None = None) -> Tensor:
        """As `Normalization.restored_scatter`, into a tensor if one is given."""
        import torch

        return torch.mul(scatter, self.sig, out=out)


@dataclass(frozen=True, eq=False)
class FileNormalization(Normalization):
    """The normalization over the training stars of some files.

    Attributes
    ----------
    n_train : int
        Stars that it is of.
    report : Report
        Rows read and left out.
    """

    n_train: int
    report: Report


def normalization(
    paths: Paths, progress: Callable[[int, float], None] | None = None
) -> FileNormalization:
    """Normalization over the training stars of some spectra.

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
    mean, squares = np.zeros(N_COEFFICIENTS), np.zeros(N_COEFFICIENTS)  # sum of (x − mean)²
    for spectra, fraction in iter_spectra(paths):
        flux = spectra.g_flux[:, None]
        with np.errstate(over="ignore", invalid="ignore"):  # checked at the end
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
    check_varied(mean, sig, n)
    return FileNormalization(mean, sig, n, Report.total(reports))


def check_normalization(
    mu: np.ndarray, sig: np.ndarray, n: int, source: str | Path = "normalization"
) -> tuple[np.ndarray, np.ndarray]:
    """Mu and sig as float64 (n,), or an InputError that says which entry is wrong."""
    checked = []
    for name, array in (("mu", np.asarray(mu)), ("sig", np.asarray(sig))):
        if array.shape != (n,):
            raise InputError(f"{source}: {name} has shape {array.shape}, expected ({n},)")
        if array.dtype.kind not in "fiu":
            raise InputError(f"{source}: {name} is {array.dtype}, expected numbers")
        values = array.astype(np.float64)
        bad = ~np.isfinite(values) | (values <= 0 if name == "sig" else False)
        if bad.any():
            i = int(np.argmax(bad))
            rule = "finite and above 0" if name == "sig" else "finite"
            raise InputError(f"{source}: {name}[{i}] is {values[i]:g}: it must be {rule}")
        checked.append(values)
    return checked[0], checked[1]


def check_varied(mu: np.ndarray, sig: np.ndarray, n: int) -> None:
    """Refuse means and standard deviations (110,) by which no spectrum can be normalized.

    Raises
    ------
    InputError
        Which coefficient is the same for all n training stars, but for the rounding of the mean,
        or not finite over G flux.
    """
    finite = np.isfinite(mu) & np.isfinite(sig)
    if not finite.all():
        raise InputError(
            f"coefficient {int(np.argmin(finite))} over G flux is too large for some of the "
            f"{n} training stars: look for G fluxes near 0"
        )
    varied = sig > n * np.finfo(np.float64).eps * np.abs(mu)  # as far as a sum of n may be off
    if not varied.all():
        raise InputError(
            f"coefficient {int(np.argmin(varied))} is the same for all {n} training stars, so "
            "that it cannot be normalized; give more stars"
        )


def write_normalization(
    paths: Paths,
    out: str | Path,
    progress: Callable[[int, float], None] | None = None,
) -> FileNormalization:
    """Write the `normalization` of some spectra, as ``xpmodel import-model`` takes it.

    Parameters
    ----------
    paths, progress
        Of `normalization`.
    out : path
        The file, ``….npz``, of ``mu`` and ``sig``.

    Raises
    ------
    InputError
        As `normalization` does, or when `out` cannot be written.
    """
    out = Path(out)
    if out.suffix != ".npz":
        raise InputError(f"{out}: the normalization's name must end in .npz")
    norm = normalization(paths, progress)
    with replacing(out) as part, open(part, "wb") as file:
        np.savez(file, mu=norm.mu, sig=norm.sig)
    return norm
