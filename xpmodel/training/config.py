"""The configuration of a training: its options, presets, and schedules by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from xpmodel.errors import InputError
from xpmodel.model.network import VARIANTS, check_sizes
from xpmodel.spectra.bands import N_COEFFICIENTS

LOSSES = ("released", "paper")
# What the cosine of the released schedule falls to.
LOWEST_RATE = 1e-10
# For two cores and minutes, rather than the released run's hours on a GPU. So short a training
# leaves half of the latents unused unless free bits hold them open.
PRESETS: dict[str, dict[str, Any]] = {
    "demo": {"epochs": 60, "learning_rate": 2e-3, "restart": 60, "free_bits": 1.0},
}


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; the defaults are those of the released model.

    Attributes
    ----------
    epochs, batch : int
        The last, partial batch of an epoch is dropped.
    learning_rate : float
        Of AdamW, otherwise with PyTorch's defaults.
    restart : int
        Epochs of a cosine from the learning rate to nearly 0, after which it starts again.
    seed : int
        Of the initial weights, the order of the stars and the draws of z.
    latents : int
    layers : tuple of int
        The encoder's hidden layers.
    variant : str
        Of the network, as in `xpmodel.model.network.ScatterVAE`.
    loss : str
        ``released`` or ``paper``: how the parts of the loss are weighted, see
        `xpmodel.training.loss.objective`.
    beta : float
        Weight of the KL term beside that of the loss.
    kl_warmup : int
        Epochs over which that weight rises: in epoch e it is beta · min(1, e / (kl_warmup + 1)).
    free_bits : float
        λ [nat]: a latent's KL below it counts as λ, so that it is not pressed lower.

    Raises
    ------
    InputError
        When a value is impossible.
    """

    epochs: int = 5000
    batch: int = 1024
    learning_rate: float = 1e-4
    restart: int = 500
    seed: int = 0
    latents: int = 6
    layers: tuple[int, ...] = (90, 70, 50, 30, 10)
    variant: str = VARIANTS[0]
    loss: str = LOSSES[0]
    beta: float = 1.0
    kl_warmup: int = 0
    free_bits: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "restart", "seed", "latents", "kl_warmup"):
            if type(getattr(self, name)) is not int:
                raise InputError(f"{_said(name)} {getattr(self, name)!r:.40}: must be whole")
        for name, least in {
            **dict.fromkeys(("epochs", "restart", "latents"), 1),
            "batch": 2,  # batch normalization needs a spread
            **dict.fromkeys(("seed", "kl_warmup", "beta", "free_bits"), 0),
        }.items():
            if not least <= getattr(self, name) < math.inf:
                raise InputError(f"{_said(name)} {getattr(self, name)}: must be at least {least}")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning rate {self.learning_rate}: must be above 0")
        for name, known in (("loss", LOSSES), ("variant", VARIANTS)):
            if getattr(self, name) not in known:
                raise InputError(f"{name} {getattr(self, name)!r}: must be {' or '.join(known)}")
        try:
            check_sizes(N_COEFFICIENTS, self.latents, self.layers)
        except ValueError as error:
            raise InputError(str(error)) from None
        if self.variant == "autoencoder":
            for name, unused in (("beta", 1), ("kl_warmup", 0), ("free_bits", 0)):
                if getattr(self, name) != unused:
                    raise InputError(f"{_said(name)}: an autoencoder has no KL; leave it out")

    def rate(self, epoch: int) -> float:
        """Learning rate in an epoch, of which the first is 1.

        That of PyTorch's CosineAnnealingWarmRestarts, stepped once an epoch.
        """
        turn = math.pi * ((epoch - 1) % self.restart) / self.restart
        return LOWEST_RATE + (self.learning_rate - LOWEST_RATE) * (1 + math.cos(turn)) / 2

    def kl_weight(self, epoch: int) -> float:
        """Weight of the KL term in an epoch, of which the first is 1."""
        return self.beta * min(1.0, epoch / (self.kl_warmup + 1))


def _said(name: str) -> str:
    return name.replace("_", " ")
