"""A label around a point z: a plane in the latents, fitted to the nearest stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

# Passes that turn down stars with gross errors.
ROBUST = 2


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
        """Standard error of the value: of the plane, not of a star."""
        return float(np.sqrt(self.covariance[0, 0]))

    @property
    def predictive_error(self) -> float:
        """Standard deviation of a star at z about the value: the plane's error and the scatter."""
        return float(np.hypot(self.value_error, self.scatter))

    @property
    def chance(self) -> float:
        """How often stars whose label does not follow the latents give such slopes (Wald's F)."""
        size = len(self.slope)
        known = self.covariance[1:, 1:]
        wald = float(self.slope @ np.linalg.pinv(known) @ self.slope) / size
        return float(fdtrc(size, max(self.n - size - 1, 1), wald))

    def change(self, step: np.ndarray) -> tuple[float, float]:
        """What the label changes by along a step in coordinates, (A,), and its standard error."""
        return float(self.slope @ step), float(np.sqrt(step @ self.covariance[1:, 1:] @ step))


def fit_plane(name: str, design: np.ndarray, y: np.ndarray, weight: np.ndarray) -> LabelFit | None:
    """Robust weighted least squares; None where slopes are undetermined.

    The covariance is that of an M-estimator (Huber 1981, Sect. 7.6) with Tukey's bisquare ψ:
    White's, larger by the square of ⟨ψ(r)/r⟩ / ⟨ψ'(r)⟩.

    Parameters
    ----------
    name : str
    design : ndarray, (n, A + 1)
        Ones, and the stars' coordinates from the point.
    y, weight : ndarray, (n,)
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
