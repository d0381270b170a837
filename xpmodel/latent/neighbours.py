"""Nearest neighbours in latent space: the real stars near a point, and how near they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.once import once_a_catalog
from xpmodel.columns import column_of, number, steerable, symbol
from xpmodel.errors import InputError
from xpmodel.latent.metric import latent_points_of

# What goes without saying beside a number: the units of logarithms.
UNSAID = ("dex", "mag")
# Catalogs have a few stars that lie alone: to be as lonely as they are is no support.
EXTRAPOLATION = 0.001
# What the tree is asked for beyond k, so that ties at the k-th distance are seen.
_MORE = 8
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Near:
    """The nearest stars of a point, the nearest first; of equally near ones the lower row.

    Attributes
    ----------
    rows : ndarray, (k,) int64
        Of the catalog.
    distance : ndarray, (k,) float64
    """

    rows: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class Nearness:
    """How near a point's nearest star is, among the stars' distances to their own nearest.

    Attributes
    ----------
    distance : float
    share : float
        Part of the catalog's stars whose own nearest star is at least as far; NaN where there
        are no two stars.
    """

    distance: float
    share: float

    @property
    def extrapolation(self) -> bool:
        """Whether fewer than 1 star in 1,000 is as lonely."""
        return not self.share >= EXTRAPOLATION

    @property
    def text(self) -> str:
        """In words: "like 1 star in 3", or that no star is near."""
        if self.extrapolation:
            return "no star is near: extrapolation"
        if self.share > 2 / 3:
            return "as near as most stars"
        n = 1 / self.share
        rounded = round(n) if n < 10 else round(n, 1 - len(str(int(n))) + 1)
        return f"like 1 star in {int(rounded):,}"


@dataclass(frozen=True)
class LabelSummary:
    """A label of some stars.

    Attributes
    ----------
    name : str
    median, spread : float
        The spread is half of the range from the 16th to the 84th percentile.
    n : int
        Stars with a finite value.
    """

    name: str
    median: float
    spread: float
    n: int

    @property
    def text(self) -> str:
        """Such as "Teff 4780 ± 60 K"."""
        title = symbol(self.name)
        if not self.n:
            return f"{title} unknown"
        unit = column_of(self.name).unit
        unit = f" {unit}" if unit and unit not in UNSAID else ""
        median = number(self.name, self.median).replace("-", "−")
        return f"{title} {median} ± {number(self.name, self.spread)}{unit}"


class Neighbours:
    """The stars of a catalog by their place in latent space.

    Distances are those of `xpmodel.latent.metric.LatentMetric`. On a CPU a k-d tree finds the
    nearest of 500,000 stars in some 0.05 ms, where trying each of them takes 8 ms; on a GPU each
    is tried (docs/gpu.md has the times of both). Both are exact and give the same stars.

    Parameters
    ----------
    catalog : Catalog
    device : str or torch.device
        Where stars are searched: a CPU's tree or CUDA.

    Attributes
    ----------
    latents : list of str
        Names of the latents that count.
    index : list of int
        Which of all latents they are, from 0.
    scale : ndarray, (A,) float64
        Their standard deviations over the catalog.
    metric : LatentMetric
    rows : ndarray, (M,) int64
        Rows of the stars with latents.

    Raises
    ------
    InputError
        When no star has latents.
    """

    def __init__(self, catalog: Catalog, device: str | torch.device = "cpu") -> None:
        self._stars = latent_points_of(catalog)
        self.latents, self.metric = self._stars.latents, self._stars.metric
        self.index, self.scale = self.metric.index, self.metric.scale
        self.rows = self._stars.rows
        self._device = torch.device(device)

    def nearest(self, z: ArrayLike, k: int, exclude: int | None = None) -> Near:
        """The k nearest stars of a point.

        Parameters
        ----------
        z : array_like, (K,)
            All latents of the point; only those that count are used.
        k : int
            All stars, where there are fewer.
        exclude : int, optional
            Row of a star to leave out.

        Raises
        ------
        InputError
            When z does not have K finite latents, or k is below 1.
        """
        point = self.scaled(z)
        if k < 1:
            raise InputError(f"the number of neighbours is {k}: at least 1")
        wanted = k + (exclude is not None)
        if self._device.type == "cuda":
            found = self._tried(point, wanted)
        else:
            found = self._from_tree(point, wanted)
        rows = self.rows[found]
        # From the latents themselves, whose differences are exact, so that ties are ties.
        away = self.metric.scaled(self._stars.counted[found] - self.metric.counted(z))
        distance = np.sqrt((away**2).sum(axis=1))
        if exclude is not None:
            kept = rows != exclude
            rows, distance = rows[kept], distance[kept]
        order = np.lexsort((rows, distance))[:k]
        return Near(rows[order], distance[order])

    def scaled(self, z: ArrayLike) -> np.ndarray:
        """The coordinates of a point, (A,): its latents that count, each over its scale."""
        point, n = np.asarray(z, np.float64), self.metric.n_latents
        if point.shape != (n,) or not np.isfinite(point).all():
            raise InputError(f"a point has {n} finite latents, not {point.tolist()}")
        return self.metric.coordinates(point)

    def points(self, rows: np.ndarray) -> np.ndarray:
        """The coordinates of stars with latents, (n, A)."""
        return self._stars.coordinates[np.searchsorted(self.rows, rows)]

    def _from_tree(self, point: np.ndarray, k: int) -> np.ndarray:
        """At least the k nearest, with all that tie with the last of them."""
        n, tree = len(self.rows), self._stars.tree
        asked = min(k + _MORE, n)
        distance, found = tree.query(point, k=asked)
        distance, found = np.atleast_1d(distance), np.atleast_1d(found)
        if asked == n:
            return found
        reach = distance[k - 1] * (1 + _ROUNDING)
        if distance[-1] > reach:
            return found
        return np.array(tree.query_ball_point(point, reach), np.int64)

    def _tried(self, point: np.ndarray, k: int) -> np.ndarray:
        """The same by trying each star in float32, with all that its rounding may have hidden."""
        columns, largest = self._on_device
        q = torch.as_tensor(point, dtype=torch.float32, device=self._device)
        away = torch.zeros(len(self.rows), device=self._device)
        for column, value in zip(columns, q, strict=True):
            away.addcmul_(column - value, column - value)
        away.sqrt_()
        kth = torch.topk(away, min(k, len(away)), largest=False).values[-1]
        # A coordinate is off by at most 2⁻²⁴ of itself, before and after the subtraction.
        slack = 2.0**-21 * (largest + float(np.abs(point).max())) * len(point) ** 0.5
        return torch.nonzero(away <= kth * (1 + 2.0**-20) + slack)[:, 0].cpu().numpy()

    @cached_property
    def _on_device(self) -> tuple[torch.Tensor, float]:
        coordinates = self._stars.coordinates
        columns = torch.as_tensor(coordinates.T.copy(), dtype=torch.float32)
        return columns.to(self._device), float(np.abs(coordinates).max())

    @property
    def own_distances(self) -> np.ndarray:
        """Distance of each star to its nearest other star, (M,), in increasing order."""
        return self._stars.own_distances

    def nearness(self, distance: float) -> Nearness:
        """How a distance compares with the stars' distances to their own nearest."""
        own = self.own_distances
        if not len(own):
            return Nearness(distance, float("nan"))
        n_nearer = int(np.searchsorted(own, distance, side="left"))
        return Nearness(distance, (len(own) - n_nearer) / len(own))


