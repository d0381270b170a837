"""Gestures on four linked maps of half a million stars, in a real browser."""

from __future__ import annotations

import contextlib
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import datashader as ds
import numpy as np
import pandas as pd
import shapely
from playwright.sync_api import Browser, Page

from tests.bench.measure import Row, Skipped
from tests.bench.serving import APP, CATALOG, ROOT, chromium, served
from xpmodel import open_catalog

N_GESTURES, N_WARM, N_VISITS = 30, 4, 5
N_VERTICES = 200
MAPS = ("latent", "kiel", "abundance", "cmd")
COLUMNS = ("effective temperature [K]", "metallicity [M/H] [dex]", "surface gravity, log10 of cm")
# From the end of a gesture to the moment when named models have all changed.
CLOCK = """([ends, models]) => {
  const doc = Bokeh.documents[0]
  window.clock = {from: null, to: null, left: new Set()}
  window.arm = () => { window.clock = {from: null, to: null, left: new Set(models.map(m => m[0]))} }
  if (!window.clocked) {
    window.clocked = true
    for (const end of ["pointerup", "wheel", "click"])
      window.addEventListener(end, e => {
        if (window.end === end && e.isTrusted) window.clock.from = performance.now()
      }, {capture: true})
    // The count has no name; what it says tells it.
    const find = name => doc.get_model_by_name(name) ??
      [...doc.all_models].find(m => / shown<?.* of /.test(m.text ?? ""))
    for (const [name, property] of models)
      find(name).properties[property].change.connect(() => {
        const {clock} = window
        if (clock.from === null || !clock.left.delete(name)) return
        if (clock.left.size === 0 && clock.to === null) clock.to = performance.now()
      })
  }
  window.end = ends
  window.arm()
}"""
IMAGES = [[f"{key}_image", "data"] for key in MAPS]
# The document may keep the figures of closed maps, under the same name, which nothing shows.
FRAME = """key => {
    const shown = view => view.model.name === key && view.canvas_view?.el.isConnected
    const [view] = Bokeh.index.query(shown)
    const canvas = view.canvas_view.el.getBoundingClientRect()
    const {left, top, width, height} = view.frame.bbox
    return [canvas.left + left, canvas.top + top, width, height]
}"""
DRAWN = """keys => keys.every(
    key => Bokeh.documents[0].get_model_by_name(`${key}_image`)?.data?.image?.length)"""


def rows() -> Iterator[Row]:
    if not CATALOG.exists():
        raise Skipped(f"there is no {CATALOG.relative_to(ROOT)}: make app makes it")
    floors = _floors()
    with contextlib.ExitStack() as stack:
        browser = stack.enter_context(chromium())
        url, pid = stack.enter_context(served("panel", APP, "--args", "--catalog", str(CATALOG)))
        cold = _open(_page(browser), url, MAPS[:1])
        page = _page(browser)
        yield from _opened(browser, url, pid, cold)
        _open(page, url, MAPS)
        yield from _gestures(page, floors)
    options = ("--warm", "--args", "--catalog", str(CATALOG))
    with served("panel", APP, *options) as (url, _), chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        _open(context.new_page(), url, MAPS)  # the browser has the scripts from then on
        times = [_open(context.new_page(), url, MAPS[:1]) for _ in range(5)]
    yield Row(
        "page: open, server warm",
        statistics.median(times),
        "s",
        "from the address to the first map drawn; the browser has been there before",
        limit=2.0,
    )


def _opened(browser: Browser, url: str, pid: int, cold: float) -> Iterator[Row]:
    yield Row(
        "page: open, server cold",
        cold,
        "s",
        "the first visit to a server just started without --warm, by a browser never there",
        limit=8.0,
    )
    one = _memory(pid)
    pages = []
    for _ in range(N_VISITS):
        pages.append(_page(browser))
        _open(pages[-1], url, MAPS)
    more = (_memory(pid) - one) / N_VISITS
    yield Row("page: memory of the server", one, "MB", "one visit, 502,311 stars", limit=2500.0)
    yield Row(
        "page: memory of a visit",
        more,
        "MB",
        f"the mean of {N_VISITS} further ones, all open at once",
        limit=40.0,
    )
    for page in pages:
        page.close()


def _page(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 1280, "height": 720})


