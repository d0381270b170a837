"""Whether a kind of stars differs in latents from others that are equal in some labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import symbol
from xpmodel.errors import InputError
from xpmodel.latent.metric import latent_points_of
from xpmodel.report.tables import make_table, provenance
from xpmodel.tracks.matching import pair_nearest

if TYPE_CHECKING:
    from astropy.table import Table

# How far the two stars of a pair may differ: Teff [K], log g [dex], [M/H] [dex], E(B−V) [mag],
# G [mag].
WITHIN = {"teff": 50.0, "logg": 0.1, "m_h": 0.05, "sfd_ebv": 0.02, "phot_g_mean_mag": 0.5}
# What pairs are equal in: a difference that goes when more is held was of that.
MATCHED_BY = (("m_h",), ("teff", "logg", "m_h"), tuple(WITHIN))
FEWEST_PAIRS = 20
FLIPS = 9_999
# Draws of signs at once, times pairs.
BATCH = 4_000_000


@dataclass(frozen=True, kw_only=True)
class MatchedDifference:
    """Stars of a kind against one other star each, equal in some labels.

    Attributes
    ----------
    matched : tuple of str
        What the two of a pair are equal in, within `WITHIN`.
    n_kind, n_pairs : int
        Stars of the kind that have all values, and those that a partner was found for.
    difference : dict of str to float
        Mean difference of each active latent, the kind's less the partner's, over the latent's
        standard deviation in the catalog. What the labels still differ by is taken off.
    length : float
        The length of these together.
    t_squared : float
        Hotelling's, of the mean difference.
    p : float
        How often pairs whose stars are exchanged at random have a T² as large.
    p_partners : float
        The same of the partners, against partners of their own: a null. NaN with too few pairs.
    alpha_m, alpha_m_error : float
        Mean difference of [α/M] [dex], and its standard error; NaN without [α/M].
    """

    matched: tuple[str, ...]
    n_kind: int
    n_pairs: int
    difference: dict[str, float]
    length: float
    t_squared: float
    p: float
    p_partners: float
    alpha_m: float
    alpha_m_error: float


def against_equals(
    catalog: Catalog,
    is_kind: np.ndarray,
    matched: Sequence[str],
    *,
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> MatchedDifference:
    """Test whether latents tell stars of a kind from others that are equal in some labels.

    Each star of the kind is paired with the closest other star, none twice. The hypothesis: in
    each pair either star could be the one of the kind. Then the sign of a pair's difference in z
    is a toss-up, and the p-value is the part of 9,999 drawings of all signs (and the one that is)
    with a Hotelling's T² as large: exact for any distribution of z. What z follows from the
    small differences in labels that are left within pairs is taken off by a regression without
    intercept, which exchanges along.

    The errors of labels are not known to it: stars of a rare metal-poor kind and others with the
    same measured [M/H] have not the same mean true one where its errors are large.

    Parameters
    ----------
    catalog : Catalog
        Posterior means of its active latents are compared.
    is_kind : ndarray, (N,) bool
    matched : sequence of str
        Columns out of `WITHIN`.
    mask : ndarray, (N,) bool, optional
        The stars to use, of either kind. Default: all.
    seed : int
        Of the signs.

    Raises
    ------
    InputError
        When no latent is active, the catalog lacks a column, or there are fewer than 20 pairs.
    """
    matched = tuple(matched)
    if not catalog.active:
        raise InputError(f"{catalog.path}: no latent is active, so none tells stars apart")
    if missing := [name for name in matched if name not in catalog.numeric]:
        raise InputError(f"{catalog.path}: no numbers in {', '.join(missing)} to find equals by")
    points = latent_points_of(catalog)
    labels = np.stack([catalog[name][points.rows] / WITHIN[name] for name in matched], axis=1)
    usable = np.isfinite(labels).all(axis=1)
    if mask is not None:
        usable &= mask[points.rows]
    of_kind = is_kind[points.rows]
    kind, others = np.flatnonzero(usable & of_kind), np.flatnonzero(usable & ~of_kind)
    i, j = pair_nearest(labels[kind].astype(np.float64), labels[others].astype(np.float64))
    if len(i) < FEWEST_PAIRS:
        bounds = ", ".join(f"{symbol(name)} ± {WITHIN[name]:g}" for name in matched)
        raise InputError(
            f"{catalog.path}: {len(i)} pairs of {len(kind)} stars with others equal within "
            f"{bounds}: needs {FEWEST_PAIRS}"
        )
    first, second = kind[i], others[j]
    rest = np.setdiff1d(others, second)
    k, m = pair_nearest(labels[second].astype(np.float64), labels[rest].astype(np.float64))
    z = points.coordinates
    left = _left(z[first] - z[second], labels[first] - labels[second])
    t_squared, p = sign_flip_test(left, seed=seed)
    p_partners = float("nan")
    if len(k) >= FEWEST_PAIRS:
        again, third = second[k], rest[m]
        _, p_partners = sign_flip_test(
            _left(z[again] - z[third], labels[again] - labels[third]), seed=seed
        )
    mean = left.mean(axis=0)
    alpha, error = _mean_of(catalog, "alpha_m", points.rows[first], points.rows[second])
    return MatchedDifference(
        matched=matched,
        n_kind=len(kind),
        n_pairs=len(i),
        difference=dict(zip(points.latents, mean.tolist(), strict=True)),
        length=float(np.linalg.norm(mean)),
        t_squared=t_squared,
        p=p,
        p_partners=p_partners,
        alpha_m=alpha,
        alpha_m_error=error,
    )


def sign_flip_test(
    differences: np.ndarray, *, draws: int = FLIPS, seed: int = 0
) -> tuple[float, float]:
    """Hotelling's T² of paired differences, and its p-value by flips of their signs.

    Parameters
    ----------
    differences : ndarray, (P, K)
    draws : int
        Drawings of all signs.
    seed : int

    Returns
    -------
    t_squared, p : float
        p is at least 1/(draws + 1).
    """
    n = len(differences)
    # The moment about 0 knows no signs, and orders the drawings as T² does.
    inverse = np.linalg.pinv(differences.T @ differences / n, hermitian=True)

    def about_zero(means: np.ndarray) -> np.ndarray:  # (B, K) -> (B,)
        return n * np.einsum("bk,kl,bl->b", means, inverse, means)

    seen = float(about_zero(differences.mean(axis=0)[None])[0])
    rng = np.random.default_rng(seed)
    as_large, left = 0, draws
    while left > 0:
        some = min(left, max(1, BATCH // n))
        signs = 2.0 * rng.integers(0, 2, (some, n), dtype=np.int8) - 1.0
        # As large but for rounding: the same signs give the same.
        as_large += int((about_zero(signs @ differences / n) >= seen * (1 - 1e-9)).sum())
        left -= some
    share = seen / n  # of the squared length that the mean has: 1 where all differences are one
    t_squared = (n - 1) * share / (1 - share) if share < 1 else float("inf")
    return t_squared, (as_large + 1) / (draws + 1)


def differences_table(found: Sequence[MatchedDifference], catalog: Catalog, **meta: Any) -> Table:
    """A row a set of labels held: pairs, differences, T² and p-values."""
    columns: list[tuple[str, Any, str, str]] = [
        ("matched", [" ".join(one.matched) for one in found], "", "labels that pairs are equal in"),
        ("n_kind", [one.n_kind for one in found], "", "stars of the kind with all values"),
        ("n_pairs", [one.n_pairs for one in found], "", "of which with a partner of their own"),
        ("length", [one.length for one in found], "", "length of the mean difference in latents"),
        ("t_squared", [one.t_squared for one in found], "", "Hotelling's"),
        ("p", [one.p for one in found], "", "by flips of the signs of pairs"),
        ("p_partners", [one.p_partners for one in found], "", "null: partners against others"),
        ("alpha_m", [one.alpha_m for one in found], "dex", "mean difference of [alpha/M]"),
        ("alpha_m_error", [one.alpha_m_error for one in found], "dex", "its standard error"),
    ]
    for name in found[0].difference:
        values = [one.difference[name] for one in found]
        columns.append((name, values, "", "mean difference over the standard deviation"))
    return make_table(columns, provenance(catalog, within=WITHIN, flips=FLIPS, **meta))


def _left(dz: np.ndarray, unequal: np.ndarray) -> np.ndarray:
    """Differences in z less what they follow from those in labels, (P, K)."""
    unequal = unequal.astype(np.float64)
    slopes, *_ = np.linalg.lstsq(unequal, dz, rcond=None)
    return dz - unequal @ slopes


def _mean_of(
    catalog: Catalog, name: str, first: np.ndarray, second: np.ndarray
) -> tuple[float, float]:
    """Mean difference of a column in pairs, and its standard error."""
    if name not in catalog.numeric:
        return float("nan"), float("nan")
    values = catalog[name].astype(np.float64)
    apart = values[first] - values[second]
    apart = apart[np.isfinite(apart)]
    if len(apart) < 2:
        return float("nan"), float("nan")
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart)))
