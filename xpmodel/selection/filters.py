"""Filters of stars by named cuts, ranges of columns and an expression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpmodel import circular
from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.named_cuts import cut_conditions, cut_mask
from xpmodel.columns import period
from xpmodel.errors import InputError
from xpmodel.selection.expression import expression_columns, expression_mask


@dataclass(frozen=True)
class Filter:
    """Conditions that a star must meet, all of them, to be shown.

    Parameters
    ----------
    cuts : tuple of (name, variant)
        Named quality cuts, such as ``("good", "released")``: `xpmodel.catalog.named_cuts`.
    ranges : tuple of (column, low, high)
        Closed ranges. A star without a value is in none. In a column with a period a star is in
        a range wherever whole periods bring it there: −10 to 10 degrees hold 355.
    expression : str
        A condition as `xpmodel.selection.expression` reads it; empty for none.
    """

    cuts: tuple[tuple[str, str], ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    expression: str = ""

    def __post_init__(self) -> None:
        for name, variant in self.cuts:
            cut_conditions(name, variant)
        for column, low, high in self.ranges:
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise InputError(f"the range of {column} must be two numbers, the lower one first")

    def __bool__(self) -> bool:
        return bool(self.cuts or self.ranges or self.expression.strip())

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars that meet all conditions, (N,) bool.

        Raises
        ------
        InputError
            When the catalog lacks a column, or the expression cannot be read.
        """
        mask = np.ones(len(catalog), dtype=bool)
        for name, variant in self.cuts:
            mask &= cut_mask(catalog, name, variant)
        for column, low, high in self.ranges:
            values = catalog.numbers(column)
            turn = period(column)
            if turn is not None:
                values = circular.turned(values, low, turn)
            # Bounds of float64: a column of float32 must not round them.
            mask &= (values >= np.float64(low)) & (values <= np.float64(high))
        if self.expression.strip():
            mask &= expression_mask(self.expression, catalog)
        return mask

    def without_range(self, column: str) -> Filter:
        """The same filter, but for the range of one column."""
        ranges = tuple(r for r in self.ranges if r[0] != column)
        return Filter(self.cuts, ranges, self.expression)

    def with_range(self, column: str, low: float, high: float) -> Filter:
        """The same filter with another range of one column."""
        ranges = (*self.without_range(column).ranges, (column, float(low), float(high)))
        return Filter(self.cuts, ranges, self.expression)

    def __str__(self) -> str:
        parts = [f"{name} ({variant})" for name, variant in self.cuts]
        parts += [f"{low:.6g} ≤ {column} ≤ {high:.6g}" for column, low, high in self.ranges]
        parts += [self.expression.strip()] if self.expression.strip() else []
        return ", ".join(parts)

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        conditions = [c for name, variant in self.cuts for c in cut_conditions(name, variant)]
        names = [column for condition in conditions for column in condition.columns]
        names += [column for column, _, _ in self.ranges]
        if self.expression.strip():
            names += sorted(expression_columns(self.expression) - {"source_id"})
        return tuple(dict.fromkeys(names))

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        return {
            "kind": "filter",
            "cuts": [list(cut) for cut in self.cuts],
            "ranges": [[column, float(low), float(high)] for column, low, high in self.ranges],
            "expression": self.expression,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Filter:
        """The filter that a recipe keeps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        return cls(
            tuple((str(name), str(variant)) for name, variant in content["cuts"]),
            tuple((str(c), float(low), float(high)) for c, low, high in content["ranges"]),
            str(content["expression"]),
        )
