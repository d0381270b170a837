"""The label probe: regressions from latents to labels, tested on held-out stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import parameters
from xpmodel.errors import InputError

NEIGHBOURS = 16


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
    """

    label: str
    n_train: int
    n_test: int
    spread: float
    linear: float
    neighbours: float
    error: float


def probe(catalog: Catalog) -> list[LabelScatter]:
    """Regress each label on the active latents of the training stars; test on the held-out ones.

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
    from scipy.spatial import cKDTree
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
        # As scikit-learn's KNeighborsRegressor, in half of its time.
        _, nearest = cKDTree(z[fit]).query(z[held], k=NEIGHBOURS, workers=-1)
        neighbours = values[fit][nearest].mean(axis=1)
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
            )
        )
    return results


def _scatter(values: np.ndarray) -> float:
    """Robust standard deviation: of a normal distribution, from its median absolute deviation."""
    from scipy.stats import median_abs_deviation

    return float(median_abs_deviation(values, scale="normal"))
