"""The tests that need a GPU, in a process of their own: one that is skipped counts as failed."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from tests.bench.gpu.results import Row
from tests.bench.gpu.timing import Bench

ROOT = Path(__file__).resolve().parents[3]
# What `make gpu-wheels` brings for a machine that has PyTorch and little else.
WHEELS = ROOT / ".wheels"
MARK = "pytest.mark.cuda"
TIME_LIMIT = 240.0


def marked_files() -> list[Path]:
    """The files that have such tests: a bare machine may not be able to import the others."""
    return sorted(p for p in (ROOT / "tests").rglob("test_*.py") if MARK in p.read_text())


def tests(bench: Bench) -> Iterator[Row]:
    """Run them all, and say how many passed."""
    site = bench.folder / "site"
    wheels = sorted(map(str, WHEELS.glob("*.whl")))
    if wheels:
        pip = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile",
               "--disable-pip-version-check", "--target", str(site), *wheels]  # fmt: skip
        subprocess.run([sys.executable, *pip], check=True, timeout=120)
    written = bench.folder / "tests.xml"
    # PyTorch and pandas may be of other versions than ours here, and warn of other things; plugins
    # of other people's are not part of our tests.
    pytest = ["-m", "pytest", "-m", "cuda", "-v", "-W", "default", "-p", "no:cacheprovider",
              f"--junitxml={written}", *map(str, marked_files())]  # fmt: skip
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path}
    status: int | str
    try:
        run = subprocess.run(
            [sys.executable, *pytest], cwd=ROOT, env=os.environ | environment, timeout=TIME_LIMIT
        )
        status = run.returncode
    except subprocess.TimeoutExpired:
        status = f"none after {TIME_LIMIT:.0f} s"
    yield summary(written.read_text() if written.exists() else "", status)


def summary(xml: str, status: int | str) -> Row:
    """The row of a run of pytest, from its JUnit XML and its exit status."""
    not_passed: dict[str, str] = {}
    n, seconds = 0, 0.0
    for case in ET.fromstring(xml).iter("testcase") if xml else ():
        n += 1
        seconds += float(case.get("time", 0))
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                name = f"{case.get('classname')}.{case.get('name')}"
                said = (child.text or child.get("message") or "")[-3000:]
                not_passed[name] = f"{child.tag}: {said}"
    row = Row(
        "tests that need a GPU",
        what="passed, of all; one that is skipped counts as failed",
        ours=float(n - len(not_passed)),
        floor=float(n),
        more={"seconds": seconds},
    )
    if status or not_passed or not n:
        row.status = "failed"
        row.error = f"pytest's exit status: {status}; of {n} did not pass: " + (
            ", ".join(not_passed) or "none"
        )
        row.more["not_passed"] = not_passed
    return row
