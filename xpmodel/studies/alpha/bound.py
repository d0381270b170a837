"""How well [α/M] can be known from an XP spectrum at all: the Cramér–Rao bound.

No unbiased estimate of a star's parameters θ from its coefficients has a smaller covariance than
the inverse of the Fisher information F = Jᵀ C⁻¹ J, where J are the coefficients' derivatives by θ
(here finite differences of the mock's own generator) and C is the covariance of their noise. The
element of F⁻¹ for [α/M] is its variance with Teff, log g, [M/H] and E(B−V) free. What is known of
these beforehand adds to F.

An estimate that knows how [α/M] is distributed, as any regression does, is biased towards that
and may have smaller errors than the bound. `BOUNDS` therefore has one with the prior of the
population, to which such errors compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from xpmodel.errors import InputError
from xpmodel.mock import noise
from xpmodel.mock.population import Stars, plain_stars
from xpmodel.mock.ridge import true_coefficients
from xpmodel.spectra.bands import N_BAND
from xpmodel.studies.alpha.conditional import folds, out_of_fold
from xpmodel.studies.alpha.star_slices import ALL, kinds

# Half the difference that derivatives are taken over: small against what spectra curve by, large
# against float32's rounding.
STEPS = {"teff": 20.0, "logg": 0.05, "m_h": 0.03, "alpha_m": 0.03, "ebv": 0.01}
PARAMETERS = tuple(STEPS)
ALPHA = PARAMETERS.index("alpha_m")
# The labels whose errors are priors.
MEASURED = ("teff", "logg", "m_h")
BOUNDS = {
    "known": "all other parameters known",
    "free": "Teff, log g, [M/H], E(B-V) free",
    "labels": "Teff, log g, [M/H] known within the survey's errors, E(B-V) free",
    "population": "all free, with the population's covariance as a prior",
}
G_CENTERS = np.arange(9.0, 19.0)
FEWEST = 30
BATCH = 4096

Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class BoundBin:
    """The bound in a bin of G and kind of star, beside what is reached there.

    Attributes
    ----------
    stars : str
        The kind.
    g : float
        Center of the bin, 1 mag wide.
    n_bound, n : int
        Stars that the bound was computed of, and that errors were taken of.
    bounds : dict of str to float
        By the names of `BOUNDS` [dex]: the median over stars; of ``population`` the root mean
        square, as of errors.
    spread : float
        Standard deviation of the true [α/M] [dex].
    reached : dict of str to float
        Root mean square error of [α/M], out of fold, by what is known [dex].
    """

    stars: str
    g: float
    n_bound: int
    n: int
    bounds: dict[str, float]
    spread: float
    reached: dict[str, float]


def generated(stars: Stars) -> np.ndarray:
    """Noise-free coefficients over the G flux by the mock's generator, (N, 110) float64.

    All contact with the generator is here.
    """
    return true_coefficients(stars)


def nuisances(stars: Stars) -> list[tuple[str, np.ndarray]]:
    """What sets a star apart from others of its parameters: an attribute and a direction in it.

    Those are the generator's attributes of several columns: standard normal and of no label.
    """
    names = [f.name for f in fields(Stars) if getattr(stars, f.name).ndim == 2]
    return [(n, axis) for n in names for axis in np.eye(getattr(stars, n).shape[1])]


def information(
    stars: Stars, steps: dict[str, float] | None = None, progress: Progress | None = None
) -> np.ndarray:
    """Fisher information of Teff [K], log g, [M/H], [α/M] [dex] and E(B−V) [mag].

    Parameters
    ----------
    stars : Stars
        With G magnitudes, by which the noise is that of `xpmodel.mock.noise`, correlated within
        BP and within RP.
    steps : dict of str to float, optional
        Half differences by parameter.
    progress : callable, optional
        Called with the number of stars done.

    Returns
    -------
    ndarray, (N, 5, 5) float64
        In the order of `PARAMETERS`; what the `nuisances` take away is gone from it.
    """
    steps = steps or STEPS
    apart = nuisances(stars)
    n_steps = len(steps)
    inverse = [np.linalg.inv(np.linalg.cholesky(c)) for c in noise.correlations()]
    result = np.empty((len(stars), n_steps, n_steps))
    for start in range(0, len(stars), BATCH):
        rows = np.arange(start, min(start + BATCH, len(stars)))
        some = stars[rows]
        slopes = []
        for name, step in steps.items():
            here = getattr(some, name)
            ends = [generated(replace(some, **{name: here + s})) for s in (step, -step)]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        for name, axis in apart:
            here = getattr(some, name)
            ends = [generated(replace(some, **{name: here + s * axis})) for s in (0.1, -0.1)]
            slopes.append((ends[0] - ends[1]) / 0.2)
        scaled = np.stack(slopes, axis=1) / 10.0 ** noise.relation(some.g_mag)[:, None]
        white = np.concatenate(
            [scaled[..., b * N_BAND : (b + 1) * N_BAND] @ inverse[b].T for b in (0, 1)], axis=-1
        )
        full = white @ white.swapaxes(1, 2)
        cross = full[:, :n_steps, n_steps:]
        block = full[:, n_steps:, n_steps:] + np.eye(len(apart))
        result[rows] = full[:, :n_steps, :n_steps] - cross @ np.linalg.solve(
            block, cross.swapaxes(1, 2)
        )
        if progress is not None:
            progress(int(rows[-1]) + 1)
    return result


def alpha_sigma(fisher: np.ndarray, prior: np.ndarray | None = None) -> np.ndarray:
    """Bound of the standard deviation of [α/M] [dex], (N,); infinite where nothing is known.

    Parameters
    ----------
    fisher : ndarray, (N, 5, 5)
    prior : ndarray, (N, 5, 5) or (5, 5), optional
        Information that is had beforehand.
    """
    total = fisher if prior is None else fisher + prior
    scale = np.array(list(STEPS.values()))  # temperatures and abundances of like size
    total = total * scale[:, None] * scale
    # The Schur complement: what is left of the information on [α/M] once the others are fitted.
    others = np.delete(np.arange(len(scale)), ALPHA)
    block = total[:, others[:, None], others]
    cross = total[:, others, ALPHA]
    solved = np.einsum("nij,nj->ni", np.linalg.pinv(block, hermitian=True), cross)
    left = total[:, ALPHA, ALPHA] - np.einsum("ni,ni->n", cross, solved)
    with np.errstate(divide="ignore"):
        return scale[ALPHA] / np.sqrt(np.maximum(left, 0.0))


def bounds(
    truth: dict[str, np.ndarray],
    errors: dict[str, np.ndarray],
    g_mag: np.ndarray,
    latents: np.ndarray,
    *,
    n_bound: int = 20_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[BoundBin]:
    """The bound of σ([α/M]) by G and kind of star, beside the errors that latents reach.

    Parameters
    ----------
    truth : dict of str to ndarray, (N,)
        The true parameters of a mock sky's stars: `PARAMETERS`, ``second_light``,
        ``second_teff`` and ``emission``. Stars with other light than their own are left out,
        since the bound takes none.
    errors : dict of str to ndarray, (N,)
        Errors of the measured Teff, log g and [M/H]; without a finite one a label is free.
    g_mag : ndarray, (N,)
    latents : ndarray, (N, K)
        Finite.
    n_bound : int
        Stars, drawn at random, that the bound is computed of.
    seed : int
        Of that draw, and of the folds.
    progress : callable, optional
        Called with the number of these stars done.

    Raises
    ------
    InputError
        When no bin has stars enough.
    """
    single = (truth["second_light"] == 0) & (truth["emission"] == 0) & np.isfinite(g_mag)
    truth = {name: np.asarray(values, np.float64)[single] for name, values in truth.items()}
    errors = {name: np.asarray(values, np.float64)[single] for name, values in errors.items()}
    g_mag, latents = np.asarray(g_mag, np.float64)[single], latents[single]
    n = len(g_mag)
    groups = {ALL: np.ones(n, bool), **kinds(truth["teff"], truth["logg"])}
    if n < FEWEST:
        raise InputError(f"{n} single stars without emission; the bound needs {FEWEST} in a bin")
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:n_bound])
    picked = {name: values[chosen] for name, values in truth.items()}
    fisher = information(plain_stars(**picked, g_mag=g_mag[chosen]), progress=progress)
    sigma = {
        "known": 1.0 / np.sqrt(fisher[:, ALPHA, ALPHA]),
        "free": alpha_sigma(fisher),
        "labels": alpha_sigma(fisher, _label_prior(errors, chosen)),
    }
    fold = folds(n, seed)
    labels = np.stack([truth[name] for name in PARAMETERS if name != "alpha_m"], axis=1)
    alpha = truth["alpha_m"]
    left = {
        "latents": alpha - out_of_fold(latents, alpha, fold),
        "true labels": alpha - out_of_fold(labels, alpha, fold),
        "true labels, latents": alpha
        - out_of_fold(np.concatenate([labels, latents], axis=1), alpha, fold),
    }
    theta = np.stack([truth[name] for name in PARAMETERS], axis=1)
    results = []
    for stars, inside in groups.items():
        for g in G_CENTERS:
            here = inside & (np.abs(g_mag - g) < 0.5)
            of_bound = here[chosen]
            if min(here.sum(), of_bound.sum()) < FEWEST:
                continue
            prior = np.linalg.pinv(np.cov(theta[here], rowvar=False))
            of_population = alpha_sigma(fisher[of_bound], prior)
            medians = {name: float(np.median(values[of_bound])) for name, values in sigma.items()}
            results.append(
                BoundBin(
                    stars=stars,
                    g=float(g),
                    n_bound=int(of_bound.sum()),
                    n=int(here.sum()),
                    bounds={**medians, "population": _rms(of_population)},
                    spread=float(alpha[here].std()),
                    reached={name: _rms(values[here]) for name, values in left.items()},
                )
            )
    if not results:
        raise InputError(f"no bin of G and kind has {FEWEST} of the {n} single stars")
    return results


def _label_prior(errors: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Information that measured labels give beforehand, (n, 5, 5)."""
    prior = np.zeros((len(rows), len(PARAMETERS), len(PARAMETERS)))
    for name, values in errors.items():
        place = PARAMETERS.index(name)
        known = np.isfinite(values[rows]) & (values[rows] > 0)
        prior[known, place, place] = values[rows][known] ** -2.0
    return prior


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
