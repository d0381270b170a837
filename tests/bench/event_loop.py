"""The longest that each gesture and each upload keeps the server from everybody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import panel as pn
from panel.tests.util import serve_and_wait
from playwright.sync_api import Page

from tests.bench.measure import Row, Skipped
from tests.bench.serving import CATALOG, chromium
from xpapp import page
from xpapp.browser import upload_route
from xpapp.serve import add_routes, prepare
from xpapp.settings import Settings, open_data
from xpapp.state.visit import Visit
from xpapp.state.visit_file import state_of
from xpmodel import Region
from xpmodel.selection.filters import Filter

# A visitor's turn on the event loop may take so long [ms].
LIMIT = 50
BEAT, QUIET, LONGEST = 0.002, 0.5, 20.0
N_OWN = 2_000
# What of the page a gesture needs at hand: its name in `xpapp.page`.
VIEWS = ("SetControls", "FilterControls", "SaveControls", "StarsView", "CompareView", "OwnView")
VIEWS += ("RangeView", "TrackControls", "GroupView", "OwnFiles")


class Heart:
    """Beats in the event loop and notes the longest pause between two beats."""

    def __init__(self) -> None:
        self.longest = self.longest_work = 0.0
        self._beating: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        before, worked = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(BEAT)
            now, work = time.perf_counter(), time.thread_time()
            self.longest = max(self.longest, now - before - BEAT)
            # What other programs take from it is not the page's.
            self.longest_work = max(self.longest_work, work - worked)
            before, worked = now, work


@dataclass
class Served:
    """The page in this process, one visit of it, and its parts at hand."""

    url: str
    browser: Page
    heart: Heart = field(default_factory=Heart)
    visits: list[Visit] = field(default_factory=list)
    parts: dict[str, list[Any]] = field(default_factory=dict)
    documents: list[Any] = field(default_factory=list)

    @property
    def visit(self) -> Visit:
        return self.visits[-1]

    def part(self, name: str) -> Any:
        return self.parts[name][-1]

    def do(self, work: Callable[[], object]) -> None:
        """Do work in the event loop, as a message of the browser is done there."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except Exception as problem:  # noqa: BLE001  (raised where it is waited for)
                done.set_exception(problem)
            else:
                done.set_result(None)

        self.documents[-1].add_next_tick_callback(run)
        done.result(60)

    def tab(self, label: str) -> None:
        self.browser.get_by_role("tab", name=label, exact=True).click(timeout=120_000)

    def rest(self) -> None:
        """Wait until nothing is under way."""
        until, quiet = time.monotonic() + LONGEST, 0.0
        while time.monotonic() < until and quiet < QUIET:
            self.browser.wait_for_timeout(50)
            quiet = 0.0 if self.visit.busy else quiet + 0.05

    def longest(self, gesture: Callable[[], object]) -> tuple[float, float]:
        """Longest pause of the event loop [ms] until what a gesture begins has ended.

        And the longest that its thread worked between two beats: the same on a machine that does
        nothing else, but for what it waits for other threads of the process.
        """
        self.rest()
        self.heart.longest = self.heart.longest_work = 0.0
        gesture()
        self.rest()
        self.do(lambda: None)  # the last pause ends before it counts
        self.browser.wait_for_timeout(100)
        return 1e3 * self.heart.longest, 1e3 * self.heart.longest_work


def rows() -> Iterator[Row]:
    if not CATALOG.exists():
        raise Skipped(f"there is no {CATALOG.name}; 'make app' makes it")
    with contextlib.ExitStack() as stack:
        browser = stack.enter_context(chromium())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = _serve(browser.new_page(viewport={"width": 1280, "height": 720}), folder)
        stack.callback(pn.state.kill_all_servers)
        _, floor = served.longest(lambda: None)
        for name, gesture in _gestures(served, folder):
            try:
                pause, work = served.longest(gesture)
            except Exception as problem:  # noqa: BLE001  (the other gestures' rows count)
                yield Row(f"loop: {name}", math.nan, "ms", f"failed: {problem!r}", limit=LIMIT)
                continue
            yield Row(
                f"loop: {name}",
                work,
                "ms",
                f"the longest that the event loop's thread works at one go ({pause:.0f} ms go by "
                f"here), four maps of {len(served.visit.catalog):,} stars; against that with "
                "nothing to do",
                floor,
                limit=LIMIT,
            )
        for work in served.visit.works:  # which the process would wait for
            work.cancel()


