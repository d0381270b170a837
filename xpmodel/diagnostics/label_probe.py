"""The label probe: regressions from latents to labels, tested on held-out stars.

Beside them the same regressions from a color, and from other labels, without any latent: what a
spectrum's slope and the stars' own correlations already tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import parameters
from xpmodel.errors import InputError

NEIGHBOURS = 16
COLOR, METALLICITY = "bp_rp", "m_h"
# Parameters of the star's atmosphere alone and together, but for the label itself.
OTHERS = "others"


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """How well a label follows from something else than latents.

    Attributes
    ----------
    columns : tuple of str
        What it is regressed on.
    neighbours : float
        As of `LabelScatter`, in these columns, each over its standard deviation; NaN where too
        few stars have them.
    n_test : int
        Stars that have them.
    latents : float
        The latents' `neighbours` over these stars: the same unless some lack a column.
    """

    columns: tuple[str, ...]
    neighbours: float
    n_test: int
    latents: float


@dataclass(frozen=True, kw_only=True)
class LabelScatter:
    """How well one label follows from the latents.

    Attributes
    ----------
    label : str
    n_train, n_test : int
        Stars with a finite label.
    spread : float
        Robust scatter of the label itself over the test stars: what knowing nothing gives.
    linear, neighbours : float
        Robust scatter of label − prediction, by linear regression and by the mean of the 16
        nearest training stars.
    error : float
        Median of the label's own standard deviation; NaN where the catalog has none.
    baselines : dict of str to Baseline
        What is known without latents, by `COLOR` (BP − RP alone), `METALLICITY` ([M/H] alone) and
        `OTHERS` (all other labels, of the probe's).
    """

    label: str
    n_train: int
    n_test: int
    spread: float
    linear: float
    neighbours: float
    error: float
    baselines: dict[str, Baseline]


def probe(catalog: Catalog) -> list[LabelScatter]:
    """Regress each label on the active latents of the training stars; test on the held-out ones.

    The same by neighbors in BP − RP, in [M/H], and in the other labels, without any latent.

    Parameters
    ----------
    catalog : Catalog
        Its posterior means, in the coordinates of `xpmodel.latent.metric.LatentMetric`, are the
        features. The split is that of its metadata, else the released one.

    Raises
    ------
    InputError
        When it has no labels, or no active latent.
    """
    from sklearn.linear_model import LinearRegression

    from xpmodel.latent.metric import latent_points_of

    labels = [name for name in parameters() if name in catalog.filled]
    if not labels:
        raise InputError(f"{catalog.path}: none of the labels {', '.join(parameters())}")
    if not catalog.active:
        raise InputError(f"{catalog.path}: no latent is active, so they hold nothing")
    stars = latent_points_of(catalog)
    z = np.full((len(catalog), len(stars.latents)), np.nan)
    z[stars.rows] = stars.coordinates
    train, test = catalog.split
    results = []
    for label in labels:
        values = catalog[label].astype(np.float64)
        error_name = f"{label}_err"
        errors = catalog[error_name] if error_name in catalog.filled else np.array([np.nan])
        fit, held = (rows[(catalog.placed & np.isfinite(values))[rows]] for rows in (train, test))
        if min(len(fit), len(held)) < NEIGHBOURS:
            raise InputError(f"{catalog.path}: too few stars with a {label} to regress it")
        linear = LinearRegression().fit(z[fit], values[fit]).predict(z[held])
        neighbours = _of_nearest(z[fit], values[fit], z[held])
        truth = values[held]
        results.append(
            LabelScatter(
                label=label,
                n_train=len(fit),
                n_test=len(held),
                spread=_scatter(truth),
                linear=_scatter(truth - linear),
                neighbours=_scatter(truth - neighbours),
                error=float(np.nanmedian(errors[held])) if len(errors) > 1 else float("nan"),
                baselines={
                    name: _baseline(catalog, columns, values, fit, held, truth - neighbours)
                    for name, columns in _baselines(catalog, label, labels).items()
                },
            )
        )
    return results


def _baselines(catalog: Catalog, label: str, labels: list[str]) -> dict[str, tuple[str, ...]]:
    """What a label is regressed on instead of latents, of what the catalog has."""
    others = tuple(name for name in labels if name != label)
    found: dict[str, tuple[str, ...]] = {}
    if COLOR in catalog.filled:
        found[COLOR] = (COLOR,)
    if METALLICITY in others:
        found[METALLICITY] = (METALLICITY,)
    if others:
        found[OTHERS] = others
    return found


def _baseline(
    catalog: Catalog,
    columns: tuple[str, ...],
    values: np.ndarray,
    fit: np.ndarray,
    held: np.ndarray,
    of_latents: np.ndarray,
) -> Baseline:
    """The regression of a label's values on some columns, by the same stars as that on latents."""
    features = np.stack([catalog[name].astype(np.float64) for name in columns], axis=1)
    known = np.all(np.isfinite(features), axis=1)
    train, test = fit[known[fit]], held[known[held]]
    if len(train) < NEIGHBOURS or not len(test):
        return Baseline(columns=columns, neighbours=np.nan, n_test=len(test), latents=np.nan)
    spread = features[train].std(axis=0)
    features = features / np.where(spread > 0, spread, 1.0)
    predicted = _of_nearest(features[train], values[train], features[test])
    return Baseline(
        columns=columns,
        neighbours=_scatter(values[test] - predicted),
        n_test=len(test),
        latents=_scatter(of_latents[known[held]]),
    )


def _of_nearest(train: np.ndarray, values: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Mean of the values of the nearest training stars, in (N, F), of each test star, (T,)."""
    from scipy.spatial import cKDTree

    # As scikit-learn's KNeighborsRegressor, in half of its time.
    _, nearest = cKDTree(train).query(test, k=NEIGHBOURS, workers=-1)
    return values[nearest].mean(axis=1)


def _scatter(values: np.ndarray) -> float:
    """Robust standard deviation: of a normal distribution, from its median absolute deviation."""
    from scipy.stats import median_abs_deviation

    return float(median_abs_deviation(values, scale="normal"))
