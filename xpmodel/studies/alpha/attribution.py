"""Which wavelengths latents follow, and which of them tell a classifier high- from low-α stars.

A star's flux f on GaiaXPy's grid gives coefficients S f (`xpmodel.mock.spectrum.solver`), these
over their own G flux go through the encoder: z(f), which does not change when all of f grows.

- Encoder Jacobian: ∂z_k / ∂ln f(λ), what a relative change of the flux at λ does to a latent.
- Integrated gradients (Sundararajan, Taly & Yan 2017, Eq. 1) of a logistic classifier on latents,
  from a low-α star to the high-α star of equal labels that it is paired with: [f₁(λ) − f₀(λ)]
  times the gradient by f(λ), averaged over the straight way from f₀ to f₁. Over all wavelengths
  they add up to the difference of the classifier's logit, their Proposition 1.

The null of the second is what comes out when the two stars of each pair change places at random,
the classifier fitted anew; and the same on a sky whose spectra have no α.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from xpmodel.catalog.catalog import Catalog, check_model
from xpmodel.catalog.named_cuts import cut_mask
from xpmodel.errors import InputError
from xpmodel.mock.spectrum import UNIT_G_FLUX, solver, wavelength_grid
from xpmodel.model.model import Model
from xpmodel.spectra.bands import N_COEFFICIENTS
from xpmodel.spectra.photometry import synthetic_g_flux
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.alpha.equal_pairs import EQUAL, match_pairs
from xpmodel.studies.alpha.scores import INTERVAL
from xpmodel.tracks.bins import CONDITIONS, check_columns

# Pairs are equal in dust too, where the catalog has it [mag].
EQUAL_DUST = {"sfd_ebv": 0.02}
FEWEST_PAIRS = 100
# Points of the Gauss–Legendre rule along the way from one star to the other.
STEPS = 32
BATCH = 512
# Strength of the classifier's ridge: as weak as scikit-learn's default.
RIDGE = 1.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """What wavelengths do to latents and to a classifier of α.

    Attributes
    ----------
    wavelength : ndarray, (L,)
        [nm]
    latents : list of str
        The active ones, K.
    n_pairs, n_found : int
        Pairs used, and those that there are.
    equal : dict of str to float
        How far the two stars of a pair may differ.
    response : ndarray, (K, L)
        ∂z_k/∂ln f(λ) [nm⁻¹], mean over the pairs' stars: summed over a band times its width it is
        the change of z_k when the flux in the band grows by a small part.
    by_latent : ndarray, (K, L)
        What each wavelength adds to the mean difference in z_k of high- and low-α stars [nm⁻¹].
    difference : ndarray, (K,)
        That difference.
    classifier, classifier_error : ndarray, (L,)
        What each wavelength adds to the classifier's logit for the high-α star [nm⁻¹]: mean over
        the pairs, which the classifier was not fitted on, and its standard error.
    logit : float
        The mean difference of the logit, high less low.
    null_low, null_high : ndarray, (L,)
        Between these lie 95 % of `classifier` where stars of pairs change places at random.
    right, null_right : float
        Part of the pairs that the classifier, which did not see them, puts in the right order;
        the 97.5 percentile of the same where stars change places.
    incomplete : float
        The largest |Σ_λ − difference| of a pair's logit: the rule's error.
    unseen : float
        Root mean square difference of the latents of a star's own coefficients and of those that
        its flux gives back, in standard deviations of the latent: what wavelengths cannot tell.
    """

    wavelength: np.ndarray
    latents: list[str]
    n_pairs: int
    n_found: int
    equal: dict[str, float]
    response: np.ndarray
    by_latent: np.ndarray
    difference: np.ndarray
    classifier: np.ndarray
    classifier_error: np.ndarray
    logit: float
    null_low: np.ndarray
    null_high: np.ndarray
    right: float
    null_right: float
    incomplete: float
    unseen: float


class FluxEncoder:
    """Latents of spectra given as flux on GaiaXPy's grid, and their slopes.

    Parameters
    ----------
    model : Model
    latents : sequence of int
        Which latents, by place.

    Attributes
    ----------
    wavelength : ndarray, (L,)
        [nm]
    """

    def __init__(self, model: Model, latents: list[int]) -> None:
        self.wavelength = wavelength_grid()
        self._to_flux = Wavelengths().matrix * UNIT_G_FLUX  # (110, L)
        self._solver = solver()  # (110, L)
        self._g = synthetic_g_flux(np.eye(N_COEFFICIENTS))  # (110,)
        self._model, self._latents = model, latents

    def flux(self, coefficients: np.ndarray) -> np.ndarray:
        """Flux (N, L), with a mean near 1, of coefficients over the G flux (N, 110)."""
        return coefficients @ self._to_flux

    def encode(self, flux: np.ndarray) -> np.ndarray:
        """Latents, (N, K), of fluxes (N, L)."""
        return self._slopes(flux @ self._solver.T)[0]

    def of_coefficients(self, per_flux: np.ndarray) -> np.ndarray:
        """Latents, (N, K), of coefficients over the G flux (N, 110) as they are."""
        return self._encoded(per_flux)[0]

    def response(self, flux: np.ndarray) -> np.ndarray:
        """∂z/∂ln f(λ) of fluxes (N, L): (N, K, L)."""
        _, slopes = self._slopes(flux @ self._solver.T)
        return slopes @ self._solver * flux[:, None]

    def integrated(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """What each wavelength adds to z(last) − z(first), fluxes (N, L): (N, K, L).

        Integrated gradients of every latent along the straight way from the first to the last.
        """
        start, end = first @ self._solver.T, last @ self._solver.T
        nodes, weights = np.polynomial.legendre.leggauss(STEPS)
        mean = np.zeros((len(start), len(self._latents), start.shape[1]))
        for t, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            mean += weight * self._slopes(start + (end - start) * t)[1]
        return mean @ self._solver * (last - first)[:, None]

    def _slopes(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latents (N, K) of coefficients (N, 110) over their own G flux, and ∂z/∂c, (N, K, 110)."""
        g_flux = (coefficients @ self._g)[:, None]
        per_flux = coefficients / g_flux
        z, slopes = self._encoded(per_flux)
        # Of c over g·c: a change of the G flux takes the shape along.
        along = np.einsum("nkj,nj->nk", slopes, per_flux)
        return z, (slopes - along[..., None] * self._g) / g_flux[..., None]

    def _encoded(self, per_flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latents (N, K) of coefficients over the G flux, and their slopes, (N, K, 110)."""
        model = self._model
        x = torch.as_tensor((per_flux - model.mu) / model.sig, dtype=torch.float32)
        x = x.to(model.device).requires_grad_()
        z = model.network.encode(x)[0][:, self._latents]
        slopes = [
            torch.autograd.grad(z[:, k].sum(), x, retain_graph=True)[0]
            for k in range(len(self._latents))
        ]
        stacked = torch.stack(slopes, dim=1).cpu().numpy().astype(np.float64)
        return z.detach().cpu().numpy().astype(np.float64), stacked / model.sig


def attribute(
    catalog: Catalog,
    model: Model,
    cut: str = "pristine",
    variant: str = "paper",
    *,
    n_pairs: int = 5_000,
    shuffles: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> Attribution:
    """Find which wavelengths drive the active latents, and a classifier of α on them.

    Parameters
    ----------
    catalog : Catalog
        With spectra and [Fe/H], [Mg/Fe], Teff, log g and [M/H].
    model : Model
        That made its latents.
    cut, variant : str
        As in `xpmodel.catalog.named_cuts.cut_mask`.
    n_pairs : int
        Pairs to use at most, drawn at random.
    shuffles : int
        Of the null, 20 at least.
    seed : int
        Of these draws.
    progress : callable, optional
        Called with the number of pairs done, and of all that are used.

    Raises
    ------
    InputError
        When the model is not the catalog's, no latent is active, or there are too few pairs.
    """
    check_model(catalog, model.hash)
    if not catalog.active:
        raise InputError(f"{catalog.path}: no latent is active, so no wavelength drives one")
    if shuffles < 20:
        raise InputError(f"{shuffles} shuffles are too few for a band of 95 %; give 20 or more")
    store = catalog.spectra
    high, low, equal = _pairs(catalog, cut, variant)
    rng = np.random.default_rng(seed)
    used = np.sort(rng.permutation(len(high))[:n_pairs])
    encoder = FluxEncoder(model, [catalog.latents.index(z) for z in catalog.active])
    step = float(np.diff(encoder.wavelength).mean())
    parts, ends, responses, seen = [], [], [], []
    for start in range(0, len(used), BATCH):
        some = used[start : start + BATCH]
        flux, z = [], []
        for rows in (low[some], high[some]):
            spectra = store[rows]
            per_flux = spectra.coefficients.astype(np.float64) / spectra.g_flux[:, None]
            flux.append(encoder.flux(per_flux))
            z.append(encoder.encode(flux[-1]))
            seen.append(z[-1] - encoder.of_coefficients(per_flux))
            responses.append(encoder.response(flux[-1]).sum(axis=0))
        parts.append(encoder.integrated(*flux))
        ends.append(z[1] - z[0])
        if progress is not None:
            progress(int(start + len(some)), len(used))
    added, moved = np.concatenate(parts) / step, np.concatenate(ends)
    spread = np.array([float(np.nanstd(catalog[z])) for z in catalog.active])
    half = rng.permutation(len(used)) % 2
    weights = _fitted(moved, spread, half)
    logits = np.einsum("pk,pkl->pl", weights, added)
    null = [_one(moved, added, spread, half, rng.choice([-1.0, 1.0], len(used)))
            for _ in range(shuffles)]  # fmt: skip
    low_end, high_end = np.percentile([curve for curve, _ in null], INTERVAL, axis=0)
    change = np.einsum("pk,pk->p", weights, moved)
    return Attribution(
        wavelength=encoder.wavelength,
        latents=catalog.active,
        n_pairs=len(used),
        n_found=len(high),
        equal=equal,
        response=np.sum(responses, axis=0) / (2 * len(used)) / step,
        by_latent=added.mean(axis=0),
        difference=moved.mean(axis=0),
        classifier=logits.mean(axis=0),
        classifier_error=logits.std(axis=0, ddof=1) / np.sqrt(len(used)),
        logit=float(change.mean()),
        null_low=low_end,
        null_high=high_end,
        right=float((change > 0).mean()),
        null_right=float(np.percentile([right for _, right in null], INTERVAL[1])),
        incomplete=float(np.abs(logits.sum(axis=1) * step - change).max()),
        unseen=float(np.sqrt(np.mean((np.concatenate(seen) / spread) ** 2))),
    )


def _pairs(
    catalog: Catalog, cut: str, variant: str
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Rows of the high- and the low-α stars of pairs, and what they are equal in."""
    high, low = CONDITIONS["high_alpha"], CONDITIONS["low_alpha"]
    check_columns(catalog, (*high.columns, *EQUAL), "pairs of stars that differ in α alone")
    is_high = high.passes(catalog)
    known = cut_mask(catalog, cut, variant) & (is_high | low.passes(catalog)) & catalog.placed
    equal = dict(EQUAL)
    equal |= {name: most for name, most in EQUAL_DUST.items() if name in catalog.numeric}
    pairs = match_pairs({name: catalog[name] for name in equal}, is_high, known, equal)
    if len(pairs) < FEWEST_PAIRS:
        raise InputError(
            f"{catalog.path}: {len(pairs)} pairs of equal labels in the cut {cut!r} ({variant}); "
            f"needs {FEWEST_PAIRS} (see --cut)"
        )
    return pairs.high, pairs.low, equal


def _fitted(moved: np.ndarray, spread: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Weights of the latents in the logit of each pair, (P, K), fitted on the other half's pairs.

    Logistic regression of which star of a pair is the high-α one on their difference in z, (P, K):
    without an intercept, since either star may be named first.
    """
    from sklearn.linear_model import LogisticRegression

    weights = np.empty_like(moved)
    for number in (0, 1):
        steps = moved[half != number] / spread
        both = np.concatenate([steps, -steps])
        first = np.arange(len(both)) < len(steps)
        fit = LogisticRegression(fit_intercept=False, C=RIDGE, max_iter=1000).fit(both, first)
        weights[half == number] = fit.coef_[0] / spread
    return weights


def _one(
    moved: np.ndarray, added: np.ndarray, spread: np.ndarray, half: np.ndarray, sign: np.ndarray
) -> tuple[np.ndarray, float]:
    """One draw of the null: the mean curve, (L,), and the part in the right order, signs given."""
    turned = sign[:, None] * moved
    weights = _fitted(turned, spread, half)
    curve = np.zeros(added.shape[2])
    for number in (0, 1):
        here = half == number
        # All pairs of a half have one set of weights: sum first over pairs, then over latents.
        curve += weights[here][0] @ np.tensordot(sign[here], added[here], axes=1)
    return curve / len(sign), float(((turned * weights).sum(axis=1) > 0).mean())
