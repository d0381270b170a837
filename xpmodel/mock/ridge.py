"""From a made-up spectrum to one on the ridge of real stars.

Real coefficients over the G flux lie along a narrow ridge in color. Line lists and black bodies
alone miss it by many errors of a bright star, so the mock's coefficients c are moved there:

    c' = r(b) + σ [P (A(b) t + L(b) ε) + D u],   P t + u = (c − m(b)) / σ,

where b is the spectrum's BP−RP, r and m the ridges (mean coefficients at a color) of real stars
and of the generator, σ errors at `SCALE_MAG`, P the leading directions in which real stars leave
their ridge, and ε the star's own residual, standard normal. A and D are the identity but in
directions in which the generator's stars spread more than real ones, where they shrink it; A and
L together give the real covariance. Nothing but the spectrum and ε enters: what the generator
keeps out of a spectrum, such as [α/M] in a sky without its signal, stays out.

`ridge.json` is fitted to 1,400 real Gaia DR3 stars: r to their coefficients, and P and the
covariance to these as the published model reconstructs them, which takes their noise away. Those
redder than BP−RP 1.3 are nearly all dwarfs, and red giants of the mock share their ridge. By

    python -m xpmodel.mock.ridge SPECTRA PHOTOMETRY WEIGHTS NORMALIZATION
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xpmodel.mock.noise import relation
from xpmodel.mock.population import N_RESIDUALS, Stars, draw_stars
from xpmodel.mock.spectrum import bp_rp, coefficients_of, model_flux
from xpmodel.spectra.bands import BANDS

SCALE_MAG = 13.5
# Knots in BP−RP [mag] of the ridges, and of the covariances about them.
RIDGE_KNOTS = (
    -0.1, 0.3, 0.6, 0.75, 0.85, 0.95, 1.05, 1.2, 1.35, 1.5, 1.65, 1.8, 2.0, 2.25, 2.5, 2.8, 3.2,
)  # fmt: skip
SPREAD_KNOTS = (0.7, 0.9, 1.1, 1.35, 1.65, 2.0, 2.4)
# Stars count for a covariance by a Gaussian in color, of so much of the knot's color.
SPREAD_WIDTH = 0.12
# Share of the real variance that labels may explain in a direction; the star's own is the rest.
LABEL_SHARE = 0.85
# A flat covariance stands for the published model's curved latents; so much more variance gives
# them the spread that they have in real stars.
CURVATURE = 1.25
# Largest spread [σ] of the generator's stars in other directions: about that of real ones there.
UNEXPLAINED, N_DAMPED = 2.0, 6
FIT_STARS, FIT_SEED = 16_000, 20_000
FAINTEST, FAINTEST_SPREAD = 17.2, 16.5
# A star this many times as far off as the median one counts less.
OUTLIER = 4.0
# And this many times as far off, it is not of the covariance.
STRANGER = 12.0
SMOOTHNESS = 1e-2


@dataclass(frozen=True)
class Ridge:
    """What `ridge.json` holds; the docstring of the module has the symbols.

    Attributes
    ----------
    real, mock : ndarray, (17, 110)
        r and m at `RIDGE_KNOTS`.
    directions : ndarray, (6, 110)
        P transposed: orthonormal rows.
    kept, spread : ndarray, (7, 6, 6)
        A and L at `SPREAD_KNOTS`.
    damped : ndarray, (6, 110)
        Orthonormal directions outside P in which D shrinks.
    damping : ndarray, (6,)
        By how much.
    """

    real: np.ndarray
    mock: np.ndarray
    directions: np.ndarray
    kept: np.ndarray
    spread: np.ndarray
    damped: np.ndarray
    damping: np.ndarray

    def move(self, coefficients: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """Move the generator's coefficients to the ridge of real stars.

        Parameters
        ----------
        coefficients : ndarray, (N, 110)
            Per unit G flux.
        residual : ndarray, (N, 6)
            The stars' own.

        Returns
        -------
        ndarray, (N, 110)
            Per unit G flux.
        """
        from xpmodel.spectra.photometry import synthetic_g_flux

        color = bp_rp(coefficients)
        along = splines(color)
        off = (coefficients - along @ self.mock) / scale()
        explained = off @ self.directions.T
        moved = self._at(color, self.kept, explained) + self._at(color, self.spread, residual)
        change = (moved - explained) @ self.directions
        # `damped` is orthogonal to `directions`.
        change -= ((off @ self.damped.T) * (1 - self.damping)) @ self.damped
        result = coefficients + _faded(along @ (self.real - self.mock), color, RIDGE_KNOTS)
        result += _faded(change * scale(), color, SPREAD_KNOTS)
        return result / synthetic_g_flux(result)[:, None]

    @staticmethod
    def _at(color: np.ndarray, matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Matrices (7, 6, 6), interpolated in color, times vectors (N, 6)."""
        weights = _hats(color, SPREAD_KNOTS)
        return np.einsum("nk,kij,nj->ni", weights, matrices, vectors, optimize=True)


