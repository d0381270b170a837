"""The named cuts of Laroche & Speagle (2024), and the Gaia-Enceladus diamond.

The cuts printed in the paper are not those of the code released with it, whose counts the paper
prints: 502,311 stars in the full catalog, 202,970 in the good and 123,804 in the pristine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError


@dataclass(frozen=True)
class Condition:
    """One condition of a cut.

    Attributes
    ----------
    name : str
        What it demands, as one would print it.
    columns : tuple of str
        The catalog's columns that it needs.
    passes : callable
        From these columns, (N,) each, to (N,) bool. A missing value never passes.
    """

    name: str
    columns: tuple[str, ...]
    passes: Callable[..., np.ndarray]


def _below(name: str, column: str, limit: float) -> Condition:
    return Condition(f"{name} < {limit:g}", (column,), lambda values: values < limit)


def _within(name: str, column: str, low: float, high: float) -> Condition:
    return Condition(f"{low:g} < {name} < {high:g}", (column,), lambda v: (v > low) & (v < high))


def _ratio_above(name: str, value: str, error: str, limit: float) -> Condition:
    return Condition(f"{name} > {limit:g}", (value, error), lambda v, e: v / e > limit)


def _bits_clear(*bits: int) -> Condition:
    wanted = sum(1 << bit for bit in bits)

    def passes(flags: np.ndarray) -> np.ndarray:
        # With gaps the flags are floats; a missing one becomes -1, which has every bit set.
        whole = np.where(np.isfinite(flags), flags, -1).astype(np.int64)
        return (whole & wanted) == 0

    names = " and ".join(map(str, bits))
    return Condition(f"ASPCAPFLAG bits {names} clear", ("aspcapflag",), passes)


def _labels(teff: float, logg: float, m_h: float) -> tuple[Condition, ...]:
    return (
        _ratio_above("Teff/σ(Teff)", "teff", "teff_err", teff),
        _below("σ(log g)", "logg_err", logg),
        _below("σ([M/H])", "m_h_err", m_h),
        _within("BP−RP", "bp_rp", 0.0, 4.0),
        _within("G", "phot_g_mean_mag", 6.0, 17.5),
        Condition("STARFLAG = 0", ("starflag",), lambda flags: flags == 0),
    )


# M_H_BAD and STAR_BAD.
_PAPER_FLAGS = _bits_clear(19, 23)
_RELEASED_FLAGS = _bits_clear(2, 3)

CUTS: dict[str, dict[str, tuple[Condition, ...]]] = {
    "released": {
        "full": (),
        "good": (*_labels(20, 0.4, 0.2), _RELEASED_FLAGS),
        "pristine": (*_labels(100, 0.1, 0.05), _RELEASED_FLAGS),
    },
    "paper": {
        "full": (),
        "good": (*_labels(30, 0.4, 0.2), _PAPER_FLAGS),
        "pristine": (*_labels(100, 0.1, 0.05), _PAPER_FLAGS),
    },
}
"""Conditions by variant (of the released code, or as the paper prints them) and name."""

# Lane et al. (2022): the diamond of actions, J_tot = |J_z| + |J_R| + |L_z|.
_DIAMOND = (
    Condition(
        "|Lz/Jtot| < 0.07",
        ("lz", "jz", "jr"),
        lambda lz, jz, jr: np.abs(lz) / (np.abs(jz) + np.abs(jr) + np.abs(lz)) < 0.07,
    ),
    Condition(
        "(Jz − JR)/Jtot < −0.3",
        ("lz", "jz", "jr"),
        lambda lz, jz, jr: (jz - jr) / (np.abs(jz) + np.abs(jr) + np.abs(lz)) < -0.3,
    ),
)
# What the released code adds.
_PARALLAX = (
    Condition("parallax > 0", ("parallax",), lambda parallax: parallax > 0),
    _ratio_above("parallax/σ", "parallax", "parallax_error", 10),
)


@dataclass(frozen=True)
class CutReport:
    """What a cut does to a catalog.

    Attributes
    ----------
    name, variant : str
    n_stars, n_kept : int
        Stars in the catalog, and those that pass every condition.
    removed : dict of str to int
        How many stars each condition removes, taken alone from the whole catalog.
    """

    name: str
    variant: str
    n_stars: int
    n_kept: int
    removed: dict[str, int]

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.variant}): {self.n_kept} of {self.n_stars} stars"]
        return "\n".join(lines + [f"  {name} removes {n}" for name, n in self.removed.items()])


def cut_mask(catalog: Catalog, name: str, variant: str = "released") -> np.ndarray:
    """Which stars pass a named cut.

    Parameters
    ----------
    catalog : Catalog
    name : str
        ``full``, ``good`` or ``pristine``.
    variant : str
        ``released``: the cuts of the released code, which made the published counts;
        ``paper``: those that the paper prints.

    Returns
    -------
    ndarray, (N,) bool
        A star without a value never passes a condition on it.

    Raises
    ------
    InputError
        If the cut is unknown, or the catalog lacks a column that it needs.
    """
    masks = _masks(catalog, cut_conditions(name, variant), f"cut {name!r}")
    return np.logical_and.reduce([np.ones(len(catalog), bool), *masks])


def cut_report(catalog: Catalog, name: str, variant: str = "released") -> CutReport:
    """How many stars a named cut keeps, and how many each condition alone removes.

    Parameters and errors are those of `cut_mask`.
    """
    conditions = cut_conditions(name, variant)
    masks = _masks(catalog, conditions, f"cut {name!r}")
    removed = {c.name: int((~mask).sum()) for c, mask in zip(conditions, masks, strict=True)}
    kept = np.logical_and.reduce([np.ones(len(catalog), bool), *masks])
    return CutReport(name, variant, len(catalog), int(kept.sum()), removed)


def gaia_enceladus_mask(catalog: Catalog, *, parallax: bool = True) -> np.ndarray:
    """Which stars lie in the action diamond of Gaia-Enceladus (Lane et al. 2022).

    Parameters
    ----------
    catalog : Catalog
        With the actions ``lz``, ``jz`` and ``jr`` [kpc km s⁻¹].
    parallax : bool
        Demand a parallax > 0 of more than 10 σ too, as the released code of Laroche & Speagle
        (2024) does.

    Returns
    -------
    ndarray, (N,) bool

    Raises
    ------
    InputError
        If the catalog lacks a column.
    """
    conditions = _DIAMOND + (_PARALLAX if parallax else ())
    return np.logical_and.reduce(_masks(catalog, conditions, "Gaia-Enceladus diamond"))


def needed_columns(name: str, variant: str = "released") -> tuple[str, ...]:
    """The catalog's columns that a named cut needs, each once."""
    return _columns(cut_conditions(name, variant))