def _open(page: Page, url: str, keys: tuple[str, ...]) -> float:
    """Seconds till maps are drawn."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_function("window.Bokeh?.documents.length", timeout=60_000)
    page.wait_for_function(DRAWN, arg=list(keys), timeout=60_000)
    return time.perf_counter() - start


def _memory(pid: int) -> float:
    """Resident memory of a process [MB]."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def _gestures(page: Page, floors: dict[str, float]) -> Iterator[Row]:
    page.wait_for_timeout(2000)
    rng = np.random.default_rng(4)
    left, top, width, height = page.evaluate(FRAME, "latent")

    def pixel(x: float, y: float) -> tuple[float, float]:
        return left + x * width, top + y * height

    def lasso(_: int) -> None:
        angle = np.linspace(0, 2 * np.pi, N_VERTICES)
        radius = 0.25 + 0.1 * rng.random()
        x, y = rng.uniform(0.35, 0.6, 2)
        page.mouse.move(*pixel(x + radius, y))
        page.mouse.down()
        for a in angle[1:]:
            page.mouse.move(*pixel(x + radius * np.cos(a), y + 0.9 * radius * np.sin(a)))
        page.mouse.up()

    times = _timed(page, "pointerup", [*IMAGES, ["counts", "text"]], lasso)
    yield Row(
        "lasso: four maps, count",
        statistics.median(times),
        "ms",
        f"mouse-up of a lasso of {N_VERTICES} moves → images of all four maps and the count in the "
        "browser; floor: prepared contains_xy over all points",
        floors["contains"],
        limit=max(150.0, floors["contains"] + 75.0),
    )

    def zoom(i: int) -> None:
        page.mouse.move(*pixel(0.5, 0.5))
        page.mouse.wheel(0, -120 if i % 2 else 120)

    times = _timed(page, "wheel", IMAGES[:1], zoom)
    yield Row(
        "zoom: new raster",
        statistics.median(times),
        "ms",
        "a turn of the wheel → the map's image; floor: Canvas.points",
        floors["count"],
        limit=floors["count"] + 100.0,
    )

    page.get_by_title("Pan", exact=True).first.click()

    def pan(i: int) -> None:
        page.mouse.move(*pixel(0.5, 0.5))
        page.mouse.down()
        for step in range(1, 6):
            page.mouse.move(*pixel(0.5 + (0.03 if i % 2 else -0.03) * step, 0.5))
        page.mouse.up()

    times = _timed(page, "pointerup", IMAGES[:1], pan)
    yield Row(
        "pan: new raster",
        statistics.median(times),
        "ms",
        "mouse-up after a pan → the map's image; floor: Canvas.points",
        floors["count"],
        limit=floors["count"] + 100.0,
    )
    yield from _colors(page, floors)
    yield from _bytes(page)


def _colors(page: Page, floors: dict[str, float]) -> Iterator[Row]:
    def choose(label: str, option: str) -> None:
        page.get_by_role("combobox", name=re.compile(f"^{label}")).first.click()
        page.locator("li").get_by_text(option).first.click()

    choose("Color", "mean of")
    page.wait_for_timeout(3000)
    times = _timed(
        page, "click", IMAGES, lambda i: choose("Column", COLUMNS[i % len(COLUMNS)]), pause=400
    )
    yield Row(
        "color: four maps",
        statistics.median(times),
        "ms",
        "a click on another column of the mean → images of all four maps; floor: Canvas.points "
        "with a mean, four times",
        floors["means"],
        limit=floors["means"] + 150.0,
    )


def _bytes(page: Page) -> Iterator[Row]:
    """What a redraw of a large map sends."""
    page.get_by_role("button", name="Enlarge").first.click()
    page.set_viewport_size({"width": 1340, "height": 720})
    page.wait_for_timeout(2500)
    _, _, width, height = page.evaluate(FRAME, "latent")
    received: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: received.append(len(event["response"]["payloadData"])),
    )
    left, top, width, height = page.evaluate(FRAME, "latent")
    page.mouse.move(left + width / 2, top + height / 2)
    page.mouse.wheel(0, -120)
    page.wait_for_timeout(1500)
    # Binary frames come as base64.
    total = sum(received) * 0.75 / 1e6 * (600 * 500) / (width * height)
    yield Row(
        "bytes of a redraw",
        total,
        "MB",
        f"all that the server sends after a turn of the wheel on a map of {width:.0f} × "
        f"{height:.0f} pixels, scaled to 600 × 500",
        limit=0.4,
    )


def _timed(
    page: Page, end: str, models: list[list[str]], gesture: Callable[[int], None], pause: int = 250
) -> list[float]:
    """Milliseconds from the end of each gesture till all models have changed."""
    times = []
    page.evaluate("window.clocked = false")
    page.evaluate(CLOCK, [end, models])
    for i in range(N_WARM + N_GESTURES):
        page.evaluate("window.arm()")
        gesture(i)
        page.wait_for_function("window.clock.to !== null", timeout=20_000)
        times.append(page.evaluate("window.clock.to - window.clock.from"))
        page.wait_for_timeout(pause)
    return times[N_WARM:]


def _floors() -> dict[str, float]:
    """Milliseconds of the least work for each gesture, medians."""
    catalog = open_catalog(CATALOG)
    x, y = (catalog[name] for name in catalog.default_axes)
    teff = catalog["teff"]
    frame = pd.DataFrame({"x": x, "y": y, "value": teff})
    canvas = ds.Canvas(
        250, 225, catalog.span(catalog.default_axes[0]), catalog.span(catalog.default_axes[1])
    )
    angle = np.linspace(0, 2 * np.pi, N_VERTICES)
    (x0, x1), (y0, y1) = (catalog.span(name) for name in catalog.default_axes)
    ring = np.stack(
        [
            x0 + (x1 - x0) * (0.5 + 0.3 * np.cos(angle)),
            y0 + (y1 - y0) * (0.5 + 0.27 * np.sin(angle)),
        ],
        axis=1,
    )

    def contains() -> None:
        polygon = shapely.Polygon(ring)
        shapely.prepare(polygon)
        shapely.contains_xy(polygon, x, y)

    def means() -> None:
        for _ in MAPS:
            canvas.points(frame, "x", "y", ds.mean("value"))

    works = {
        "contains": contains,
        "count": lambda: canvas.points(frame, "x", "y", ds.count()),
        "means": means,
    }
    return {name: 1e3 * _median(work) for name, work in works.items()}


def _median(work: Callable[[], object], rounds: int = 15) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
