"""Labels around a point z, and the direction in which one changes while others stay.

Around z the labels are taken as linear in the latents, by a regression on the nearest stars. The
regression is of labels on latents, so that a neighborhood chosen by latents leaves the slopes as
they are; what latents that know little of a label do to them is told by `xpmodel.latent.support`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import column_of, fitted_around, held_beside, symbol
from xpmodel.errors import InputError
from xpmodel.latent.label_fit import LabelFit, fit_plane
from xpmodel.latent.neighbours import Neighbours
from xpmodel.latent.support import Support, judge

# How many stars a plane is fitted to: this part of the catalog's, within these bounds.
PART, LEAST, MOST = 0.01, 300, 3000
# The held labels count against each other by their residual spread; this much of the stars' own
# spread in latents keeps a direction that they leave open close to where stars are.
RIDGE = 1e-3
# A slope that chance gives more often than this is none.
CHANCE = 0.01
# A direction whose gain is known no better than this is not to be trusted.
WORST_GAIN = 0.5


@dataclass(frozen=True)
class Direction:
    """The direction in which z goes for a unit of a label.

    Attributes
    ----------
    name : str
    dz : ndarray, (K,)
        Change of the latents; 0 for inactive and locked ones.
    gain_error : float
        Standard error of the label's change along it by the plane, as a part of the change.
    drift : dict of str to (float, float)
        What the other labels change by meanwhile, by their planes, with standard errors.
    held : tuple of str
        The labels that are kept: beside parameters, color and dust.
    not_held : dict of str to str
        Why others that should be kept are not: the catalog lacks them, or too few stars have them.
    reason : str
        Why the data do not support it; empty where they do.
    support : Support, optional
        What the stars show where a step leads; None where it was not asked.
    """

    name: str
    dz: np.ndarray
    gain_error: float
    drift: dict[str, tuple[float, float]]
    held: tuple[str, ...]
    not_held: dict[str, str]
    reason: str
    support: Support | None = None

    @property
    def supported(self) -> bool:
        """Whether the data support it."""
        return not self.reason

    @property
    def held_text(self) -> str:
        """What is held, and what is not and why, in words."""
        text = f"held: {', '.join(map(symbol, self.held)) or 'nothing'}"
        if self.not_held:
            text += f"; not held: {'; '.join(self.not_held.values())}"
        return text


@dataclass(frozen=True)
class LocalFit:
    """The labels around a point z.

    Attributes
    ----------
    labels : dict of str to LabelFit
        What z is steered by, and dust.
    missing : dict of str to str
        Why other labels have no fit.
    n : int
        Stars asked for.
    radius : float
        Distance of the farthest of them.
    z : ndarray, (K,)
    """

    labels: dict[str, LabelFit]
    missing: dict[str, str]
    n: int
    radius: float
    z: np.ndarray
    _spread: np.ndarray = field(repr=False)  # (A, A), of the stars about z
    _catalog: Catalog = field(repr=False)
    _neighbours: Neighbours = field(repr=False)

    def direction(
        self, name: str, locked: Sequence[int] = (), *, change: float | None = None
    ) -> Direction:
        """The way along which one label changes while others stay, and whether stars support it.

        Held are all labels that z is steered by, J − K and E(B−V), but not J − K when Teff is
        steered, whose color follows it, and not E(B−V) when J − K is. Of all steps d (in scaled
        latents) with slope · d = 1 it is the one of least expected Σ (slope_m · d / scatter_m)²
        over the held labels m, to which the errors of all slopes, also of the steered label's,
        contribute dᵀ C_m d / scatter_m², plus 10⁻³ dᵀ S⁻¹ d with the stars' covariance S. With
        fewer active latents than labels the others cannot all stay: `drift` says how they change.

        Parameters
        ----------
        name : str
        locked : sequence of int
            Indices (from 0) of latents that must not move.
        change : float, optional
            By how much the label shall change, for which `xpmodel.latent.support.judge` asks the
            stars. Default: the label's step (`xpmodel.columns.Column.steer_step`).

        Raises
        ------
        InputError
            When the label has no fit, or no latent is free.
        """
        way = self.way(name, locked)
        if change is None:
            step = column_of(name).steer_step
            change = self.labels[name].scatter if step is None else step
        return self.judged(way, way.dz * change, change)

    def way(self, name: str, locked: Sequence[int] = ()) -> Direction:
        """The same by the planes alone: stars where it leads are not asked."""
        if name not in self.labels:
            raise InputError(self.missing.get(name, f"there is no label {name!r} to steer by"))
        steered = self.labels[name]
        free = np.array([i not in set(locked) for i in self._neighbours.index])
        if not free.any():
            raise InputError("all active latents are locked: there is nothing to move")
        wanted = held_beside(name)
        held = tuple(other for other in wanted if other in self.labels)
        not_held = {other: self.missing[other] for other in wanted if other in self.missing}
        cost = RIDGE * np.linalg.pinv(self._spread)
        cost = cost + steered.covariance[1:, 1:] / steered.scatter**2
        for other in held:
            fit = self.labels[other]
            squared = np.outer(fit.slope, fit.slope) + fit.covariance[1:, 1:]
            cost = cost + squared / fit.scatter**2
        step = np.zeros(len(free))
        toward = np.linalg.pinv(cost[np.ix_(free, free)]) @ steered.slope[free]
        gain = float(steered.slope[free] @ toward)
        if not gain > 0:
            raise InputError(f"{symbol(name)} does not change with the latents that are free")
        step[free] = toward / gain
        gain_error = steered.change(step)[1]
        drift = {fit.name: fit.change(step) for fit in self.labels.values() if fit.name != name}
        dz = self._neighbours.metric.step(step)
        reason = self._reason(steered, gain_error, {other: drift[other] for other in held})
        return Direction(name, dz, gain_error, drift, held, not_held, reason)

    def judged(self, way: Direction, dz: ArrayLike, change: float) -> Direction:
        """A way with what the stars show of a step from z that shall change its label so much."""
        held = {name: self.labels[name] for name in way.held}
        support = judge(
            self._catalog,
            self._neighbours,
            self.z,
            dz,
            self.labels[way.name],
            change,
            held,
            self.n,
        )
        return replace(way, support=support, reason=way.reason or support.reason)

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
            # In scatters of the one for a scatter of the other.
            relative = abs(change) * steered.scatter / self.labels[name].scatter
            if relative > most and abs(change) > 2 * error:
                worst, most = name, relative
        if not worst:
            return ""
        unit = steered.scatter
        return (
            f"{symbol(worst)} changes with it ({drift[worst][0] * unit:+.2g} for "
            f"{unit:.2g} in {title}): the latents do not tell the two apart here"
        ).replace("-", "−")


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
        Labels, of which the catalog may lack some. Default: those that z is steered by, and dust.

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
    for name in fitted_around() if names is None else names:
        if name not in catalog.numeric:
            missing[name] = f"the catalog has no {symbol(name)}"
            continue
        values = catalog[name][near.rows].astype(np.float64)
        known = np.isfinite(values)
        n = int(known.sum())
        if n < 5 * (size + 1):
            missing[name] = f"only {n} of the {len(values)} nearest stars have {symbol(name)}"
            continue
        fit = fit_plane(name, design[known], values[known], weight[known])
        if fit is None:
            missing[name] = f"the {n} nearest stars lie too close together to show slopes"
        elif not np.ptp(values[known]) > 0:
            missing[name] = f"{symbol(name)} is the same in all of the {n} nearest stars"
        else:
            labels[name] = fit
    place = np.array(z, np.float64)
    return LocalFit(labels, missing, len(near.rows), radius, place, spread, catalog, neighbours)
