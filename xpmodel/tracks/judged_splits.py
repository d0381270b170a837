"""Splits by one threshold, judged on stars that they were not found on, beside their baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.report.tables import make_table, provenance
from xpmodel.tracks.latent_threshold import (
    COLOR,
    DIVISIONS,
    Split,
    best_split,
    best_threshold,
    finite,
    kinds_of,
)

if TYPE_CHECKING:
    from astropy.table import Table

FOLDS = 5
Z_95 = 1.959964
# What a split by latents is compared with, a column each.
BASELINES = (COLOR, "j_k", "m_h")


@dataclass(frozen=True, kw_only=True)
class JudgedSplit:
    """The best threshold of some columns, and how it does on stars left out.

    Attributes
    ----------
    division : str
        One of `xpmodel.tracks.latent_threshold.DIVISIONS`.
    columns : tuple of str
        Those that the best one was sought among.
    split : Split
        The best one of all stars.
    held_out, low, high : float
        Balanced accuracy on held-out folds, with its 95 % interval.
    behind, behind_low, behind_high : float
        Balanced accuracy of the latents less this, star by star; 0 of the latents themselves.
    """

    division: str
    columns: tuple[str, ...]
    split: Split
    held_out: float
    low: float
    high: float
    behind: float
    behind_low: float
    behind_high: float


def judge_splits(
    catalog: Catalog, division: str, mask: np.ndarray | None = None, seed: int = 0
) -> tuple[list[JudgedSplit], dict[str, str]]:
    """The best split of the latents, and of a color or [M/H] alone, on held-out stars.

    In each of five folds latent and threshold are chosen on the others. All are judged on the
    same stars. Intervals are normal, from the spread of right and wrong within either kind.

    Parameters
    ----------
    catalog : Catalog
    division : str
        ``giant`` or ``high_alpha``.
    mask : ndarray, (N,) bool, optional
        The stars to use. Default: all with labels.
    seed : int
        Of the folds.

    Returns
    -------
    judged : list of JudgedSplit
        The latents' first.
    skipped : dict of str to str
        Why a baseline cannot be had, by its columns.

    Raises
    ------
    InputError
        When no latent is active or all stars have the same, the catalog lacks labels, or there
        are not 5 stars of either kind.
    """
    kinds = kinds_of(catalog, division, mask)
    first, second = DIVISIONS[division]
    if kinds is None:
        raise InputError(f"{catalog.path}: has no labels that tell {first} from {second}")
    if not catalog.active:
        raise InputError(f"{catalog.path}: no latent is active, so none separates anything")
    is_first, known = kinds
    known = known & finite(catalog, catalog.active)
    wanted, skipped = [tuple(catalog.active)], {}
    for column in BASELINES:
        if column in catalog.numeric and (known & np.isfinite(catalog[column])).any():
            wanted.append((column,))
            known = known & np.isfinite(catalog[column])
        else:
            skipped[column] = f"{catalog.path}: no numbers in column {column}"
    n_first, n = int((is_first & known).sum()), int(known.sum())
    if min(n_first, n - n_first) < FOLDS:
        raise InputError(
            f"{catalog.path}: {n_first} {first} and {n - n_first} {second} with all values; needs "
            f"{FOLDS} of either kind to hold some out"
        )
    kind = is_first[known]
    fold = _folds(kind, seed)
    judged: list[JudgedSplit] = []
    of_latents: np.ndarray | None = None
    for columns in wanted:
        try:
            split = best_split(catalog, is_first, known, columns)
        except InputError as error:
            if of_latents is None:
                raise
            skipped[", ".join(columns)] = str(error)
            continue
        values = [catalog[name][known].astype(np.float64) for name in columns]
        right = _right(values, kind, fold)
        of_latents = right if of_latents is None else of_latents
        held_out, low, high = balanced(right, kind)
        behind, behind_low, behind_high = balanced(of_latents - right, kind)
        judged.append(
            JudgedSplit(
                division=division,
                columns=columns,
                split=split,
                held_out=held_out,
                low=low,
                high=high,
                behind=behind,
                behind_low=behind_low,
                behind_high=behind_high,
            )
        )
    return judged, skipped


def balanced(values: np.ndarray, kind: np.ndarray) -> tuple[float, float, float]:
    """Mean over two kinds of the means of values, with its 95 % interval.

    Parameters
    ----------
    values : ndarray, (N,)
        1 for a star that is called right, 0 for another; or a difference of two such.
    kind : ndarray, (N,) bool
    """
    parts = [values[kind], values[~kind]]
    mean = 0.5 * sum(float(part.mean()) for part in parts)
    half = 0.5 * Z_95 * float(np.sqrt(sum(float(part.var()) / len(part) for part in parts)))
    return mean, mean - half, mean + half


def splits_table(judged: Sequence[JudgedSplit], catalog: Catalog, cut: str) -> Table:
    """A row a split: threshold, balanced accuracy on held-out folds, what the latents add."""
    latents = set(catalog.latents)
    sought = ["latents" if set(one.columns) <= latents else one.columns[0] for one in judged]
    n = [one.split.n for one in judged]
    return make_table(
        [
            ("division", [one.division for one in judged], "", "the first kind of stars"),
            ("sought", sought, "", "what the threshold was sought among"),
            ("column", [one.split.latent for one in judged], "", "what it is on"),
            ("threshold", [one.split.threshold for one in judged], "", "best over all stars"),
            ("above", [one.split.above for one in judged], "", "the first kind lies above"),
            ("n", n, "", "stars"),
            ("accuracy", [one.split.accuracy for one in judged], "", "of the same stars"),
            ("balanced", [one.split.balanced_accuracy for one in judged], "", "the same, balanced"),
            ("held_out", [one.held_out for one in judged], "", "balanced, on held-out folds"),
            ("held_out_p2", [one.low for one in judged], "", "2.5 %"),
            ("held_out_p98", [one.high for one in judged], "", "97.5 %"),
            ("behind", [one.behind for one in judged], "", "the latents' less this"),
            ("behind_p2", [one.behind_low for one in judged], "", "2.5 %"),
            ("behind_p98", [one.behind_high for one in judged], "", "97.5 %"),
        ],
        provenance(catalog, cut=cut, folds=FOLDS),
    )


def _folds(kind: np.ndarray, seed: int) -> np.ndarray:
    """Five folds with as many of either kind in each, (N,) int."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(kind), np.int64)
    for which in (kind, ~kind):
        fold[which] = rng.permutation(which.sum()) % FOLDS
    return fold


def _right(values: Sequence[np.ndarray], kind: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Which stars the best threshold of the other folds calls right, (N,) float64.

    NaN in a fold where the others have one value only in all columns.
    """
    right = np.full(len(kind), np.nan)
    orders = [np.argsort(column, kind="stable") for column in values]
    for number in range(FOLDS):
        best = -1
        found: tuple[np.ndarray, float, bool] | None = None
        for column, order in zip(values, orders, strict=True):
            used = order[fold[order] != number]
            candidate = best_threshold(column[used], kind[used])
            if candidate is not None and candidate[0] > best:
                best, found = candidate[0], (column, candidate[1], candidate[2])
        if found is not None:
            column, threshold, above = found
            held = fold == number
            right[held] = ((column[held] > threshold) == above) == kind[held]
    return right
