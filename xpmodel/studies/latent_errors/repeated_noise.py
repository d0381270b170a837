"""Stars observed again and again: how far their latents scatter, and what memberships are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import noise_column, width_column
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.selection.region_probability import probability_inside
from xpmodel.spectra.spectra import Spectra

# Edges of the bins in G [mag].
G_EDGES = (-np.inf, 12.0, 13.5, 15.0, 16.5, 18.0, np.inf)
# Of a membership; what is nearly certain has bins of its own.
P_EDGES = (0.005, 0.05, 0.15, 0.3, 0.45, 0.55, 0.7, 0.85, 0.95, 0.99, 1.0)
# The plane of two latents is parted into so many boxes along each, of equally many stars.
PARTS = 4
ERRORS = {"z_err": "the posterior's width", "z_noise": "noise through the encoder"}
# A share of fewer draws than this is drawn as no point.
FEWEST = 100


@dataclass(frozen=True, eq=False)
class RepeatedNoise:
    """N stars, S times each with new noise.

    Attributes
    ----------
    latents : list of str
        The K active ones; all, where none is.
    g_mag : ndarray, (N,)
    true, true_err, true_noise : ndarray, (N, K)
        Latents of the spectra before noise was added, and what is said of their errors.
    z, z_err, z_noise : ndarray, (S, N, K) float32
        Latents of each draw, and what is said of their errors.
    observed : ndarray, (N, K)
        Latents of the observation itself.
    from_truth : bool
        Whether the spectra before noise are noise-free, or the observed ones.
    """

    latents: list[str]
    g_mag: np.ndarray
    true: np.ndarray
    true_err: np.ndarray
    true_noise: np.ndarray
    z: np.ndarray
    z_err: np.ndarray
    z_noise: np.ndarray
    observed: np.ndarray
    from_truth: bool

    def errors(self, name: str) -> np.ndarray:
        """``z_err`` or ``z_noise`` of each draw, (S, N, K)."""
        return self.z_err if name == "z_err" else self.z_noise

    def true_errors(self, name: str) -> np.ndarray:
        """The same of the spectra before noise was added, (N, K)."""
        return self.true_err if name == "z_err" else self.true_noise


def drawn_stars(catalog: Catalog, at_most: int, seed: int) -> np.ndarray:
    """Rows of stars with latents, drawn with a seed, in order; of the test stars if they suffice.

    Raises
    ------
    InputError
        When no star has latents.
    """
    rows = np.flatnonzero(catalog.placed)
    if not len(rows):
        raise InputError(f"{catalog.path}: no star has latents, so there are no errors to test")
    if len(catalog) > 1:
        test = np.intersect1d(catalog.split[1], rows)
        rows = test if len(test) >= at_most else rows
    if len(rows) > at_most:
        rows = np.random.default_rng(seed).choice(rows, at_most, replace=False)
    return np.sort(rows)


def pair_of(catalog: Catalog, repeated: RepeatedNoise) -> tuple[str, str] | None:
    """The plane that maps show first, if its latents are among those used; else the first two."""
    first, second = catalog.default_axes
    if first != second and {first, second} <= set(repeated.latents):
        return first, second
    if len(repeated.latents) < 2:
        return None
    return repeated.latents[0], repeated.latents[1]


def repeat_noise(
    catalog: Catalog,
    model: Model,
    rows: np.ndarray,
    truth: np.ndarray | None,
    n_draws: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> RepeatedNoise:
    """Observe some stars again and again.

    Parameters
    ----------
    catalog : Catalog
        With spectra and G magnitudes.
    model : Model
    rows : ndarray, (N,) int
    truth : ndarray, (N, 110), optional
        Noise-free coefficients of these stars. Without them noise is added to the observed ones,
        whose noise they then have twice.
    n_draws : int
    seed : int
        Of the noise: independent, of the errors that the spectra say.
    progress : callable, optional
        Told the number of draws done.
    """
    spectra = catalog.spectra[rows]
    base = spectra if truth is None else replace(spectra, coefficients=truth)
    rng = np.random.default_rng(seed)
    latents = catalog.active or catalog.latents
    kept = [catalog.latents.index(name) for name in latents]
    parts = []
    for done in range(n_draws):
        encoded = model.score(_with_noise(base, rng))
        parts.append([v[:, kept] for v in (encoded.mean, encoded.std, encoded.noise)])
        if progress is not None:
            progress(done + 1)
    before = model.score(base)
    first = (before.mean[:, kept], before.std[:, kept], before.noise[:, kept])
    z, z_err, z_noise = (np.stack(part) for part in zip(*parts, strict=True))
    return RepeatedNoise(
        latents,
        catalog["phot_g_mean_mag"][rows].astype(np.float64),
        *first,
        z,
        z_err,
        z_noise,
        np.stack([catalog[name][rows] for name in latents], axis=1),
        truth is not None,
    )


def _with_noise(spectra: Spectra, rng: np.random.Generator) -> Spectra:
    noise = spectra.errors * rng.standard_normal(spectra.errors.shape)
    return replace(spectra, coefficients=(spectra.coefficients + noise).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Scatter:
    """Scatter of latents over what is said of their errors, in bins of G.

    Attributes
    ----------
    n : ndarray, (B,) int64
        Stars.
    over : dict of str to ndarray, (B, K)
        Median over the stars of the standard deviation of their draws over ``z_err`` and over
        ``z_noise``: 1 if that is their error.
    observation : ndarray, (B, K)
        Half the 16–84 % range of (z − z of the noise-free spectrum) / ``z_noise``, of the
        observations themselves; NaN where the truth is not known.
    """

    n: np.ndarray
    over: dict[str, np.ndarray]
    observation: np.ndarray


def scatter_of(repeated: RepeatedNoise, catalog: Catalog, rows: np.ndarray) -> Scatter:
    """Compare the scatter of draws with errors; parameters as of `repeat_noise`."""
    bins = np.digitize(repeated.g_mag, G_EDGES) - 1
    bins[~np.isfinite(repeated.g_mag)] = -1
    n_bins = len(G_EDGES) - 1
    deviation = repeated.z.astype(np.float64).std(axis=0, ddof=1)
    said = {name: _said(repeated, catalog, rows, name) for name in ERRORS}
    with np.errstate(divide="ignore", invalid="ignore"):
        over = {name: _medians(deviation / said[name], bins, n_bins) for name in ERRORS}
        pull = (repeated.observed - repeated.true) / said["z_noise"]
    observation = np.full((n_bins, len(repeated.latents)), np.nan)
    if repeated.from_truth:
        for b in range(n_bins):
            if (bins == b).any():
                low, high = np.nanpercentile(pull[bins == b], [16, 84], axis=0)
                observation[b] = 0.5 * (high - low)
    return Scatter(np.bincount(bins[bins >= 0], minlength=n_bins), over, observation)


def _said(
    repeated: RepeatedNoise, catalog: Catalog, rows: np.ndarray, name: str
) -> np.ndarray:  # (N, K)
    """What the catalog says of the errors; the draws' median, where it was made too early to."""
    column = width_column if name == "z_err" else noise_column
    if all(column(z) in catalog.numeric for z in repeated.latents):
        return np.stack([catalog[column(z)][rows] for z in repeated.latents], axis=1)
    return np.median(repeated.errors(name), axis=0)