def true_coefficients(stars: Stars, alpha_signal: float = 1.0) -> np.ndarray:
    """Coefficients of stars without noise, as a mock sky has them.

    A smooth function of the labels of given stars: a star keeps its own residual.

    Parameters
    ----------
    stars : Stars
    alpha_signal : float
        As in `xpmodel.mock.spectrum.model_flux`.

    Returns
    -------
    ndarray, (N, 110) float64
        Per unit G flux.
    """
    return table().move(coefficients_of(model_flux(stars, alpha_signal)), stars.residual)


def scale() -> np.ndarray:
    """σ: the usual error over the G flux at `SCALE_MAG`, (110,)."""
    return np.asarray(10.0 ** relation(np.array([SCALE_MAG]))[0])


@functools.cache
def table() -> Ridge:
    """The fitted table."""
    text = importlib.resources.files("xpmodel.mock").joinpath("ridge.json").read_text()
    return Ridge(**{name: np.array(values) for name, values in json.loads(text).items()})


def splines(color: np.ndarray) -> np.ndarray:
    """Values of the natural cubic splines of `RIDGE_KNOTS` at colors, (N, 17)."""
    from scipy.interpolate import CubicSpline

    knots = np.array(RIDGE_KNOTS)
    basis = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    return np.asarray(basis(np.clip(color, knots[0], knots[-1])))


def _faded(change: np.ndarray, color: np.ndarray, knots: tuple[float, ...]) -> np.ndarray:
    """A change of coefficients that fades with BP's light in stars redder than all knots."""
    change[:, BANDS["bp"]] *= 10.0 ** (-0.4 * np.maximum(color - knots[-1], 0.0))[:, None]
    return change


def _hats(color: np.ndarray, knots: tuple[float, ...]) -> np.ndarray:
    """Weights of linear interpolation between knots, (N, K)."""
    return np.stack([np.interp(color, knots, row) for row in np.eye(len(knots))], axis=1)


