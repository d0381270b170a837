"""``xpmodel explore``: the demo, what is named, mistakes; tests/test_wheel.py visits the page."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import xpapp.serve
from tests.support.commands import run
from tests.support.mock import Mock
from xpapp.settings import Settings, open_data
from xpmodel import open_catalog
from xpmodel.cli import explore

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """The data folder, empty."""
    for name in ("XPMODEL_CATALOG", "XPMODEL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XPMODEL_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def served(monkeypatch) -> list[tuple[Settings, int]]:
    """What would have been served."""
    calls: list[tuple[Settings, int]] = []
    monkeypatch.setattr(
        xpapp.serve, "serve", lambda settings, port, say, browser: calls.append((settings, port))
    )
    return calls


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.slow
def test_demo_is_made_once(data, served, monkeypatch):
    monkeypatch.setattr(explore, "SKY_STARS", 300)
    said = run("explore", "--port", 0).stdout
    assert "300 stars, none of them observed" in said and str(data) in said
    catalog = data / "catalog.parquet"
    assert served == [(Settings(catalog), 0)]
    opened = open_data(Settings(catalog))
    assert not opened.problems and len(opened.catalog) == opened.catalog.n_mock == 300
    made = catalog.stat().st_mtime_ns
    assert run("explore", "--port", 0).stdout == ""
    assert catalog.stat().st_mtime_ns == made
    # The sky is kept when only the catalog is gone.
    catalog.unlink()
    assert "Making the mock sky" not in run("explore", "--port", 0).stdout
    assert len(open_catalog(catalog)) == 300


def test_what_is_named(data, served, mock: Mock, monkeypatch):
    run("explore", mock.catalog, "--model", mock.model, "--samp", "--port", 0)
    monkeypatch.setenv("XPMODEL_CATALOG", str(mock.catalog))
    run("explore", "--port", 0)
    assert [settings for settings, _ in served] == [
        Settings(mock.catalog, mock.model, samp=True),
        Settings(mock.catalog),
    ]
    assert not data.exists()


def fails(*arguments: object) -> str:
    """The one line of a mistake."""
    result = run("explore", *arguments, status=2)
    assert result.stdout == "" and result.stderr.count("\n") == 1
    return result.stderr


def test_mistakes(data, mock: Mock, tmp_path):
    assert "no.parquet: no such file" in fails(tmp_path / "no.parquet", "--port", 0)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(mock.catalog.read_bytes()[:-1000])
    assert "not a whole Parquet file" in fails(damaged, "--port", 0)
    assert "model.json: cannot be read" in fails(mock.catalog, "--model", tmp_path, "--port", 0)
    other = ROOT / "data" / "demo_model"
    assert "made by another model" in fails(mock.catalog, "--model", other, "--port", 0)


def test_taken_port_is_told_before_a_demo_is_made(data, taken):
    assert f"port {taken} is taken: name another one with --port" in fails("--port", taken)
    assert not data.exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C as other systems send it")
def test_interrupted_demo_leaves_nothing(data):
    """As Ctrl-C does it: to this program and to those that it has begun, while they work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "xpmodel", "explore", "--no-browser", "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "app")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    try:
        while not list(data.rglob("*.part")):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1)  # by then there are others, which import what they need
    finally:
        os.killpg(process.pid, signal.SIGINT)
    said, problems = process.communicate(timeout=180)
    assert process.returncode == 1 and "Making the mock sky" in said
    assert problems.split() == ["Aborted!"]
    assert not [path for path in data.rglob("*") if path.is_file()]