def _medians(values: np.ndarray, bins: np.ndarray, n_bins: int) -> np.ndarray:
    parts = (values[bins == b] for b in range(n_bins))
    return np.stack(
        [np.median(p, axis=0) if len(p) else np.full(values.shape[1], np.nan) for p in parts]
    )


@dataclass(frozen=True, eq=False)
class Calibration:
    """What memberships are worth.

    Attributes
    ----------
    pair : tuple of str
        The two latents.
    n : dict of str to ndarray, (B,) int64
        Memberships in each bin, by ``z_err`` and by ``z_noise``.
    said, held : dict of str to ndarray, (B,)
        Their mean, and the share of them that holds.
    """

    pair: tuple[str, str]
    n: dict[str, np.ndarray]
    said: dict[str, np.ndarray]
    held: dict[str, np.ndarray]

    def off(self, name: str) -> float:
        """Mean distance of what was said from what held, over the memberships."""
        n, away = self.n[name], np.abs(self.said[name] - self.held[name])
        return float(np.average(away[n > 0], weights=n[n > 0])) if n.any() else float("nan")


def calibrate_draws(repeated: RepeatedNoise, pair: tuple[str, str]) -> Calibration:
    """Whether a membership of p holds in p of a star's draws.

    The plane of two latents is parted into boxes of equally many stars. The membership is that of
    the spectrum before noise was added; the share is that of its draws that lie in the box. This
    tests the errors alone. Memberships below 0.005 do not count: nearly all are 0.
    """
    places = [repeated.latents.index(name) for name in pair]
    true, drawn = repeated.true[:, places], repeated.z[..., places]
    said = {name: repeated.true_errors(name)[:, places] for name in ERRORS}
    return _calibrate(
        pair, _boxes(repeated, places), true, said, lambda box: _inside(box, drawn).mean(axis=0)
    )


