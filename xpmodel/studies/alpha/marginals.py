"""How far single latents part the two α sequences: all stars, and stars of equal labels.

Laroche & Speagle (2024, Fig. 13) show the sequences in pairs of latents. Sequences differ in
[M/H], and so in every latent that follows [M/H]: only what is left between stars of equal labels
speaks of α.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.alpha.equal_pairs import Pairs

if TYPE_CHECKING:
    from astropy.table import Table

# Of all stars together, so that each bin holds as many.
BINS = 40
SWAPS = 200
CHANCE = 95.0  # percentile


@dataclass(frozen=True)
class Marginal:
    """One column's values in the high- and in the low-α sequence.

    Attributes
    ----------
    column : str
    high, low : ndarray
        Values of the stars of either sequence.
    ks, overlap : float
        Their largest difference in cumulative distribution (two-sample Kolmogorov–Smirnov), and
        what they have in common, the integral of the lower of both densities: 0 and 1 where the
        sequences do not differ. The overlap is counted in 40 bins of as many stars.
    pair_high, pair_low : ndarray, (P,)
        The same of the two stars of each pair of equal labels; empty without pairs.
    pair_ks, pair_overlap : float
        NaN without pairs.
    pair_ks_by_chance : float
        What 95 % of 200 random swaps of the two stars of each pair stay below.
    """

    column: str
    high: np.ndarray
    low: np.ndarray
    ks: float
    overlap: float
    pair_high: np.ndarray
    pair_low: np.ndarray
    pair_ks: float
    pair_overlap: float
    pair_ks_by_chance: float


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The two-sample Kolmogorov–Smirnov statistic of (n,) and (m,) values."""
    values = np.concatenate([a, b])
    order = np.argsort(values, kind="stable")
    steps = np.concatenate([np.full(len(a), 1 / len(a)), np.full(len(b), -1 / len(b))])[order]
    return _largest(values[order], steps)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """The part that the distributions of (n,) and (m,) values have in common, 0 to 1."""
    edges = np.unique(np.quantile(np.concatenate([a, b]), np.linspace(0, 1, BINS + 1)))
    if len(edges) < 2:
        return 1.0
    counts = [np.histogram(values, edges)[0] / len(values) for values in (a, b)]
    return float(np.minimum(*counts).sum())


def marginals(
    columns: Mapping[str, np.ndarray], is_high: np.ndarray, pairs: Pairs | None, seed: int = 0
) -> list[Marginal]:
    """Compare the sequences column by column.

    Parameters
    ----------
    columns : mapping of str to ndarray, (N,)
        Finite.
    is_high : ndarray, (N,) bool
        Whether each star is of the high-α sequence.
    pairs : Pairs, optional
        Of equal labels, by places among these stars.
    seed : int
        Of the swaps.
    """
    found = []
    for name, column in columns.items():
        values = column.astype(np.float64)
        high, low = values[is_high], values[~is_high]
        a = b = np.empty(0)
        if pairs is not None:
            a, b = values[pairs.high], values[pairs.low]
        found.append(
            Marginal(
                column=name,
                high=high,
                low=low,
                ks=ks_distance(high, low),
                overlap=overlap(high, low),
                pair_high=a,
                pair_low=b,
                pair_ks=ks_distance(a, b) if len(a) else np.nan,
                pair_overlap=overlap(a, b) if len(a) else np.nan,
                pair_ks_by_chance=_by_chance(a, b, seed) if len(a) else np.nan,
            )
        )
    return found


def marginals_table(found: Sequence[Marginal], meta: dict[str, Any]) -> Table:
    """A row a column of the catalog: how far it parts the sequences."""
    columns: list[TableColumn] = [
        ("column", [one.column for one in found], "", "of the catalog"),
        ("n_high", [len(one.high) for one in found], "", "high-alpha stars"),
        ("n_low", [len(one.low) for one in found], "", "low-alpha stars"),
        ("n_pairs", [len(one.pair_high) for one in found], "", "pairs of equal labels"),
    ]
    for name, description in {
        "ks": "Kolmogorov-Smirnov distance of the sequences; 0: no difference",
        "overlap": "part that their distributions have in common; 1: no difference",
        "pair_ks": "distance within pairs of equal labels",
        "pair_ks_by_chance": "what 95 % of 200 random swaps within the pairs stay below",
        "pair_overlap": "overlap within pairs of equal labels",
    }.items():
        columns.append((name, [getattr(one, name) for one in found], "", description))
    return make_table(columns, meta)


def _by_chance(a: np.ndarray, b: np.ndarray, seed: int) -> float:
    """The distance that random swaps within pairs stay below, `CHANCE` percent of them."""
    order = np.argsort(np.concatenate([a, b]), kind="stable")
    ordered = np.concatenate([a, b])[order]
    rng = np.random.default_rng(seed)
    distances = []
    for _ in range(SWAPS):
        sign = rng.choice([-1.0, 1.0], len(a)) / len(a)
        distances.append(_largest(ordered, np.concatenate([sign, -sign])[order]))
    return float(np.percentile(distances, CHANCE))


def _largest(ordered: np.ndarray, steps: np.ndarray) -> float:
    """The largest sum of steps up to each of the ordered values (N,), ties being taken whole."""
    last = np.append(ordered[1:] > ordered[:-1], True)
    return float(np.abs(np.cumsum(steps)[last]).max())
