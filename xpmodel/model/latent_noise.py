"""The noise of latents: what the errors of a spectrum do to its posterior mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_BAND

if TYPE_CHECKING:
    from xpmodel.model.model import Model
    from xpmodel.model.network import ScatterVAE
    from xpmodel.spectra.spectra import Spectra

# Stars differentiated at once: 20 MB of slopes. Of fewer, threads would wait for each other's small
# parts, which takes long where other work shares the cores.
BATCH = 8192
# Stars whose full covariances are propagated at once: 50 MB of correlations in float64.
COVARIANCE_BATCH = 1024


class EncoderJacobian:
    """∂(posterior mean)/∂x of many normalized spectra, by automatic differentiation.

    In reverse mode, from the few latents back through the layers, whose batch normalizations are
    folded into them. What PyTorch's own differentiation gives, at twice its rate: the slope of an
    activation is formed once for all latents.

    Parameters
    ----------
    network : ScatterVAE
        In evaluation mode.
    """

    def __init__(self, network: ScatterVAE) -> None:
        self._layers = [_folded(block) for block in network.encoder]
        self._last = network.mu.weight

    def __call__(self, x: Tensor) -> Tensor:  # (N, 110) -> (N, K, 110)
        """The slopes at some spectra."""
        slopes_of = []
        for weight, bias in self._layers:
            x = torch.addmm(bias, x, weight.T)
            cdf = torch.special.ndtr(x)
            # GELU(x) = x Φ(x), whose slope is Φ(x) + x φ(x).
            slopes_of.append(cdf + x * torch.exp(-0.5 * x * x) / (2.0 * torch.pi) ** 0.5)
            x = x * cdf
        jacobian = self._last.expand(len(x), *self._last.shape)
        for (weight, _), slopes in zip(self._layers[::-1], slopes_of[::-1], strict=True):
            jacobian = (jacobian * slopes[:, None]) @ weight
        return jacobian


def _folded(block: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear layer with the batch normalization behind it."""
    assert isinstance(block, nn.Sequential)
    linear, norm, _ = block
    assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None  # as ScatterVAE makes it
    gain = norm.weight / torch.sqrt(variance + norm.eps)
    return linear.weight * gain[:, None], (linear.bias - mean) * gain + norm.bias


def noise_covariance(
    jacobian: Tensor, sigma: Tensor, correlations: np.ndarray | None = None
) -> Tensor:
    """J C Jᵀ of each star.

    Parameters
    ----------
    jacobian : Tensor, (N, K, 110)
    sigma : Tensor, (N, 110)
        Standard deviations of the normalized coefficients.
    correlations : ndarray, (N, 2, 55, 55), optional
        Within BP and within RP, which are independent of each other. Without them, and for the
        stars where one of them is not finite, the errors count as independent.

    Returns
    -------
    covariance : Tensor, (N, K, K)
    """
    scaled = jacobian * sigma[:, None]
    covariance = scaled @ scaled.mT
    if correlations is None:
        return covariance
    known = np.flatnonzero(np.isfinite(correlations).all(axis=(1, 2, 3)))
    for first in range(0, len(known), COVARIANCE_BATCH):
        rows = known[first : first + COVARIANCE_BATCH]
        rho = torch.from_numpy(correlations[rows]).to(scaled)  # (n, 2, 55, 55)
        bands = scaled[rows].unflatten(2, (2, N_BAND)).transpose(1, 2)  # (n, 2, K, 55)
        covariance[rows] = (bands @ rho @ bands.mT).sum(1)
    return covariance


def noise_std(
    jacobian: Tensor, sigma: Tensor, correlations: np.ndarray | None = None
) -> Tensor:  # (N, K)
    """Square roots of the diagonals of `noise_covariance`, in less time where it can be."""
    if correlations is None:
        return torch.linalg.vector_norm(jacobian * sigma[:, None], dim=2)
    variance = noise_covariance(jacobian, sigma, correlations).diagonal(dim1=1, dim2=2)
    # Where correlated errors cancel, rounding may leave less than nothing.
    return variance.clamp(min=0).sqrt()


def latent_covariance(model: Model, spectra: Spectra, *, batch: int = BATCH) -> np.ndarray:
    """Covariance of the latents of some stars by the errors of their spectra.

    C_z = J C Jᵀ, to first order: J is the slope of the encoder's posterior mean, by automatic
    differentiation, and C the covariance of the normalized coefficients: full where the spectra
    have correlations, else diag(σ²). It is the scatter of the latents when the star is observed
    again and again, to first order in the noise; the posterior's width, ``z_err``, is another
    thing, since the encoder never sees the errors. The error of the G flux, which is small, does
    not count.

    Parameters
    ----------
    model : Model
    spectra : Spectra
        N stars, in archive units; ``read_spectra(…, correlations=True)`` for the full covariance.
    batch : int
        Stars differentiated at once.

    Returns
    -------
    covariance : ndarray, (N, K, K) float64
        NaN for a star whose spectrum is not finite. The square roots of its diagonal are a
        catalog's ``z1_noise`` … ``zK_noise``.

    Raises
    ------
    InputError
        When the spectra have another number of coefficients than the model takes, or `batch` is
        below 1.

    Examples
    --------
    >>> from xpmodel import latent_covariance, load_model
    >>> model = load_model("demo")
    >>> latent_covariance(model, spectra).shape  # doctest: +SKIP
    (4, 6, 6)
    """
    if batch < 1:
        raise InputError(f"latents of {batch} stars at once: give at least 1")
    covariance = np.empty((len(spectra), model.n_latents, model.n_latents))
    for rows, jacobian, sigma in model.noise_slopes(spectra, batch):
        rho = None if spectra.correlations is None else spectra.correlations[rows]
        covariance[rows] = noise_covariance(jacobian.double(), sigma.double(), rho).cpu().numpy()
    return covariance
