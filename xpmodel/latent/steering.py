"""Steering: z moves so that one label changes while the others stay.

Around z the labels are taken as linear in the latents, by a regression on the nearest stars. The
regression is of labels on latents, since the latents' errors are far below the labels': the other
way round the labels' errors would flatten the slopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import COLOR, column_of, steerable, symbol
from xpmodel.errors import InputError
from xpmodel.latent.neighbours import Neighbours

# How many stars a plane is fitted to: this part of the catalog's, within these bounds.
PART, LEAST, MOST = 0.01, 300, 3000
# Passes that turn down stars with gross errors.
ROBUST = 2
# The held labels count against each other by their residual spread; this much of the stars' own
# spread in latents keeps a direction that they leave open close to where stars are.
RIDGE = 1e-3
# A slope that chance gives more often than this is none.
CHANCE = 0.01
# A direction whose gain is known no better than this is not to be trusted.
WORST_GAIN = 0.5
MAX_STEPS = 4


@dataclass(frozen=True)
class LabelFit:
    """A label around z: y ≈ value + slope · (u(z') − u(z)), u the coordinates of the metric.

    Attributes
    ----------
    name : str
    value : float
        At z.
    slope : ndarray, (A,)
        Along each coordinate of `xpmodel.latent.metric.LatentMetric`.
    covariance : ndarray, (A + 1, A + 1)
        Of value and slope, whatever the scatter of each star.
    scatter : float
        Weighted standard deviation of the stars about the plane.
    n : int
        Stars with the label.
    """

    name: str
    value: float
    slope: np.ndarray
    covariance: np.ndarray
    scatter: float
    n: int

    @property
    def value_error(self) -> float:
        """Standard error of the value."""
        return float(np.sqrt(self.covariance[0, 0]))

    @property
    def chance(self) -> float:
        """How often stars whose label does not follow the latents give such slopes (Wald's F)."""
        size = len(self.slope)
        known = self.covariance[1:, 1:]
        wald = float(self.slope @ np.linalg.pinv(known) @ self.slope) / size
        return float(fdtrc(size, max(self.n - size - 1, 1), wald))


@dataclass(frozen=True)
class Direction:
    """The direction in which z goes for a unit of a label.

    Attributes
    ----------
    name : str
    dz : ndarray, (K,)
        Change of the latents; 0 for inactive and locked ones.
    gain_error : float
        Standard error of the label's change along it, as a part of the change.
    drift : dict of str to (float, float)
        What the other labels change by meanwhile, with standard errors.
    reason : str
        Why the data do not support it; empty where they do.
    """

    name: str
    dz: np.ndarray
    gain_error: float
    drift: dict[str, tuple[float, float]]
    reason: str

    @property
    def supported(self) -> bool:
        """Whether the data support it."""
        return not self.reason


@dataclass(frozen=True)
class LocalFit:
    """The labels around a point z.

    Attributes
    ----------
    labels : dict of str to LabelFit
    missing : dict of str to str
        Why other labels have no fit.
    n : int
        Stars asked for.
    radius : float
        Distance of the farthest of them.
    """

    labels: dict[str, LabelFit]
    missing: dict[str, str]
    n: int
    radius: float
    _spread: np.ndarray = field(repr=False)  # (A, A), of the stars about z
    _neighbours: Neighbours = field(repr=False)

    def direction(self, name: str, locked: Sequence[int] = ()) -> Direction:
        """The way along which one label changes while the others stay.

        Of all steps d (in scaled latents) with slope · d = 1 the one of least
        Σ (slope_m · d / scatter_m)² over the held labels m, plus 10⁻³ dᵀ S⁻¹ d with the stars'
        covariance S. With fewer active latents than labels the others cannot all stay: `drift`
        says how they change. J − K is not held when another label is steered.

        Parameters
        ----------
        name : str
        locked : sequence of int
            Indices (from 0) of latents that must not move.

        Raises
        ------
        InputError
            When the label has no fit, or no latent is free.
        """
        if name not in self.labels:
            raise InputError(self.missing.get(name, f"there is no label {name!r} to steer by"))
        steered = self.labels[name]
        free = np.array([i not in set(locked) for i in self._neighbours.index])
        if not free.any():
            raise InputError("all active latents are locked: there is nothing to move")
        others = [fit for fit in self.labels.values() if fit.name != name]
        cost = RIDGE * np.linalg.pinv(self._spread)
        for fit in others:
            if not _follows(fit.name):
                cost = cost + np.outer(fit.slope, fit.slope) / fit.scatter**2
        step = np.zeros(len(free))
        toward = np.linalg.pinv(cost[np.ix_(free, free)]) @ steered.slope[free]
        gain = float(steered.slope[free] @ toward)
        if not gain > 0:
            raise InputError(f"{symbol(name)} does not change with the latents that are free")
        step[free] = toward / gain

        def error(fit: LabelFit) -> float:
            return float(np.sqrt(step @ fit.covariance[1:, 1:] @ step))

        drift = {fit.name: (float(fit.slope @ step), error(fit)) for fit in others}
        reason = self._reason(steered, error(steered), drift)
        return Direction(name, self._neighbours.metric.step(step), error(steered), drift, reason)

    def _reason(
        self, steered: LabelFit, gain_error: float, drift: dict[str, tuple[float, float]]
    ) -> str:
        title = symbol(steered.name)
        if gain_error > WORST_GAIN or steered.chance > CHANCE:
            return (
                f"the {steered.n} nearest stars do not show how {title} changes here "
                f"(± {gain_error:.0%})"
            )
        worst, most = "", 1.0
        for name, (change, error) in drift.items():
            fit = self.labels[name]
            # In scatters of the one for a scatter of the other.
            relative = abs(change) * steered.scatter / fit.scatter
            if not _follows(name) and relative > most and abs(change) > 2 * error:
                worst, most = name, relative
        if not worst:
            return ""
        unit = steered.scatter
        return (
            f"{symbol(worst)} changes with it ({drift[worst][0] * unit:+.2g} for "
            f"{unit:.2g} in {title}): the latents do not tell the two apart here"
        ).replace("-", "−")


@dataclass(frozen=True)
class Steered:
    """The point that steering has led to.

    Attributes
    ----------
    z : tuple of float, (K,)
    value, value_error : float
        The label as fitted there.
    direction : Direction
        As it was there.
    reached : bool
    reason : str
        Why the target was not reached, or what there is to know of the way.
    """

    z: tuple[float, ...]
    value: float
    value_error: float
    direction: Direction
    reached: bool
    reason: str


def fit_labels(
    catalog: Catalog,
    neighbours: Neighbours,
    z: ArrayLike,
    k: int | None = None,
    names: Sequence[str] | None = None,
) -> LocalFit:
    """Regress labels on the active latents of the stars nearest to a point.

    A plane for each label, by least squares with weights (1 − (distance / largest)³)³ and two
    passes that turn down stars far off the plane, as in robust local regression (Cleveland 1979):
    labels have gross errors.

    Parameters
    ----------
    catalog : Catalog
    neighbours : Neighbours
        Of the same catalog.
    z : array_like, (K,)
    k : int, optional
        How many stars. Default: 1 in 100 of the catalog's, at least 300 and at most 3,000.
    names : sequence of str, optional
        Labels, of which the catalog may lack some. Default: those that z is steered by.

    Returns
    -------
    LocalFit

    Raises
    ------
    InputError
        When z is no point.
    """
    k = k or int(np.clip(PART * len(neighbours.rows), LEAST, MOST))
    near = neighbours.nearest(z, k)
    away = neighbours.points(near.rows) - neighbours.scaled(z)
    size = away.shape[1]
    radius = float(near.distance[-1])
    # The last star would have no weight; all have the same where all lie at z.
    relative = near.distance / (radius * 1.0001) if radius > 0 else np.zeros(len(away))
    weight = (1 - relative**3) ** 3
    spread = (away * weight[:, None]).T @ away / weight.sum()
    design = np.column_stack([np.ones(len(away)), away])
    labels: dict[str, LabelFit] = {}
    missing: dict[str, str] = {}
    for name in steerable() if names is None else names:
        if name not in catalog.numeric:
            missing[name] = f"the catalog has no {symbol(name)}"
            continue
        values = catalog[name][near.rows].astype(np.float64)
        known = np.isfinite(values)
        n = int(known.sum())
        if n < 5 * (size + 1):
            missing[name] = f"only {n} of the {len(values)} nearest stars have {symbol(name)}"
            continue
        fit = _fit(name, design[known], values[known], weight[known])
        if fit is None:
            missing[name] = f"the {n} nearest stars lie too close together to show slopes"
        else:
            labels[name] = fit
    return LocalFit(labels, missing, len(near.rows), radius, spread, neighbours)


def _follows(name: str) -> bool:
    """Whether it may change when another label is steered: temperature and color go together."""
    return column_of(name).kind == COLOR


def _fit(name: str, design: np.ndarray, y: np.ndarray, weight: np.ndarray) -> LabelFit | None:
    """Robust weighted least squares; None where slopes are undetermined.

    The covariance is that of an M-estimator (Huber 1981, Sect. 7.6) with Tukey's bisquare ψ:
    White's, larger by the square of ⟨ψ(r)/r⟩ / ⟨ψ'(r)⟩.
    """
    n, size = design.shape
    weighted = design * weight[:, None]
    normal = weighted.T @ design
    # In units of their own spread, so that narrow directions are told from none.
    scale = np.sqrt(np.diag(normal))
    if not (scale > 0).all() or np.linalg.cond(normal / np.outer(scale, scale)) > 1e10:
        return None
    shift = float(np.median(y))  # keeps digits: Teff is far from 0
    beta = np.linalg.solve(normal, weighted.T @ (y - shift))
    slack = 1.0
    for _ in range(ROBUST):
        residual = y - shift - design @ beta
        reach = 6 * np.median(np.abs(residual))
        if not reach > 0:
            break
        inside = np.maximum(1 - (residual / reach) ** 2, 0)
        weighted = design * (weight * inside**2)[:, None]
        slack = (weight @ inside**2) / (weight @ (inside * (5 * inside - 4)))
        normal = weighted.T @ design
        beta = np.linalg.solve(normal, weighted.T @ (y - shift))
    inverse = np.linalg.inv(normal)
    weight = weighted[:, 0]
    residual = y - shift - design @ beta
    meat = (weighted * residual[:, None]).T @ (weighted * residual[:, None])
    # As many stars of equal weight would be as good.
    counted = weight.sum() ** 2 / (weight**2).sum()
    few = counted / max(counted - size, 1.0)
    covariance = inverse @ meat @ inverse * slack**2 * few
    variance = (weight * residual**2).sum() / weight.sum() * few
    scatter = float(np.sqrt(slack * variance))
    # Stars that lie on the plane exactly, as made-up ones do, must not divide by zero.
    least = 1e-9 * max(float(np.abs(y).max()), 1e-30)
    value = float(beta[0]) + shift
    return LabelFit(name, value, beta[1:], covariance, max(scatter, least), n)


def steer(
    catalog: Catalog,
    neighbours: Neighbours,
    z: ArrayLike,
    name: str,
    target: float,
    *,
    k: int | None = None,
    locked: Sequence[int] = (),
) -> Steered:
    """Move z until a label, as fitted to the nearest stars, comes to a value.

    Each step goes along the direction of where z is then, no farther than the stars reach that
    were fitted; it ends where no star is near.

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

    Returns
    -------
    Steered

    Raises
    ------
    InputError
        When the label has no fit at z, or no latent is free.
    """
    at = np.array(z, np.float64)
    fit = fit_labels(catalog, neighbours, at, k)
    direction = fit.direction(name, locked)
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
            next_direction = next_fit.direction(name, locked)
        except InputError as error:
            reason = str(error)
            break
        at, fit, direction, here = at + step, next_fit, next_direction, next_fit.labels[name]
        reason = direction.reason
    reached = abs(target - here.value) <= max(here.value_error, 1e-9 * abs(target))
    if not reached and not reason:
        reason = f"{symbol(name)} comes no nearer: the stars near z end here"
    return Steered(tuple(at.tolist()), here.value, here.value_error, direction, reached, reason)
