"""``python -m tests.bench.gpu``: the tests that need a GPU and the GPU's benchmarks, in minutes.

Needs PyTorch, numpy, pandas, pyarrow, scipy, safetensors, lazy_loader and pytest; the tests need
besides what ``make gpu-wheels`` brings.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from tests.bench.gpu import decoding, on_device, stars, training
from tests.bench.gpu.results import HEADER, Results, Row, report
from tests.bench.gpu.timing import SMALL, Bench, Sizes

DEFAULT_OUT = Path("data/build/gpu.json")
# The important ones first: what the time does not suffice for is not run.
PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "tests": on_device.tests,
    "point": decoding.point,
    "train": training.epochs,
    "encode": decoding.encode,
    "decode": decoding.decode,
    "nearest": stars.nearest,
    "medians": stars.medians,
    "train-cpu": training.on_the_cpu,
}


class OutOfTime(BaseException):
    """The run's minutes are over; no ``except Exception`` on the way up keeps it."""


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.report is not None:
        print(report(options.report))
        return 0
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.small:
        print("PyTorch finds no CUDA device here; --small tries the benchmarks on the CPU",
              file=sys.stderr)  # fmt: skip
        return 1
    names = options.parts or [name for name in PARTS if device == "cuda" or name != "tests"]
    results = Results(options.out, {"minutes": options.minutes, "small": options.small})
    print(HEADER, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(device, SMALL if options.small else Sizes(), Path(folder))
        for name in names:
            left = 60 * options.minutes - results.seconds
            run_part(name, PARTS[name], bench, results, left)
    print(f"{results.seconds:.0f} s; {results.path}")
    return int(any(row.status != "ok" for row in results.rows))


def run_part(
    name: str,
    part: Callable[[Bench], Iterator[Row]],
    bench: Bench,
    results: Results,
    seconds: float,
) -> None:
    """Add a part's rows as they come, and a row that says why where it does not end well."""
    if seconds <= 0:
        results.add(Row(name, status="not run", error="the minutes were over"))
        return
    try:
        with _limit(seconds):
            for row in part(bench):
                results.add(row)
    except OutOfTime:
        results.add(Row(name, status="not run", error="the minutes were over before its end"))
    except Exception:  # noqa: BLE001  whatever it is: the other parts still run
        results.add(Row(name, status="failed", error=traceback.format_exc().strip()))


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime within the block once the seconds are over."""

    def over(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART",
                        help=f"of {', '.join(PARTS)}; all by default")  # fmt: skip
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="FILE",
                        help="JSON, whole after every row (%(default)s)")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=8.0,
                        help="what has not begun by then is not run (%(default)s)")  # fmt: skip
    parser.add_argument("--small", action="store_true",
                        help="few stars, also on a CPU: to see that it runs")  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE",
                        help="print such a JSON as Markdown, and do nothing else")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
