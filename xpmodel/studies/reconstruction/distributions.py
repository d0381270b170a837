"""Distributions of residuals, pooled and by coefficient or wavelength, against a unit normal.

Laroche & Speagle (2024) show ℛ(j) and ℛ(λ) of Eqs. 6 and 8 as distributions (Figs. 5 and 7).
Residuals of a model that misses nothing are the noise over its σ: a unit normal everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.reconstruction.evaluate import Compared

if TYPE_CHECKING:
    from astropy.table import Table

# Bands of 68 and 95 %.
PERCENTILES = (2.5, 16.0, 50.0, 84.0, 97.5)
# Of a histogram [σ]; what lies beyond is counted.
EDGES = np.linspace(-6.0, 6.0, 97)
WHAT = {"j": "R(j), Eq. 6", "lambda": "R(lambda), Eq. 8"}


@dataclass(frozen=True)
class Distribution:
    """How the residuals of a reconstruction are distributed.

    Attributes
    ----------
    name : str
        The reconstruction's.
    n_stars : int
    x : ndarray, (J,)
        Numbers of coefficients from 1, or wavelengths [nm].
    percentiles : ndarray, (5, J)
        Of the residuals over the stars, by `PERCENTILES`.
    density : ndarray, (96,)
        Of all residuals together, per σ, in the bins of `EDGES`: its integral is the part that
        lies within them.
    mean, sd : float
        Of all residuals together; 0 and 1 of a unit normal.
    half_range : float
        Half of their 16–84 % range; 0.994 of a unit normal.
    beyond_3, beyond_5 : float
        Parts of them beyond ± 3 and ± 5; 0.0027 and 6e-7 of a unit normal.
    ks : float
        The largest difference of their cumulative distribution from that of a unit normal
        (Kolmogorov–Smirnov). The residuals of a star are not independent, so no p-value follows.
    """

    name: str
    n_stars: int
    x: np.ndarray
    percentiles: np.ndarray
    density: np.ndarray
    mean: float
    sd: float
    half_range: float
    beyond_3: float
    beyond_5: float
    ks: float


def distribution_of(name: str, x: np.ndarray, residual: np.ndarray) -> Distribution:
    """The distribution of residuals (N, J), in units of the errors, at J places x."""
    from scipy.special import ndtr

    pooled = np.sort(residual.ravel())
    n = len(pooled)
    below = ndtr(pooled.astype(np.float64))
    steps = np.arange(n + 1) / n
    ks = max(float((steps[1:] - below).max()), float((below - steps[:-1]).max()))
    counts, _ = np.histogram(pooled, EDGES)
    low, high = np.percentile(pooled, [16.0, 84.0])
    size = np.abs(pooled)
    return Distribution(
        name=name,
        n_stars=len(residual),
        x=x,
        percentiles=np.percentile(residual, PERCENTILES, axis=0),
        density=counts / (n * np.diff(EDGES)),
        mean=float(pooled.mean(dtype=np.float64)),
        sd=float(pooled.std(dtype=np.float64)),
        half_range=float(0.5 * (high - low)),
        beyond_3=float((size > 3).mean()),
        beyond_5=float((size > 5).mean()),
        ks=ks,
    )


def distributions(compared: Sequence[Compared], short: str) -> list[Distribution]:
    """The distributions of ℛ(j) or ℛ(λ) of some reconstructions.

    Parameters
    ----------
    compared : sequence of Compared
        Those that lack coefficients, or have wavelengths of their own, are left out.
    short : str
        ``j`` or ``lambda``.
    """
    grid = compared[0].grid
    found = []
    for one in compared:
        if short == "j":
            residual, x = one.own.coefficient, np.arange(1.0, one.own.coefficient.shape[1] + 1)
        else:
            residual, x = one.own.flux, one.grid
            if not np.array_equal(x, grid):
                continue
        if not np.isnan(residual).any():
            found.append(distribution_of(one.name, x, residual))
    return found


def distributions_table(found: dict[str, list[Distribution]], meta: dict[str, Any]) -> Table:
    """A row a reconstruction and kind of residual: its moments, tails, distance from a normal.

    Parameters
    ----------
    found : dict of str to list of Distribution
        By ``j`` and ``lambda``.
    meta : dict
    """
    rows = [(WHAT[short], one) for short, several in found.items() for one in several]
    columns: list[TableColumn] = [
        ("residual", [what for what, _ in rows], "", "in units of its error"),
        ("reconstruction", [one.name for _, one in rows], "", "what it is of"),
        ("n", [one.n_stars for _, one in rows], "", "test stars"),
    ]
    for name, description in {
        "mean": "mean of all residuals; 0 of a unit normal",
        "sd": "their standard deviation; 1 of a unit normal",
        "half_range": "half of their 16-84 % range; 0.994 of a unit normal",
        "beyond_3": "part beyond 3 sigma; 0.0027 of a unit normal",
        "beyond_5": "part beyond 5 sigma; 6e-7 of a unit normal",
        "ks": "largest difference of the cumulative distribution from a unit normal's",
    }.items():
        columns.append((name, [getattr(one, name) for _, one in rows], "", description))
    return make_table(columns, meta)


def bands_table(found: Sequence[Distribution], short: str, meta: dict[str, Any]) -> Table:
    """A row a coefficient or wavelength: percentiles of each reconstruction's residuals."""
    first = ("coefficient", "") if short == "j" else ("wavelength", "nm")
    columns: list[TableColumn] = [(first[0], found[0].x, first[1], first[0])]
    for one in found:
        for percentile, values in zip(PERCENTILES, one.percentiles, strict=True):
            name = f"{one.name}_p{percentile:g}".replace(".", "_")
            columns.append((name, values, "", f"{percentile:g} % of {WHAT[short]} over the stars"))
    return make_table(columns, meta)