def _serve(browser: Page, folder: Path) -> Served:
    os.environ["XPMODEL_VISITS"] = str(folder / "visits")
    served = Served("", browser)
    settings = Settings(CATALOG)

    def noting(name: str) -> None:
        make = getattr(page, name)
        made = served.parts.setdefault(name, [])

        def noted(*args: Any, **named: Any) -> Any:
            made.append(make(*args, **named))
            return made[-1]

        setattr(page, name, noted)

    for name in VIEWS:
        noting(name)

    def visit(*args: Any, **named: Any) -> Visit:
        served.visits.append(Visit(*args, **named))
        served.documents.append(pn.state.curdoc)
        return served.visits[-1]

    page.Visit = visit

    def app() -> object:
        pn.extension(notifications=True)
        return page.make_page(open_data(settings), settings)

    prepare()
    catalog = open_data(settings).catalog
    assert catalog is not None and catalog.sha256  # read once for all visits
    add_routes()
    port = serve_and_wait({"app": app})
    served.url = f"http://localhost:{port}/app"
    browser.goto(served.url, wait_until="commit", timeout=120_000)
    browser.wait_for_function("window.Bokeh?.documents?.length > 0", timeout=120_000)
    browser.wait_for_timeout(3_000)
    served.do(served.heart.begin)
    served.rest()
    return served