def neighbours_of(catalog: Catalog, device: str | torch.device = "cpu") -> Neighbours:
    """The stars of a catalog by their place, made once for all who ask."""
    return _made_once(catalog, torch.device(device))


@once_a_catalog(at_most=2)
def _made_once(catalog: Catalog, device: torch.device) -> Neighbours:
    return Neighbours(catalog, device)


def describe_labels(
    catalog: Catalog, rows: np.ndarray, names: Sequence[str] | None = None
) -> dict[str, LabelSummary]:
    """Median and spread of labels over some stars, of those that the catalog has.

    Parameters
    ----------
    catalog : Catalog
    rows : ndarray, (k,) int64
    names : sequence of str, optional
        Default: those that z is steered by.
    """
    found = {}
    for name in steerable() if names is None else names:
        if name in catalog.numeric:
            values = catalog[name][rows].astype(np.float64)
            values = np.sort(values[np.isfinite(values)])
            low, median, high = np.full(3, np.nan)
            if len(values):
                # As np.percentile, which takes ten times as long for so few.
                places = np.array([0.16, 0.5, 0.84]) * (len(values) - 1)
                low, median, high = np.interp(places, np.arange(len(values)), values)
            found[name] = LabelSummary(name, float(median), float(high - low) / 2, len(values))
    return found
