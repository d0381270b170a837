"""Gestures without a plan: the page goes on, its sets are what their steps say, nothing leaks."""

import logging
import os
import re
import time
from pathlib import Path

import numpy as np

from tests.browser.explorer import FRAME, Explorer
from tests.browser.reference import ids, members
from xpmodel.selection.steps import replay

SECONDS = float(os.environ.get("XPMODEL_GESTURE_SECONDS", "15"))
SEED = int(os.environ.get("XPMODEL_GESTURE_SEED", "1"))
MEGABYTES = 60.0
CONDITIONS = ("teff < 5200", "m_h > -0.3 and z1 < 1", "phot_g_mean_mag < 14", "teff <", "")
COLUMNS = ("z1", "z2", "z4", "effective temperature [K]", "metallicity [M/H] [dex]")


def memory() -> float:
    """Of this process, which serves the page [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Hand:
    """Draws one gesture after the other."""

    def __init__(self, explorer: Explorer, seed: int) -> None:
        self.explorer = explorer
        self.random = np.random.default_rng(seed)
        self.done: list[str] = []
        self.ways = {
            self.lasso: 8,
            self.box: 3,
            self.pan: 2,
            self.wheel: 4,
            self.click: 2,
            self.axes: 2,
            self.color: 2,
            self.condition: 2,
            self.undo: 5,
            self.new_set: 2,
            self.slider: 3,
            self.track: 2,
            self.tabs: 2,
        }

    def __call__(self) -> None:
        ways = list(self.ways)
        weights = np.array(list(self.ways.values()), float)
        way = ways[self.random.choice(len(ways), p=weights / weights.sum())]
        self.done.append(way.__name__)
        way()

    def one(self, options: tuple[str, ...]) -> str:
        return str(options[self.random.integers(len(options))])

    def map(self) -> str:
        return self.one(tuple(state.key for state in self.explorer.visit.maps))

    def places(self, n: int) -> list[tuple[float, float]]:
        return [tuple(p) for p in self.random.uniform(0.02, 0.98, (n, 2))]

    def drag(self, tool: str, n: int, keys: bool) -> None:
        key = self.map()
        if self.explorer.page.evaluate(FRAME, key) is None:
            return
        if tool != "Lasso Select":
            self.explorer.press(tool, key)
        frame = self.explorer.frame(key)
        held = self.one(("", "Shift", "Alt", "Shift+Alt")) if keys else ""
        self.explorer.drag([frame.pixel(*p) for p in self.places(n)], held or None)
        if tool != "Lasso Select":
            self.explorer.press("Lasso Select", key)

    def lasso(self) -> None:
        self.drag("Lasso Select", int(self.random.integers(3, 12)), True)

    def box(self) -> None:
        self.drag("Box Select", 3, True)

    def pan(self) -> None:
        self.drag("Pan", 3, False)

    def wheel(self) -> None:
        frame = self.explorer.frame(self.map())
        self.explorer.page.mouse.move(*frame.pixel(*self.places(1)[0]))
        for _ in range(self.random.integers(1, 4)):
            self.explorer.page.mouse.wheel(0, float(self.random.choice([-200, 150, 300])))

    def click(self) -> None:
        frame = self.explorer.frame(self.map())
        self.explorer.page.mouse.click(*frame.pixel(*self.places(1)[0]))

    def axes(self) -> None:
        self.explorer.tab("Maps")
        self.explorer.choose(self.one(("Horizontal", "Vertical")), self.one(COLUMNS))

    def color(self) -> None:
        self.explorer.tab("Maps")
        how = ("density of stars", "mean of", "median of", "spread (standard deviation) of")
        self.explorer.choose("Color", self.one((*how, "category")))

    def condition(self) -> None:
        self.explorer.tab("Filter")
        field = self.explorer.page.get_by_label("Condition, such as")
        field.fill(self.one(CONDITIONS))
        field.press("Enter")

    def undo(self) -> None:
        keys = ("Control+z", "Control+z", "Control+Shift+z", "Control+y")
        self.explorer.page.locator("body").press(self.one(keys))

    def new_set(self) -> None:
        if len(self.explorer.visit.sets) > 5:
            return
        self.explorer.tab("Sets")
        self.explorer.button(self.one(("New empty set", "Set of all stars shown"))).click()

    def slider(self) -> None:
        self.explorer.tab("Spectrum")
        at, to = self.explorer.slider(self.one(("z1", "z2", "z4")))
        self.explorer.drag([at, *(to(x) for x in self.random.uniform(0.05, 0.95, 4))])

    def track(self) -> None:
        self.explorer.tab("Tracks")
        self.explorer.page.get_by_role("checkbox").nth(int(self.random.integers(6))).click()

    def tabs(self) -> None:
        self.explorer.tab(self.one(("Ranges", "Compare", "Stars", "Spectrum")))


def check(explorer: Explorer, done: list[str]) -> None:
    """The sets are what their steps say, in the file's numbers, and the page counts the same."""
    visit = explorer.visit
    explorer.until(lambda: not visit.busy)
    explorer.page.wait_for_timeout(150)

    def right() -> bool:
        current = visit.current
        again = replay(current.steps, visit.catalog)
        same = ids(explorer, members(explorer)) == ids(explorer, again)
        text = f"{current.n_members:,} of 4,000 selected"
        told = explorer.shows(text) if current.steps else not explorer.shows("4,000 selected")
        return same and current.n_members == again.sum() and told

    try:
        explorer.until(right)
    except AssertionError:
        counts = explorer.page.get_by_text(re.compile("shown of 4,000")).first.inner_text()
        steps = replay(visit.current.steps, visit.catalog).sum()
        told = (visit.active_set, visit.current.n_members, int(steps), counts, explorer.problems)
        raise AssertionError(f"{told} after {done[-12:]}") from None


def test_random_gestures(explorer, caplog):
    caplog.set_level(logging.WARNING, "xpapp")
    hand = Hand(explorer, SEED)
    start, middle, n = time.monotonic(), None, 0
    while (spent := time.monotonic() - start) < SECONDS:
        for _ in range(4):
            hand()
        check(explorer, hand.done)
        n += 1
        if middle is None and spent > 0.5 * SECONDS:
            middle = memory()
    explorer.tab("Spectrum")
    check(explorer, hand.done)
    grown = memory() - (middle or memory())
    print(f"\n{len(hand.done)} gestures, {n} checks, {grown:+.0f} MB in the second half")
    assert not explorer.problems, (explorer.problems, hand.done[-8:])
    # "teff <" is no condition: the page says so at the field, and logs nothing worse.
    logged = [r for r in caplog.records if r.name == "xpapp" and r.levelno >= logging.ERROR]
    assert not logged, [(r.getMessage(), r.exc_text) for r in logged]
    assert grown < MEGABYTES
    assert len(hand.done) > 0.5 * SECONDS
