"""A bin of a track: a box in some columns of a catalog, and named conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpmodel import circular
from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.label_relations import dwarf_mask, giant_mask, high_alpha_mask, low_alpha_mask
from xpmodel.catalog.named_cuts import gaia_enceladus_columns, gaia_enceladus_mask
from xpmodel.columns import period
from xpmodel.errors import InputError

MAX_COLUMNS = 16
MAX_NAME = 64  # characters of a column's name


@dataclass(frozen=True)
class BinCondition:
    """A condition that a bin can demand by name.

    Attributes
    ----------
    columns : tuple of str
        The catalog's columns that it needs.
    passes : callable
        From a catalog to (N,) bool. A star with a value missing never passes.
    """

    columns: tuple[str, ...]
    passes: Callable[[Catalog], np.ndarray]


def _on(columns: tuple[str, ...], mask: Callable[..., np.ndarray]) -> BinCondition:
    return BinCondition(columns, lambda catalog: mask(*(catalog[c] for c in columns)))


CONDITIONS: dict[str, BinCondition] = {
    "giant": _on(("teff", "logg"), giant_mask),
    "dwarf": _on(("teff", "logg"), dwarf_mask),
    "high_alpha": _on(("fe_h", "mg_fe"), high_alpha_mask),
    "low_alpha": _on(("fe_h", "mg_fe"), low_alpha_mask),
    "gaia_enceladus": BinCondition(
        gaia_enceladus_columns(parallax=False),
        lambda catalog: gaia_enceladus_mask(catalog, parallax=False),
    ),
    "gaia_enceladus_parallax": BinCondition(gaia_enceladus_columns(), gaia_enceladus_mask),
}
"""The conditions by name; the last one is the diamond with the released code's parallax cut."""


@dataclass(frozen=True)
class Bin:
    """One bin of a track: the stars that one of its points is the mean of.

    Parameters
    ----------
    centre : tuple of (column, centre, half_width)
        A star is inside where |value − centre| < half_width, in each of the columns and in
        their units. Strictly, as in the code released with Laroche & Speagle (2024). In a column
        with a period the shorter way to the centre counts.
    conditions : tuple of str
        Names out of `CONDITIONS`; a star passes them all.

    Raises
    ------
    InputError
        When a number is not finite, a width not positive, a name unknown, or nothing is
        demanded at all.
    """

    centre: tuple[tuple[str, float, float], ...]
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for column, centre, half_width in self.centre:
            if not (isinstance(column, str) and 0 < len(column) <= MAX_NAME):
                raise InputError(
                    f"a bin's column must be a name of 1 to {MAX_NAME} letters: {column!r:.80}"
                )
            if not (_is_finite(centre) and _is_finite(half_width) and half_width > 0):
                raise InputError(
                    f"a bin in {column} at {centre!r:.40} ± {half_width!r:.40}: needs a finite "
                    "centre and a half width above 0"
                )
        names = [column for column, *_ in self.centre]
        if len(names) != len(set(names)) or len(names) > MAX_COLUMNS:
            raise InputError(f"a bin needs at most {MAX_COLUMNS} columns, each once")
        for name in self.conditions:
            if not isinstance(name, str) or name not in CONDITIONS:
                known = ", ".join(CONDITIONS)
                raise InputError(f"no condition {name!r:.80} of a bin; use some of {known}")
        if len(self.conditions) != len(set(self.conditions)):
            raise InputError("a bin needs each condition once")
        if not (self.centre or self.conditions):
            raise InputError("a bin must demand something: a column's range or a condition")

    @property
    def columns(self) -> tuple[str, ...]:
        """The catalog's columns that the bin needs, each once."""
        needed = [column for column, *_ in self.centre]
        needed += [column for name in self.conditions for column in CONDITIONS[name].columns]
        return tuple(dict.fromkeys(needed))

    def contains(self, catalog: Catalog) -> np.ndarray:
        """Which stars lie in the bin.

        Parameters
        ----------
        catalog : Catalog

        Returns
        -------
        ndarray, (N,) bool
            False where a value is missing.

        Raises
        ------
        InputError
            When the catalog lacks a column that the bin needs.
        """
        check_columns(catalog, self.columns, "the bin")
        inside = np.ones(len(catalog), bool)
        for column, centre, half_width in self.centre:
            inside &= is_within(column, catalog[column], centre, half_width)
        for name in self.conditions:
            inside &= CONDITIONS[name].passes(catalog)
        return inside

    def to_json(self) -> dict[str, Any]:
        """The bin as JSON, which `from_json` reads."""
        return {
            "centre": [[column, float(x), float(width)] for column, x, width in self.centre],
            "conditions": list(self.conditions),
        }

    @classmethod
    def from_json(cls, content: object) -> Bin:
        """A bin from the JSON of `to_json`, whoever wrote it.

        Raises
        ------
        InputError
            When it is anything else.
        """
        if not isinstance(content, dict) or set(content) != {"centre", "conditions"}:
            raise InputError("a bin in JSON must be an object of 'centre' and 'conditions'")
        centre, conditions = content["centre"], content["conditions"]
        if not (isinstance(centre, list) and all(_is_triple(part) for part in centre)):
            raise InputError("a bin's 'centre' must be a list of [column, centre, half width]")
        if not isinstance(conditions, list):
            raise InputError("a bin's 'conditions' must be a list of names")
        return cls(tuple((column, x, width) for column, x, width in centre), tuple(conditions))


def is_within(
    column: str, values: np.ndarray, centre: float, half_width: float
) -> np.ndarray:  # (N,) bool
    """Where |value − centre| of a column < half width, in float64; False for NaN."""
    values, centre, turn = values.astype(np.float64), float(centre), period(column)
    away = values - centre if turn is None else circular.difference(values, centre, turn)
    return np.abs(away) < half_width


def check_columns(catalog: Catalog, columns: tuple[str, ...], purpose: str) -> None:
    """Refuse a catalog that has no numbers in some of the columns needed.

    Raises
    ------
    InputError
        That names them all.
    """
    missing = [column for column in columns if column not in catalog.numeric]
    if missing:
        some = "column" if len(missing) == 1 else "columns"
        raise InputError(
            f"{catalog.path}: no numbers in {some} {', '.join(missing)}, and {purpose} needs them; "
            "give the catalog a table that has them (xpmodel encode --labels)"
        )


def _is_triple(part: object) -> bool:
    return isinstance(part, list) and len(part) == 3


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