def fit_ridge(color: np.ndarray, coefficients: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Mean coefficients at `RIDGE_KNOTS`, (17, 110), outliers counting less.

    Parameters
    ----------
    color : ndarray, (N,)
        BP−RP [mag].
    coefficients, errors : ndarray, (N, 110)
        Over the G flux.
    """
    basis = splines(color)
    bend = np.diff(np.eye(len(RIDGE_KNOTS)), 2, axis=0)
    variance = errors**2 + scale() ** 2
    counts, ridge = np.ones(len(color)), np.zeros((len(RIDGE_KNOTS), coefficients.shape[1]))
    for _ in range(5):
        columns = []
        for j, sigma in enumerate(scale()):
            weight = counts / variance[:, j]
            normal = basis.T @ (basis * weight[:, None]) + SMOOTHNESS / sigma**2 * bend.T @ bend
            columns.append(np.linalg.solve(normal, basis.T @ (weight * coefficients[:, j])))
        ridge = np.stack(columns, axis=1)
        counts = _counts(((coefficients - basis @ ridge) ** 2 / variance).mean(axis=1))
    return ridge


def _counts(squares: np.ndarray) -> np.ndarray:
    limit = OUTLIER * np.median(squares)
    return np.minimum(1.0, limit / squares) ** 2


def _usual(squares: np.ndarray) -> np.ndarray:
    return (squares < STRANGER * np.median(squares)).astype(np.float64)


def _offsets(color: np.ndarray, coefficients: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """From a ridge, in units of σ."""
    return (coefficients - splines(color) @ ridge) / scale()


def fit_spread(
    real: tuple[np.ndarray, np.ndarray], mock: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """P, A, L and D from how real stars and the generator's leave their ridges.

    Parameters
    ----------
    real, mock : tuple of ndarray
        BP−RP, (N,), and offsets from the ridge in units of σ, (N, 110).
    """
    (color, off), (mock_color, mock_off) = real, mock
    counts = _usual((off**2).mean(axis=1))
    directions = np.linalg.svd(off * np.sqrt(counts)[:, None], full_matrices=False)[2]
    directions = directions[:N_RESIDUALS]
    t, mock_t = off @ directions.T, mock_off @ directions.T
    kept, spread = [], []
    for knot in SPREAD_KNOTS:
        real_covariance = CURVATURE * _covariance(color, t, counts, knot)
        mock_counts = _usual((mock_t**2).mean(axis=1))
        mock_covariance = _covariance(mock_color, mock_t, mock_counts, knot)
        a, rest = _shrinkage(real_covariance, mock_covariance)
        kept.append(a)
        spread.append(rest)
    rest = mock_off - mock_t @ directions
    counts = _usual((rest**2).mean(axis=1))
    values, vectors = np.linalg.eigh((rest * counts[:, None]).T @ rest / counts.sum())
    largest = np.argsort(values)[::-1][:N_DAMPED]
    return {
        "directions": directions,
        "kept": np.array(kept),
        "spread": np.array(spread),
        "damped": vectors[:, largest].T,
        "damping": np.minimum(1.0, UNEXPLAINED / np.sqrt(values[largest])),
    }


def _covariance(
    color: np.ndarray, values: np.ndarray, counts: np.ndarray, knot: float
) -> np.ndarray:
    weight = counts * np.exp(-0.5 * ((color - knot) / (SPREAD_WIDTH * knot)) ** 2)
    return np.asarray((values * weight[:, None]).T @ values / weight.sum())


def _shrinkage(real: np.ndarray, mock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A and L: A mock Aᵀ + L Lᵀ = real, and A the identity where the mock's variance allows."""
    root = np.linalg.cholesky(real)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ mock @ inverse.T)
    factor = np.minimum(1.0, np.sqrt(LABEL_SHARE / np.maximum(values, 1e-12)))
    left = np.sqrt(1.0 - factor**2 * values)
    return root @ (vectors * factor) @ vectors.T @ inverse, root @ vectors * left


def main(spectra_path: str, photometry: str, weights: str, normalization: str) -> None:
    """Fit the table and write it to `ridge.json` in the working directory."""
    from xpmodel.model.import_released import import_model
    from xpmodel.spectra.photometry import g_mag_from_flux
    from xpmodel.spectra.spectra import read_spectra

    spectra = read_spectra(spectra_path, photometry=photometry)
    flux, mag = spectra.g_flux[:, None], g_mag_from_flux(spectra.g_flux)
    color = bp_rp(spectra.coefficients)
    bright = mag < FAINTEST
    values = [(a / flux)[bright] for a in (spectra.coefficients, spectra.errors)]
    real = fit_ridge(color[bright], *values)
    model = import_model(weights, normalization)
    clean = model.decode(model.encode(spectra)[0])[0].astype(np.float64)
    clean_color = bp_rp(clean)
    usual = mag < FAINTEST_SPREAD
    usual &= (clean_color > RIDGE_KNOTS[1]) & (clean_color < RIDGE_KNOTS[-1])
    clean, clean_color = clean[usual], clean_color[usual]
    clean_ridge = fit_ridge(clean_color, clean, np.zeros_like(clean))
    stars = draw_stars(FIT_STARS, np.random.default_rng(FIT_SEED))
    stars = stars[(stars.second_light == 0) & (stars.emission == 0)]
    generated = coefficients_of(model_flux(stars))
    generated_color = bp_rp(generated)
    mock = fit_ridge(generated_color, generated, np.zeros_like(generated))
    fitted = fit_spread(
        (clean_color, _offsets(clean_color, clean, clean_ridge)),
        (generated_color, _offsets(generated_color, generated, mock)),
    )
    # A ten-millionth of the G flux: a hundredth of the errors at `SCALE_MAG`.
    rounded = {"real": real.round(7), "mock": mock.round(7)}
    rounded |= {name: array.round(4) for name, array in fitted.items()}
    text = ",\n".join(
        f"{json.dumps(name)}: [\n"
        + ",\n".join(json.dumps(row, separators=(",", ":")) for row in array.tolist())
        + "\n]"
        for name, array in rounded.items()
    )
    Path("ridge.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
