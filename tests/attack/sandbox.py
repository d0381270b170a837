"""Run a piece of work in a child process of its own: its output, its end, its memory, its time."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ADDRESS_SPACE = 12 << 30  # bytes; what asks for more fails in the child, not on the machine
POLL = 0.02  # s


@dataclass(frozen=True)
class End:
    """How the work ended.

    Attributes
    ----------
    status : int
        What it exited with; minus the signal that ended it.
    output : str
        What it wrote to both streams.
    seconds : float
    grown : int
        By how many bytes its memory grew beyond what the parent had.
    timed_out : bool
    """

    status: int
    output: str
    seconds: float
    grown: int
    timed_out: bool


def run_apart(work: Callable[[], object], folder: Path, timeout: float) -> End:
    """Run the work in a fork, which has all modules that are imported already.

    Parameters
    ----------
    work : callable
        What it raises is printed as a traceback, with status 1, as the interpreter does.
    folder : Path
        Where the child works, and its output is kept.
    timeout : float
        Seconds after which it is killed.
    """
    log = folder / "output"
    log.touch()  # a child may be killed before it opens it
    sys.stdout.flush()
    sys.stderr.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(_in_child(work, folder, log))
    with contextlib.suppress(OSError):  # the child does so, too; whoever comes first
        os.setpgid(child, child)
    timed_out = False
    while True:
        done, wait_status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - start > timeout and not timed_out:
            timed_out = True
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(child, signal.SIGKILL)
        time.sleep(POLL)
    return End(
        os.waitstatus_to_exitcode(wait_status),
        log.read_text(errors="replace"),
        time.monotonic() - start,
        max(0, usage.ru_maxrss - before) << 10,
        timed_out,
    )


def _in_child(work: Callable[[], object], folder: Path, log: Path) -> int:
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    os.chdir(folder)
    with open(log, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    status = 0
    try:
        work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  all that a command lets through is what is looked for
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status