def _gestures(served: Served, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Names of gestures, and what does each; the page is brought to where it is before each."""
    visit, catalog = served.visit, served.visit.catalog
    here = visit.maps[0].columns
    state = visit.maps[0]

    def does(work: Callable[[], object]) -> Callable[[], object]:
        return lambda: served.do(work)

    def drawn(outline: np.ndarray, kind: str = "polygon") -> Callable[[], object]:
        region = Region(kind, here, tuple(map(tuple, outline.tolist())), state.scales)
        return does(lambda: visit.draw(region))

    lasso, ends = _lasso(catalog, here)
    yield "box", drawn(ends, "box")
    yield "lasso of 200 vertices", drawn(lasso)
    yield "undo", does(visit.undo)
    yield "redo", does(visit.redo)
    yield "slider of z", does(lambda: visit.cursor.move(0, 0.5))
    yield "star visited", does(lambda: visit.cursor.visit_star(1_000))
    yield "axes changed", does(lambda: visit.change_map(state.key, x="teff", y="logg"))
    yield "axes changed back", does(lambda: visit.change_map(state.key, x=here[0], y=here[1]))
    for how, column in (("median", "m_h"), ("category", "sets"), ("density", "")):
        coloring = type(visit.coloring)(how, column)
        yield f"colors: {how}", does(lambda c=coloring: setattr(visit, "coloring", c))

    def tab(label: str) -> tuple[str, Callable[[], object]]:
        return f"tab {label}", lambda: served.tab(label)

    def part(name: str, work: Callable[[Any], object]) -> Callable[[], object]:
        """Work with a part of the page, which may be there only when its tab is open."""
        return lambda: served.do(lambda: work(served.part(name)))

    yield tab("Sets")
    yield "complement", part("SetControls", lambda sets: sets._complement(None))
    for times in (1, 12):
        yield f"union number {times}", does(lambda: visit.combine("not A", "union", "not A"))
        for _ in range(10 if times == 1 else 0):
            served.do(lambda: visit.combine(visit.active_set, "union", visit.active_set))
    served.do(lambda: setattr(visit, "active_set", "A"))
    yield "set by probability", part("SetControls", lambda sets: sets._from_probability(None))
    yield "set of outliers", part("SetControls", lambda sets: sets._from_outliers(None))
    ids = "\n".join(map(str, catalog.source_id.tolist()))[:9_900_000]

    def paste(sets: Any) -> None:
        # In the server alone: it is what a browser does with 10 MB of text that takes minutes.
        box, sets.ids = sets.ids, SimpleNamespace(value=ids)
        sets._from_ids(None)
        sets.ids = box

    yield "ids pasted, 10 MB", part("SetControls", paste)
    yield "set deleted", does(lambda: visit.delete_set("ids"))
    yield tab("Filter")
    for text in ("teff < 5000 and m_h > -1", "population == 'thin disc' or log10(teff) < 3.7"):
        yield (
            f"filter: {text[:20]}",
            part("FilterControls", lambda c, t=text: setattr(c.expression, "value", t)),
        )
    yield "filter off", does(lambda: visit.show(Filter()))
    yield tab("Ranges")
    yield "range, tab Ranges", does(lambda: visit.show(Filter(ranges=(("teff", 4e3, 5e3),))))
    yield "range off, tab Ranges", does(lambda: visit.show(Filter()))
    yield tab("Compare")
    yield "lasso, tab Compare", drawn(lasso)
    yield tab("Stars")
    yield "lasso, tab Stars", drawn(lasso * 0.9)
    sorting = {"stars sorted": ("which", "all stars shown"), "stars sorted by Teff": ("by", "teff")}
    for name, (of, value) in sorting.items():
        yield (
            name,
            part("StarsView", lambda s, of=of, v=value: getattr(s, of).param.update(value=v)),
        )
    yield tab("Tracks")
    for k in range(2):
        yield (
            f"track number {k + 1}",
            part("TrackControls", lambda t, k=k: visit.switch_track(list(t.switches)[k], True)),
        )
    yield tab("Spectrum")
    yield tab("Save")
    for work in ("_recipe", "_adql", "_stars", "_visit_file"):
        yield f"export: {work[1:]}", part("SaveControls", lambda s, w=work: getattr(s, w)(None))
    content = json.dumps(state_of(visit)).encode()
    yield (
        "visit opened",
        part("SaveControls", lambda s: s.file.param.update(value=content, filename="v.json")),
    )
    yield tab("My stars")
    spectra = _spectra(folder / "own.csv", catalog)
    yield f"upload of {N_OWN:,} spectra", lambda: _upload(served, spectra)
    yield "own star visited", does(lambda: visit.cursor.visit_own(5))
    yield "own stars' set", part("OwnView", lambda own: own._to_set(None))
    wild = np.random.default_rng(0).normal(size=(20_000, 2)) * np.ptp(ends, axis=0) / 2
    yield "20,000 random vertices", drawn(wild + ends.mean(axis=0))


def _lasso(catalog: Any, columns: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """An outline as a hand draws it, about half of the stars; corners around it."""
    ends = np.array([catalog.span(name, 16, 84) for name in columns])
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 0.5 * (1 + 0.1 * np.sin(5 * angle))
    circle = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return ends.mean(axis=1) + circle * np.ptp(ends, axis=1), ends.T


def _spectra(path: Path, catalog: Any) -> Path:
    """A table of spectra as the archive has them, of stars of the catalog."""
    import pandas as pd

    stars = catalog.spectra[np.arange(N_OWN)]
    half = stars.coefficients.shape[1] // 2
    vectors = {}
    for k, band in enumerate(("bp", "rp")):
        part = slice(k * half, (k + 1) * half)
        given = {"coefficients": stars.coefficients, "coefficient_errors": stars.errors}
        for name, values in given.items():
            vectors[f"{band}_{name}"] = [json.dumps(row) for row in values[:, part].tolist()]
    table = {"source_id": stars.source_id, "phot_g_mean_flux": stars.g_flux} | vectors
    pd.DataFrame(table).to_csv(path, index=False)
    return path


def _upload(served: Served, path: Path) -> None:
    token = list(upload_route._inboxes)[-1]
    request = urllib.request.Request(
        f"{served.url}/upload/{token}",
        data=path.read_bytes(),
        method="PUT",
        headers={"X-Filename": urllib.parse.quote(path.name)},
    )
    urllib.request.urlopen(request).close()
