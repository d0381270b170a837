"""Train a scatter VAE by the released recipe: plain, in memory, on one device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xpmodel._version import __version__
from xpmodel.errors import InputError
from xpmodel.model import Model, find_device
from xpmodel.network import ScatterVAE, posterior_kl
from xpmodel.spectra import Spectra
from xpmodel.split import train_test_rows


@dataclass(frozen=True)
class Recipe:
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
    """

    epochs: int = 5000
    batch: int = 1024
    learning_rate: float = 1e-4
    restart: int = 500
    seed: int = 0
    latents: int = 6
    layers: tuple[int, ...] = (90, 70, 50, 30, 10)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "restart", "latents"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: must be at least 1")
        if not self.learning_rate > 0:
            raise InputError(f"learning rate {self.learning_rate}: must be above 0")


@dataclass(frozen=True)
class Loss:
    """A batch's loss and its parts, means over its stars.

    Attributes
    ----------
    reconstruction : Tensor
        Σ_j ½ [(x − x̂)² / (σ² + ŝ²) + ln(σ² + ŝ²)].
    kl : Tensor
        Σ_k ½ [μ² + σ'² − 1 − ln σ'²], [nat].
    """

    reconstruction: Tensor
    kl: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return self.reconstruction + self.kl


@dataclass(frozen=True)
class Epoch:
    """Means over an epoch of the training stars and, after it, over the test stars."""

    number: int
    reconstruction: float
    kl: float
    test_reconstruction: float
    test_kl: float


def scatter_loss(network: ScatterVAE, x: Tensor, variance: Tensor) -> Loss:
    """The released code's loss (paper: Laroche & Speagle 2024, Eqs. 1-5, weighted otherwise).

    Parameters
    ----------
    network : ScatterVAE
    x, variance : Tensor, (N, 110)
        Normalised coefficients and the squares of their normalised errors.
    """
    x_hat, scatter, mean, log_var = network(x)
    total = variance + scatter**2
    reconstruction = 0.5 * ((x - x_hat) ** 2 / total + torch.log(total)).sum(dim=1)
    kl = posterior_kl(mean, torch.exp(0.5 * log_var)).sum(dim=1)
    return Loss(reconstruction.mean(), kl.mean())


def train(
    spectra: Spectra,
    recipe: Recipe,
    *,
    device: str = "auto",
    progress: Callable[[Epoch], None] | None = None,
) -> Model:
    """Train a model on spectra.

    The normalisation is mean and standard deviation of the training stars' coefficients over
    G flux; the split is the released one (a tenth held out, seed 12345).

    Parameters
    ----------
    spectra : Spectra
    recipe : Recipe
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    progress : callable, optional
        Called after each epoch.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        When there are fewer training stars than a batch holds, or the loss is not finite.
    """
    place = find_device(device)
    train_rows, test_rows = train_test_rows(len(spectra))
    if len(train_rows) < recipe.batch:
        raise InputError(
            f"{len(train_rows)} training stars do not fill a batch of {recipe.batch}; "
            "use more stars or a smaller batch"
        )
    x = spectra.coefficients / spectra.g_flux[:, None]
    mu, sig = x[train_rows].mean(axis=0), x[train_rows].std(axis=0)
    x -= mu
    x /= sig
    variance = (spectra.errors / spectra.g_flux[:, None] / sig) ** 2
    x, variance = (torch.from_numpy(v.astype(np.float32)).to(place) for v in (x, variance))

    torch.manual_seed(recipe.seed)
    network = ScatterVAE(x.shape[1], recipe.latents, recipe.layers).to(place)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimiser, T_0=recipe.restart, eta_min=1e-10
    )
    test = torch.from_numpy(test_rows).to(place)
    rows = torch.from_numpy(train_rows).to(place)
    for number in range(1, recipe.epochs + 1):
        sums = _train_epoch(network, optimiser, x, variance, rows, recipe.batch, number)
        schedule.step()
        if progress is not None:
            progress(Epoch(number, *sums, *_evaluate(network, x[test], variance[test])))
    return Model(network, mu, sig, _description(recipe, len(train_rows)), device)


def _train_epoch(
    network: ScatterVAE,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    variance: Tensor,
    rows: Tensor,
    batch: int,
    number: int,
) -> tuple[float, float]:
    """One pass over the training stars in random order: mean reconstruction and KL."""
    network.train()
    order = rows[torch.randperm(len(rows), device=rows.device)]
    sums = torch.zeros(2, device=x.device)
    n_batches = len(order) // batch
    for i in range(n_batches):
        chosen = order[i * batch : (i + 1) * batch]
        loss = scatter_loss(network, x[chosen], variance[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.total.backward()
        optimiser.step()
        sums += torch.stack([loss.reconstruction, loss.kl]).detach()
    reconstruction, kl = (sums / n_batches).tolist()
    if not np.isfinite(reconstruction + kl):
        raise InputError(
            f"the loss is not finite in epoch {number}: try a smaller learning rate, or look for "
            "errors of 0 among the spectra"
        )
    return reconstruction, kl


def _evaluate(network: ScatterVAE, x: Tensor, variance: Tensor) -> tuple[float, float]:
    network.eval()
    # Its draws of z must not change those of the training.
    with torch.no_grad(), torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
        loss = scatter_loss(network, x, variance)
    return float(loss.reconstruction), float(loss.kl)


def _description(recipe: Recipe, n_train: int) -> dict[str, Any]:
    return {
        "made_by": f"xpmodel {__version__} train",
        "training": {**asdict(recipe), "n_train": n_train, "torch": torch.__version__},
        "estimated": [],
    }
