"""The scatter variational auto-encoder of Laroche & Speagle (2024), as released."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xpmodel.spectra.bands import N_COEFFICIENTS

# The network of the paper, and two of the same encoder and decoder to compare it with: one
# without the scatter estimator, and one that neither draws its latents nor has a scatter.
VARIANTS = ("scatter-vae", "vae", "autoencoder")


# Far more than any network of this kind; what a file asks for is compared before memory is taken.
MAX_LAYERS = 100
MAX_WEIGHTS = 2**27


def check_sizes(input_dim: int, latent_dim: int, intermediate_layers: Sequence[int]) -> None:
    """Refuse sizes of which no network is made.

    Raises
    ------
    ValueError
        When one is no whole number above 0, or the network would be absurdly large.
    """
    layers = list(intermediate_layers)
    for size in (input_dim, latent_dim, *layers):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"a layer of size {size!r:.40}: must be a whole number above 0")
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise ValueError(f"{len(layers)} hidden layers: must be 1 to {MAX_LAYERS}")
    # Encoder, decoder and scatter estimator.
    widths = [input_dim, *layers, latent_dim]
    n_weights = 3 * sum(a * b for a, b in itertools.pairwise(widths))
    if n_weights > MAX_WEIGHTS:
        raise ValueError(f"a network of {n_weights:.3g} weights: more than {MAX_WEIGHTS:,}")


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.GELU())


class ScatterVAE(nn.Module):
    """Encoder, decoder and scatter estimator on normalized coefficients.

    The layers carry the names of the released code (github AlexLaroche7/xp_vae), so that
    its state dict loads with ``strict=True``. The paper (Laroche & Speagle 2024, Sect. 3)
    names no batch normalization; the released weights have one after every hidden layer
    but the decoders' first.

    Parameters
    ----------
    input_dim : int
        Coefficients of a spectrum (110: 55 BP, then 55 RP).
    latent_dim : int
        Number of latents, K.
    intermediate_layers : sequence of int
        Sizes of the encoder's hidden layers; the decoder and the scatter estimator mirror
        them and share no weights.
    variant : str
        ``scatter-vae``; ``vae``, whose scatter is 0; or ``autoencoder``, whose posterior has
        no width either (log-variance −inf). What a variant has not, its state dict has not.

    Raises
    ------
    ValueError
        When the variant is another one, or by `check_sizes`.
    """

    def __init__(
        self,
        input_dim: int = N_COEFFICIENTS,
        latent_dim: int = 6,
        intermediate_layers: Sequence[int] = (90, 70, 50, 30, 10),
        variant: str = "scatter-vae",
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"variant {variant!r} is none of {', '.join(VARIANTS)}")
        check_sizes(input_dim, latent_dim, intermediate_layers)
        self.variant = variant
        self.input_dim = int(input_dim)
        self.latent_dim = int(latent_dim)
        self.intermediate_layers = tuple(int(n) for n in intermediate_layers)

        down = [self.input_dim, *self.intermediate_layers]
        up = down[::-1]
        self.encoder = nn.Sequential(*map(_block, down[:-1], down[1:]))
        self.mu = nn.Linear(down[-1], self.latent_dim)
        self.log_var = None
        if variant != "autoencoder":
            self.log_var = nn.Linear(down[-1], self.latent_dim)
        hidden = list(zip(up[:-2], up[1:-1], strict=True))
        self.decoder = nn.Sequential(
            nn.Linear(self.latent_dim, up[0]),
            *(_block(a, b) for a, b in hidden),
            nn.Sequential(nn.Linear(up[-2], up[-1])),
        )
        self.scatter = None
        if variant == "scatter-vae":
            self.scatter = nn.Sequential(
                nn.Linear(self.latent_dim, up[0]),
                *(_block(a, b) for a, b in hidden),
                nn.Sequential(nn.Linear(up[-2], up[-1]), nn.Sigmoid()),
            )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:  # (N, 110) -> (N, K), (N, K)
        """Mean and log-variance of the posterior over the latents of normalized spectra."""
        h = self.encoder(x)
        mean = self.mu(h)
        if self.log_var is None:
            return mean, torch.full_like(mean, -torch.inf)
        return mean, self.log_var(h)

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:  # (N, K) -> (N, 110), (N, 110)
        """Normalized coefficients and their intrinsic scatter (between 0 and 1)."""
        x_hat = self.decoder(z)
        return x_hat, torch.zeros_like(x_hat) if self.scatter is None else self.scatter(z)

    def forward(
        self, x: Tensor, eps: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode, draw z = mean + eps * std, decode: (x_hat, scatter, mean, log-variance).

        The paper prints z = eps * mu + sigma; the released code, like this, does not. Without
        an eps (N, K) it is drawn here, from PyTorch's own generator.
        """
        mean, log_var = self.encode(x)
        if eps is None:
            eps = torch.randn_like(mean)
        z = mean + eps * torch.exp(0.5 * log_var)
        return *self.decode(z), mean, log_var


def posterior_kl(mean: Tensor, std: Tensor) -> Tensor:  # (N, K) -> (N, K)
    """KL divergence [nat] of each latent's posterior from the standard normal prior.

    ½ (μ² + σ² − 1 − ln σ²), the released code's term for one star and one latent.
    """
    return 0.5 * (mean**2 + std**2 - 1.0) - torch.log(std)
