"""A drag of a latent's slider in a real browser, against a bare Bokeh page."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from playwright.sync_api import Page

from tests.bench.inputs import random_model
from tests.bench.measure import Row
from tests.bench.serving import APP, chromium, served
from tests.mock import mock_model, mock_stars
from xpmodel import encode_files

N_WARM, N_MOVES = 8, 60
QUIET_MS = 120
# When the mouse's move comes to the page, and when the data of the spectrum are new.
CLOCK = """() => {
  const find = () => {
    for (const doc of window.Bokeh?.documents ?? []) {
      const source = doc.get_model_by_name("spectrum_source")
      if (source != null) return source
    }
    return null
  }
  const source = find()
  if (source == null) return false
  let moved = null
  window.times = []
  window.addEventListener("pointermove", () => { moved = performance.now() }, {capture: true})
  source.properties.data.change.connect(() => {
    if (moved != null) window.times.push(performance.now() - moved)
    moved = null
  })
  return true
}"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        options = _explorer(Path(name))
        bare, _ = stack.enter_context(served("bokeh", Path(__file__).parent / "bare_slider.py"))
        ours, _ = stack.enter_context(served("panel", APP, *options))
        browser = stack.enter_context(chromium())
        drags = [_Drag(browser.new_page(), url) for url in (ours, bare)]
        for i in range(N_WARM + N_MOVES):
            for drag in drags if i % 2 else drags[::-1]:
                drag.step()
        times = [drag.times()[N_WARM:] for drag in drags]
    yield from _table(*times)


def _table(ours: list[float], bare: list[float]) -> Iterator[Row]:
    yield Row(
        "slider: median",
        statistics.median(ours),
        "ms",
        f"a mouse's move on z1 → the spectrum's new data in headless Chromium, {len(ours)} moves "
        f"of a drag in turn with {len(bare)} on a bare Bokeh page (a slider; a data source of "
        "4 × 343 numbers, drawn nowhere)",
        statistics.median(bare),
        "≤ 1.5",
    )
    yield Row(
        "slider: 95th percentile",
        float(np.percentile(ours, 95)),
        "ms",
        "of the same moves",
        float(np.percentile(bare, 95)),
    )


def _explorer(folder: Path) -> list[str]:
    """A catalog of mock stars and a model of the released sizes; the page's arguments."""
    model = random_model()
    model.save(folder / "model")
    pq.write_table(mock_stars(mock_model())[0], folder / "spectra.parquet")
    encode_files(folder / "spectra.parquet", model, folder / "stars.parquet")
    catalog = ["--catalog", str(folder / "stars.parquet")]
    return ["--args", *catalog, "--model", str(folder / "model")]


class _Drag:
    """A drag of a page's first slider that goes on from step to step."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(url)
        handle = page.locator(".noUi-handle").first
        handle.wait_for()
        page.wait_for_function(CLOCK)
        page.wait_for_timeout(3000)  # for the first images
        box = handle.bounding_box()
        self._x, self._y = (box[k] + box[size] / 2 for k, size in (("x", "width"), ("y", "height")))
        self._n = 0
        page.mouse.move(self._x, self._y)
        page.mouse.down()

    def step(self) -> None:
        """Move the mouse by 3 pixels, to and fro over 60, and wait until all is quiet."""
        there = self._n // 20 % 2 == 0
        self._x += 3 if there else -3
        self._n += 1
        self._page.mouse.move(self._x, self._y)
        self._page.wait_for_function(f"window.times.length >= {self._n}", timeout=5000)
        self._page.wait_for_timeout(QUIET_MS)

    def times(self) -> list[float]:
        """Milliseconds from each move to the new data."""
        return self._page.evaluate("window.times")
