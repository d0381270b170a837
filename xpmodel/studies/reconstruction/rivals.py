"""Reconstructions of the same stars by others: principal components, label means, another model.

Regressions on labels and colors are in `xpmodel.studies.reconstruction.label_cubic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.spectra.spectra import Spectra
from xpmodel.studies.principal_components import BATCH, fit_components, per_flux

COMPONENTS = (4, 6, 20)
NEIGHBOURS = 10
# What label-dependent models of XP spectra are conditioned on (Zhang, Green & Rix 2023, Sect. 2),
# and where it is known [α/M], whose effect on spectra the paper is about.
CONDITIONED_ON, IF_KNOWN = ("teff", "logg", "m_h"), ("alpha_m",)
# What Leung & Bovy (2023) add to labels, and the color of the spectra themselves.
COLORS = ("bp_rp", "j_h", "j_k")
MODEL, LABEL_MEAN, COLOR_MEAN = "model", "label mean", "label + color mean"


@dataclass(frozen=True)
class Reconstruction:
    """Spectra of M of the test stars as something else has them.

    Attributes
    ----------
    name : str
    places : ndarray, (M,) int64
        Which of the test stars they are of, in rising order.
    coefficients : ndarray, (M, 110), or None
        Archive units; NaN for coefficients that it does not give.
    flux : ndarray, (M, L), or None
        [W m⁻² nm⁻¹] at `grid`.
    grid : ndarray, (L,), or None
        Wavelengths [nm].
    note : str
        How it was made.
    """

    name: str
    places: np.ndarray
    coefficients: np.ndarray | None = None
    flux: np.ndarray | None = None
    grid: np.ndarray | None = None
    note: str = ""


def of_model(
    name: str, model: Model, spectra: Spectra, z: np.ndarray | None = None
) -> Reconstruction:
    """What a model makes of spectra: decoded from the posterior means, times the G flux.

    Parameters
    ----------
    name : str
    model : Model
    spectra : Spectra
        N stars.
    z : ndarray, (N, K), optional
        Their posterior means. Default: encoded now.

    Raises
    ------
    InputError
        When no star has latents.
    """
    z = model.encode(spectra)[0] if z is None else z
    known = np.flatnonzero(np.isfinite(z).all(axis=1))
    coefficients = model.decode(z[known])[0] * spectra.g_flux[known, None]
    if not len(known):
        raise InputError(f"{name}: none of the {len(spectra):,} test stars has latents")
    note = "decoded from the posterior means"
    if len(known) < len(spectra):
        note += f"; {len(known):,} of {len(spectra):,} test stars have latents"
    return Reconstruction(name, known, coefficients.astype(np.float64), note=note)


def principal_components(
    catalog: Catalog, train: np.ndarray, spectra: Spectra
) -> list[Reconstruction]:
    """Principal components of the training stars, with regard to errors: 4, 6 and 20 of them.

    Parameters
    ----------
    catalog : Catalog
    train : ndarray of int64
        Rows of the training stars.
    spectra : Spectra
        The test stars'.
    """
    fitted = fit_components(catalog, train, max(COMPONENTS))
    note = f"components of {len(train):,} training stars, in units of their errors"
    everyone, g_flux = np.arange(len(spectra)), spectra.g_flux[:, None]
    return [
        Reconstruction(f"PCA {n}", everyone, fitted.reconstruct(spectra, n) * g_flux, note=note)
        for n in COMPONENTS
    ]


def label_means(
    catalog: Catalog,
    train: np.ndarray,
    test: np.ndarray,
    spectra: Spectra,
    *,
    colors: bool = False,
) -> Reconstruction:
    """The mean spectrum of the 10 training stars nearest in labels: a label-dependent model.

    Labels are those of `known_labels`, each over its standard deviation. Spectra are per unit G
    flux; the mean takes the star's own G flux.

    Parameters
    ----------
    catalog, train, spectra
        As for `principal_components`.
    test : ndarray of int64
        Rows of the test stars.
    colors : bool
        Nearest in labels and colors.

    Raises
    ------
    InputError
        When the catalog lacks Teff, log g, [M/H] or all colors, or too few stars have them.
    """
    from scipy.spatial import cKDTree

    used, labels = known_labels(catalog, colors=colors)
    known = np.all(np.isfinite(labels), axis=1)
    fit, places = np.sort(train[known[train]]), np.flatnonzero(known[test])
    if len(fit) < NEIGHBOURS or not len(places):
        raise InputError(f"{catalog.path}: {len(fit)} training stars with labels are too few")
    spread = labels[fit].std(axis=0)
    labels /= np.where(spread > 0, spread, 1.0)
    _, nearest = cKDTree(labels[fit]).query(labels[test[places]], k=NEIGHBOURS, workers=-1)
    x = np.empty((len(fit), spectra.coefficients.shape[1]), np.float32)
    for start in range(0, len(fit), BATCH):
        rows = slice(start, start + BATCH)
        x[rows] = per_flux(catalog.spectra[fit[rows]])
    mean = np.zeros((len(places), x.shape[1]))
    for one in np.transpose(nearest):
        mean += x[one] / NEIGHBOURS
    coefficients = mean * spectra.g_flux[places, None]
    note = f"mean of the {NEIGHBOURS} training stars nearest in {', '.join(used)}"
    return Reconstruction(COLOR_MEAN if colors else LABEL_MEAN, places, coefficients, note=note)


def known_labels(catalog: Catalog, *, colors: bool) -> tuple[list[str], np.ndarray]:
    """What label-dependent rivals are told of a catalog's stars.

    Teff, log g, [M/H] and, where there is one, [α/M]; with colors also those of BP − RP, J − H and
    J − K that the catalog has.

    Returns
    -------
    names : list of str
        F columns.
    values : ndarray, (N, F) float64

    Raises
    ------
    InputError
        When the catalog lacks Teff, log g or [M/H], or has none of the colors.
    """
    missing = [name for name in CONDITIONED_ON if name not in catalog.numeric]
    if missing:
        raise InputError(f"{catalog.path}: no column {', '.join(missing)}, so no rival by labels")
    used = [name for name in (*CONDITIONED_ON, *IF_KNOWN) if name in catalog.numeric]
    if colors:
        found = [name for name in COLORS if name in catalog.numeric]
        if not found:
            raise InputError(f"{catalog.path}: no column of {', '.join(COLORS)}, so no colors")
        used += found
    return used, np.stack([catalog[name].astype(np.float64) for name in used], axis=1)


def taken(reconstructions: Sequence[Reconstruction]) -> None:
    """Refuse two reconstructions of one name.

    Raises
    ------
    InputError
    """
    seen: set[str] = set()
    for one in reconstructions:
        if one.name in seen:
            raise InputError(f"two reconstructions are named {one.name!r}: name one otherwise")
        seen.add(one.name)
