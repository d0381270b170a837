"""The spectra along a track, as Fig. 11 of Laroche & Speagle (2024) shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.plots.group_bands import Band, group_band
from xpmodel.plots.modes import Projection
from xpmodel.tracks.measured import Track


@dataclass(frozen=True)
class TrackSpectra:
    """P spectra along a track.

    Attributes
    ----------
    track : Track
    mode : str
    x : ndarray, (L,)
    decoded : ndarray, (P, L) float64
        From the mean latents of each bin's stars; NaN for an empty bin.
    observed : tuple of Band or None, P of them
        Of the stars of each bin; None where it is empty or the catalog has no spectra.
    """

    track: Track
    mode: str
    x: np.ndarray
    decoded: np.ndarray
    observed: tuple[Band | None, ...]

    @property
    def residual(self) -> np.ndarray:
        """Median observed over decoded, less 1, (P, L)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack(
                [
                    np.full(len(self.x), np.nan) if band is None else band.median / decoded - 1
                    for band, decoded in zip(self.observed, self.decoded, strict=True)
                ]
            )


def track_spectra(
    track: Track,
    catalog: Catalog,
    model: Model,
    projection: Projection,
    *,
    g_flux: float = 1.0,
    mask: np.ndarray | None = None,
    progress: Callable[[float], None] | None = None,
) -> TrackSpectra:
    """Decode the points of a track, and take the medians of their stars' observed spectra.

    The paper's figure scales its main sequence to 1 kpc by random single stars, and its giant
    branch not at all; here all are of one G flux.

    Parameters
    ----------
    track : Track
        Measured in the same catalog.
    catalog : Catalog
    model : Model
    projection : Projection
        Not ``flux_1kpc``: a mean of latents has no parallax.
    g_flux : float
        [e-/s]
    mask : ndarray, (N,) bool, optional
        The stars that the track was measured of. Default: all.
    progress : callable, optional
        Told the fraction done, 0 to 1.

    Raises
    ------
    InputError
        When the mode is at 1 kpc, or no bin holds a star.
    """
    if projection.mode == "flux_1kpc":
        raise InputError("the points of a track have no parallax: show their flux at one magnitude")
    if not track.n.any():
        raise InputError(f"{track.definition.title}: none of its bins holds a star")
    z = np.stack([track.mean[name] for name in catalog.latents], axis=1)
    full = np.isfinite(z).all(axis=1)
    decoded = np.full((len(z), len(projection.x)), np.nan)
    coefficients, _ = model.decode(z[full].astype(np.float32))
    decoded[full] = projection.values(coefficients, g_flux)
    observed: list[Band | None] = []
    for i, bin_ in enumerate(track.definition.bins):
        band = None
        if full[i] and catalog.has_spectra:
            stars = bin_.contains(catalog)
            stars = stars if mask is None else stars & mask
            band = group_band(catalog, stars, projection, kind="observed", g_flux=g_flux)
        observed.append(band)
        if progress is not None:
            progress((i + 1) / len(z))
    return TrackSpectra(track, projection.mode, projection.x, decoded, tuple(observed))
