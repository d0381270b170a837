"""Visitors who drag a slider at once against one alone: what they wait for."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

import numpy as np

from tests.bench.serving import APP, served
from tests.bench.visitors import drag_together


def main(argv: Sequence[str]) -> int:
    """Print medians and 95th percentiles of a slider's answer; 0 when all have been answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack visitors")
    parser.add_argument("--visitors", type=int, default=30)
    n = parser.parse_args(argv).visitors
    with served("panel", APP, "--warm") as (url, _):
        alone, together = asyncio.run(drag_together(url, n))
    print("visitors  moves  p50 [ms]  p95 [ms]")
    for count, times in ((1, alone), (n, [t for one in together for t in one])):
        p50, p95 = 1e3 * np.percentile(times, [50, 95])
        print(f"{count:8d}  {len(times):5d}  {p50:8.1f}  {p95:8.1f}", flush=True)
    return 0