def gaia_enceladus_columns(*, parallax: bool = True) -> tuple[str, ...]:
    """The catalog's columns that `gaia_enceladus_mask` needs, each once."""
    return _columns(_DIAMOND + (_PARALLAX if parallax else ()))


def cut_conditions(name: str, variant: str = "released") -> tuple[Condition, ...]:
    """The conditions of a named cut.

    Raises
    ------
    InputError
        If the cut or its variant is unknown.
    """
    if variant not in CUTS:
        raise InputError(f"no variant {variant!r} of the cuts; use one of {', '.join(CUTS)}")
    if name not in CUTS[variant]:
        raise InputError(f"no cut {name!r}; use one of {', '.join(CUTS[variant])}")
    return CUTS[variant][name]


def _columns(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for c in conditions for column in c.columns))


def _masks(
    catalog: Catalog, conditions: tuple[Condition, ...], purpose: str
) -> list[np.ndarray]:  # (N,) bool each
    for column in _columns(conditions):
        if column not in catalog.filled:
            raise InputError(
                f"{catalog.path}: column {column} has no values, and the {purpose} needs it; "
                "give the catalog a table that has it (xpmodel encode --labels)"
            )
    with np.errstate(divide="ignore", invalid="ignore"):
        return [c.passes(*(catalog[column] for column in c.columns)) for c in conditions]
