"""Modes of coloring the bins of maps. Each is one class here, and all else on the page asks it.

A further one is a class and its line in `COLOR_MODES`: then controls offer it, maps draw and
explain it, and visits keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import datashader as ds
import numpy as np
import pandas as pd

from xpapp.colors import category_colors, category_palette, density_palette, value_palette
from xpapp.runtime.names import as_html
from xpmodel import Catalog, InputError, circular
from xpmodel.catalog.once import once_a_catalog
from xpmodel.columns import axis_label, period

if TYPE_CHECKING:
    from pandas.api.typing import SeriesGroupBy

COLOR_SCALES = ("linear", "log", "equalized")
# The column of a mode that needs none.
NO_COLUMN = ""
# The sets that stars are in: a category that is no column.
SETS = "sets"
# Rarer ones share the last color.
MAX_CATEGORIES = 9

# One number for each of pandas' groups of values.
GroupStatistic: TypeAlias = "Callable[[SeriesGroupBy[Any, Any]], pd.Series]"
Reduction: TypeAlias = "ds.reductions.Reduction | GroupStatistic"


class StarValues(NamedTuple):
    """What colors each star.

    Attributes
    ----------
    values : ndarray, (N,) float32, or None
        NaN where a star has none; codes of categories, -1 for none; None where only the number of
        stars counts.
    names : tuple of str
        Of the categories, by their codes; empty where values are no codes.
    """

    values: np.ndarray | None = None
    names: tuple[str, ...] = ()


class ColorMode:
    """How the stars of a bin become its color.

    Bins without stars are clear; those whose stars have no value, as `reduction` says by NaN, are
    gray.

    Attributes
    ----------
    name : str
        In saved visits, and in what maps say.
    label : str
        In the control.
    reduction
        What makes a bin's value of its stars: Datashader's, of the column ``value``, or, where it
        has none, a function of pandas' groups of values; None for the number of stars.
    categorical : bool
        Whether bins take the color of their most frequent category, shaded by how many stars have
        it. Otherwise their value is a place on a color scale.
    from_one : bool
        Whether the color scale begins at 1 and ends at the largest value.
    default_scale : str
        One of COLOR_SCALES, when the mode is chosen.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    reduction: Reduction | None = None
    categorical: ClassVar[bool] = False
    from_one: ClassVar[bool] = False
    default_scale: ClassVar[str] = "linear"

    def columns(self, catalog: Catalog) -> tuple[str, ...]:
        """Columns of which the mode can be; `NO_COLUMN` alone where it needs none."""
        raise NotImplementedError

    def default_column(self, columns: Sequence[str]) -> str:
        """Of these columns the one to begin with."""
        return columns[0]

    def drawn(self, column: str, scale: str) -> tuple[ColorMode, str]:
        """The mode and the scale that draw a column: these, where the column is no special one."""
        return self, scale

    def star_values(self, catalog: Catalog, column: str) -> StarValues:
        """What colors each star of a catalog."""
        raise NotImplementedError

    def palette(self, dark: bool, names: Sequence[str]) -> tuple[str, ...]:
        """Colors of the bins from low to high, for a page that is dark or light."""
        return value_palette(dark)

    def legend(self, column: str, names: Sequence[str]) -> str:
        """What the colors stand for, as HTML."""
        raise NotImplementedError

    def describe_bin(
        self, values: np.ndarray, column: str, names: Sequence[str]
    ) -> str:  # values: (n,)
        """What is said of the values of one bin's stars, of which there are some."""
        raise NotImplementedError


class Density(ColorMode):
    """The number of stars."""

    name = "density"
    label = "density of stars"
    from_one = True
    default_scale = "log"

    def columns(self, catalog: Catalog) -> tuple[str, ...]:
        """None is needed."""
        return (NO_COLUMN,)

    def star_values(self, catalog: Catalog, column: str) -> StarValues:
        """Only the number of stars counts."""
        return StarValues()

    def palette(self, dark: bool, names: Sequence[str]) -> tuple[str, ...]:
        """Colors from few stars to many."""
        return density_palette(dark)

    def legend(self, column: str, names: Sequence[str]) -> str:
        """What the colors count."""
        return "stars per bin"


class ColumnStatistic(ColorMode):
    """One number of the known values of a numeric column.

    Attributes
    ----------
    around : type, optional
        The mode that takes its place for a column with a period.
    """

    around: ClassVar[type[AroundStatistic] | None] = None

    def drawn(self, column: str, scale: str) -> tuple[ColorMode, str]:
        """The mode for columns with a period, where the column has one."""
        turn = period(column)
        return (self if turn is None or self.around is None else self.around(turn)), scale

    def columns(self, catalog: Catalog) -> tuple[str, ...]:
        """All numeric ones."""
        return tuple(catalog.numeric)

    def default_column(self, columns: Sequence[str]) -> str:
        """A label where there is one."""
        return next(name for name in ("m_h", "teff", *columns) if name in columns)

    def star_values(self, catalog: Catalog, column: str) -> StarValues:
        """The column as it is."""
        return StarValues(np.asarray(catalog[column], np.float32))

    def statistic(self, values: np.ndarray) -> float:  # (n,) float64
        """What `reduction` makes of the known values of one bin, exactly."""
        raise NotImplementedError

    def legend(self, column: str, names: Sequence[str]) -> str:
        """The statistic and the column."""
        return f"{self.name} {as_html(axis_label(column))}"

    def describe_bin(self, values: np.ndarray, column: str, names: Sequence[str]) -> str:
        """The statistic, and of how many stars it is."""
        known = values[np.isfinite(values)].astype(np.float64)
        if not len(known):
            return f"no {column} known"
        return f"{self.name} {column} {self.statistic(known):.5g} of {len(known):,}"