def calibrate_truth(repeated: RepeatedNoise, pair: tuple[str, str]) -> Calibration:
    """Whether a membership of p, said of a noisy star, is right in p of the cases.

    As `calibrate_draws`, but the membership is that of each draw, and it is right where the latents
    before noise lie in the box. A membership takes the density of stars as even over a star's
    errors; where it is not, stars that lie in a dense place by their noise are believed to be in a
    thin one, and even exact errors are too sure.
    """
    places = [repeated.latents.index(name) for name in pair]
    drawn = repeated.z[..., places]
    true = np.broadcast_to(repeated.true[:, places], drawn.shape).reshape(-1, 2)
    said = {name: repeated.errors(name)[..., places].reshape(-1, 2) for name in ERRORS}
    boxes = _boxes(repeated, places)
    return _calibrate(pair, boxes, drawn.reshape(-1, 2), said, lambda box: _inside(box, true))


def _boxes(repeated: RepeatedNoise, places: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Low and high corners of boxes of about equally many stars; outer ones reach far beyond."""
    true = repeated.true[:, places].astype(np.float64)
    far = 100.0 * (np.ptp(repeated.z[..., places], axis=(0, 1)) + 1.0)
    x, y = (
        np.concatenate([[v.min() - f], np.quantile(v, np.arange(1, PARTS) / PARTS), [v.max() + f]])
        for v, f in zip(true.T, far, strict=True)
    )
    return [
        (np.array([x[i], y[j]]), np.array([x[i + 1], y[j + 1]]))
        for i in range(PARTS)
        for j in range(PARTS)
    ]


def _inside(box: tuple[np.ndarray, np.ndarray], z: np.ndarray) -> np.ndarray:
    """Which points (..., 2) lie in a box, (...) bool."""
    return np.all((z >= box[0]) & (z < box[1]), axis=-1)


def _calibrate(
    pair: tuple[str, str],
    boxes: list[tuple[np.ndarray, np.ndarray]],
    z: np.ndarray,
    errors: dict[str, np.ndarray],
    held_in: Callable[[tuple[np.ndarray, np.ndarray]], np.ndarray],
) -> Calibration:
    """Memberships of points (M, 2) in boxes, by each of the errors, and what held of them."""
    n_bins = len(P_EDGES) - 1
    n, said, held = {}, {}, {}
    for name, std in errors.items():
        count, total, right = np.zeros(n_bins, np.int64), np.zeros(n_bins), np.zeros(n_bins)
        for box in boxes:
            (x0, y0), (x1, y1) = box
            outline = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
            p = probability_inside(outline, *z.T, *std.T).astype(np.float64)
            which = np.digitize(p, P_EDGES[:-1]) - 1
            used = which >= 0
            count += np.bincount(which[used], minlength=n_bins)
            total += np.bincount(which[used], p[used], n_bins)
            right += np.bincount(which[used], held_in(box)[used], n_bins)
        with np.errstate(divide="ignore", invalid="ignore"):
            n[name], said[name], held[name] = count, total / count, right / count
    return Calibration(pair, n, said, held)
