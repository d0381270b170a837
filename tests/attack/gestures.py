"""Minutes of random gestures with a real mouse: errors of the server's log and of the browser."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/browser/test_random_gestures.py"


def main(argv: Sequence[str]) -> int:
    """Make gestures, a seed a minute; 0 if neither the server nor the browser told of an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack gestures")
    parser.add_argument("--minutes", type=int, default=5)
    minutes = parser.parse_args(argv).minutes
    print("seed  gestures, checks and memory  errors", flush=True)
    failed = 0
    for seed in range(1, minutes + 1):
        environment = {"XPMODEL_GESTURE_SECONDS": "60", "XPMODEL_GESTURE_SEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rP", TEST],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )
        counts = re.search(r"^\d+ gestures, .*$", done.stdout, re.MULTILINE)
        errors = re.findall(r"^E  +(\S.*)$", done.stdout, re.MULTILINE)
        said = counts[0] if counts else "broke off"
        print(f"{seed:4d}  {said}  {errors[0][:200] if errors else done.returncode}", flush=True)
        failed += done.returncode != 0
    print(f"{minutes} minutes: {failed} with an error of the server or the browser")
    return min(failed, 1)
