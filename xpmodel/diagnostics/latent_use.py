"""Use of latents: which carry information, how much, and which labels they follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import rankdata

from xpmodel.catalog.catalog import ACTIVE_KL, Catalog, check_model
from xpmodel.columns import latent_columns, stellar_labels
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.model.network import posterior_kl
from xpmodel.report.tables import TableColumn, make_table, provenance

if TYPE_CHECKING:
    from astropy.table import Table

PRIOR_DRAWS = 10_000
# Points at which the decoder is differentiated at once.
BATCH = 1024
# What a latent may follow beside stellar labels; what it is not said to follow, though it may.
COLOR, DUST = "bp_rp", "sfd_ebv"
OBSERVED = (COLOR, "phot_g_mean_mag")
# Parts of a description that others say, or that are too long for a line.
_NOT_TOLD = (
    *("format", "version", "input_dim", "latent_dim", "intermediate_layers", "variant"),
    *("estimated", "mu", "sig"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class LatentUse:
    """How a model uses its K latents, over its prior or over a catalog's stars.

    Attributes
    ----------
    latents : list of str
    kl : ndarray, (K,)
        Mean KL divergence of the posterior from the prior [nat]; infinite for an autoencoder.
    active : ndarray, (K,) bool
        Whether that is above 0.01 nat. The others are collapsed: they follow the prior.
    sensitivity : ndarray, (K,)
        Square root of the mean of Σ_j (∂x̂_j/∂z_k)², over normalized coefficients j.
    width : ndarray, (K,)
        Mean posterior standard deviation; 0 for an autoencoder.
    percentiles : ndarray, (K, 3)
        Its 16th, 50th and 84th percentiles.
    n, n_of : int
        Points, or stars with latents, of how many.
    n_differentiated : int
        At how many of these the decoder was differentiated.
    """

    latents: list[str]
    kl: np.ndarray
    active: np.ndarray
    sensitivity: np.ndarray
    width: np.ndarray
    percentiles: np.ndarray
    n: int
    n_of: int
    n_differentiated: int


@dataclass(frozen=True, eq=False)
class Following:
    """Which labels the latents follow, by rank.

    Attributes
    ----------
    latents, labels : list of str
        K latents; L columns that the catalog has.
    rho : ndarray, (K, L)
        Spearman's rank correlation; NaN where there are fewer than three stars, or no ranks.
    n : ndarray, (L,) int64
        Stars that have the label, and latents.
    """

    latents: list[str]
    labels: list[str]
    rho: np.ndarray
    n: np.ndarray

    def label_of(self, latent: str) -> tuple[str, float, int] | None:
        """The stellar label (or E(B−V)) followed most, by rank, its ρ and number of stars."""
        places = [i for i, name in enumerate(self.labels) if name in followed()]
        rho = self.rho[self.latents.index(latent), places]
        if not np.isfinite(rho).any():
            return None
        best = int(np.nanargmax(np.abs(rho)))
        return self.labels[places[best]], float(rho[best]), int(self.n[places[best]])


def use_of_prior(model: Model, *, n: int = PRIOR_DRAWS, seed: int = 0) -> LatentUse:
    """How a model uses its latents, without any star.

    Draws z from the prior, decodes, and encodes the decoded coefficients, without noise. To an
    autoencoder the prior means nothing, and its KL is infinite: look at the stars of a catalog.

    Parameters
    ----------
    model : Model
    n, seed : int
        Number of draws, and what determines them.
    """
    draws = np.random.default_rng(seed).standard_normal((n, model.n_latents))
    z = torch.as_tensor(draws, dtype=torch.float32, device=model.device)
    with torch.inference_mode():
        x_hat, _ = model.network.decode(z)
        mean, log_var = model.network.encode(x_hat)
        std = torch.exp(0.5 * log_var)
        kl = posterior_kl(mean.double(), std.double()).mean(0).cpu().numpy()
    widths = std.cpu().numpy().astype(np.float64)
    latents = latent_columns(model.n_latents)
    active = kl > ACTIVE_KL
    return LatentUse(
        latents=latents,
        kl=kl,
        active=active,
        sensitivity=sensitivity(model, draws),
        **_widths(widths),
        n=n,
        n_of=n,
        n_differentiated=n,
    )


def use_of_catalog(
    model: Model, catalog: Catalog, *, n: int = PRIOR_DRAWS, seed: int = 0
) -> LatentUse:
    """How a model uses its latents over the stars of a catalog that it made.

    KL and widths are of all stars with latents and their errors; the decoder is differentiated
    at n of them.

    Parameters
    ----------
    model : Model
    catalog : Catalog
    n, seed : int

    Raises
    ------
    InputError
        When another model made the catalog, or no star has latents.
    """
    check_made_by(model, catalog)
    z = np.stack([catalog[name] for name in catalog.latents], axis=1)
    std = np.stack([catalog[f"{name}_err"] for name in catalog.latents], axis=1)
    rows = np.flatnonzero(np.isfinite(z).all(axis=1) & np.isfinite(std).all(axis=1))
    if not len(rows):
        raise InputError(f"{catalog.path}: no star has latents and their errors")
    some = rows
    if len(rows) > n:
        some = np.sort(np.random.default_rng(seed).choice(rows, n, replace=False))
    return LatentUse(
        latents=catalog.latents,
        kl=catalog.kl,
        active=np.isin(catalog.latents, catalog.active),
        sensitivity=sensitivity(model, z[some]),
        **_widths(std[rows].astype(np.float64)),
        n=len(rows),
        n_of=len(catalog),
        n_differentiated=len(some),
    )


def _widths(std: np.ndarray) -> dict[str, np.ndarray]:  # (N, K) -> (K,), (K, 3)
    percentiles = np.percentile(std, (16, 50, 84), axis=0).T
    return {"width": std.mean(axis=0), "percentiles": percentiles}


def check_made_by(model: Model, catalog: Catalog) -> None:
    """Refuse a catalog whose latents another model made.

    Raises
    ------
    InputError
        When the hashes differ, or the catalog names no model.
    """
    if catalog.model_hash is None:
        raise InputError(f"{catalog.path}: does not say which model made it; encode again")
    check_model(catalog, model.hash)


def sensitivity(model: Model, z: np.ndarray) -> np.ndarray:
    """How much the decoded coefficients move with each latent, (K,).

    The square root of the mean over points of Σ_j (∂x̂_j/∂z_k)², with x̂ the normalized
    coefficients, by automatic differentiation.

    Parameters
    ----------
    model : Model
    z : ndarray, (N, K)
    """
    total = np.zeros(model.n_latents)
    for start in range(0, len(z), BATCH):
        points = torch.as_tensor(
            z[start : start + BATCH], dtype=torch.float32, device=model.device
        ).requires_grad_()
        x_hat, _ = model.network.decode(points)
        # Slopes along each latent: the gradient, by the weights, of the gradient with weights.
        weights = torch.zeros_like(x_hat, requires_grad=True)
        (back,) = torch.autograd.grad(x_hat, points, weights, create_graph=True)
        for k in range(model.n_latents):
            (slopes,) = torch.autograd.grad(back[:, k].sum(), weights, retain_graph=True)
            total[k] += float((slopes.double() ** 2).sum())
    # As exact as the network: in what order threads add shows in the digits beyond.
    return np.sqrt(total / len(z)).astype(np.float32)


def followed() -> tuple[str, ...]:
    """What a latent is said to follow: a stellar label, or E(B−V)."""
    return (*stellar_labels(), DUST)


def follow_labels(catalog: Catalog, labels: Sequence[str] | None = None) -> Following:
    """Spearman's rank correlation of each latent's posterior mean with each label.

    Parameters
    ----------
    catalog : Catalog
    labels : sequence of str, optional
        Those that the catalog has no values of are passed over. Default: stellar labels, E(B−V),
        color and magnitude.
    """
    labels = (*followed(), *OBSERVED) if labels is None else labels
    names = [name for name in labels if name in catalog.numeric]
    z = np.stack([catalog[name] for name in catalog.latents], axis=1).astype(np.float64)
    placed = np.isfinite(z).all(axis=1)
    rho = np.full((len(catalog.latents), len(names)), np.nan)
    n = np.zeros(len(names), np.int64)
    for i, name in enumerate(names):
        label = catalog.numbers(name).astype(np.float64)
        rows = np.flatnonzero(placed & np.isfinite(label))
        n[i] = len(rows)
        if len(rows) < 3 or np.ptp(label[rows]) == 0 or not np.ptp(z[rows], axis=0).any():
            continue
        # Spearman's ρ is Pearson's of the ranks. `scipy.stats.spearmanr` warns of a column without
        # ranks, and gives no matrix for two columns.
        ranks = rankdata(np.column_stack([label[rows], z[rows]]), axis=0)
        varied = np.flatnonzero(np.ptp(ranks, axis=0) > 0)
        rho[varied[1:] - 1, i] = np.atleast_2d(np.corrcoef(ranks[:, varied], rowvar=False))[0, 1:]
    return Following(catalog.latents, names, rho, n)


def beyond_color(catalog: Catalog, latent: str, label: str) -> float:
    """Rank correlation of a latent with a label among stars of equal BP − RP.

    Spearman's partial correlation, by the three correlations of the ranks: what is left of it when
    both follow the color alone is 0. NaN where there are fewer than four stars, or no ranks.
    """
    if COLOR not in catalog.numeric:
        return float("nan")
    values = np.stack([catalog.numbers(n) for n in (latent, label, COLOR)], axis=1)
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 4 or not np.ptp(values, axis=0).all():
        return float("nan")
    r = np.corrcoef(rankdata(values, axis=0), rowvar=False)
    left = (1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2)
    return float((r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt(left)) if left > 0 else float("nan")


def use_table(use: LatentUse, meta: dict[str, Any]) -> Table:
    """A row a latent: KL, whether it is active, sensitivity, posterior widths."""
    low, median, high = use.percentiles.T
    state = np.where(use.active, "active", "collapsed")
    return make_table(
        [
            ("latent", use.latents, "", ""),
            ("state", state, "", f"active: KL above {ACTIVE_KL} nat; collapsed: as the prior"),
            ("kl", use.kl, "nat", "mean KL divergence of the posterior from the prior"),
            ("sensitivity", use.sensitivity, "", "rms slope of the normalized coefficients"),
            ("width", use.width, "", "mean posterior standard deviation"),
            ("width_p16", low, "", "its 16th percentile"),
            ("width_p50", median, "", "its median"),
            ("width_p84", high, "", "its 84th percentile"),
        ],
        meta,
    )


def following_table(catalog: Catalog, following: Following) -> Table:
    """A row a latent: the label that it follows, and its rank correlation with each.

    A collapsed latent may be correlated with a label, too, yet carries no information.
    """
    found = [following.label_of(name) for name in following.latents]
    state = ["active" if name in catalog.active else "collapsed" for name in following.latents]
    columns: list[TableColumn] = [
        ("latent", following.latents, "", ""),
        ("state", state, "", ""),
    ]
    if any(found):
        best = [one or ("none", np.nan, 0) for one in found]
        labels, rho, n = zip(*best, strict=True)
        columns += [
            ("follows", labels, "", "label of largest |rho|"),
            ("rho", rho, "", "its rank correlation"),
            ("n", n, "", "stars that it is of"),
        ]
        if COLOR in following.labels:
            partial = [
                beyond_color(catalog, name, label) if label != "none" else np.nan
                for name, label in zip(following.latents, labels, strict=True)
            ]
            of_color = following.rho[:, following.labels.index(COLOR)]
            columns += [
                ("rho_color", of_color, "", "the latent's rank correlation with BP−RP"),
                ("rho_left", partial, "", "rho among stars of equal BP−RP"),
            ]
    for name, values in zip(following.labels, following.rho.T, strict=True):
        columns.append((name, values, "", f"Spearman's rank correlation with {name}"))
    counts = {name: int(n) for name, n in zip(following.labels, following.n, strict=True)}
    return make_table(columns, provenance(catalog, stars_with_label=counts))


def describe_model(model: Model) -> list[str]:
    """What a model is and where it comes from, in lines."""
    network = model.network
    layers = [network.input_dim, *network.intermediate_layers, model.n_latents]
    n_parameters = sum(p.numel() for p in network.parameters())
    lines = [
        f"{network.variant}, layers {' → '.join(map(str, layers))}, {n_parameters:,} parameters",
        f"hash: {model.hash}",
        f"estimates, not the originals: {', '.join(model.estimated) or 'nothing'}",
    ]
    told = {k: v for k, v in model.description.items() if k not in _NOT_TOLD}
    # As JSON, in which text from elsewhere can do nothing to a terminal.
    return lines + [f"{json.dumps(k)[1:-1]}: {json.dumps(v)}" for k, v in told.items()]
