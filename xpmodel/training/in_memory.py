"""Training data in memory: usable spectra, split, normalized, in float32 on one device.

`xpmodel.training.on_disk` has the same for spectra that memory cannot hold.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xpmodel.errors import InputError
from xpmodel.model.normalization import Normalization
from xpmodel.spectra.spectra import Spectra
from xpmodel.spectra.train_test_split import train_test_rows
from xpmodel.training.config import TrainingConfig
from xpmodel.training.distributed import Processes
from xpmodel.training.steps import Draws, Part, draw, draw_test

# Stars worked on at a time, so that float64 copies stay small beside the data.
CHUNK = 65_536


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingData:
    """Normalized coefficients and variances, split as released (a tenth held out, seed 12345).

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
        is not positive, or with coefficients that over G flux are beyond float32.
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

        Parameters
        ----------
        spectra : Spectra
        device : torch.device
            Where they will lie.

        Raises
        ------
        InputError
            When too few are usable to be split, a coefficient is the same for all, or they are
            more than the device holds.
        """
        usable = usable_rows(spectra)
        check_usable(len(usable), len(spectra))
        train, test = (usable[rows] for rows in train_test_rows(len(usable)))
        normalization = _normalization(spectra, train)
        _check_room((len(usable), spectra.coefficients.shape[1]), device)
        x, variance = _normalized(spectra, train, normalization, device)
        test_x, test_variance = _normalized(spectra, test, normalization, device)
        return cls(
            x=x,
            variance=variance,
            test_x=test_x,
            test_variance=test_variance,
            mu=normalization.mu,
            sig=normalization.sig,
            n_left_out=len(spectra) - len(usable),
            sha256=_sha256(spectra, usable),
        )

    @property
    def n_train(self) -> int:
        """Stars to train on."""
        return len(self.x)

    @property
    def n_test(self) -> int:
        """Stars held out."""
        return len(self.test_x)

    def room(self, _device: torch.device) -> tuple[Tensor, Tensor]:
        """Where the stars that are trained on lie on the device."""
        return self.x, self.variance

    def parts(self, config: TrainingConfig, epoch: int, processes: Processes) -> Iterator[Part]:
        """All batches of an epoch, or a process's share of each."""
        batch = processes.share(config.batch)
        own = slice(processes.rank * batch, (processes.rank + 1) * batch)
        draws = draw(config, self.n_train, epoch)
        yield Part(self.x, self.variance, Draws(draws.order[:, own], draws.eps[:, own]))

    def test_parts(self, config: TrainingConfig) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The test stars, and draws of z for them."""
        yield self.test_x, self.test_variance, draw_test(config, self.n_test)


def check_usable(n_usable: int, n: int) -> None:
    """Refuse spectra of which fewer than two can be trained on."""
    if n_usable < 2:
        others = ": the others hold NaN, or errors or G fluxes that are not above 0 or too extreme"
        raise InputError(
            f"{n_usable} of {n} spectra {'is' if n_usable == 1 else 'are'} usable for training, "
            f"and at least 2 are needed, one of them to be held out{others if n > n_usable else ''}"
        )


def usable_rows(spectra: Spectra) -> np.ndarray:
    """Rows whose numbers can be trained on, (N,) int64; `read_spectra` gives no others."""
    good = np.isfinite(spectra.g_flux) & (spectra.g_flux > 0)
    largest = float(np.finfo(np.float32).max)
    for start in range(0, len(spectra), CHUNK):
        rows = slice(start, start + CHUNK)
        errors = spectra.errors[rows]
        most = np.abs(spectra.coefficients[rows]).max(axis=1)  # NaN if one is
        with np.errstate(all="ignore"):  # of fluxes that are 0 or not finite
            good[rows] &= most / spectra.g_flux[rows].astype(np.float64) <= largest
        good[rows] &= (np.isfinite(errors) & (errors > 0)).all(axis=1)
    return np.flatnonzero(good)


def _check_room(shape: tuple[int, int], device: torch.device) -> None:
    if device.type != "cuda":
        return
    free, _ = torch.cuda.mem_get_info(device)
    if (need := 2 * 4 * math.prod(shape)) > free:
        raise InputError(
            f"{shape[0]} spectra take {need / 2**30:.1f} GiB, and the GPU has "
            f"{free / 2**30:.1f} free: "
            "train from disk (xpmodel train --stream), or on the CPU"
        )


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _normalization(spectra: Spectra, rows: np.ndarray) -> Normalization:
    """That of some stars."""

    def chunks() -> Iterator[np.ndarray]:
        for chunk in _chunks(rows):
            yield spectra.coefficients[chunk] / spectra.g_flux[chunk, None].astype(np.float64)

    return Normalization.of(chunks, len(rows))


def _normalized(
    spectra: Spectra, rows: np.ndarray, normalization: Normalization, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Normalized coefficients and variances of some stars."""
    x = np.empty((len(rows), spectra.coefficients.shape[1]), np.float32)
    variance = np.empty_like(x)
    done = 0
    for chunk in _chunks(rows):
        flux = spectra.g_flux[chunk, None].astype(np.float64)
        here = slice(done, done + len(chunk))
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and so the loss
            x[here] = normalization.coefficients(spectra.coefficients[chunk] / flux)
            variance[here] = normalization.variance(spectra.errors[chunk] / flux)
        done += len(chunk)
    return torch.from_numpy(x).to(device), torch.from_numpy(variance).to(device)


def _sha256(spectra: Spectra, rows: np.ndarray) -> str:
    digest = Digest()
    for chunk in _chunks(rows):
        digest.add(spectra, chunk)
    return digest.hexdigest()


class Digest:
    """sha256 of spectra, the same whatever chunks they come in."""

    def __init__(self) -> None:
        self._columns = [hashlib.sha256() for _ in range(4)]

    def add(self, spectra: Spectra, rows: np.ndarray) -> None:
        """Take some stars, in their order."""
        numbers = (spectra.coefficients, spectra.errors, spectra.g_flux)
        columns = [spectra.source_id[rows].astype(np.int64)]
        # float32 and the float64 of the same numbers are the same spectra.
        columns += [values[rows].astype(np.float64) for values in numbers]
        for digest, values in zip(self._columns, columns, strict=True):
            digest.update(np.ascontiguousarray(values).data)

    def hexdigest(self) -> str:
        """Of all that was taken."""
        return hashlib.sha256(b"".join(column.digest() for column in self._columns)).hexdigest()
