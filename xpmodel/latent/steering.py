"""Steering: z moves so that one label changes while the others stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import symbol
from xpmodel.errors import InputError
from xpmodel.latent.local_fit import MOST, Direction, LocalFit, fit_labels
from xpmodel.latent.neighbours import Neighbours

__all__ = ["MOST", "Direction", "LocalFit", "Steered", "asked_of_stars", "fit_labels", "steer"]

MAX_STEPS = 4


@dataclass(frozen=True)
class Steered:
    """The point that steering has led to.

    Attributes
    ----------
    z : tuple of float, (K,)
    value, value_error : float
        The label as fitted there, and the standard error of that.
    predictive_error : float
        Standard deviation of the label of a star there about the value.
    direction : Direction
        As it was there, with what the stars show of the whole way (`Direction.support`).
    reached : bool
    reason : str
        Why the target was not reached, or what there is to know of the way.
    """

    z: tuple[float, ...]
    value: float
    value_error: float
    predictive_error: float
    direction: Direction
    reached: bool
    reason: str


def steer(
    catalog: Catalog,
    neighbours: Neighbours,
    z: ArrayLike,
    name: str,
    target: float,
    *,
    k: int | None = None,
    locked: Sequence[int] = (),
    judged: bool = True,
) -> Steered:
    """Move z until a label, as fitted to the nearest stars, comes to a value.

    Each step goes along the direction of where z is then, no farther than the stars reach that
    were fitted; it ends where no star is near. Then the stars at both ends are asked whether they
    support the change (`xpmodel.latent.support`).

    Parameters
    ----------
    catalog : Catalog
    neighbours : Neighbours
        Of the same catalog.
    z : array_like, (K,)
        Where to begin.
    name : str
    target : float
        The label's wanted value.
    k : int, optional
        Stars in each fit, as for `fit_labels`.
    locked : sequence of int
        Indices (from 0) of latents that stay as they are, bit for bit.
    judged : bool
        Whether the stars are asked: it looks at every label of the catalog, too long for each
        move of a slider.

    Returns
    -------
    Steered

    Raises
    ------
    InputError
        When the label has no fit at z, or no latent is free.
    """
    start = at = np.array(z, np.float64)
    first = fit = fit_labels(catalog, neighbours, at, k)
    direction = fit.way(name, locked)
    here, reason = fit.labels[name], direction.reason
    for _ in range(MAX_STEPS):
        away = target - here.value
        # Closer than the value is known is close enough.
        if abs(away) <= 0.1 * here.value_error or direction.gain_error >= 1:
            break
        step = direction.dz * away
        length = float(neighbours.metric.length(step))
        if length > fit.radius:
            step = step * (fit.radius / length)
        onward = neighbours.nearest(at + step, 1)
        if neighbours.nearness(float(onward.distance[0])).extrapolation:
            reason = "no star is near where it leads: z stays where stars are"
            break
        try:
            next_fit = fit_labels(catalog, neighbours, at + step, k)
            next_direction = next_fit.way(name, locked)
        except InputError as error:
            reason = str(error)
            break
        at, fit, direction, here = at + step, next_fit, next_direction, next_fit.labels[name]
        reason = direction.reason
    moved = here.value - first.labels[name].value
    if judged and moved:
        direction = first.judged(direction, at - start, moved)
        reason = reason or direction.reason
    reached = abs(target - here.value) <= max(here.value_error, 1e-9 * abs(target))
    if not reached and not reason:
        reason = f"{symbol(name)} comes no nearer: the stars near z end here"
    place = tuple(at.tolist())
    return Steered(
        place, here.value, here.value_error, here.predictive_error, direction, reached, reason
    )


def asked_of_stars(
    catalog: Catalog,
    neighbours: Neighbours,
    start: ArrayLike,
    end: ArrayLike,
    name: str,
    *,
    k: int | None = None,
    locked: Sequence[int] = (),
) -> Direction:
    """The direction at the start of a way, with what the stars show of the whole way.

    For a way that `steer` has gone with ``judged=False``; parameters and errors as there.
    """
    first, last = (fit_labels(catalog, neighbours, z, k) for z in (start, end))
    way = first.way(name, locked)
    if name not in last.labels:
        raise InputError(last.missing[name])
    moved = last.labels[name].value - first.labels[name].value
    return first.judged(way, np.subtract(end, start), moved) if moved else way
