"""The probability that a star lies inside an outline, given the errors of its two values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from scipy.special import owens_t

from xpmodel._long_work import checkpoint
from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import error_columns, is_latent, period
from xpmodel.errors import InputError
from xpmodel.selection.outline_edges import area_edges
from xpmodel.selection.regions import Region, polygon_contains, to_scale

# An edge farther away than this [standard deviations] cannot change the third decimal: it holds
# back less than exp(-6² / 2) = 1.5e-8.
REACH = 6.0
# Pairs of a star and an edge taken at once: about 100 MB.
PAIRS = 1_000_000
MAX_STARS = 50_000
# Such pairs of all stars, as some evenly chosen ones tell: minutes of work.
MAX_PAIRS, CHOSEN = 1_000_000_000, 1_000
# A star on a vertex sees no angle there; from this far [standard deviations] beside it, it does.
ASIDE = 1e-7 * np.array([1.0, 1.7])
# Half an edge's length [standard deviations, and parts of its distance] that counts as short.
SHORT = 0.1
# Where only one error is 0, it counts as this part of the outline's extent.
FLOOR = 1e-9


def probability_inside(
    outline: np.ndarray, x: np.ndarray, y: np.ndarray, x_err: np.ndarray, y_err: np.ndarray
) -> np.ndarray:
    """Probability that stars with independent Gaussian errors lie inside an outline.

    Exact to 1e-5. In units of a star's errors its
    probability density is round, and what an edge cuts off from the plane, as seen from the star,
    is a difference of two of Owen's T functions (Owen 1956, Ann. Math. Stat. 27, 1075); the
    probability is 1 inside and 0 outside less the sum over the edges of the area.

    Parameters
    ----------
    outline : ndarray, (V, 2)
        Vertices, closed or not, of a polygon or a box, in the units of the axes: on a logarithmic
        axis the logarithm, as of the values, with errors to match. What an outline that crosses
        itself encloses follows the even-odd rule, as in
        `xpmodel.selection.regions.polygon_contains`.
    x, y : ndarray, (N,)
        Values of the stars, in the same units.
    x_err, y_err : ndarray, (N,)
        Their standard deviations, in the same units.

    Returns
    -------
    probability : ndarray, (N,) float32
        Between 0 and 1. Where both errors are 0: 0 or 1, as `polygon_contains` says. A star
        without a value (NaN or infinite) is not inside: 0. Where the values are there but an
        error is unknown (NaN, infinite or negative): NaN.

    Raises
    ------
    InputError
        When the outline crosses itself more than 20,000 times, or its edges and the stars whose
        errors reach over them make too many pairs.
    """
    outline, x, y, x_err, y_err = (np.asarray(v, np.float64) for v in (outline, x, y, x_err, y_err))
    start, end = area_edges(outline)
    placed = np.isfinite(x) & np.isfinite(y)
    known = (x_err >= 0) & (y_err >= 0) & np.isfinite(x_err) & np.isfinite(y_err)
    probability = (polygon_contains(outline, x, y) & placed).astype(np.float32)
    if len(start):
        low, high = outline.min(axis=0), outline.max(axis=0)
        rows = np.flatnonzero(placed & known & ((x_err > 0) | (y_err > 0)))
        for value, error, *ends in ((x, x_err, low[0], high[0]), (y, y_err, low[1], high[1])):
            margin = REACH * error[rows]
            rows = rows[(value[rows] + margin >= ends[0]) & (value[rows] - margin <= ends[1])]
        errors = np.stack([x_err[rows], y_err[rows]], axis=1)
        errors = np.maximum(errors, FLOOR * (high - low))
        stars = np.stack([x[rows], y[rows]], axis=1) - ASIDE * errors
        inside = polygon_contains(outline, *stars.T)
        tree = shapely.STRtree(np.asarray(shapely.linestrings(np.stack([start, end], axis=1))))
        step = int(np.clip(PAIRS // len(start), 1, MAX_STARS))
        _check_pairs(stars, errors, tree)
        for first in range(0, len(rows), step):
            checkpoint(first / len(rows))
            part = slice(first, first + step)
            pairs = _near(stars[part], errors[part], tree)
            cut_off = _cut_off(stars[part], errors[part], start, end, pairs)
            probability[rows[part]] = _whole_turns(inside[part] - cut_off)
    probability[placed & ~known] = np.nan
    return probability


def region_probability(
    region: Region, catalog: Catalog, errors: Sequence[str | None] = (None, None)
) -> np.ndarray:
    """Probability that a catalog's stars lie inside a region, by the errors of its two columns.

    Of a latent the error is its noise (``z1_noise``): the probability is that the latents of the
    star's noise-free spectrum lie inside, over the noise of this observation. The posterior's
    width (``z1_err``) is no part of it: the encoder never sees the errors, so that width is
    neither a measurement's error nor grows as that does.

    Parameters
    ----------
    region : Region
        On a logarithmic axis the errors are taken as relative, σ(x) / (x ln 10).
    catalog : Catalog
        With one of `xpmodel.columns.error_columns` for both columns. The errors count as
        independent.
    errors : sequence of str or None, (2,)
        The columns of the errors; None: as `columns_of_errors` chooses them.

    Returns
    -------
    probability : ndarray, (N,) float32
        As of `probability_inside`.

    Raises
    ------
    InputError
        When a column has no errors, or begins anew after a turn; else as of `probability_inside`.
    """
    values, widths = [], []
    chosen = columns_of_errors(region, catalog, errors)
    for name, scale, error_name in zip(region.columns, region.scales, chosen, strict=True):
        column = catalog.numbers(name).astype(np.float64)
        error = catalog.numbers(error_name).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            widths.append(error if scale == "linear" else error / (column * np.log(10.0)))
        values.append(to_scale(column, scale))
    outline = region.ring()
    axes = zip(outline.T, region.scales, strict=True)
    outline = np.stack([to_scale(v, scale) for v, scale in axes], axis=1)
    return probability_inside(outline, *values, *widths)


def columns_of_errors(
    region: Region, catalog: Catalog, errors: Sequence[str | None] = (None, None)
) -> tuple[str, str]:
    """The columns with the errors of a region's two columns.

    Those that are given; for None the best that the catalog has: the noise of a latent, in a
    catalog that was made before there was such a column its posterior's width.

    Raises
    ------
    InputError
        When the catalog has none of them, or a column begins anew after a turn.
    """
    first, second = (
        _column_of_error(catalog, name, given)
        for name, given in zip(region.columns, errors, strict=True)
    )
    return first, second


def stand_ins(errors: Sequence[str | None]) -> list[str]:
    """Columns of errors that are widths of posteriors, which stand in for a latent's noise."""
    return [name for name in errors if name and is_latent(name.removesuffix("_err"))]


