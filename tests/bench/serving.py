"""A server in a process of its own, and a browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.bench.measure import Skipped

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
# The mock sky that `make app` shows.
CATALOG = ROOT / "data/build/catalog.parquet"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that the Makefile looks for, too."""
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        raise Skipped("there is no Chromium or Chrome on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def served(program: str, app: Path, *options: str) -> Iterator[tuple[str, int]]:
    """Serve an app with ``panel serve`` or ``bokeh serve``; its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}/{app.stem}"
    with tempfile.TemporaryDirectory() as visits:
        server = subprocess.Popen(
            [sys.executable, "-m", program, "serve", str(app), "--port", str(port), *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"XPMODEL_VISITS": visits},
        )
        try:
            _wait(f"http://localhost:{port}/favicon.ico", server)
            yield url, server.pid
        finally:
            server.terminate()
            server.wait()


def _wait(url: str, server: subprocess.Popen) -> None:
    """Wait until the server answers, without opening a visit."""
    for _ in range(3600):
        if server.poll() is not None:
            raise Skipped(f"{' '.join(server.args)} ended with status {server.returncode}")
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.HTTPError:
            return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise Skipped(f"{' '.join(server.args)} does not answer")
