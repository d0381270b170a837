"""What a visitor sees first, and what the page says when it has nothing to show."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from panel.tests.util import get_open_ports

from tests.browser.explorer import Explorer
from tests.support.mock import INACTIVE, Mock
from xpapp.colors import BASE_LEVELS

ROOT = Path(__file__).resolve().parents[2]


def in_view(explorer: Explorer, x: str = "z2", y: str = "z4") -> int:
    frame, x, y = explorer.frame(), explorer.stars[x], explorer.stars[y]
    across = (x >= min(frame.x0, frame.x1)) & (x <= max(frame.x0, frame.x1))
    up = (y >= min(frame.y0, frame.y1)) & (y <= max(frame.y0, frame.y1))
    return int(np.sum(across & up))


def check_first_paint(explorer: Explorer, name: str) -> None:
    explorer.wait_for_map()
    n = len(explorer.stars["source_id"])
    explorer.until(lambda: explorer.shows(f"{in_view(explorer):,} of {n:,} stars in view"))
    for text in ("XP latent space", name, f"{n:,} stars", "estimate"):
        assert explorer.shows(text), text
    assert len(explorer.array("spectrum_source", "value")) == 343


def check_sliders(explorer: Explorer) -> None:
    for name in ("z1", "z2", "z3", "z4"):
        span = [explorer.model(name, end) for end in ("start", "end")]
        values = explorer.stars[name]
        if name == INACTIVE:
            assert span == [-3, 3]
            assert explorer.shows("z3 (inactive)")
            assert float(explorer.model(name, "styles.opacity")) < 0.6
        else:
            np.testing.assert_allclose(span, np.percentile(values, [0.1, 99.9]), rtol=1e-6)
            assert "inactive" not in explorer.model(name, "title")
        assert explorer.model(name, "value") == pytest.approx(float(np.median(values)), abs=1e-6)


def test_first_paint(explorer):
    check_first_paint(explorer, "stars.parquet")
    assert 0 < in_view(explorer) < len(explorer.stars["source_id"])
    image, frame = explorer.image(), explorer.frame()
    assert 0.01 < np.mean(image > 0) < 0.9
    assert image.max() == BASE_LEVELS
    assert frame.width > 180 and frame.height > 180
    # Nothing is cut off by the window's lower edge.
    bottom = explorer.page.evaluate(
        """() => Math.max(...["latent", "spectrum", "g_mag"].map(name => {
            const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name(name))
            return (view.canvas_view ?? view).el.getBoundingClientRect().bottom
        }))"""
    )
    assert bottom <= 720
    check_sliders(explorer)


def test_no_catalog(visitor):
    page = visitor("nothing")
    page.until(lambda: page.shows("There is no catalog to show"))
    for text in (
        "missing.parquet",
        "xpmodel import-model",
        "xpmodel encode",
        "panel serve app",
        "xpmodel explore",
    ):
        assert page.shows(text), text
    assert page.data("latent_image") is None


def test_truncated_catalog(visitor):
    page = visitor("truncated")
    page.until(lambda: page.shows("not a whole Parquet file"))
    assert page.shows("xpmodel encode")
    assert page.data("latent_image") is None


def test_catalog_of_another_model(visitor):
    page = visitor("foreign")
    page.wait_for_map()
    assert page.shows("was made by another model")
    assert page.data("spectrum_source") is None and page.page.locator(".noUi-handle").count() == 0
    frame = page.frame()
    page.outline([(0.4, 0.1), (0.8, 0.1), (0.7, 0.5)])
    assert page.visit.current.n_members > 100 and page.frame() == frame
    page.page.mouse.click(*frame.pixel(0.5, 0.3))
    page.until(lambda: page.visit.cursor.star is not None)
    page.until(lambda: len(page.array("latent_star", "x")) == 1)


@contextmanager
def served(arguments: list[object], **environment: object) -> Iterator[int]:
    """The port of a `panel serve app` in a process of its own."""
    (port,) = get_open_ports()
    command = [sys.executable, "-m", "panel", "serve", "app", "--port", port, *arguments]
    env = os.environ | {k: str(v) for k, v in environment.items()}
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout:
            if "Bokeh app running" in line:
                break
        assert process.poll() is None, "panel serve ended"
        # The process imports what the page needs when the page is first asked for.
        urllib.request.urlopen(f"http://localhost:{port}/app", timeout=90).close()
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_panel_serve(visitor, mock: Mock):
    environment = {"XPMODEL_CATALOG": "elsewhere.parquet", "XPMODEL_MODEL": mock.model}
    with served(["--args", "--catalog", mock.catalog], **environment) as port:
        page = visitor("app", port)
        check_first_paint(page, "stars.parquet")
        # A module that a callback would import for the first time is not to be found by then.
        at, to = page.slider("z1")
        before = page.array("spectrum_source", "value")
        page.drag([at, to(0.4), to(0.3)])
        page.until(
            lambda: (
                not np.allclose(page.array("spectrum_source", "value"), before, rtol=0.01, atol=0)
            )
        )
        frame = page.frame()
        page.drag([frame.pixel(*corner) for corner in ((0.4, 0.1), (0.8, 0.1), (0.7, 0.5))])
        page.until(lambda: page.shows("selected"))
        page.page.close()
