"""Rows of one run: kept in a JSON file as they come, printed, and made into a table."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.bench.measure import machine, number
from xpmodel._atomic import replacing

FORMAT = "xpmodel-gpu"
CARD = (
    *("name", "driver_version", "memory.total", "temperature.gpu", "power.draw"),
    *("clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem"),
)


@dataclass
class Row:
    """One line: what ours costs and what the same work costs at the least.

    Attributes
    ----------
    name, unit, what : str
    ours, floor, p95 : float, optional
        Medians, and the 95th percentile of ours; in the unit.
    repeats : int
        Of ours.
    more : dict
        Further figures, each with its unit in its name.
    status : str
        ``ok``, ``failed`` or ``not run``.
    error : str
        Why it is not ``ok``.
    """

    name: str
    unit: str = ""
    what: str = ""
    ours: float | None = None
    floor: float | None = None
    p95: float | None = None
    repeats: int = 0
    more: dict[str, Any] = field(default_factory=dict)
    status: str = "ok"
    error: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.ours is not None and self.floor else None

    @classmethod
    def timed(
        cls,
        name: str,
        what: str,
        ours: Sequence[float],
        floor: Sequence[float] | None = None,
        unit: str = "ms",
        **more: Any,
    ) -> Row:
        """Of seconds."""
        factor = {"ms": 1e3, "s": 1.0}[unit]
        return cls(
            name,
            unit,
            what,
            factor * statistics.median(ours),
            None if floor is None else factor * statistics.median(floor),
            factor * float(np.percentile(ours, 95)) if len(ours) >= 20 else None,
            len(ours),
            more,
        )

    @classmethod
    def agreement(cls, name: str, what: str, difference: float, limit: float) -> Row:
        """How far two devices are apart, which must be within a limit."""
        good = difference <= limit  # NaN is not
        error = "" if good else f"the largest difference is {difference:.2g}, above {limit:g}"
        return cls(name, "", what, difference, limit, status="ok" if good else "failed",
                   error=error)  # fmt: skip


class Results:
    """The rows so far, in a file that is whole after each of them."""

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self.path = path
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # begins CUDA, so that its memory can be asked for
        self._start = time.perf_counter()
        self.rows: list[Row] = []
        self._about = {
            "format": FORMAT,
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "machine": machine(),
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "card": card(),
            "options": options,
        }
        self._write()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._start

    def add(self, row: Row) -> None:
        """Keep a row, and print it."""
        if torch.cuda.is_available():
            row.more["gpu_peak_MiB"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
            torch.cuda.reset_peak_memory_stats()
        self.rows.append(row)
        self._write()
        print(line(row), flush=True)

    def _write(self) -> None:
        rows = [asdict(row) | {"ratio": row.ratio, "median": row.ours} for row in self.rows]
        with replacing(self.path) as part:
            part.write_text(
                json.dumps(
                    self._about
                    | {"seconds": round(self.seconds, 1), "card_at_end": card(), "rows": rows},
                    indent=1,
                )
                + "\n"
            )


def card() -> dict[str, str]:
    """What the driver says of the GPU; nothing where it cannot be asked."""
    query = ["nvidia-smi", f"--query-gpu={','.join(CARD)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    index = int(os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or 0)
    lines = answer.stdout.splitlines()
    return dict(
        zip(CARD, map(str.strip, lines[min(index, len(lines) - 1)].split(",")), strict=True)
    )


def line(row: Row) -> str:
    """A row as one line of the table that is printed as it grows."""
    figures = f"{number(row.ours):>10}  {number(row.floor):>10}  {row.unit:<4}"
    ratio = "" if row.ratio is None else f"{number(row.ratio):>8}"
    p95 = "" if row.p95 is None else f"p95 {number(row.p95)}"
    end = p95 if row.status == "ok" else f"{row.status.upper()}: {row.error.splitlines()[-1][:200]}"
    return f"{row.name:<48}{figures}{ratio:>8}  {end}".rstrip()


HEADER = f"{'':<48}{'ours':>10}  {'floor':>10}  {'unit':<4}{'ratio':>8}"


def report(path: Path) -> str:
    """The Markdown of a results file."""
    found = json.loads(path.read_text())
    if found.get("format") != FORMAT:
        raise ValueError(f"{path}: not results of python -m tests.bench.gpu")
    named = found["card"]
    lines = [
        f"{found['date']}; {found['machine']}; CUDA {found['cuda']}"
        + (f", driver {named['driver_version']}" if named else "")
        + f"; the whole run took {found['seconds']:.0f} s.",
        "",
        *_clocks(named, found["card_at_end"]),
        "| | ours | floor | unit | ratio | 95 % | runs | GPU memory, MiB |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for row in found["rows"]:
        if row["status"] != "ok":
            lines.append(f"| {row['name']} | {row['status']} | | | | | | |")
            continue
        cells = [number(row["ours"]), number(row["floor"]), row["unit"], number(row["ratio"]),
                 number(row["p95"]), str(row["repeats"] or "–"),
                 number(row["more"].get("gpu_peak_MiB"))]  # fmt: skip
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    lines.append("")
    for row in found["rows"]:
        more = {k: v for k, v in row["more"].items() if k not in ("gpu_peak_MiB", "not_passed")}
        said = "; ".join(f"{key.replace('_', ' ')}: {_short(value)}" for key, value in more.items())
        parts = [row["what"], said, row["error"].splitlines()[-1] if row["error"] else ""]
        lines.append(f"- **{row['name']}**: {'. '.join(filter(None, parts))}")
    return "\n".join(lines)


def _clocks(before: dict[str, str], after: dict[str, str]) -> list[str]:
    if not before or not after:
        return []
    return [
        f"Clocks of the multiprocessors: {before['clocks.sm']} at the start, {after['clocks.sm']} "
        f"at the end, {before['clocks.max.sm']} at the most; memory {after['clocks.mem']}; "
        f"{after['power.draw']}, {after['temperature.gpu']} °C at the end.",
        "",
    ]


def _short(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
