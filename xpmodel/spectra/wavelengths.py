"""Calibration: XP coefficients to flux against wavelength, by GaiaXPy's instrument model."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from xpmodel._private_parts import calibrate_quietly
from xpmodel._types import ArrayOrTensor
from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_BAND, N_COEFFICIENTS

# Stars whose full covariances are propagated at once: some 150 MB of work space.
COVARIANCE_BATCH = 256


class Wavelengths:
    """A wavelength grid and the linear map from XP coefficients to flux on it.

    GaiaXPy's calibration is linear in the coefficients, so its action on the 110 unit
    spectra is a matrix, and a million spectra are one matrix product.

    Parameters
    ----------
    grid : array_like, (L,), optional
        Increasing wavelengths [nm] between 330 and 1050, the range of GaiaXPy's instrument
        model. Default: GaiaXPy's own grid, 336 to 1020 nm in steps of 2 (L = 343).

    Attributes
    ----------
    grid : ndarray, (L,) float64
        Wavelengths [nm].
    matrix : ndarray, (110, L) float64
        Flux of a unit coefficient [W m⁻² nm⁻¹ per e⁻ s⁻¹].

    Raises
    ------
    InputError
        When the grid is not increasing or leaves the range.
    """

    def __init__(self, grid: ArrayLike | None = None) -> None:
        key = None if grid is None else tuple(_checked_grid(grid))
        self.grid, self.matrix = _unit_spectra(key)
        # Squares of the matrix underflow in float32, so errors are formed in units of this.
        self._unit = float(np.abs(self.matrix).max())
        self._tensors: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def __len__(self) -> int:
        return len(self.grid)

    def flux(self, coefficients: ArrayOrTensor) -> ArrayOrTensor:
        """Flux on the grid.

        Parameters
        ----------
        coefficients : ndarray or Tensor, (..., 110)
            Archive coefficients, or coefficients per unit G flux times a G flux.

        Returns
        -------
        flux : same kind, dtype and device, (..., L)
            [W m⁻² nm⁻¹]; equals ``gaiaxpy.calibrate``.
        """
        values, restore = _as_tensor(coefficients)
        return restore(values @ self._scaled(values) * self._unit)

    def error(
        self, errors: ArrayOrTensor, correlations: np.ndarray | Tensor | None = None
    ) -> ArrayOrTensor:
        """Standard deviation of the flux on the grid.

        Parameters
        ----------
        errors : ndarray or Tensor, (..., 110)
            Standard deviations of the coefficients.
        correlations : ndarray or Tensor, (..., 2, 55, 55), optional
            Correlations within BP and within RP (the bands are independent). Without them,
            and for the stars where they are NaN, the errors count as independent.

        Returns
        -------
        error : same kind, dtype and device as `errors`, (..., L)
            [W m⁻² nm⁻¹]; with correlations equals ``gaiaxpy.calibrate``.
        """
        values, restore = _as_tensor(errors)
        matrix = self._scaled(values)
        variance = values**2 @ matrix**2
        if correlations is not None:
            flat = values.reshape(-1, 2, N_BAND)
            rho = _tensor(correlations).to(values)
            if rho.shape[-3:] != (2, N_BAND, N_BAND):
                raise InputError(
                    f"correlations have shape {tuple(rho.shape)}, expected "
                    f"(..., 2, {N_BAND}, {N_BAND})"
                )
            rho = rho.reshape(-1, 2, N_BAND, N_BAND)
            if len(rho) != len(flat):
                raise InputError(
                    f"correlations are those of {len(rho)} stars, errors of {len(flat)}"
                )
            full = variance.reshape(len(flat), len(self))
            known = torch.isfinite(rho).all(dim=(1, 2, 3)).nonzero()[:, 0]
            bands = matrix.reshape(2, N_BAND, len(self))
            for rows in known.split(COVARIANCE_BATCH):
                scaled = flat[rows][..., None] * bands  # (n, 2, 55, L)
                full[rows] = (scaled * (rho[rows] @ scaled)).sum(dim=(1, 2))
            # Where correlated errors cancel, rounding may leave less than nothing.
            variance = full.reshape(variance.shape).clamp(min=0)
        return restore(torch.sqrt(variance) * self._unit)

    def _scaled(self, like: Tensor) -> Tensor:
        """The matrix over its largest entry, with the dtype and on the device of a tensor."""
        key = (like.device, like.dtype)
        if key not in self._tensors:
            self._tensors[key] = torch.as_tensor(self.matrix / self._unit).to(like)
        return self._tensors[key]


def _tensor(values: np.ndarray | Tensor) -> Tensor:
    """A tensor of anything; PyTorch warns of arrays that may not be written, so they are copied."""
    return values if isinstance(values, Tensor) else torch.as_tensor(np.require(values, None, "W"))


def _as_tensor(values: ArrayOrTensor) -> tuple[Tensor, Callable[[Tensor], ArrayOrTensor]]:
    """A floating tensor (..., 110), and a function that turns a result into the given kind."""
    tensor = _tensor(values)
    if tensor.ndim == 0 or tensor.shape[-1] != N_COEFFICIENTS:
        raise InputError(
            f"the last axis has {tuple(tensor.shape)[-1:]} entries, expected {N_COEFFICIENTS}"
        )
    if not tensor.is_floating_point():
        tensor = tensor.double()
    if isinstance(values, Tensor):
        return tensor, lambda t: t
    return tensor, lambda t: t.numpy()


def _checked_grid(values: ArrayLike) -> np.ndarray:
    try:
        grid = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the wavelength grid must hold numbers: increasing, in nm") from None
    if grid.ndim != 1 or len(grid) < 2 or not (np.diff(grid) > 0).all():
        raise InputError("the wavelength grid must be a list of increasing wavelengths in nm")
    if grid[0] < 330 or grid[-1] > 1050:
        raise InputError(
            f"the wavelength grid runs from {grid[0]:g} to {grid[-1]:g} nm; "
            "GaiaXPy's instrument model covers 330 to 1050 nm"
        )
    return grid


@functools.lru_cache(maxsize=8)
def _unit_spectra(grid: tuple[float, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    """Grid (L,) and flux of the 110 unit spectra (110, L), as GaiaXPy calibrates them."""
    import pandas as pd

    unit = np.eye(N_COEFFICIENTS)
    identity = np.eye(N_BAND)
    rows = pd.DataFrame({"source_id": np.arange(1, N_COEFFICIENTS + 1)})
    for band, columns in BANDS.items():
        rows[f"{band}_n_parameters"] = N_BAND
        rows[f"{band}_standard_deviation"] = 1.0
        rows[f"{band}_coefficients"] = list(unit[:, columns])
        rows[f"{band}_coefficient_errors"] = pd.Series([np.ones(N_BAND)] * len(rows))
        rows[f"{band}_coefficient_correlations"] = pd.Series([identity] * len(rows))
    sampling = None if grid is None else np.array(grid)
    matrix, positions = calibrate_quietly(rows, sampling)
    for array in (matrix, positions):
        array.setflags(write=False)
    return positions, matrix
