"""Color scales: from the values of bins to levels, and the ticks of the color bar."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

# Values beyond these percentiles of the bins take the end colors.
CLIP = (1.0, 99.0)
N_TICKS = 5


@dataclass(frozen=True)
class ColorScale:
    """How values become fractions of the color bar.

    Attributes
    ----------
    kind : str
        ``linear``, ``log`` or ``equalized``.
    low, high : float
        Values at the ends of the bar.
    ranked : ndarray
        Sorted values of the bins, for the equalized scale.
    """

    kind: str
    low: float
    high: float
    ranked: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    @classmethod
    def of(cls, values: np.ndarray, kind: str, from_one: bool = False) -> ColorScale:
        """The scale that fits values (any shape, NaN where there is none).

        A logarithmic scale of values that are not all positive becomes linear.

        Parameters
        ----------
        from_one : bool
            The values are numbers of stars: the scale goes from 1 to the largest.
        """
        present = values[np.isfinite(values)]
        if not len(present):
            return cls("linear", 0.0, 1.0)
        low, high = (1.0, float(present.max())) if from_one else np.percentile(present, CLIP)
        if kind == "equalized":
            return cls(kind, float(present.min()), float(present.max()), np.sort(present))
        kind = kind if kind == "linear" or low > 0 else "linear"
        return cls(kind, float(low), float(high))

    def fractions(self, values: np.ndarray) -> np.ndarray:
        """Places along the color bar, 0 to 1; NaN stays NaN."""
        if self.kind == "equalized":
            rank = np.searchsorted(self.ranked, values) / max(len(self.ranked) - 1, 1)
            return np.where(np.isfinite(values), np.minimum(rank, 1.0), np.nan)
        low, high = self.low, self.high
        if self.kind == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                values, low, high = np.log(values), math.log(low), math.log(high)
        if not high > low:
            return np.where(np.isfinite(values), 1.0, np.nan)
        return np.clip((values - low) / (high - low), 0.0, 1.0)

    def levels(self, values: np.ndarray, n: int) -> np.ndarray:  # uint8
        """Levels 1 to n, 0 where there is no value (NaN)."""
        levels = 1 + self.fractions(values) * (n - 1)
        return np.nan_to_num(levels, nan=0.0).round().astype(np.uint8)

    @property
    def ticks(self) -> dict[float, str]:
        """Labels along the color bar by their places, 0 to 1."""
        if not self.high > self.low:
            return {1.0: f"{self.low:.4g}"}
        if self.kind == "equalized":
            places = np.linspace(0, 1, N_TICKS)
            values = np.quantile(self.ranked, places)
            return {float(p): _label(v, values) for p, v in zip(places, values, strict=True)}
        values = self._log_ticks() if self.kind == "log" else self._linear_ticks()
        places = self.fractions(values)
        return {float(p): _label(v, values) for p, v in zip(places, values, strict=True)}

    def _linear_ticks(self) -> np.ndarray:
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span / (N_TICKS - 1)))
        step *= next(m for m in (1, 2, 5, 10) if span / (m * step) <= N_TICKS)
        return step * np.arange(math.ceil(self.low / step), math.floor(self.high / step) + 1)

    def _log_ticks(self) -> np.ndarray:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        ticks = np.empty(0)
        for digits in ((1,), (1, 3), (1, 2, 5)):
            ticks = np.array([d * 10.0**k for k in decades for d in digits])
            ticks = ticks[(ticks >= self.low * 0.999) & (ticks <= self.high * 1.001)]
            if len(ticks) >= 3:
                return ticks[:: math.ceil(len(ticks) / N_TICKS)]
        return ticks if len(ticks) else np.array([self.low])


def _label(value: float, values: np.ndarray) -> str:
    """A tick's label, with as many digits as tell it from its neighbors."""
    gap = np.diff(np.unique(values)).min(initial=np.inf)
    if not np.isfinite(gap) or gap <= 0:
        return f"{value:.4g}"
    digits = max(0, -math.floor(math.log10(gap))) if gap < 1e4 else 0
    if digits > 4 or abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:.{digits}f}"
