"""The nearest real pair beside a step: two stars that differ in one label and agree in others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import symbol
from xpmodel.errors import InputError
from xpmodel.latent.label_fit import LabelFit
from xpmodel.latent.neighbours import Neighbours

# Stars around either end of the step of which pairs are made.
AROUND = 500


@dataclass(frozen=True)
class RealPair:
    """Two stars of the catalog.

    Attributes
    ----------
    rows : (int, int)
        Near the start and near the end of the step.
    distance : (float, float)
        From these, as `xpmodel.latent.metric.LatentMetric` measures it.
    difference : dict of str to (float, float)
        Second less first in each label, and its standard deviation.
    """

    rows: tuple[int, int]
    distance: tuple[float, float]
    difference: dict[str, tuple[float, float]]


def nearest_pair(
    catalog: Catalog,
    neighbours: Neighbours,
    z: ArrayLike,
    dz: ArrayLike,
    steered: LabelFit,
    change: float,
    held: Mapping[str, LabelFit],
) -> RealPair:
    """The pair nearest to the two ends of a step that differs as the step shall.

    Its stars differ in the steered label by the change within one standard deviation of their
    difference, and within half of the change; in each held label by no more than one standard
    deviation. A star's is that of its label, but no more than the label's scatter around z, so that
    bad labels do not agree with all; where the catalog has none, that scatter.

    Parameters
    ----------
    catalog : Catalog
    neighbours : Neighbours
        Of the same catalog.
    z, dz : array_like, (K,)
        Start and step.
    steered : LabelFit
        Around z.
    change : float
        What the pair shall differ by in that label.
    held : mapping of str to LabelFit
        What it shall agree in.

    Returns
    -------
    RealPair
        Of least sum of squared distances from start and end; of equally near ones the lower rows.

    Raises
    ------
    InputError
        When there is none among the 500 stars nearest to either end.
    """
    start = np.asarray(z, np.float64)
    first, second = (
        neighbours.nearest(place, AROUND) for place in (start, start + np.asarray(dz, np.float64))
    )
    away = first.distance[:, None] ** 2 + second.distance[None] ** 2
    fine = first.rows[:, None] != second.rows[None]
    differences: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for fit in (steered, *held.values()):
        values = catalog[fit.name].astype(np.float64)
        sigma = _errors(catalog, fit)
        difference = values[second.rows][None] - values[first.rows][:, None]
        error = np.hypot(sigma[second.rows][None], sigma[first.rows][:, None])
        if fit is steered:
            fine &= np.abs(difference - change) <= np.minimum(error, abs(change) / 2)
        else:
            fine &= np.abs(difference) <= error
        differences[fit.name] = difference, error
    if not fine.any():
        agreeing = ", ".join(map(symbol, held)) or "nothing else"
        raise InputError(
            f"no two stars near both ends differ by {change:+.2g} in {symbol(steered.name)} and "
            f"agree within their errors in {agreeing}"
        )
    i, j = np.unravel_index(int(np.argmin(np.where(fine, away, np.inf))), fine.shape)
    return RealPair(
        (int(first.rows[i]), int(second.rows[j])),
        (float(first.distance[i]), float(second.distance[j])),
        {name: (float(d[i, j]), float(e[i, j])) for name, (d, e) in differences.items()},
    )


def _errors(catalog: Catalog, fit: LabelFit) -> np.ndarray:
    """Standard deviation of a label of each star, (N,), at most the scatter around z."""
    name = f"{fit.name}_err"
    if name not in catalog.numeric:
        return np.full(len(catalog), fit.scatter)
    errors = catalog[name].astype(np.float64)
    return np.where(errors > 0, np.minimum(errors, fit.scatter), fit.scatter)
