"""Ten visitors who drag a slider at once, in one server process, against one visitor alone."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator

import numpy as np

from tests.bench.measure import Row, Skipped
from tests.bench.serving import APP, CATALOG, served
from tests.support.visitors import Visitor

VISITORS, MOVES = 10, 150
# A hand's drag: so many seconds from move to move.
PERIOD = 0.05


def rows() -> Iterator[Row]:
    if not CATALOG.exists():
        raise Skipped(f"there is no {CATALOG.name}; 'make app' makes it")
    with served("panel", APP, "--warm") as (url, _):
        alone, together = asyncio.run(drag_together(url, VISITORS))
    flat = [t for times in together for t in times]
    yield Row(
        f"{VISITORS} visitors: median",
        1e3 * statistics.median(flat),
        "ms",
        f"a slider's move → the decoded spectrum at the visitor, {VISITORS} visitors who each make "
        f"{MOVES} moves, one in {1e3 * PERIOD:g} ms, over websockets without a browser; against "
        "one visitor alone",
        1e3 * statistics.median(alone),
        "≤ 3",
    )
    yield Row(
        f"{VISITORS} visitors: 95th percentile",
        1e3 * float(np.percentile(flat, 95)),
        "ms",
        "of the same",
        1e3 * float(np.percentile(alone, 95)),
    )


async def drag(visitor: Visitor) -> list[float]:
    """Move a slider to and fro; seconds from each move to its spectrum."""
    times: list[float] = []
    await asyncio.sleep(PERIOD * float(np.random.default_rng().random()))
    for step in range(MOVES):
        begin = time.perf_counter()
        await visitor.change("z2", "value", 0.5 * float(np.sin((step + 1) / 9)))
        await visitor.answer("spectrum_source")
        times.append(time.perf_counter() - begin)
        await visitor.rest(begin + PERIOD)
    return times


async def drag_together(url: str, n: int) -> tuple[list[float], list[list[float]]]:
    """What one visitor waits for alone, and what each of some does who drag at once."""
    visitors = [await Visitor.open(url) for _ in range(n)]
    await asyncio.sleep(2)
    alone = await drag(visitors[0])
    together = await asyncio.gather(*map(drag, visitors))
    for visitor in visitors:
        visitor.leave()
    return alone, together
