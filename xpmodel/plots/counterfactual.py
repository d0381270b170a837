"""What a star would be with another label: how its spectrum changes, in σ of its errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog, check_model
from xpmodel.columns import symbol
from xpmodel.errors import InputError
from xpmodel.latent.local_fit import fit_labels
from xpmodel.latent.neighbours import neighbours_of
from xpmodel.latent.real_pairs import RealPair, nearest_pair
from xpmodel.latent.steering import Steered, steer
from xpmodel.model.model import Model
from xpmodel.plots.curves import observed_curve
from xpmodel.plots.modes import Projection
from xpmodel.spectra.bands import N_BAND
from xpmodel.spectra.spectra import Spectra


@dataclass(frozen=True)
class Counterfactual:
    """A star, and what it would be with another value of one label.

    Attributes
    ----------
    row : int
        Of the catalog.
    name : str
    change : float
        Of the label, as asked.
    z : ndarray, (K,)
        The star's latents.
    steered : Steered
        Where z goes, whether it gets there, and what supports it.
    x : ndarray, (L,)
        Of the projection.
    sigmas : ndarray, (L,)
        Decoded change over the standard deviation of the star's observed spectrum.
    rms : float
        Root mean square of these.
    signal_to_noise : float
        √(Δᵀ C⁻¹ Δ) of the change Δ of the 110 coefficients with the covariance C of their errors:
        in how many σ the best of all filters would see it. Errors count as independent where their
        correlations are not known.
    pair : RealPair or None
        Two real stars that differ so.
    pair_sigmas : ndarray, (L,), or None
        The difference of their observed spectra, as this star's change: per unit G flux, over the
        standard deviation of this star's.
    pair_reason : str
        Why there is no pair; empty where there is one.
    """

    row: int
    name: str
    change: float
    z: np.ndarray
    steered: Steered
    x: np.ndarray
    sigmas: np.ndarray
    rms: float
    signal_to_noise: float
    pair: RealPair | None
    pair_sigmas: np.ndarray | None
    pair_reason: str

    @property
    def text(self) -> str:
        """In words: how large the change is."""
        return (
            f"{symbol(self.name)} {self.change:+.3g}: {self.rms:.2g} σ of the star's errors at a "
            f"wavelength (rms), {self.signal_to_noise:.2g} σ in all"
        ).replace("-", "−")


def counterfactual(
    catalog: Catalog,
    model: Model,
    row: int,
    name: str,
    change: float,
    projection: Projection,
    locked: tuple[int, ...] = (),
) -> Counterfactual:
    """Change one label of a star, and keep the others.

    Parameters
    ----------
    catalog : Catalog
        With spectra.
    model : Model
        That made its latents.
    row : int
        The star's.
    name : str
        A label that z is steered by.
    change : float
        Of it, in its unit.
    projection : Projection
        What is compared: flux on wavelengths, or any other mode.
    locked : tuple of int
        Indices (from 0) of latents that stay.

    Returns
    -------
    Counterfactual

    Raises
    ------
    InputError
        When the star has no latents or no spectrum, the change is 0 or not finite, the label
        cannot be steered there, or the model is not the catalog's.

    Examples
    --------
    >>> what_if = counterfactual(
    ...     stars, model, 17, "alpha_m", 0.1, Projection("flux", Wavelengths())
    ... )  # doctest: +SKIP
    >>> what_if.signal_to_noise, what_if.steered.direction.supported  # doctest: +SKIP
    """
    check_model(catalog, model.hash)
    if not 0 <= row < len(catalog):
        raise InputError(f"{catalog.path}: no row {row}; it has {len(catalog)} stars")
    if not np.isfinite(change) or change == 0:
        raise InputError(f"{symbol(name)} {change:+g}: give a change other than 0")
    if not catalog.placed[row]:
        raise InputError(f"{catalog.path}: star {int(catalog.source_id[row])} has no latents")
    neighbours = neighbours_of(catalog)
    z = np.array([catalog[latent][row] for latent in catalog.latents], np.float64)
    fit = fit_labels(catalog, neighbours, z)
    held = fit.way(name, locked).held
    target = fit.labels[name].value + change
    found = steer(catalog, neighbours, z, name, target, locked=locked)
    star = catalog.spectra[row]
    g_flux = float(star.g_flux[0])
    ends = [model.decode_point(place)[0] for place in (z, np.array(found.z))]
    observed = observed_curve(star, projection, 0, g_flux)
    before, after = (projection.values(c, g_flux) for c in ends)
    sigmas = (after - before) / observed.error
    pair, pair_sigmas, reason = None, None, ""
    try:
        pair = nearest_pair(
            catalog,
            neighbours,
            z,
            np.array(found.z) - z,
            fit.labels[name],
            change,
            {other: fit.labels[other] for other in held},
        )
    except InputError as error:
        reason = str(error)
    else:
        first, second = (
            observed_curve(catalog.spectra[one], projection, 0, g_flux) for one in pair.rows
        )
        pair_sigmas = (second.value - first.value) / observed.error
    return Counterfactual(
        row,
        name,
        change,
        z,
        found,
        projection.x,
        sigmas,
        float(np.sqrt(np.nanmean(sigmas**2))),
        _signal_to_noise((ends[1] - ends[0]) * g_flux, star),
        pair,
        pair_sigmas,
        reason,
    )


def _signal_to_noise(change: np.ndarray, star: Spectra) -> float:
    """√(Δᵀ C⁻¹ Δ) of coefficients, (110,), with the errors of one star."""
    scaled = np.asarray(change, np.float64) / star.errors[0]
    known = star.correlations is not None and bool(np.isfinite(star.correlations[0]).all())
    if not known:
        return float(np.sqrt((scaled**2).sum()))
    assert star.correlations is not None
    bands = scaled.reshape(2, N_BAND)
    whitened = np.linalg.solve(star.correlations[0].astype(np.float64), bands[..., None])[..., 0]
    return float(np.sqrt((bands * whitened).sum()))
