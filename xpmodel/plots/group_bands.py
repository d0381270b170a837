"""Median spectra of many stars with their 16–84 % bands, and ratios of two medians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.plots.modes import LEAST_PARALLAX_OVER_ERROR, Projection, scale_at_1kpc
from xpmodel.spectra.bands import N_COEFFICIENTS

KINDS = ("observed", "decoded")
PERCENTILES = (16.0, 50.0, 84.0)
# Stars that are read or decoded at once, and values that are sorted at once: some 100 MB.
ROWS, VALUES = 65_536, 16_000_000


@dataclass(frozen=True, kw_only=True)
class Band:
    """The spectra of a group of stars.

    Attributes
    ----------
    mode, kind : str
    x : ndarray, (L,)
        Wavelength [nm] or number of the coefficient.
    median, low, high : ndarray, (L,) float64
        50th, 16th and 84th percentile over the stars, in the mode's unit.
    error : ndarray, (L,) float64
        Standard error of the median, from the stars of ranks n/2 ± √n/2; NaN for one star.
    n_used, n_stars, n_left_out : int
        Stars in the percentiles, in the group, and of the group without latents or, at 1 kpc,
        without a G flux or a positive parallax of at least 5 times its error.
    seed : int or None
        That drew n_used of those which can be used; None where all are.
    """

    mode: str
    kind: str
    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    n_used: int
    n_stars: int
    n_left_out: int
    seed: int | None

    @property
    def text(self) -> str:
        """How many of how many stars: "2,000 of 31,415 stars (seed 0), 12 left out"."""
        of = "" if self.n_used == self.n_stars else f" of {self.n_stars:,}"
        seed = "" if self.seed is None else f" (seed {self.seed})"
        left_out = f", {self.n_left_out:,} left out" if self.n_left_out else ""
        if left_out and self.mode == "flux_1kpc":
            left_out += f" (no G flux, or no parallax of {LEAST_PARALLAX_OVER_ERROR:g} σ)"
        return f"{self.n_used:,}{of} stars{seed}{left_out}"


@dataclass(frozen=True)
class Ratio:
    """The ratio of two medians.

    Attributes
    ----------
    x, value, error : ndarray, (L,) float64
    """

    x: np.ndarray
    value: np.ndarray
    error: np.ndarray


def group_band(
    catalog: Catalog,
    mask: np.ndarray,
    projection: Projection,
    *,
    kind: str,
    model: Model | None = None,
    g_flux: float = 1.0,
    limit: int | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Band:
    """Percentiles of the spectra of some stars, at each wavelength by itself.

    Parameters
    ----------
    catalog : Catalog
    mask : ndarray, (N,) bool
        The stars.
    projection : Projection
        Says in what they are shown. At 1 kpc each star has its own G flux and parallax; else all
        are brought to one G flux.
    kind : str
        ``observed``: of the spectra beside the catalog; ``decoded``: of the model, from the stars'
        posterior means. Both are of the same stars.
    model : Model, optional
        Which ``decoded`` needs. The work is done on its device.
    g_flux : float
        [e-/s]
    limit : int, optional
        Take at most so many of the stars, drawn with the seed. Default: all.
    seed : int
    progress : callable, optional
        Told the fraction done, 0 to 1.

    Returns
    -------
    Band

    Raises
    ------
    InputError
        When no star can be used, the spectra are missing, the kind is unknown, or the mask, the
        model, the G flux or the limit does not fit.
    """
    _check(catalog, mask, kind, model, g_flux, limit)
    at_1kpc = projection.mode == "flux_1kpc"
    usable = mask & np.isfinite([catalog[name] for name in catalog.latents]).all(axis=0)
    if at_1kpc:
        for name in ("parallax", "phot_g_mean_flux"):
            if name not in catalog.numeric:
                raise InputError(f"{catalog.path}: no {name}, which flux at 1 kpc needs")
        # Without a G flux a star has no scale: it must not count as one of those used.
        usable &= (catalog["parallax"] > 0) & np.isfinite(catalog["phot_g_mean_flux"])
        if "parallax_error" in catalog.numeric:
            least = LEAST_PARALLAX_OVER_ERROR * catalog["parallax_error"]
            usable &= ~(catalog["parallax"] < least)  # an error that is not known counts not
    rows = np.flatnonzero(usable)
    n_stars, n_usable = int(np.count_nonzero(mask)), len(rows)
    if not n_usable:
        why = " with latents"
        if at_1kpc:
            why += (
                f" and a positive parallax, {LEAST_PARALLAX_OVER_ERROR:g} times its error, and a "
                "G flux"
            )
        raise InputError(f"none of the {n_stars:,} stars is one{why}")
    drawn = limit is not None and limit < n_usable
    if drawn:
        rows = np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
    scale = scale_at_1kpc(*(catalog[n][rows] for n in ("phot_g_mean_flux", "parallax"))) \
        if at_1kpc else None  # fmt: skip
    told = progress or (lambda fraction: None)
    coefficients = _coefficients(catalog, rows, kind, model, lambda f: told(0.5 * f))
    found = _percentiles(coefficients, projection, scale, lambda f: told(0.5 + 0.5 * f))
    low, median, high, error = found * (g_flux if projection.look.scaled and not at_1kpc else 1.0)
    return Band(
        mode=projection.mode,
        kind=kind,
        x=projection.x,
        median=median,
        low=low,
        high=high,
        error=error,
        n_used=len(rows),
        n_stars=n_stars,
        n_left_out=n_stars - n_usable,
        seed=seed if drawn else None,
    )


def ratio(a: Band, b: Band) -> Ratio:
    """Median of A over median of B, with the error that their standard errors make.

    Raises
    ------
    InputError
        When the two are not shown in the same way.
    """
    if a.mode != b.mode or not np.array_equal(a.x, b.x):
        raise InputError(f"a ratio is of spectra shown alike, not of {a.mode} and {b.mode}")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = a.median / b.median
        error = np.abs(value) * np.hypot(a.error / a.median, b.error / b.median)
    return Ratio(a.x, value, error)


def _check(
    catalog: Catalog,
    mask: np.ndarray,
    kind: str,
    model: Model | None,
    g_flux: float,
    limit: int | None,
) -> None:
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown: use {' or '.join(KINDS)}")
    if mask.dtype != bool or mask.shape != (len(catalog),):
        raise InputError(f"{catalog.path}: the mask must be {len(catalog)} bool")
    if not (np.isfinite(g_flux) and g_flux > 0):
        raise InputError(f"the G flux must be a number above 0 e-/s, not {g_flux}")
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1 star, not {limit}")
    if kind == "observed":
        return
    if model is None:
        raise InputError("decoded spectra need a model")
    if model.n_latents != catalog.n_latents:
        raise InputError(
            f"{catalog.path} has {catalog.n_latents} latents, the model {model.n_latents}: "
            "use the model that encoded it"
        )


def _coefficients(
    catalog: Catalog,
    rows: np.ndarray,
    kind: str,
    model: Model | None,
    progress: Callable[[float], None],
) -> Tensor:
    """Coefficients per unit G flux, (N, 110) float32, on the model's device if there is one."""
    device = torch.device("cpu") if model is None else model.device
    decoder = model if kind == "decoded" else None
    length = N_COEFFICIENTS if decoder is None else decoder.network.input_dim
    found = torch.empty((len(rows), length), device=device)
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        if decoder is None:
            spectra = catalog.spectra[rows[part]]
            per_flux = spectra.coefficients / spectra.g_flux[:, None].astype(np.float32)
            found[part] = torch.from_numpy(per_flux).to(device)
        else:
            z = np.stack([catalog[name][rows[part]] for name in catalog.latents], axis=1)
            found[part] = decoder.decode_mean(torch.from_numpy(z).to(device))
        progress(min(1.0, (start + ROWS) / len(rows)))
    return found


