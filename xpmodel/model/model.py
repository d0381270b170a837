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
import safetensors
import torch
from numpy.typing import ArrayLike
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from xpmodel._atomic import read_json, replacing
from xpmodel._types import ArrayOrTensor
from xpmodel.errors import InputError
from xpmodel.model.network import VARIANTS, ScatterVAE, posterior_kl
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
# What numbers of the wrong kind or size make of a description that was changed by hand.
_BAD_DESCRIPTION = (LookupError, TypeError, ValueError, OverflowError, RuntimeError)


@dataclass(frozen=True)
class Encoded:
    """What the model says of N spectra: all arrays float32.

    Attributes
    ----------
    mean, std : ndarray, (N, K)
        Posterior mean and standard deviation of the latents.
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

        Parameters and units as in `encode`; the errors are used as independent.
        """
        n = len(spectra)
        columns = {name: np.empty(n, np.float32) for name in ("chi2", "chi2_obs", "kl")}
        mean = np.empty((n, self.n_latents), np.float32)
        std = np.empty_like(mean)
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
        return Encoded(mean, std, **columns)

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
        if self.device.type != "cpu":
            both = torch.stack(self.decode(self._tensor(point))).cpu().numpy()
            return both[0].astype(np.float64), both[1].astype(np.float64)
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

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device)

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


def load_model(folder: str | Path, device: str = "auto") -> Model:
    """Load a model folder (``model.safetensors`` and ``model.json``).

    Parameters
    ----------
    folder : path
    device : str
        ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        When a file is missing, foreign, or the two do not belong together.
    """
    folder = Path(folder)
    path = folder / DESCRIPTION_FILE
    description = read_json(path, FORMAT)
    weights_path = folder / WEIGHTS_FILE
    try:
        weights = weights_path.read_bytes()
    except OSError as error:
        raise InputError(f"{weights_path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(weights).hexdigest() != description.get("weights_sha256"):
        raise InputError(f"{weights_path}: not the weights that {path} describes (sha256 differs)")
    try:
        state = load_safetensors(weights)
        # Without memory, so that absurd sizes are refused by the weights rather than allocated.
        with torch.device("meta"):
            network = ScatterVAE(
                description["input_dim"],
                description["latent_dim"],
                description["intermediate_layers"],
                description.get("variant", VARIANTS[0]),
            )
        mu, sig = (np.array(description[k], dtype=np.float64) for k in ("mu", "sig"))
        if not isinstance(description.get("estimated", []), list):
            raise TypeError("'estimated' is not a list")
    except (*_BAD_DESCRIPTION, safetensors.SafetensorError) as error:
        cause = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: not a complete model description ({cause})") from None
    fit_state(network, state, weights_path)
    mu, sig = check_normalization(mu, sig, network.input_dim, path)
    return Model(network, mu, sig, description, device)


def fit_state(network: ScatterVAE, state: dict[str, Tensor], source: str | Path) -> None:
    """Load a state dict strictly; the error names the first key or shape that does not fit."""
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        if name not in state:
            raise InputError(f"{source}: {name} is missing")
        found = state[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(f"{source}: {name} has shape {shape}, expected {tuple(tensor.shape)}")
        if found.dtype != tensor.dtype:
            raise InputError(f"{source}: {name} is {found.dtype}, expected {tensor.dtype}")
        if not torch.isfinite(found).all():
            raise InputError(f"{source}: {name} holds values that are not finite")
    for name in state:
        if name not in wanted:
            raise InputError(f"{source}: {name} is not a part of this network")
    network.load_state_dict(state, strict=True, assign=True)


def find_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu`` or ``cuda``."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise InputError(f"device {name!r} is unknown: use auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: PyTorch finds no CUDA device here; use cpu or auto")
    return device
