"""The band of a decoded spectrum: the model's scatter, the latents' error, an ensemble of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.plots.curves import Curve, decoded_curve, decoded_gradient
from xpmodel.plots.modes import Projection
from xpmodel.spectra.spectra import Spectra

LATENT_ERRORS = ("posterior", "noise")


@dataclass(frozen=True, eq=False)
class DecodedBand:
    """The spectrum decoded from a star's latents, and the parts of its band.

    Attributes
    ----------
    x, value : ndarray, (L,) float64
        As of `xpmodel.Curve`.
    scatter, latents, ensemble : ndarray, (L,) float64
        One standard deviation by the model's scatter ŝ (as independent errors of the
        coefficients), by the error of the latents to first order, and between models of other
        seeds; 0 for what does not count.
    """

    x: np.ndarray
    value: np.ndarray
    scatter: np.ndarray
    latents: np.ndarray
    ensemble: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """One standard deviation of all, (L,): they count as independent."""
        return np.sqrt(self.scatter**2 + self.latents**2 + self.ensemble**2)

    @property
    def curve(self) -> Curve:
        """The same as a curve with its error."""
        return Curve(self.x, self.value, self.error)


def latent_error(
    model: Model, projection: Projection, z: np.ndarray, std: np.ndarray, scale: float = 1.0
) -> np.ndarray:
    """What independent errors of the latents do to a decoded spectrum, to first order.

    Parameters
    ----------
    model : Model
    projection : Projection
    z, std : ndarray, (K,)
        A point, and the standard deviation of each latent there; NaN counts as 0.
    scale : float
        As for `xpmodel.decoded_curve`.

    Returns
    -------
    error : ndarray, (L,) float64
    """
    slopes = decoded_gradient(model, projection, z, scale)
    return np.sqrt(((np.nan_to_num(std)[:, None] * slopes) ** 2).sum(axis=0))


def decoded_band(
    model: Model,
    projection: Projection,
    spectra: Spectra,
    row: int = 0,
    scale: float | None = None,
    *,
    latents: str = "posterior",
    ensemble: Sequence[Model] = (),
) -> DecodedBand:
    """Decode a star's latents, with a band: ŝ ⊕ the latents' error ⊕ an ensemble of seeds.

    Parameters
    ----------
    model : Model
    projection : Projection
    spectra : Spectra
    row : int
        Which star of the spectra.
    scale : float, optional
        As for `xpmodel.decoded_curve`. Default: the star's own G flux.
    latents : str
        ``posterior``: its width, what the model says; ``noise``: the noise of the spectrum through
        the encoder, which grows as the star gets fainter.
    ensemble : sequence of Model
        Models trained as this one but from other seeds, one at least. Each encodes and decodes the
        star; the band has the standard deviation of what they and this one decode.

    Returns
    -------
    DecodedBand

    Raises
    ------
    InputError
        When `latents` is another word, or a model of the ensemble takes other spectra.
    """
    if latents not in LATENT_ERRORS:
        raise InputError(f"errors of latents {latents!r:.40}: give {' or '.join(LATENT_ERRORS)}")
    star = spectra[row]
    scale = float(star.g_flux[0]) if scale is None else scale
    encoded = model.score(star)
    z = encoded.mean[0].astype(np.float64)
    curve = decoded_curve(model, projection, z, scale)
    std = (encoded.std if latents == "posterior" else encoded.noise)[0].astype(np.float64)
    between = np.zeros(len(curve.x))
    if ensemble:
        others = [_decoded(member, projection, star, scale) for member in ensemble]
        between = np.std([curve.value, *others], axis=0, ddof=1)
    return DecodedBand(
        curve.x,
        curve.value,
        curve.error,
        latent_error(model, projection, z, std, scale),
        between,
    )


def _decoded(model: Model, projection: Projection, star: Spectra, scale: float) -> np.ndarray:
    coefficients, _ = model.decode(model.encode(star)[0])
    return projection.values(coefficients[0].astype(np.float64), scale)
