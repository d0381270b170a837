"""The distance between points of latent space, and a catalog's stars as such points.

This is the only place that says what near means in latent space: neighbours, steering, paths,
outliers and the label probe all take their distances from here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.once import once_a_catalog
from xpmodel.errors import InputError


class LatentMetric:
    """How far points of latent space are apart.

    Points have coordinates between which distances are Euclidean: the latents that count, each
    divided by its standard deviation over the catalog. The coordinates are a linear function of
    the latents, so that those of a step are the difference of those of its ends.

    Parameters
    ----------
    n_latents : int
        K.
    index : sequence of int, (A,)
        Which of all latents count, from 0.
    scale : array_like, (A,)
        What their differences are divided by.

    Attributes
    ----------
    n_latents : int
    index : list of int
    scale : ndarray, (A,) float64
    """

    def __init__(self, n_latents: int, index: Sequence[int], scale: np.ndarray) -> None:
        self.n_latents, self.index = n_latents, list(index)
        self.scale = np.asarray(scale, np.float64)

    @classmethod
    def of_stars(cls, n_latents: int, index: Sequence[int], counted: np.ndarray) -> LatentMetric:
        """The metric of a catalog whose stars have these latents that count, (M, A), finite."""
        spread = counted.std(axis=0)
        return cls(n_latents, index, np.where(spread > 0, spread, 1.0))

    def counted(self, z: ArrayLike) -> np.ndarray:
        """The latents that count, (..., A), of all latents, (..., K)."""
        return np.asarray(z, np.float64)[..., self.index]

    def scaled(self, counted: np.ndarray) -> np.ndarray:
        """Coordinates of points or steps, of which one has the latents that count, (..., A)."""
        return counted / self.scale

    def coordinates(self, z: np.ndarray) -> np.ndarray:
        """Coordinates, (..., A), of points or steps in all latents, (..., K)."""
        return self.scaled(self.counted(z))

    def length(self, dz: np.ndarray) -> np.ndarray:
        """How long steps in all latents, (..., K), are."""
        return np.linalg.norm(self.coordinates(dz), axis=-1)

    def step(self, coordinates: np.ndarray) -> np.ndarray:
        """A step by its coordinates, (A,), in all latents, (K,): 0 in those that do not count."""
        dz = np.zeros(self.n_latents)
        dz[self.index] = coordinates * self.scale
        return dz

    @cached_property
    def spread(self) -> np.ndarray:
        """The latents' standard deviations over the catalog, (K,); 0 for one that does not count.

        1 where all stars have the same value.
        """
        spread = np.zeros(self.n_latents)
        spread[self.index] = self.scale
        return spread


class LatentPoints:
    """The stars of a catalog that have latents, as points of latent space.

    Parameters
    ----------
    catalog : Catalog
        Its active latents count; all, where none is active.

    Attributes
    ----------
    latents : list of str
        Names of the latents that count.
    metric : LatentMetric
    rows : ndarray, (M,) int64
        Rows of these stars.
    counted : ndarray, (M, A) float64
        Their latents that count.
    coordinates : ndarray, (M, A) float64
        The same in the coordinates of the metric.

    Raises
    ------
    InputError
        When no star has latents.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.latents = list(catalog.active or catalog.latents)
        z = np.stack([catalog[name] for name in self.latents], axis=1).astype(np.float64)
        self.rows = np.flatnonzero(np.isfinite(z).all(axis=1))
        if not len(self.rows):
            raise InputError(f"{catalog.path}: no star has latents")
        self.counted = z[self.rows]
        index = [catalog.latents.index(name) for name in self.latents]
        self.metric = LatentMetric.of_stars(len(catalog.latents), index, self.counted)
        self.coordinates = self.metric.scaled(self.counted)
        # Two threads that need the tree, or the distances, at once make them once.
        self._making = threading.RLock()
        self._tree: cKDTree | None = None
        self._own_distances: np.ndarray | None = None

    @property
    def tree(self) -> cKDTree:
        """The stars' coordinates in a k-d tree."""
        with self._making:
            if self._tree is None:
                # One that is not balanced is built in a fifth of the time and searched as fast.
                self._tree = cKDTree(self.coordinates, balanced_tree=False)
            return self._tree

    def neighbour_distance(self, k: int) -> np.ndarray:
        """Distance of each star to its k-th nearest other star, (M,); infinite where too few."""
        distance, _ = self.tree.query(self.coordinates, k=[k + 1], workers=-1)
        return np.ravel(distance)

    @property
    def own_distances(self) -> np.ndarray:
        """Distance of each star to its nearest other star, (M,), in increasing order."""
        with self._making:
            if self._own_distances is None:
                far = self.neighbour_distance(1) if len(self.rows) > 1 else np.empty(0)
                self._own_distances = np.sort(far)
            return self._own_distances


@once_a_catalog(at_most=1)
def latent_points_of(catalog: Catalog) -> LatentPoints:
    """The stars of a catalog as points of latent space, made once for all who ask."""
    return LatentPoints(catalog)
