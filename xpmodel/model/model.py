"""A trained model: network, normalization and provenance, in one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors.torch import save as save_safetensors
from torch import Tensor

from xpmodel._atomic import replacing
from xpmodel._types import ArrayOrTensor
from xpmodel.errors import InputError
from xpmodel.model.device import find_device
from xpmodel.model.latent_noise import BATCH as NOISE_BATCH
from xpmodel.model.latent_noise import EncoderJacobian, noise_std
from xpmodel.model.network import ScatterVAE, posterior_kl
from xpmodel.model.normalization import Normalization, NormalizationOnDevice, check_normalization
from xpmodel.spectra.spectra import Spectra

if TYPE_CHECKING:
    from xpmodel.model.point_decoder import PointNetwork

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"
FORMAT = "xpmodel-model"
# Rows of one pass through the network on a CPU. Large ones wait seldom for each other's threads,
# which counts when other work shares the cores; the activations take a few 100 MB.
BATCH = 65_536
# A GPU wants more work at once than a cache holds.
BATCH_CUDA = 262_144


@dataclass(frozen=True)
class Encoded:
    """What the model says of N spectra: all arrays float32.

    Attributes
    ----------
    mean, std : ndarray, (N, K)
        Posterior mean and standard deviation of the latents.
    noise : ndarray, (N, K)
        Standard deviation of the posterior mean by the errors of the spectrum
        (`xpmodel.latent_covariance`): with the full covariance where correlations are known.
    chi2 : ndarray, (N,)
        Mean over the coefficients of (x − x̂)² / (σ² + ŝ²), x̂ and ŝ decoded from the mean.
    chi2_obs : ndarray, (N,)
        The same without the model's scatter ŝ.
    kl : ndarray, (N,)
        KL divergence from the prior, summed over the latents [nat]; NaN for an autoencoder,
        whose posterior has no width.
    """

    mean: np.ndarray
    std: np.ndarray
    noise: np.ndarray
    chi2: np.ndarray
    chi2_obs: np.ndarray
    kl: np.ndarray


class Model:
    """A scatter VAE with the normalization that belongs to it.

    Parameters
    ----------
    network : ScatterVAE
    mu, sig : array_like, (110,)
        x = (coefficients / G flux − mu) / sig.
    description : dict
        Provenance, kept in ``model.json``: where it came from, what is estimated.
    device : str
        ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        When mu or sig does not fit the network, or the device is not there.
    """

    def __init__(
        self,
        network: ScatterVAE,
        mu: np.ndarray,
        sig: np.ndarray,
        description: dict[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.device = find_device(device)
        self.network = network.to(self.device).eval().requires_grad_(False)
        self.mu, self.sig = check_normalization(mu, sig, network.input_dim)
        self.description = dict(description or {})

    @property
    def normalization(self) -> Normalization:
        """What mu and sig make of spectra."""
        return Normalization(self.mu, self.sig)

    @property
    def n_latents(self) -> int:
        """K, the number of latents."""
        return self.network.latent_dim

    @property
    def estimated(self) -> list[str]:
        """Parts of the model that are estimates rather than the originals."""
        return list(self.description.get("estimated", []))

    @cached_property
    def hash(self) -> str:
        """Sha256 of what determines the model's numbers: layers, weights, mu and sig."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            if not name.endswith("num_batches_tracked"):
                digest.update(f"{name}{tuple(tensor.shape)}".encode())
                digest.update(tensor.cpu().numpy().astype("<f4").tobytes())
        for array in (self.mu, self.sig):
            digest.update(array.astype("<f8").tobytes())
        return digest.hexdigest()

    def encode(
        self, spectra: Spectra, *, batch: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode spectra into latents.

        Parameters
        ----------
        spectra : Spectra
            N stars; coefficients in archive units, G flux in e⁻ s⁻¹.
        batch : int, optional
            Stars in one pass through the network.

        Returns
        -------
        mean, std : ndarray, (N, K) float32
            Posterior mean and standard deviation (Laroche & Speagle 2024, Sect. 3.1).
        """
        mean = np.empty((len(spectra), self.n_latents), np.float32)
        std = np.empty_like(mean)
        with torch.inference_mode():
            for rows, x in self._normalized(spectra, batch):
                m, log_var = self.network.encode(x)
                mean[rows] = m.cpu().numpy()
                std[rows] = torch.exp(0.5 * log_var).cpu().numpy()
        return mean, std

    def score(self, spectra: Spectra, *, batch: int | None = None) -> Encoded:
        """Encode spectra and say how well the model describes each of them.

        Parameters and units as in `encode`. For χ² the errors count as independent; the noise of
        the latents is formed with correlations where the spectra have them.
        """
        n = len(spectra)
        columns = {name: np.empty(n, np.float32) for name in ("chi2", "chi2_obs", "kl")}
        mean = np.empty((n, self.n_latents), np.float32)
        std, noise = np.empty_like(mean), np.empty_like(mean)
        normalization = self._normalization()
        with torch.inference_mode():
            for rows, x in self._normalized(spectra, batch):
                m, log_var = self.network.encode(x)
                s = torch.exp(0.5 * log_var)
                x_hat, scatter = self.network.decode(m)
                variance = normalization.variance(self._per_flux(spectra.errors, spectra, rows))
                squares = (x - x_hat) ** 2
                chi2_obs = (squares / variance).mean(1)
                chi2 = (squares / (variance + scatter**2)).mean(1)
                mean[rows], std[rows] = m.cpu().numpy(), s.cpu().numpy()
                columns["chi2"][rows] = chi2.cpu().numpy()
                columns["chi2_obs"][rows] = chi2_obs.cpu().numpy()
                kl = posterior_kl(m, s).sum(1)
                if self.network.variant == "autoencoder":
                    kl.fill_(torch.nan)
                columns["kl"][rows] = kl.cpu().numpy()
        for rows, jacobian, sigma in self.noise_slopes(spectra, NOISE_BATCH):
            rho = None if spectra.correlations is None else spectra.correlations[rows]
            noise[rows] = noise_std(jacobian, sigma, rho).cpu().numpy()
        return Encoded(mean, std, noise, **columns)

    def noise_slopes(self, spectra: Spectra, batch: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """What makes the noise of the latents of some stars, a batch at a time.

        Yields
        ------
        rows : slice
        jacobian : Tensor, (n, K, 110)
            ∂(posterior mean)/∂x of the normalized coefficients.
        sigma : Tensor, (n, 110)
            Standard deviations of these.
        """
        differentiate = EncoderJacobian(self.network)
        normalization = self._normalization()
        with torch.inference_mode():
            for rows, x in self._normalized(spectra, batch):
                sigma = normalization.sigma(self._per_flux(spectra.errors, spectra, rows))
                yield rows, differentiate(x), sigma.float()

    def decode(self, z: ArrayOrTensor) -> tuple[ArrayOrTensor, ArrayOrTensor]:
        """Decode latents into coefficients and their scatter.

        Parameters
        ----------
        z : ndarray or Tensor, (..., K)
            A tensor may lie on any device; the result comes back beside it.

        Returns
        -------
        coefficients, scatter : same kind as z, (..., 110) float32
            Per unit G flux: multiply by a star's G flux [e⁻ s⁻¹] for archive units.

        Raises
        ------
        InputError
            When the last axis of z does not have K entries.
        """
        # PyTorch warns of arrays that may not be written, as pandas and catalogs have them.
        given: Tensor
        given = z if isinstance(z, Tensor) else torch.as_tensor(np.require(z, requirements="W"))
        if given.ndim == 0 or given.shape[-1] != self.n_latents:
            raise InputError(
                f"z has shape {tuple(given.shape)}: its last axis must hold the model's "
                f"{self.n_latents} latents"
            )
        flat = given.reshape(-1, self.n_latents).to(self.device, torch.float32)
        normalization = self._normalization()
        coefficients = flat.new_empty((len(flat), self.network.input_dim))
        scatter = torch.empty_like(coefficients)
        with torch.inference_mode():
            for start in range(0, len(flat), BATCH_CUDA):
                rows = slice(start, start + BATCH_CUDA)
                x_hat, s_hat = self.network.decode(flat[rows])
                normalization.restored(x_hat, out=coefficients[rows])
                normalization.restored_scatter(s_hat, out=scatter[rows])
        shape = (*given.shape[:-1], self.network.input_dim)
        device = given.device
        coefficients, scatter = (p.reshape(shape).to(device) for p in (coefficients, scatter))
        if isinstance(z, Tensor):
            return coefficients, scatter
        return coefficients.numpy(), scatter.numpy()

    def decode_point(self, z: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Decode one point, fast: as `decode`, to float32's rounding.

        On the CPU, whatever the model's device: to ask a GPU for so little takes eight times as
        long (docs/gpu.md).

        Parameters
        ----------
        z : array_like, (K,)

        Returns
        -------
        coefficients, scatter : ndarray, (110,) float64
            Per unit G flux.

        Raises
        ------
        InputError
            When z does not have K entries.
        """
        point = np.asarray(z, np.float64)
        if point.shape != (self.n_latents,):
            raise InputError(
                f"z has shape {point.shape}: it must hold the model's {self.n_latents} latents"
            )
        decoder, scatter = self._point_networks
        normalization = self.normalization
        widths = np.zeros_like(self.sig) if scatter is None else scatter(point)
        return normalization.restored(decoder(point)), normalization.restored_scatter(widths)

    @cached_property
    def _point_networks(self) -> tuple[PointNetwork, PointNetwork | None]:
        # Here, because it needs SciPy, which training on a bare machine does without.
        from xpmodel.model.point_decoder import PointNetwork

        decoder, scatter = self.network.decoder, self.network.scatter
        return PointNetwork(decoder), None if scatter is None else PointNetwork(scatter)

    def decode_mean(self, z: Tensor) -> Tensor:
        """Decode latents (N, K), on the model's device, into coefficients (N, 110) alone.

        As `decode`, in half its time: nothing asks for the scatter.
        """
        normalization = self._normalization()
        with torch.inference_mode():
            return normalization.restored(self.network.decoder(z))

    def decode_gradient(self, z: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Decode one point, and differentiate the coefficients by its latents.

        On the CPU, whatever the model's device.

        Parameters
        ----------
        z : array_like, (K,)

        Returns
        -------
        coefficients : ndarray, (110,) float64
            Per unit G flux, as from `decode`, to float32's rounding.
        slopes : ndarray, (K, 110) float64
            ∂coefficients/∂z_i, by automatic differentiation.

        Raises
        ------
        InputError
            When z does not have K entries.
        """
        point = np.asarray(z, np.float64)
        if point.shape != (self.n_latents,):
            raise InputError(f"z has shape {point.shape}, expected ({self.n_latents},)")
        x_hat, slopes = self._point_networks[0].gradient(point)
        normalization = self.normalization
        return normalization.restored(x_hat), normalization.restored_scatter(slopes)

    def _normalized(self, spectra: Spectra, batch: int | None) -> Iterator[tuple[slice, Tensor]]:
        """Rows and normalized coefficients (n, 110) float32 on the model's device."""
        if spectra.coefficients.shape[1:] != (self.network.input_dim,):
            raise InputError(
                f"the spectra have {spectra.coefficients.shape[1:]} coefficients, the model "
                f"takes {self.network.input_dim}"
            )
        batch = batch or (BATCH_CUDA if self.device.type == "cuda" else BATCH)
        kind = torch.from_numpy(np.empty(0, spectra.coefficients.dtype)).dtype
        normalization = self._normalization(kind)
        for start in range(0, len(spectra), batch):
            rows = slice(start, start + batch)
            x = self._per_flux(spectra.coefficients, spectra, rows)
            yield rows, normalization.coefficients_(x).float()

    def _per_flux(self, values: np.ndarray, spectra: Spectra, rows: slice) -> Tensor:
        """Coefficients or errors (n, 110) per unit G flux, in the dtype they have."""
        part = torch.from_numpy(np.require(values[rows], requirements=["C", "W"])).to(self.device)
        flux = torch.from_numpy(spectra.g_flux[rows].astype(np.float64)).to(self.device)
        return part / flux.to(part.dtype)[:, None]

    def _normalization(self, dtype: torch.dtype = torch.float32) -> NormalizationOnDevice:
        return self.normalization.on(self.device, dtype)

    def save(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``model.json`` into a folder."""
        folder = Path(folder)
        state = {k: v.cpu().contiguous() for k, v in self.network.state_dict().items()}
        weights = save_safetensors(state)
        description = {
            "format": FORMAT,
            "version": 1,
            "input_dim": self.network.input_dim,
            "latent_dim": self.network.latent_dim,
            "intermediate_layers": list(self.network.intermediate_layers),
            "variant": self.network.variant,
            **self.description,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "mu": self.mu.tolist(),
            "sig": self.sig.tolist(),
        }
        with replacing(folder / WEIGHTS_FILE) as path:
            path.write_bytes(weights)
        with replacing(folder / DESCRIPTION_FILE) as path:
            path.write_text(json.dumps(description, indent=1) + "\n")
