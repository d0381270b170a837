"""Memory of the server while visits come and go: what one leaves behind after the first twenty."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.serving import APP, served
from tests.support.visitors import Visitor

# Till then what is made once for all visits is there, and memory that is used again.
WARM_UP = 20
GOAL = 5.0
# A visit ends so long after its visitor has left [ms]; the server looks as often.
LINGER = 1000
MOVES = 5


def main(argv: Sequence[str]) -> int:
    """Open and leave visits one after the other; 0 if the server has grown by less than 5 %."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack visit_memory")
    parser.add_argument("--visits", type=int, default=200, help="after the first twenty")
    visits = parser.parse_args(argv).visits
    linger = ("--unused-session-lifetime", str(LINGER), "--check-unused-sessions", str(LINGER))
    with served("panel", APP, "--warm", *linger) as (url, pid):
        return asyncio.run(_measure(url, pid, visits))


async def _measure(url: str, pid: int, visits: int) -> int:
    print("visits  RSS [MB]  since the first twenty [%]", flush=True)
    first = grown = 0.0
    for n in range(1, WARM_UP + visits + 1):
        await _visit(url)
        if n % 20 == 0:
            await asyncio.sleep(5 * LINGER / 1000)  # till those have ended, too
            now = memory(pid)
            first = first or now
            grown = 100 * (now / first - 1)
            print(f"{n:6d}  {now:8.0f}  {grown:+8.1f}", flush=True)
    met = grown < GOAL
    print(f"{visits} visits: {grown:+.1f} %, goal < {GOAL:g} %: {'met' if met else 'MISSED'}")
    return 0 if met else 1


async def _visit(url: str) -> None:
    visitor = await Visitor.open(url)
    for step in range(MOVES):
        await visitor.change("z2", "value", step / MOVES)
        await visitor.answer("spectrum_source")
    visitor.leave()


def memory(pid: int) -> float:
    """What a process has in memory [MB]."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
