"""Many exports of one catalog at once, in a process of their own: it may crash, or never end."""

import subprocess
import sys
from pathlib import Path

from tests.attack.exports_at_once import NAMES

ROOT = Path(__file__).parents[3]


def test_each_file_is_the_one_that_is_written_alone():
    command = [sys.executable, "-m", "tests.attack.exports_at_once", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(done.stdout.splitlines()) == 3
    assert all(f"{len(NAMES)} files" in line for line in done.stdout.splitlines())
