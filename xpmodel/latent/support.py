"""Whether stars support a step of steering: what their labels show where it leads.

The plane that steering follows is a model of the nearest stars; this is its test by stars
themselves. A step that shall change a label by Δ, and keep others, is supported if

1. the 50 stars nearest to the place reached show the change: their mean label less that of the 50
   nearest to the start is Δ within 3 predictive standard errors, √(s₀² + s₁² + p²) of the two
   means' errors and of the plane's own p;
2. no held label changes there by more than 3 of the same, and by more of its scatters than Δ is of
   the steered one's;
3. the latents show at least half of what the label differs by, and not twice as much: among stars
   alike in the held labels, the plane's reading of a star's latents follows the star's own label,
   at equal held labels, by a slope between 1/2 and 2.

The third is the classical against the inverse calibration (Krutchkoff 1967): from latents that
know little of a label its plane is flat, as it tells the mean label of all stars that could lie
there. A step that changes this mean by Δ is then too long, by one over that slope, and so is the
change of the spectrum: half and twice are errors of a factor of two in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import symbol
from xpmodel.latent.label_fit import LabelFit
from xpmodel.latent.neighbours import Neighbours

# Stars around a place whose labels are asked, and how few of them with a label tell nothing.
NEAR, FEWEST = 50, 10
# Predictive standard errors beyond which the stars contradict.
SIGMAS = 3.0
# A step is wrong by no more than this factor.
FACTOR = 2.0
# Stars alike in the held labels differ in the steered one by at most so many steps or scatters.
REACH = 3.0
# Labels farther than this many robust standard deviations from the median are gross errors.
GROSS = 4.0
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Support:
    """What stars show of a step.

    Attributes
    ----------
    change : float
        By how much it shall change the label.
    shown, shown_error : float
        By how much the labels of the 50 nearest stars change, and the predictive standard error of
        that; NaN where too few have the label.
    share, share_error : float
        Slope of what the latents show of the label against the label, among stars alike in the
        others; NaN where there are too few.
    reason : str
        Why the step is not supported, in one line; empty where it is.
    """

    change: float
    shown: float
    shown_error: float
    share: float
    share_error: float
    reason: str


def judge(
    catalog: Catalog,
    neighbours: Neighbours,
    z: ArrayLike,
    dz: ArrayLike,
    steered: LabelFit,
    change: float,
    held: Mapping[str, LabelFit],
    n_alike: int,
) -> Support:
    """Ask the stars whether a step changes one label, and keeps others.

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
        By how much the step shall change that label.
    held : mapping of str to LabelFit
        What it shall keep.
    n_alike : int
        How many stars of like labels are compared.

    Returns
    -------
    Support
    """
    step = neighbours.metric.coordinates(np.asarray(dz, np.float64))
    start, end = (
        neighbours.nearest(np.asarray(z, np.float64) + move, NEAR)
        for move in (0.0, np.asarray(dz, np.float64))
    )
    places = start.rows, end.rows
    shown, error = _shown(catalog, steered, step, *places)
    rows = alike(catalog, steered, change, held.values(), n_alike)
    share, share_error = _share(catalog, neighbours, [steered, *held.values()], rows)
    lonely = neighbours.nearness(float(end.distance[0])).extrapolation
    if lonely:
        reason = "no star is near where it leads"
    elif not np.isfinite(shown):
        reason = f"fewer than {FEWEST} of the {NEAR} nearest stars have {symbol(steered.name)}"
    elif abs(shown - change) > SIGMAS * error:
        reason = (
            f"the {NEAR} nearest stars there show {_with_sign(shown)} ± {error:.2g} in "
            f"{symbol(steered.name)}, not {_with_sign(change)}"
        )
    else:
        reason = _held_reason(catalog, steered, change, held, step, *places)
        reason = reason or _share_reason(steered.name, held, share, share_error)
    return Support(change, shown, error, share, share_error, reason.replace("-", "−"))


def _with_sign(value: float) -> str:
    return f"{value:+.2g}" if abs(value) < 100 else f"{value:+.0f}"


def _shown(
    catalog: Catalog, fit: LabelFit, step: np.ndarray, before: np.ndarray, after: np.ndarray
) -> tuple[float, float]:
    """Change of a label's mean from some stars to others, and its predictive error."""
    values = catalog[fit.name]
    (old, its), (new, error) = (_mean(values[rows]) for rows in (before, after))
    return new - old, float(np.sqrt(its**2 + error**2 + fit.change(step)[1] ** 2))


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean without gross errors, and its standard error; NaN of few values."""
    values = values[np.isfinite(values)].astype(np.float64)
    if len(values) < FEWEST:
        return float("nan"), float("nan")
    away = np.abs(values - np.median(values))
    kept = values[away <= GROSS * MAD_TO_SIGMA * np.median(away)]
    if len(kept) < FEWEST:  # half of them and more are the same
        kept = values
    return float(kept.mean()), float(kept.std(ddof=1) / np.sqrt(len(kept)))


def _held_reason(
    catalog: Catalog,
    steered: LabelFit,
    change: float,
    held: Mapping[str, LabelFit],
    step: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
) -> str:
    worst, most = "", 1.0
    for name, fit in held.items():
        shown, error = _shown(catalog, fit, step, before, after)
        relative = abs(shown / fit.scatter) / abs(change / steered.scatter)
        if abs(shown) > SIGMAS * error and relative > most:
            most = relative
            worst = (
                f"the {NEAR} nearest stars there differ in {symbol(name)} too, by "
                f"{_with_sign(shown)} ± {error:.2g}"
            )
    return worst


def _share(
    catalog: Catalog, neighbours: Neighbours, fits: Sequence[LabelFit], rows: np.ndarray
) -> tuple[float, float]:
    """Slope of the first label as its plane reads it from latents against the label itself.

    By least squares on all labels of stars that were chosen by these, which is not to select by
    what is regressed; NaN where the stars are too few or their labels go together.
    """
    if len(rows) < 5 * (len(fits) + 1):
        return float("nan"), float("nan")
    labels = np.stack([(catalog[f.name][rows] - f.value) / f.scatter for f in fits], axis=1)
    design = labels.astype(np.float64) - labels.mean(axis=0)
    read = neighbours.points(rows) @ fits[0].slope / fits[0].scatter
    read = read - read.mean()
    slopes, _, rank, _ = np.linalg.lstsq(design, read, rcond=1e-6)
    if rank < len(fits):
        return float("nan"), float("nan")
    residual = read - design @ slopes
    variance = (residual**2).sum() / (len(rows) - len(fits) - 1)
    return float(slopes[0]), float(np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0]))


def alike(
    catalog: Catalog, steered: LabelFit, change: float, held: Iterable[LabelFit], k: int
) -> np.ndarray:
    """Rows of the k stars with latents whose held labels are nearest to those fitted, in scatters.

    Of those whose steered label is within 3 changes, or 3 scatters, of the one fitted. Where none
    is held these are all.
    """
    within = REACH * max(abs(change), steered.scatter)
    distance = np.full(len(catalog), np.inf, np.float32)
    distance[catalog.placed & (np.abs(catalog[steered.name] - steered.value) <= within)] = 0
    fits = list(held)
    for fit in fits:
        away = catalog[fit.name].astype(np.float32) - np.float32(fit.value)
        away /= np.float32(fit.scatter)
        away *= away
        distance += away
    if not fits:
        return np.flatnonzero(np.isfinite(distance))
    k = min(k, len(distance))
    rows = np.argpartition(distance, k - 1)[:k]  # what is NaN comes last
    return np.sort(rows[np.isfinite(distance[rows])])


def _share_reason(name: str, held: Mapping[str, LabelFit], share: float, error: float) -> str:
    others = f" in {', '.join(map(symbol, held))}" if held else ""
    if not np.isfinite(share) or error > 1 / FACTOR:
        return f"too few stars alike{others} tell how much of {symbol(name)} the latents show"
    if share < 1 / FACTOR:
        return (
            f"of what {symbol(name)} differs by among stars alike{others} the latents show "
            f"{share:.0%} ± {error:.0%}: the spectrum changes too much"
        )
    if share > FACTOR:
        return (
            f"among stars alike{others} the latents change {share:.2g} ± {error:.2g} times what "
            f"{symbol(name)} does: the spectrum changes too little"
        )
    return ""
