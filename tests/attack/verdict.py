"""What came of one malformed input, and whether it is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.attack.sandbox import End

CLEAR_CHARACTERS = 700
MEMORY = 600 << 20  # bytes beyond the modules; the largest input here has 60 MB

REFUSED, READ, EITHER = "refused", "read", "either"
CLEAR, ACCEPTED = "clear error", "right acceptance"
TRACEBACK, HANG, SILENT, UNCLEAR, MEMORY_TAKEN, CRASH = (
    *("traceback", "hang", "silent error", "unclear error", "memory", "crash"),
)
VERDICTS = (CLEAR, ACCEPTED, TRACEBACK, HANG, SILENT, UNCLEAR, MEMORY_TAKEN, CRASH)
RIGHT = (CLEAR, ACCEPTED)


@dataclass(frozen=True)
class Attack:
    """One malformed input, given to one command.

    Attributes
    ----------
    name : str
    prepare : callable
        Writes the files into an empty folder.
    work : callable
        Runs the command, in that folder.
    right : str
        Whether it must be refused, must be read, or may be either: then what is read must be right.
    names : str
        What a refusal must name: the file's name.
    check : callable, optional
        From the folder and the output to what is wrong with what was accepted, "" if nothing.
    """

    name: str
    prepare: Callable[[Path], object]
    work: Callable[[], object]
    right: str
    names: str = ""
    check: Callable[[Path, str], str] | None = None


def judge(attack: Attack, end: End, folder: Path, given: set[str]) -> tuple[str, str]:
    """The verdict, and in a line why; ``given`` are the files that were there before."""
    said = end.output.strip()
    last = said.splitlines()[-1] if said else ""
    if end.timed_out:
        return HANG, f"{end.seconds:.0f} s"
    if "Traceback (most recent call last)" in said or end.status == 1:
        return TRACEBACK, last
    if end.status < 0:
        return CRASH, f"signal {-end.status}: {last}"
    if end.grown > MEMORY:
        return MEMORY_TAKEN, f"{end.grown >> 20} MB"
    if end.status == 2:
        return _refusal(attack, said, folder, given)
    if end.status != 0:
        return UNCLEAR, f"status {end.status}: {last}"
    if attack.right == REFUSED:
        return SILENT, f"accepted: {last}"
    wrong = attack.check(folder, said) if attack.check else ""
    return (SILENT, f"{wrong}: {last}") if wrong else (ACCEPTED, last)


def _refusal(attack: Attack, said: str, folder: Path, given: set[str]) -> tuple[str, str]:
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if attack.right == READ:
        return SILENT, f"refused, though it can be read: {last}"
    n_errors = sum(line.startswith("xpmodel:") for line in lines)
    if n_errors > 1 or len(last) > CLEAR_CHARACTERS or not last:
        return UNCLEAR, f"{n_errors} errors, the last of {len(last)} characters: {last[:300]}"
    if attack.names and attack.names not in said:
        return UNCLEAR, f"does not name {attack.names}: {last}"
    left = sorted({p.name for p in folder.iterdir()} - given - {"output"})
    if left:
        return SILENT, f"left behind: {', '.join(left)}"
    return CLEAR, last
