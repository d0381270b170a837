"""The loss of training: reconstruction of the spectra, and KL divergence of the latents."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from xpmodel.model.network import posterior_kl
from xpmodel.spectra.bands import N_COEFFICIENTS
from xpmodel.training.config import TrainingConfig


class Network(Protocol):
    """What the loss asks of a `ScatterVAE`, also of one joined with those of other processes."""

    variant: str

    def __call__(
        self, x: Tensor, eps: Tensor | None = None, /
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `ScatterVAE.forward`."""
        ...


class Loss(NamedTuple):
    """The parts of a batch's loss, means over its stars, in the released code's units.

    Attributes
    ----------
    reconstruction : Tensor, ()
        Σ_j ½ [(x − x̂)² / (σ² + ŝ²) + ln(σ² + ŝ²)].
    kl_latents : Tensor, (K,)
        ½ [μ² + σ'² − 1 − ln σ'²] of each latent [nat]; 0 for an autoencoder, which has none.
    n_coefficients : int
        Over how many j the sum goes.
    """

    reconstruction: Tensor
    kl_latents: Tensor
    n_coefficients: int = N_COEFFICIENTS

    @property
    def kl(self) -> Tensor:
        """Sum over the latents."""
        return self.kl_latents.sum()

    @property
    def total(self) -> Tensor:
        """The released code's loss."""
        return self.reconstruction + self.kl


def scatter_loss(network: Network, x: Tensor, variance: Tensor, eps: Tensor | None = None) -> Loss:
    """The parts of the loss (Laroche & Speagle 2024, Eqs. 1-5), as the released code sums them.

    Parameters
    ----------
    network : ScatterVAE, or one joined with others
    x, variance : Tensor, (N, 110)
        Normalized coefficients and the squares of their normalized errors.
    eps : Tensor, (N, K), optional
        Normal draws for z = μ + eps σ'; by default drawn here.
    """
    x_hat, scatter, mean, log_var = network(x, eps)
    total = variance + scatter**2
    reconstruction = 0.5 * ((x - x_hat) ** 2 / total + torch.log(total)).sum(dim=1).mean()
    if network.variant == "autoencoder":
        kl = torch.zeros_like(mean[0])
    else:
        kl = posterior_kl(mean, torch.exp(0.5 * log_var)).mean(dim=0)
    return Loss(reconstruction, kl, x.shape[1])


def objective(loss: Loss, config: TrainingConfig, kl_weight: Tensor | float) -> Tensor:
    """What is minimized.

    With R the reconstruction, KL_k that of latent k (both of the batch) and w the weight of the
    epoch:

    - ``released``: R + w Σ_k KL_k, the released code's loss where w = 1.
    - ``paper``: 2/110 R + w 2/K Σ_k KL_k. Eqs. 1-5 as printed: χ² and penalty are averaged over
      110 N numbers, the KL over K N, without the factor ½. Against the released loss the KL counts
      110/K times as much, 18 times for K = 6.

    Free bits put max(KL_k, λ) for KL_k (Kingma et al. 2016, Eq. 15, one group a latent): below λ a
    latent's KL has no gradient.
    """
    kl = loss.kl_latents.clamp(min=config.free_bits).sum() if config.free_bits else loss.kl
    if config.loss == "paper":
        return 2 / loss.n_coefficients * loss.reconstruction + 2 / config.latents * kl_weight * kl
    return loss.reconstruction + kl_weight * kl
