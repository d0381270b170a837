"""A smooth label-dependent rival: spectra as a cubic polynomial in labels and colors."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.spectra.spectra import Spectra
from xpmodel.studies.principal_components import per_flux
from xpmodel.studies.reconstruction.rivals import Reconstruction, known_labels

COLOR_CUBIC = "label + color cubic"
DEGREE = 3
# Training stars whose terms are held at once.
BATCH = 16_384
# Percentiles of the training stars that a label is kept within: a cubic of a wild one has no bound.
WITHIN = (0.1, 99.9)
# Directions in which the terms' moments are smaller than this part of the largest are left out.
RELATIVE_MOMENT = 1e-12


def label_cubic(
    catalog: Catalog, train: np.ndarray, test: np.ndarray, spectra: Spectra
) -> Reconstruction:
    """Each coefficient by least squares on all products of up to three labels and colors.

    Spectra are per unit G flux, and take the test star's own. In units of errors: each training
    star is weighted by the inverse square of its errors, which are the median over coefficients
    of the error over the median star's, as in `xpmodel.studies.principal_components`. Where terms
    are not independent, as of a label that all stars share, the smallest solution is taken. Labels
    beyond the 0.1 and 99.9 percentiles of the training stars count as these.

    Parameters
    ----------
    catalog, train, test, spectra
        As for `xpmodel.studies.reconstruction.rivals.label_means`.

    Raises
    ------
    InputError
        When the catalog lacks Teff, log g, [M/H] or all colors, or fewer training stars have them
        than the polynomial has terms.
    """
    used, labels = known_labels(catalog, colors=True)
    known = np.isfinite(labels).all(axis=1)
    fit, places = np.sort(train[known[train]]), np.flatnonzero(known[test])
    terms = _exponents(len(used))
    if len(fit) < len(terms) or not len(places):
        raise InputError(
            f"{catalog.path}: {len(fit)} training stars with {', '.join(used)}, and the cubic has "
            f"{len(terms)} terms"
        )
    low, high = np.percentile(labels[fit], WITHIN, axis=0)
    labels = np.clip(labels, low, high)
    middle, spread = labels[fit].mean(axis=0), labels[fit].std(axis=0)
    labels = (labels - middle) / np.where(spread > 0, spread, 1.0)
    weight = _weights(catalog, fit)
    moments = np.zeros((len(terms), len(terms)))
    products = np.zeros((len(terms), spectra.coefficients.shape[1]))
    for start in range(0, len(fit), BATCH):
        rows = fit[start : start + BATCH]
        x = polynomial(labels[rows])
        weighted = x * weight[start : start + BATCH, None]
        moments += weighted.T @ x
        products += weighted.T @ per_flux(catalog.spectra[rows])
    # Terms of one size, so that what counts as dependent does not hang on their powers.
    size = np.sqrt(np.diag(moments))
    size[size == 0] = 1.0
    inverse = np.linalg.pinv(moments / np.outer(size, size), RELATIVE_MOMENT, hermitian=True)
    slopes = inverse @ (products / size[:, None]) / size[:, None]
    coefficients = np.empty((len(places), slopes.shape[1]))
    for start in range(0, len(places), BATCH):
        some = places[start : start + BATCH]
        of_flux = polynomial(labels[test[some]]) @ slopes
        coefficients[start : start + BATCH] = of_flux * spectra.g_flux[some, None]
    note = f"cubic in {', '.join(used)}, by least squares of {len(fit):,} training stars"
    return Reconstruction(COLOR_CUBIC, places, coefficients, note=note)


def polynomial(x: np.ndarray, degree: int = DEGREE) -> np.ndarray:
    """All products of up to some number of columns, the empty one (1) first.

    Parameters
    ----------
    x : ndarray, (N, F)
    degree : int

    Returns
    -------
    ndarray, (N, P)
        P = (F + degree)! / (F! degree!).
    """
    terms = _exponents(x.shape[1], degree)
    found = np.empty((len(x), len(terms)))
    place = {term: i for i, term in enumerate(terms)}
    for term, i in place.items():
        found[:, i] = found[:, place[term[:-1]]] * x[:, term[-1]] if term else 1.0
    return found


def _exponents(n: int, degree: int = DEGREE) -> list[tuple[int, ...]]:
    """The columns that each term is the product of, lower degrees first."""
    return [t for d in range(degree + 1) for t in combinations_with_replacement(range(n), d)]


def _weights(catalog: Catalog, rows: np.ndarray) -> np.ndarray:
    """Inverse squares of how large the stars' errors are, (N,), with a mean of 1."""
    relative = np.concatenate(
        [
            (part.errors / part.g_flux[:, None]).astype(np.float32)
            for start in range(0, len(rows), BATCH)
            for part in [catalog.spectra[rows[start : start + BATCH]]]
        ]
    )
    scale = np.median(relative, axis=0)
    weight = 1.0 / np.median(relative / scale, axis=1).astype(np.float64) ** 2
    return weight / weight.mean()
