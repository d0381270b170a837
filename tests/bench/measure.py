"""Medians of interleaved runs, and the table that they fill."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


class Skipped(Exception):
    """Why a benchmark cannot run here."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    The floor is what the same work costs at the least, or what it cost before; the ratio is
    ours over the floor, and the goal is the ratio's.
    """

    name: str
    ours: float
    unit: str
    what: str
    floor: float | None = None
    goal: str = ""  # "≥ 0.7", "≤ 1.5"; without one the row is for information
    limit: float | None = None  # what ours may be at the most, where that is the goal

    @property
    def ratio(self) -> float | None:
        return None if self.floor is None else self.ours / self.floor

    @property
    def verdict(self) -> str:
        if math.isnan(self.ours):
            return "FAILED"
        if self.limit is not None:
            return "met" if self.ours <= self.limit else "MISSED"
        if not self.goal or self.ratio is None:
            return ""
        sign, limit = self.goal.split()
        limit = float(limit.replace(",", ""))
        return "met" if (self.ratio >= limit if sign == "≥" else self.ratio <= limit) else "MISSED"


def medians(rounds: int, **works: Callable[[], object]) -> dict[str, float]:
    """Median time of each work [s], all of them in turn so that noise meets them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for i in range(rounds):
        # There and back again: nobody always runs behind the same neighbor.
        for name in list(works)[:: 1 if i % 2 else -1]:
            start = time.perf_counter()
            works[name]()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def cells(row: Row) -> tuple[str, ...]:
    """A row as the table writes it."""
    goal = row.goal if row.limit is None else f"≤ {number(row.limit)} {row.unit}"
    figures = (number(row.ours), number(row.floor), row.unit, number(row.ratio))
    return (row.name, *figures, goal, row.verdict)


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    lines = [("benchmark", "ours", "floor", "unit", "ratio", "goal", ""), *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if i in (1, 2, 4) else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def number(value: float | None) -> str:
    """Three digits, or all of a large number's with commas."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """The machine that the times are of, in one line."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [s for s in cpuinfo.read_text().splitlines() if s.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    parts = [
        f"{cpu}, {os.cpu_count()} cores",
        torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA",
        f"torch {torch.__version__}, {torch.get_num_threads()} threads",
        f"Python {platform.python_version()}",
    ]
    if hasattr(os, "getloadavg"):
        parts.append(f"load average {os.getloadavg()[0]:.1f}")
    return "; ".join(parts)