class AroundStatistic(ColumnStatistic):
    """One number of the known values of a column with a period, by `xpmodel.circular`."""

    def __init__(self, turn: float) -> None:
        self.turn = turn
        self.reduction = self._reduce

    def of_groups(self, values: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
        """The statistic of each of n groups of values."""
        raise NotImplementedError

    def statistic(self, values: np.ndarray) -> float:
        """The statistic of one bin."""
        return float(self.of_groups(values, np.zeros(len(values), np.int64), 1)[0])

    def _reduce(self, groups: SeriesGroupBy[Any, Any]) -> pd.Series:
        names = groups.size().index
        found = self.of_groups(groups.obj.to_numpy(), groups.ngroup().to_numpy(), len(names))
        return pd.Series(found, names)


class AroundMean(AroundStatistic):
    """The mean direction."""

    name = "mean"

    def of_groups(self, values: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
        """The mean directions."""
        return circular.means(values, group, n, self.turn)[0]


class AroundMedian(AroundStatistic):
    """The median direction."""

    name = "median"

    def of_groups(self, values: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
        """The median directions."""
        return circular.medians(values, group, n, self.turn)


class AroundSpread(AroundStatistic):
    """The circular standard deviation."""

    name = "spread"

    def of_groups(self, values: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
        """The circular standard deviations."""
        return circular.means(values, group, n, self.turn)[1]


class Mean(ColumnStatistic):
    """The mean of a column."""

    around = AroundMean

    name = "mean"
    label = "mean of"
    reduction = ds.mean("value")

    def statistic(self, values: np.ndarray) -> float:
        """The mean."""
        return np.mean(values)


class Median(ColumnStatistic):
    """The median of a column."""

    around = AroundMedian

    name = "median"
    label = "median of"

    @staticmethod
    def reduction(groups: SeriesGroupBy[Any, Any]) -> pd.Series:
        """The median, for which Datashader has no reduction."""
        return groups.median()

    def statistic(self, values: np.ndarray) -> float:
        """The median."""
        return np.median(values)


class Spread(ColumnStatistic):
    """The standard deviation of a column."""

    around = AroundSpread

    name = "spread"
    label = "spread (standard deviation) of"
    reduction = ds.std("value")

    def statistic(self, values: np.ndarray) -> float:
        """The standard deviation."""
        return np.std(values)


class Category(ColorMode):
    """The most frequent category, or the sets over the density of stars."""

    name = "category"
    label = "category"
    categorical = True

    def columns(self, catalog: Catalog) -> tuple[str, ...]:
        """The sets, and columns of text."""
        return (SETS, *catalog.categorical)

    def default_column(self, columns: Sequence[str]) -> str:
        """The last column of text, else the sets."""
        return columns[-1]

    def drawn(self, column: str, scale: str) -> tuple[ColorMode, str]:
        """Sets are drawn over all maps anyway: below them is the density."""
        return (DENSITY, DENSITY.default_scale) if column == SETS else (self, scale)

    def star_values(self, catalog: Catalog, column: str) -> StarValues:
        """Codes, and the categories' names."""
        return categories(catalog, column)

    def palette(self, dark: bool, names: Sequence[str]) -> tuple[str, ...]:
        """Shades of each category, one after the other."""
        return category_palette(len(names))

    def legend(self, column: str, names: Sequence[str]) -> str:
        """The categories in their colors."""
        return " ".join(
            f"<span style='color:{color}'>■</span>&nbsp;{as_html(name)}"
            for name, color in zip(names, category_colors(len(names)), strict=True)
        )

    def describe_bin(self, values: np.ndarray, column: str, names: Sequence[str]) -> str:
        """The most frequent category, and how many stars have it."""
        codes = values[values >= 0].astype(int)
        if not len(codes):
            return f"no {column} known"
        most = int(np.bincount(codes).argmax())
        return f"{np.count_nonzero(codes == most):,} of {names[most]}"


DENSITY, MEAN, MEDIAN, SPREAD, CATEGORY = Density(), Mean(), Median(), Spread(), Category()
# By their names, in the order in which the control offers them.
COLOR_MODES: dict[str, ColorMode] = {
    mode.name: mode for mode in (DENSITY, MEAN, MEDIAN, SPREAD, CATEGORY)
}


def color_mode(name: str) -> ColorMode:
    """The mode of a name.

    Raises
    ------
    InputError
        When there is none.
    """
    if name not in COLOR_MODES:
        known = ", ".join(COLOR_MODES)
        raise InputError(f"maps cannot be colored by {name[:60]!r}; they can by {known}")
    return COLOR_MODES[name]


@once_a_catalog(at_most=8)
def categories(catalog: Catalog, column: str) -> StarValues:
    """Codes of a column of text, and their names, most frequent first.

    Beyond a few categories the rarer ones share the last code. Missing is -1.
    """
    codes, names = pd.factorize(pd.Series(catalog[column], dtype=object))
    order = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(names)), kind="stable")
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(names)), -1
    labels = [str(names[i]) for i in order]
    if len(labels) > MAX_CATEGORIES:
        rest = len(labels) - MAX_CATEGORIES + 1
        labels = [*labels[: MAX_CATEGORIES - 1], f"{rest} others"]
        rank = np.minimum(rank, MAX_CATEGORIES - 1)
    return StarValues(rank[codes].astype(np.float32), tuple(labels))