def _percentiles(
    coefficients: Tensor,
    projection: Projection,
    scale: np.ndarray | None,
    progress: Callable[[float], None],
) -> np.ndarray:
    """16, 50 and 84 % over the stars and the median's standard error, (4, L) float64."""
    n, length = len(coefficients), len(projection.x)
    # Fluxes are some 1e-20: in units of the matrix' largest entry float32 keeps its digits.
    unit = float(np.abs(projection.matrix).max())
    found = np.full((4, length), np.nan)
    blocks = list(_blocks(length, max(1, VALUES // n)))
    factor = None if scale is None else torch.from_numpy(scale).to(coefficients)
    for done, block in enumerate(blocks, 1):
        values = _product(coefficients, projection.matrix[:, block] / unit)
        if projection.continuum is not None:
            level = _product(coefficients, projection.continuum[:, block] / unit)
            values = torch.where(level > 0, values / level, torch.nan)
        if factor is not None:
            values *= factor
        ordered, counts = _sorted(values)
        found[:, block] = _of_ranks(ordered, counts)
        progress(done / len(blocks))
    return found * (1.0 if projection.continuum is not None else unit) + np.vstack(
        [np.tile(projection.offset, (3, 1)), np.zeros(length)]
    )


def _blocks(length: int, width: int) -> Iterator[slice]:
    for start in range(0, length, width):
        yield slice(start, min(start + width, length))


def _product(coefficients: Tensor, columns: np.ndarray) -> Tensor:
    """(B, N): each wavelength's values lie side by side, as sorting wants them."""
    return torch.as_tensor(columns.T.copy()).to(coefficients) @ coefficients.T


def _sorted(values: Tensor) -> tuple[Tensor, np.ndarray]:
    """Each row in increasing order, NaN last, and how many values it has that are not NaN."""
    counts = (values.shape[1] - values.isnan().sum(dim=1)).cpu().numpy()
    if values.device.type == "cuda":
        return values.sort(dim=1).values, counts
    # NumPy sorts float32 with vector instructions, several times as fast as PyTorch on a CPU.
    array = values.numpy()
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(np.ndarray.sort, array))
    return values, counts


def _of_ranks(ordered: Tensor, counts: np.ndarray) -> np.ndarray:
    """Percentiles of sorted rows (B, N) and the median's standard error, (4, B)."""
    last = np.maximum(counts - 1, 0)
    half = 0.5 * np.sqrt(counts)
    places = [q / 100 * last for q in PERCENTILES]
    places += [np.maximum(0.5 * last - half, 0), np.minimum(0.5 * last + half, last)]
    place = np.stack(places, axis=1)  # (B, 5)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, last[:, None])
    picks = torch.from_numpy(np.concatenate([below, above], axis=1)).to(ordered.device)
    picked = ordered.gather(1, picks).cpu().numpy().astype(np.float64)
    values = picked[:, :5] + (place - below) * (picked[:, 5:] - picked[:, :5])
    values[counts == 0] = np.nan
    error = 0.5 * (values[:, 4] - values[:, 3])
    error[counts < 2] = np.nan
    return np.stack([values[:, 0], values[:, 1], values[:, 2], error])
