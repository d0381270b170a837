"""A short part of the attack by malformed files, and how it judges."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.attack.sandbox import End
from tests.attack.verdict import EITHER, READ, REFUSED, Attack, judge

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("right", "status", "said", "verdict"),
    [
        (REFUSED, 2, "xpmodel: x.csv: not a table; give another", "clear error"),
        (REFUSED, 2, "xpmodel: something is wrong", "unclear error"),
        (REFUSED, 2, "", "unclear error"),
        (REFUSED, 2, "xpmodel: x.csv: " + "a" * 800, "unclear error"),
        (REFUSED, 1, "Traceback (most recent call last):\nValueError: x.csv", "traceback"),
        (REFUSED, 0, "6 stars", "silent error"),
        (EITHER, 0, "6 stars", "right acceptance"),
        (READ, 2, "xpmodel: x.csv: not a table", "silent error"),
        (REFUSED, -11, "", "crash"),
        (REFUSED, -9, "", "crash"),
    ],
)
def test_what_is_right_and_what_is_a_fault(tmp_path, right, status, said, verdict):
    attack = Attack("x", lambda _: None, lambda: None, right, names="x.csv")
    end = End(status, said, seconds=1.0, grown=0, timed_out=False)
    assert judge(attack, end, tmp_path, set())[0] == verdict


def test_hangs_memory_and_what_is_left_behind_are_faults(tmp_path):
    attack = Attack("x", lambda _: None, lambda: None, REFUSED)
    said = "xpmodel: x.csv: not a table"
    end = End(-9, said, seconds=90.0, grown=0, timed_out=True)
    assert judge(attack, end, tmp_path, set())[0] == "hang"
    end = End(2, said, seconds=1.0, grown=1 << 32, timed_out=False)
    assert judge(attack, end, tmp_path, set())[0] == "memory"
    (tmp_path / "half.parquet").touch()
    end = End(2, said, seconds=1.0, grown=0, timed_out=False)
    assert judge(attack, end, tmp_path, set()) == ("silent error", "left behind: half.parquet")
    assert judge(attack, end, tmp_path, {"half.parquet"})[0] == "clear error"


def test_a_wrong_result_is_a_fault(tmp_path):
    attack = Attack(
        *("x", lambda _: None, lambda: None, EITHER), check=lambda folder, said: f"{said}, not 6"
    )
    end = End(0, "5 stars", seconds=1.0, grown=0, timed_out=False)
    assert judge(attack, end, tmp_path, set())[0] == "silent error"


@pytest.mark.slow
def test_some_malformed_files(tmp_path):
    """Every 40th; all of them: ``python -m tests.attack inputs``."""
    command = [sys.executable, "-m", "tests.attack", "inputs", "--every", "40"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "| all | " in run.stdout
