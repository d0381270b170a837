"""The benchmarks of a GPU, tried on a CPU; and how a run says what went wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.gpu.__main__ import PARTS, OutOfTime, run_part
from tests.bench.gpu.on_device import MARK, marked_files, summary
from tests.bench.gpu.results import Results, Row, report
from tests.bench.gpu.timing import SMALL, Bench

ROOT = Path(__file__).resolve().parents[2]
# What a machine with PyTorch may well be without.
MISSING = (
    "gaiaxpy astropy astropy_healpix astroquery dust_extinction shapely dask datashader holoviews "
    "panel panel_material_ui bokeh param tornado playwright nbclient pytest tensorboard"
)


@pytest.mark.slow
def test_all_parts_on_a_machine_with_little_installed(tmp_path):
    out = tmp_path / "gpu.json"
    parts = [name for name in PARTS if name != "tests"]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({MISSING.split()!r}))  # importing what is None there fails
from tests.bench.gpu.__main__ import main
sys.exit(main({["--small", "--out", str(out), *parts]!r}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(out.read_text())
    names = [row["name"] for row in found["rows"]]
    assert len(names) == len(set(names)) >= 25
    for row in found["rows"]:
        assert row["status"] == "ok", row
        assert row["median"] == row["ours"] >= 0
        assert row["name"][:48] in run.stdout
        if row["floor"]:
            assert row["ratio"] == pytest.approx(row["ours"] / row["floor"])
    lines = report(out).splitlines()
    assert sum(line.startswith("| ") for line in lines) == len(names) + 1
    assert found["machine"] in lines[0]


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench("cpu", SMALL, tmp_path)


def test_a_part_that_fails_leaves_the_others(bench, tmp_path):
    def fails(_: Bench) -> Iterator[Row]:
        yield Row.timed("before", "", [0.001, 0.003, 0.002], [0.001])
        raise ZeroDivisionError("of something")

    def good(_: Bench) -> Iterator[Row]:
        yield Row("after")

    def endless(_: Bench) -> Iterator[Row]:
        yield Row("begun")
        while True:
            try:
                pass
            except Exception:  # noqa: BLE001  what a part may do
                raise AssertionError from None

    results = Results(tmp_path / "r.json", {})
    run_part("a", fails, bench, results, 60)
    run_part("b", good, bench, results, 60)
    run_part("c", endless, bench, results, 0.05)
    run_part("d", good, bench, results, 0)
    rows = json.loads(results.path.read_text())["rows"]
    assert [(row["name"], row["status"]) for row in rows] == [
        ("before", "ok"), ("a", "failed"), ("after", "ok"), ("begun", "ok"), ("c", "not run"),
        ("d", "not run"),
    ]  # fmt: skip
    assert rows[0]["median"] == pytest.approx(2.0)
    assert rows[0]["ratio"] == pytest.approx(2.0)
    assert "ZeroDivisionError: of something" in rows[1]["error"]
    assert "| a | failed |" in report(results.path)
    assert not issubclass(OutOfTime, Exception)


def test_a_difference_beyond_its_limit_fails():
    assert Row.agreement("a", "", 1e-4, 1e-3).status == "ok"
    for difference in (2e-3, float("nan")):
        assert Row.agreement("a", "", difference, 1e-3).status == "failed"


def test_a_skipped_test_counts_as_failed():
    case = '<testcase classname="tests.a" name="test_{0}" time="0.5">{1}</testcase>'
    good, skipped = case.format("a", ""), case.format("b", '<skipped message="no device"/>')
    bad = case.format("c", '<failure message="m">assert 1 == 2</failure>')
    whole = "<testsuites><testsuite>{}</testsuite></testsuites>".format
    row = summary(whole(good), 0)
    assert (row.status, row.ours, row.floor) == ("ok", 1, 1)
    row = summary(whole(good + skipped + bad), 1)
    assert (row.status, row.ours, row.floor) == ("failed", 1, 3)
    assert row.more["not_passed"] == {
        "tests.a.test_b": "skipped: no device", "tests.a.test_c": "failure: assert 1 == 2"
    }  # fmt: skip
    for nothing in (summary("", 4), summary(whole(""), 5), summary(whole(good), 1)):
        assert nothing.status == "failed"


def test_every_test_that_needs_a_gpu_is_among_those_it_runs():
    """By the marker alone: one skipped in another way would be missed in silence."""
    assert len(marked_files()) >= 7
    files = [p for p in sorted((ROOT / "tests").rglob("*.py")) if p != Path(__file__)]
    assert not [p for p in files if "not torch.cuda.is_available(), reason" in p.read_text()]
    assert {p for p in files if MARK in p.read_text()} - set(marked_files()) <= {
        ROOT / "tests/bench/gpu/on_device.py"
    }
