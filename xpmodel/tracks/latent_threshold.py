"""The best threshold on a single latent between two kinds of stars, beside one on a color."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.tracks.bins import CONDITIONS

# Kinds of stars by the condition of the first: what is on either side, as one would print it.
DIVISIONS = {"giant": ("giants", "dwarfs"), "high_alpha": ("high-α", "low-α")}
# What spectra show at a glance.
COLOR = "bp_rp"


@dataclass(frozen=True)
class Split:
    """A threshold on one latent between stars of a first and of a second kind.

    Attributes
    ----------
    latent : str
        Of a baseline the color or label instead.
    threshold : float
        Halfway between the values of two stars.
    above : bool
        Whether the first kind is called above the threshold (else below).
    accuracy : float
        Part of all stars that are called right.
    balanced_accuracy : float
        Mean of the parts of either kind that are called right; 0.5 by chance.
    n : int
        Stars that it was found on.
    """

    latent: str
    threshold: float
    above: bool
    accuracy: float
    balanced_accuracy: float
    n: int


def best_split(
    catalog: Catalog,
    is_first: np.ndarray,
    known: np.ndarray,
    columns: Sequence[str] | None = None,
) -> Split:
    """Find the single threshold on one active latent with the best balanced accuracy.

    Exact: every threshold between two stars is looked at, of every active latent. Of several
    that are as good, the first latent's, the lowest threshold is taken. (A decision tree of
    scikit-learn's has the best Gini impurity or entropy instead.)

    Parameters
    ----------
    catalog : Catalog
    is_first : ndarray, (N,) bool
        The stars of the first kind.
    known : ndarray, (N,) bool
        The stars whose kind is known; of these, the ones with finite latents count.
    columns : sequence of str, optional
        Colors or labels to look at instead of the active latents: for a baseline.

    Returns
    -------
    Split

    Raises
    ------
    InputError
        When no latent is active, one kind has no stars, or all stars have the same latents.
    """
    columns = _columns(catalog, columns)
    used = known & finite(catalog, columns)
    kind = is_first[used]
    n_first, n = int(kind.sum()), len(kind)
    if not 0 < n_first < n:
        raise InputError(f"{catalog.path}: {n_first} of {n} stars are of one kind; needs two kinds")
    found = None
    for column in columns:
        candidate = best_threshold(*in_order(catalog[column][used], kind))
        if candidate is not None and (found is None or candidate[0] > found[1][0]):
            found = (column, candidate)
    if found is None:
        what = "latents" if set(columns) <= set(catalog.latents) else ", ".join(columns)
        raise InputError(f"{catalog.path}: all stars have the same {what}")
    column, (_, threshold, above, right_first, right_second) = found
    balanced = 0.5 * (right_first / n_first + right_second / (n - n_first))
    accuracy = (right_first + right_second) / n
    return Split(column, threshold, above, accuracy, balanced, n)


def label_splits(
    catalog: Catalog, mask: np.ndarray | None = None, columns: Sequence[str] | None = None
) -> dict[str, Split]:
    """The best splits of giants from dwarfs, and of high- from low-α stars, by condition.

    Parameters
    ----------
    catalog : Catalog
    mask : ndarray, (N,) bool, optional
        The stars to use. Default: all with labels.
    columns : sequence of str, optional
        As for `best_split`.

    Returns
    -------
    dict of str to Split
        By the name in `DIVISIONS`; without those that the catalog has no columns or only one
        kind of stars for.
    """
    splits = {}
    for name in DIVISIONS:
        kinds = kinds_of(catalog, name, mask)
        if kinds is None:
            continue
        try:
            splits[name] = best_split(catalog, *kinds, columns)
        except InputError:  # one kind only: nothing to separate
            continue
    return splits


def color_splits(catalog: Catalog, mask: np.ndarray | None = None) -> dict[str, Split]:
    """The same by BP − RP alone: what a split on a latent is to be compared with.

    Empty where the catalog has no BP − RP.
    """
    return label_splits(catalog, mask, (COLOR,)) if COLOR in catalog.filled else {}


def kinds_of(
    catalog: Catalog, name: str, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Which stars are of the first kind of a division, and of which that is known, (N,) bool.

    None where the catalog lacks a column that tells.
    """
    condition = CONDITIONS[name]
    if not set(condition.columns) <= set(catalog.numeric):
        return None
    known = np.logical_and.reduce([np.isfinite(catalog[c]) for c in condition.columns])
    return condition.passes(catalog), known if mask is None else known & mask


def _columns(catalog: Catalog, columns: Sequence[str] | None) -> list[str]:
    """The columns to look for a threshold on."""
    if columns is None and not catalog.active:
        raise InputError(f"{catalog.path}: no latent is active, so none separates anything")
    return list(catalog.active if columns is None else columns)


def finite(catalog: Catalog, columns: Sequence[str]) -> np.ndarray:
    """Which stars have numbers in some columns, (N,) bool."""
    return np.logical_and.reduce([np.isfinite(catalog[name]) for name in columns])


def in_order(values: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of stars in rising order, (N,) float64, and the stars' kinds."""
    order = np.argsort(values, kind="stable")
    return values[order].astype(np.float64), kind[order]


def best_threshold(
    values: np.ndarray, kind: np.ndarray
) -> tuple[int, float, bool, int, int] | None:
    """The best threshold on (N,) rising values of one column; None where they are all the same.

    Returns the score, the threshold, whether the first kind lies above it, and how many of the
    first and of the second kind are on their side.
    """
    last = np.flatnonzero(values[1:] > values[:-1])  # the last star below each threshold
    if not len(last):
        return None
    n_first = int(kind.sum())
    n_second = len(kind) - n_first
    first_below = np.cumsum(kind)[last]
    second_below = last + 1 - first_below
    # Twice the balanced accuracy, times both numbers: whole numbers, so that ties are exact.
    above = (n_first - first_below) * n_second + second_below * n_first
    below = 2 * n_first * n_second - above
    score = np.maximum(above, below)
    best = int(np.argmax(score))
    is_above = bool(above[best] >= below[best])
    first, second = int(first_below[best]), int(second_below[best])
    right = (n_first - first, second) if is_above else (first, n_second - second)
    threshold = 0.5 * float(values[last[best]] + values[last[best] + 1])
    return int(score[best]), threshold, is_above, *right
