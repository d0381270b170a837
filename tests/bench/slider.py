"""A drag of a latent's slider in a real browser, against a bare Bokeh page."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from tests.bench.measure import Row, Skipped
from tests.bench.serving import APP, CATALOG, chromium, served

N_WARM, N_MOVES = 8, 60
QUIET_MS = 120
# When the mouse's move comes to the page, and when what it changes is new.
CLOCK = """names => {
  const find = name => {
    for (const doc of window.Bokeh?.documents ?? []) {
      const source = doc.get_model_by_name(name)
      if (source != null) return source
    }
    return null
  }
  const sources = names.map(find)
  if (sources.includes(null)) return false
  window.times = names.map(() => [])
  let moved = names.map(() => null)
  window.addEventListener(
    "pointermove", () => { moved = names.map(() => performance.now()) }, {capture: true})
  sources.forEach((source, i) => source.properties.data.change.connect(() => {
    if (moved[i] != null) window.times[i].push(performance.now() - moved[i])
    moved[i] = null
  }))
  return true
}"""

# Where the handle of a slider is, as soon as it is drawn.
HANDLE = """name => {
  const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name(name))
  const box = view?.shadow_el.querySelector(".noUi-handle")?.getBoundingClientRect()
  return box?.width > 0 && [box.x + box.width / 2, box.y + box.height / 2]
}"""


def rows() -> Iterator[Row]:
    if not CATALOG.exists():
        raise Skipped(f"there is no {CATALOG.name}; 'make app' makes it")
    with contextlib.ExitStack() as stack:
        bare, _ = stack.enter_context(served("bokeh", Path(__file__).parent / "bare_slider.py"))
        ours, _ = stack.enter_context(served("panel", APP, "--warm"))
        browser = stack.enter_context(chromium())
        drags = [
            _Drag(browser.new_page(), ours, "z2", ("spectrum_source", "near_source")),
            _Drag(browser.new_page(), bare, "z1", ("spectrum_source",)),
        ]
        for i in range(N_WARM + N_MOVES):
            for drag in drags if i % 2 else drags[::-1]:
                drag.step()
        (spectrum, near), (floor,) = ([t[N_WARM:] for t in drag.times()] for drag in drags)
    yield from _table(spectrum, near, floor)


def _table(spectrum: list[float], near: list[float], floor: list[float]) -> Iterator[Row]:
    yield Row(
        "slider: median",
        statistics.median(spectrum),
        "ms",
        f"a mouse's move on z2 → the spectrum's new data in headless Chromium, {len(spectrum)} "
        f"moves of a drag in turn with {len(floor)} on a bare Bokeh page (a slider; a data source "
        "of 4 × 343 numbers, drawn nowhere)",
        statistics.median(floor),
        "≤ 1.3",
    )
    yield Row(
        "slider: 95th percentile",
        float(np.percentile(spectrum, 95)),
        "ms",
        "of the same moves",
        float(np.percentile(floor, 95)),
        "≤ 2",
    )
    yield Row(
        "slider: what is near",
        statistics.median(near),
        "ms",
        f"the same moves → labels of the 50 nearest of all stars and the meter, {len(near)} moves",
        statistics.median(floor),
        "≤ 2",
    )


class _Drag:
    """A drag of a slider that goes on from step to step."""

    def __init__(self, page: Page, url: str, slider: str, sources: tuple[str, ...]) -> None:
        self._page = page
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(url)
        page.wait_for_function(CLOCK, arg=list(sources))
        page.wait_for_timeout(4000)  # for the first images
        self._x, self._y = page.wait_for_function(HANDLE, arg=slider).json_value()
        self._n = 0
        page.mouse.move(self._x, self._y)
        page.mouse.down()

    def step(self) -> None:
        """Move the mouse by 3 pixels, to and fro over 60, and wait until all is quiet."""
        there = self._n // 20 % 2 == 0
        self._x += 3 if there else -3
        self._n += 1
        self._page.mouse.move(self._x, self._y)
        self._page.wait_for_function(f"window.times[0].length >= {self._n}", timeout=5000)
        self._page.wait_for_timeout(QUIET_MS)

    def times(self) -> list[list[float]]:
        """Milliseconds from each move to the new data, of each source."""
        return self._page.evaluate("window.times")
