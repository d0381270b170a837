"""The stars nearest to a point z: their labels, and whether z is an extrapolation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from xpmodel import circular
from xpmodel._long_work import checkpoint
from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import period
from xpmodel.errors import InputError
from xpmodel.latent.neighbours import LabelSummary, Nearness, Neighbours, describe_labels

# Stars whose latents stand for a place on a map that is not of latents.
PLACE_STARS = 50
# Points whose neighbors are looked for between two checkpoints.
CHECKED = 100


@dataclass(frozen=True)
class Surroundings:
    """The real stars around a point z.

    Attributes
    ----------
    rows : ndarray, (k,) int64
        Of the catalog, the nearest first.
    distance : ndarray, (k,) float64
        As `xpmodel.latent.metric.LatentMetric` measures it.
    nearness : Nearness
        How the nearest star's distance compares with the catalog's own ones.
    labels : dict of str to LabelSummary
        Median and spread of the labels of these stars.
    """

    rows: np.ndarray
    distance: np.ndarray
    nearness: Nearness
    labels: dict[str, LabelSummary]
    _catalog: Catalog

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        neighbours: Neighbours,
        z: ArrayLike,
        k: int,
        exclude: int | None = None,
    ) -> Surroundings:
        """Look around a point.

        Parameters
        ----------
        catalog : Catalog
        neighbours : Neighbours
            Of the same catalog.
        z : array_like, (K,)
        k : int
            How many stars.
        exclude : int, optional
            Row of the star that z is, which is no neighbour of itself.

        Raises
        ------
        InputError
            When the catalog has no star to be near to.
        """
        near = neighbours.nearest(z, k, exclude)
        if not len(near.rows):
            raise InputError(f"{catalog.path}: it has no other star to be near to")
        nearness = neighbours.nearness(float(near.distance[0]))
        labels = describe_labels(catalog, near.rows)
        return cls(near.rows, near.distance, nearness, labels, catalog)

    def median(self, column: str) -> float:
        """Median of a column of numbers over these stars; NaN where none has a value.

        Of a column with a period it is that of `xpmodel.circular`.
        """
        values = self._catalog.numbers(column)[self.rows]
        turn = period(column)
        if turn is not None:
            return circular.median(values, turn)
        values = values[np.isfinite(values)]
        return float(np.median(values)) if len(values) else float("nan")


def place_in_map(
    catalog: Catalog, columns: tuple[str, str], at: tuple[float, float], z: Sequence[float]
) -> tuple[float, ...]:
    """The point z of a place on a map of two columns.

    A latent that is an axis takes the place's value. Where both axes are latents the others stay
    as they are; else they become the medians of the 50 stars nearest on the map, each column
    divided by its standard deviation over the catalog. Along a column with a period the shorter way
    counts.

    Parameters
    ----------
    catalog : Catalog
    columns : tuple of str
    at : tuple of float
        The place, in the columns' units.
    z : sequence of float, (K,)
        The present point.

    Returns
    -------
    z : tuple of float, (K,)

    Raises
    ------
    InputError
        When the place is not finite, or no star has a place on the map.
    """
    if not np.isfinite(at).all():
        raise InputError("this place on the map has no values")
    latents = catalog.latents
    new = dict(zip(latents, map(float, z), strict=True))
    if not set(columns) <= set(latents):
        axes = np.stack([catalog.numbers(name) for name in columns]).astype(np.float64)
        known = np.flatnonzero(np.isfinite([*axes, catalog[latents[0]]]).all(axis=0))
        if not len(known):
            raise InputError(f"no star has {' and '.join(columns)}, so the place has no latents")
        axes = axes[:, known]
        distance = sum(
            _away(name, values, place) ** 2
            for name, values, place in zip(columns, axes, at, strict=True)
        )
        n = min(PLACE_STARS, len(known))
        rows = known[np.argpartition(distance, n - 1)[:n]]
        new |= {name: float(np.median(catalog[name][rows])) for name in latents}
    new |= {name: float(v) for name, v in zip(columns, at, strict=True) if name in new}
    return tuple(new.values())


def _away(column: str, values: np.ndarray, at: float) -> np.ndarray:
    """How far values are from a place, over their standard deviation."""
    turn = period(column)
    if turn is None:
        away, spread = values - at, values.std()
    else:
        away = circular.difference(values, at, turn)
        # Of values all around it has no bound; those spread evenly are at most so far apart.
        spread = min(circular.std(values, turn), turn / np.sqrt(12.0))
    return away / (spread if spread > 0 else 1.0)


class ManySurroundings:
    """The real stars around each of N points.

    Parameters
    ----------
    catalog : Catalog
    neighbours : Neighbours
        Of the same catalog.
    z : ndarray, (N, K)
    k : int
        How many stars around each.
    source_id : ndarray, (N,) int64
        Ids of the stars that the points stand for: a star is no neighbour of itself.

    Attributes
    ----------
    rows : ndarray, (N, k) int64
    distance : ndarray, (N, k) float64
    """

    def __init__(
        self,
        catalog: Catalog,
        neighbours: Neighbours,
        z: np.ndarray,
        k: int,
        source_id: np.ndarray,
    ) -> None:
        self._catalog, self._neighbours = catalog, neighbours
        known = np.flatnonzero(np.isin(catalog.source_id, source_id))
        row_of = dict(zip(catalog.source_id[known].tolist(), known.tolist(), strict=True))
        self._itself = [row_of.get(star) for star in source_id.tolist()]
        n = min(k, len(neighbours.rows) - 1)
        self._medians: dict[str, np.ndarray] = {}
        near = []
        for i, (point, row) in enumerate(zip(z, self._itself, strict=True)):
            if not i % CHECKED:
                checkpoint(i / len(z))
            near.append(neighbours.nearest(point, n, row))
        self.rows = np.array([found.rows for found in near], np.int64).reshape(len(z), n)
        self.distance = np.array([found.distance for found in near]).reshape(len(z), n)

    def itself(self, index: int) -> int | None:
        """Row of the star that a point stands for; None where the catalog does not have it."""
        return self._itself[index]

    def median(self, column: str) -> np.ndarray:
        """Median of a column over the stars around each point, (N,); NaN where none has a value."""
        if column not in self._medians:
            self._medians[column] = self._median(column)
        return self._medians[column]

    def _median(self, column: str) -> np.ndarray:
        values = self._catalog.numbers(column)[self.rows].astype(np.float64)
        turn = period(column)
        if turn is not None:
            of_point = np.arange(len(values)).repeat(values.shape[1])
            return circular.medians(values.ravel(), of_point, len(values), turn)
        known = np.isfinite(values).any(axis=1)
        median = np.full(len(values), np.nan)
        median[known] = np.nanmedian(values[known], axis=1)
        return median

    def keep(self, columns: Sequence[str]) -> None:
        """Find the medians of columns, and the texts, so that they are at hand."""
        for column in columns:
            self.median(column)
        assert len(self.texts) == len(self.rows)

    def nearness(self, index: int) -> Nearness:
        """How near the nearest star of a point is."""
        return self._neighbours.nearness(float(self.distance[index, 0]))

    @cached_property
    def texts(self) -> list[str]:
        """How near the nearest star of each point is, in words."""
        return [self.nearness(i).text for i in range(len(self.rows))]
