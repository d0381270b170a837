"""Paths through latent space: straight lines from point to point, by length."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.errors import InputError
from xpmodel.latent.metric import LatentMetric


class LatentPath:
    """A path straight from point to point, at even speed.

    Parameters
    ----------
    title : str
    points : array_like, (P, K)
        Of which those that are not finite, as a track's empty bins, are left out.
    metric : LatentMetric
        What lengths are measured by.

    Attributes
    ----------
    title : str
    points : ndarray, (P, K)
    places : ndarray, (P,)
        Where the points lie, from 0 to 1.

    Raises
    ------
    InputError
        When fewer than two different points are left.
    """

    def __init__(self, title: str, points: ArrayLike, metric: LatentMetric) -> None:
        self.title = title
        given = np.asarray(points, np.float64)
        finite = given[np.all(np.isfinite(given), axis=1)]
        length = np.concatenate([[0.0], np.cumsum(metric.length(np.diff(finite, axis=0)))])
        if len(finite) < 2 or not length[-1] > 0:
            raise InputError(f"{title}: a path needs two different points")
        # Of points that repeat, one is enough.
        kept = np.concatenate([[True], np.diff(length) > 0])
        self.points, self.places = finite[kept], length[kept] / length[-1]

    def at(self, place: float) -> tuple[float, ...]:
        """The point z, (K,), at a place from 0 to 1; beyond them the ends."""
        return tuple(float(np.interp(place, self.places, column)) for column in self.points.T)