def _column_of_error(catalog: Catalog, name: str, given: str | None) -> str:
    if period(name) is not None:
        raise InputError(f"{name} is an angle all around: it has no probability of an outline")
    candidates = error_columns(name) if given is None else (given,)
    for candidate in candidates:
        if candidate in catalog.numeric:
            return candidate
    raise InputError(
        f"{catalog.path}: no errors of {name} ({candidates[0]}), so no probability; draw the "
        "outline in latents or labels"
    )


def _check_pairs(stars: np.ndarray, errors: np.ndarray, tree: shapely.STRtree) -> None:
    """Refuse what would take longer than anyone waits, before it begins."""
    chosen = np.linspace(0, len(stars) - 1, min(len(stars), CHOSEN)).astype(int)
    step = int(np.clip(PAIRS // len(tree), 1, CHOSEN))
    parts = [chosen[first : first + step] for first in range(0, len(chosen), step)]
    n = sum(_near(stars[part], errors[part], tree).shape[1] for part in parts)
    if n * len(stars) > MAX_PAIRS * len(chosen):
        raise InputError(
            f"the errors of {len(stars):,} stars reach over too many of the outline's "
            f"{len(tree):,} edges: draw one of fewer vertices for a probability, or take the stars "
            "inside without one"
        )


def _near(stars: np.ndarray, errors: np.ndarray, tree: shapely.STRtree) -> np.ndarray:
    """Pairs of a star and an edge that may matter to it, (2, P)."""
    low, high = stars - REACH * errors, stars + REACH * errors
    return tree.query(shapely.box(*low.T, *high.T))


def _cut_off(
    stars: np.ndarray,
    errors: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    pairs: np.ndarray,
) -> np.ndarray:
    """Sum over the edges of the probability that lies beyond each, as seen from a star, (N,).

    Negative for an edge that is seen from outside of the area.
    """
    star, edge = pairs
    u, v = ((start[edge] - stars[star]) / errors[star]).T
    along_u, along_v = ((end[edge] - start[edge]) / errors[star]).T
    length = np.hypot(along_u, along_v)
    # The star's distance from the edge's line, positive on its left, and both ends along it.
    height = (u * along_v - v * along_u) / length
    first = (u * along_u + v * along_v) / length
    last = first + length
    near = (np.abs(height) < REACH) & (first < REACH) & (last > -REACH)
    star, height, first, last = star[near], height[near], first[near], last[near]
    return np.bincount(star, weights=_beyond(height, first, last), minlength=len(stars))


def _beyond(height: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Probability beyond each edge within the angle that it fills, signed as `height`, (P,)."""
    beyond = np.empty(len(height))
    middle, half = 0.5 * (first + last), 0.5 * (last - first)
    # Short and not close: two points of Gauss and Legendre do, to 3e-6 in all, and much
    # faster.
    distance2 = height**2 + middle**2
    short = (half < SHORT) & (half**2 < SHORT**2 * distance2)
    h, m, s = height[short], middle[short], half[short] / np.sqrt(3.0)
    density = 0.0
    for along in (m - s, m + s):
        r2 = h**2 + along**2
        density = density + np.exp(-0.5 * r2) / r2
    beyond[short] = density * h * half[short] / (2 * np.pi)
    h = height[~short]
    h[h == 0] = np.finfo(float).tiny
    with np.errstate(over="ignore"):
        beyond[~short] = owens_t(h, last[~short] / h) - owens_t(h, first[~short] / h)
    return beyond


def _whole_turns(probability: np.ndarray) -> np.ndarray:
    """Put right a star on an edge, to rounding, that one test finds inside and one outside."""
    probability = probability + (probability < -1e-4) - (probability > 1 + 1e-4)
    return np.clip(probability, 0, 1)
