"""What a track at fixed [M/H] still changes beside [α/M], and how far that alone goes in z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.latent.metric import latent_points_of
from xpmodel.tracks.matched_difference import WITHIN
from xpmodel.tracks.measured import Track

HELD = ("teff", "logg", "m_h")


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What else changes along a track, over its points that are not thin.

    Attributes
    ----------
    labels : dict of str to float
        The largest mean of a point less the smallest, of Teff, log g and [M/H] (those that the
        catalog has).
    travel : float
        How far latents go from the first point's mean [α/M] to the last one's along a straight
        line through the stars of all bins, each active latent over its standard deviation in the
        catalog.
    null : float
        The same of other stars, each the nearest in Teff, log g and [M/H] to one of the bins' and
        whatever its own [α/M]: what these alone do. NaN where there are none.
    noise : float
        What `travel` would be, in the root mean square, were there none.
    """

    labels: dict[str, float]
    travel: float
    null: float
    noise: float


def drift_of(track: Track, catalog: Catalog, mask: np.ndarray | None = None) -> Drift | None:
    """How labels drift along a track, and how far stars equal in them alone would move.

    Parameters
    ----------
    track : Track
    catalog : Catalog
        That it was measured on.
    mask : ndarray, (N,) bool, optional
        The stars it was measured on, where not those of its own cut.

    Returns
    -------
    Drift or None
        None where fewer than two points have enough stars.
    """
    enough = np.flatnonzero(~track.thin)
    if len(enough) < 2:
        return None
    names = [name for name in HELD if name in track.mean]
    labels = {name: label_drift(track, name) for name in names}
    mask = track.definition.stars(catalog) if mask is None else mask
    points = latent_points_of(catalog)
    chosen = np.ones(len(points.rows), bool) if mask is None else mask[points.rows]
    bins = [track.definition.bins[i] for i in enough]
    rows = np.concatenate([np.flatnonzero(b.contains(catalog)[points.rows] & chosen) for b in bins])
    alpha = catalog["alpha_m"][points.rows].astype(np.float64)
    span = float(np.ptp(track.mean["alpha_m"][enough[[0, -1]]]))
    travel, noise = _travel(points.coordinates[rows], alpha[rows], span)
    null = float("nan")
    if set(names) == set(HELD):
        scaled = np.stack([catalog[n][points.rows] / WITHIN[n] for n in HELD], axis=1)
        pool = np.flatnonzero(chosen & np.isfinite(scaled).all(axis=1))
        of, others = _nearest_others(scaled, rows, pool)
        null, _ = _travel(points.coordinates[others], alpha[of], span)
    return Drift(labels=labels, travel=travel, null=null, noise=noise)


def label_drift(track: Track, name: str) -> float:
    """The largest mean of a label less the smallest, over points that are not thin; else NaN."""
    means = track.mean[name][~track.thin]
    return float(np.ptp(means)) if len(means) else float("nan")


def _travel(z: np.ndarray, alpha: np.ndarray, span: float) -> tuple[float, float]:
    """Length of a step in [α/M] along the straight line through (N, K), and its noise."""
    if len(z) < 3 or not np.ptp(alpha):
        return float("nan"), float("nan")
    about, step = z - z.mean(axis=0), alpha - alpha.mean()
    square = float(step @ step)
    slope = step @ about / square
    variance = ((about - step[:, None] * slope) ** 2).sum() / (len(z) - 2)
    return span * float(np.linalg.norm(slope)), span * float(np.sqrt(variance / square))


def _nearest_others(
    scaled: np.ndarray, rows: np.ndarray, pool: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and the star of the pool nearest to each, itself apart; without those too far."""
    from scipy.spatial import cKDTree

    rows = rows[np.isfinite(scaled[rows]).all(axis=1)]
    if len(pool) < 2 or not len(rows):
        return rows[:0], rows[:0]
    found = cKDTree(scaled[pool]).query(scaled[rows], k=2, p=np.inf, workers=-1)
    distance, nearest = np.asarray(found[0]), np.asarray(found[1])
    other = np.where(pool[nearest[:, 0]] == rows, 1, 0)
    each = np.arange(len(rows))
    near = distance[each, other] <= 1.0
    return rows[near], pool[nearest[each, other]][near]
