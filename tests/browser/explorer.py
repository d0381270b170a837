"""The page as a visitor has it: a mouse, a keyboard, eyes, and what lies behind the eyes."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pyarrow.parquet as pq
from bokeh.document import Document
from PIL import Image
from playwright.sync_api import ConsoleMessage, Locator, Page

from xpapp.state.visit import Visit
from xpapp.widgets.material import column_choices
from xpmodel.columns import axis_label
from xpmodel.export import formats

Pixel = tuple[int, int]
# Key of the first map, and the name of its figure.
LATENT = "latent"
# How long what a test waits for may take on a slow and busy machine [s].
PATIENCE = 60.0
FORMATS = {form.title: ending[1:] for ending, form in formats.FORMATS.items()}

# The newest model of a name: a browser keeps models that the server has dropped for a while.
NAMED = """window.modelNamed = name =>
    [...Bokeh.documents[0]._all_models.values()].filter(model => model.name === name)
        .sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1))).at(-1) ?? null
"""
FRAME = """name => {
    const figure = modelNamed(name)
    const view = figure && Bokeh.index.find_one(figure)
    if (!view?.frame?.bbox) return null
    const canvas = view.canvas_view.el.getBoundingClientRect()
    const {left, top, width, height} = view.frame.bbox
    return [canvas.left + left, canvas.top + top, width, height,
            figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end]
}"""
# What a map's axes show, and what its image covers: left, bottom, right, top.
DRAWN = """key => {
    const [figure, {data}] = [key, `${key}_image`].map(
        name => modelNamed(name) ?? {})
    if (!data?.image?.length || !Bokeh.index.find_one(figure)?.frame?.bbox) return null
    const {x_range: {start: x0, end: x1}, y_range: {start: y0, end: y1}} = figure
    const [x, y, dw, dh] = [data.x[0], data.y[0], data.dw[0], data.dh[0]]
    return [[Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)],
            [x, y, x + dw, y + dh]]
}"""
HANDLE = """name => {
    const view = Bokeh.index.find_one(modelNamed(name))
    const box = part => {
        const {x, y, width, height} = view.shadow_el.querySelector(part).getBoundingClientRect()
        return {x, y, width, height}
    }
    return [box(".noUi-handle"), box(".noUi-base")]
}"""
# Typed arrays of a source become lists; an image becomes its shape and its bytes.
SOURCE = """name => {
    const data = modelNamed(name)?.data
    return data && Object.fromEntries(Object.entries(data).map(([key, values]) =>
        [key, Array.from(values, v => v?.shape ? [v.shape, Array.from(v)] : v)]))
}"""


@dataclass(frozen=True)
class Frame:
    """Where a figure's plane lies on the screen, and what part of the data it shows."""

    left: float
    top: float
    width: float
    height: float
    x0: float
    x1: float
    y0: float
    y1: float

    def pixel(self, across: float, down: float) -> Pixel:
        """The pixel at some fractions of the frame, from its top left corner."""
        return round(self.left + across * self.width), round(self.top + down * self.height)

    def data(self, pixels: Sequence[Pixel]) -> np.ndarray:  # (N, 2) -> (N, 2)
        """Data coordinates of pixels."""
        x, y = np.array(pixels, dtype=np.float64).T
        return np.stack(
            [
                self.x0 + (x - self.left) / self.width * (self.x1 - self.x0),
                self.y1 + (y - self.top) / self.height * (self.y0 - self.y1),
            ],
            axis=1,
        )

    def screen(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:  # (N,), (N,) -> (N, 2)
        """Pixels of data coordinates."""
        return np.stack(
            [
                self.left + (x - self.x0) / (self.x1 - self.x0) * self.width,
                self.top + (y - self.y1) / (self.y0 - self.y1) * self.height,
            ],
            axis=1,
        )


class Explorer:
    """Drives one page with real mouse moves and reads what it shows.

    Attributes
    ----------
    page : playwright's Page
    visit : Visit
    document : Document
        The server's side of this page, where the page is served by this process.
    stars : dict of ndarray
        The catalog's columns, read from its file.
    problems : list of str
        Errors on the console, exceptions in scripts, and requests to other machines.
    """

    visit: Visit
    document: Document

    def __init__(self, page: Page, catalog: Path) -> None:
        self.page = page
        table = pq.read_table(catalog)
        self.stars = {name: table.column(name).to_numpy() for name in table.column_names}
        self.problems: list[str] = []
        page.add_init_script(NAMED)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _on_request(self, url: str) -> None:
        parts = urlparse(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "localhost":
            self.problems.append(f"request: {url}")

    def open(self, url: str) -> None:
        self.page.goto(url)
        ready = "window.Bokeh?.documents.length && Bokeh.documents[0].is_idle"
        self.page.wait_for_function(ready)

    # Eyes

    def frame(self, name: str = LATENT) -> Frame:
        return Frame(*self.page.evaluate(FRAME, name))

    def data(self, source: str) -> dict[str, Any] | None:
        """What the browser has in a data source; None where there is no such source."""
        return self.page.evaluate(SOURCE, source)

    def array(self, source: str, column: str) -> np.ndarray:
        return np.array(self.data(source)[column], dtype=np.float64)

    def image(self, source: str = "latent_image") -> np.ndarray | None:  # (H, W) uint8
        data = self.data(source)
        if not data or not data["image"]:
            return None
        shape, levels = data["image"][0]
        return np.array(levels, dtype=np.uint8).reshape(shape)

    def model(self, name: str, path: str) -> Any:
        """An attribute, such as ``x_range.start``, of a named model in the browser."""
        code = "([name, path]) => path.split('.').reduce((at, key) => at[key], "
        code += "modelNamed(name))"
        return self.page.evaluate(code, [name, path])

    @property
    def z(self) -> tuple[float, ...]:
        """Where the sliders stand in the browser."""
        names = [n for n in self.stars if re.fullmatch(r"z\d+", n)]
        return tuple(self.model(name, "value") for name in names)

    def outlines(self, key: str = LATENT) -> list[np.ndarray]:  # of (V + 1, 2)
        """The outlines that a map shows."""
        data = self.data(f"{key}_outlines")
        return [np.stack(ring, axis=1) for ring in zip(data["xs"], data["ys"], strict=True)]

    def shows(self, text: str | re.Pattern[str]) -> bool:
        """Whether a text is to be seen on the page."""
        return self.page.get_by_text(text).first.is_visible()

    @property
    def screenshot(self) -> np.ndarray:  # (720, 1280, 3) uint8
        png = self.page.screenshot()
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    @property
    def busy(self) -> bool:
        """Whether the page's progress bar moves."""
        light = self.page.get_by_role("progressbar", name="The server is working")
        return light.count() > 0

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait until a condition holds, however often the page changes in between."""
        __tracebackhide__ = True
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"did not come true within {timeout:g} s")
            self.page.wait_for_timeout(20)

    def map_drawn(self, key: str = LATENT) -> bool:
        """Whether a map's image covers what its axes show."""
        found = self.page.evaluate(DRAWN, key)
        return found is not None and np.allclose(found[0], found[1], rtol=1e-9, atol=0)

    def wait_for_map(self, key: str = LATENT) -> None:
        for _ in range(2):  # axes and image come one after the other
            self.page.wait_for_timeout(50)
            self.until(lambda: self.map_drawn(key) and not self.busy)

    def wait_for_maps(self) -> None:
        """Wait until all open maps are drawn."""
        for state in self.visit.maps:
            self.wait_for_map(state.key)

    # Hands

    def press(self, tool: str, key: str = LATENT) -> None:
        """Choose a tool of a map's toolbar by its title."""
        alone = bool(self.visit.enlarged)
        index = 0 if alone else [state.key for state in self.visit.maps].index(key)
        self.page.get_by_title(tool, exact=True).nth(index).click()

    def drag(self, pixels: Sequence[Pixel], key: str | None = None) -> None:
        """Move along pixels with the left button held, one event at each."""
        mouse = self.page.mouse
        mouse.move(*pixels[0])
        for held in key.split("+") if key else ():
            self.page.keyboard.down(held)
        mouse.down()
        for pixel in pixels[1:]:
            mouse.move(*pixel)
        mouse.up()
        for held in key.split("+") if key else ():
            self.page.keyboard.up(held)

    def outline(
        self,
        fractions: Sequence[tuple[float, float]],
        key: str | None = None,
        map_key: str = LATENT,
    ) -> np.ndarray:
        """Draw on a map, and wait for the selection.

        Parameters
        ----------
        key : str, optional
            To hold, joined by "+".

        Returns
        -------
        outline : ndarray, (V, 2)
            The mouse's way in the data coordinates that the browser had when it began.
        """
        frame, before = self.frame(map_key), self.visit.sets
        pixels = [frame.pixel(*fraction) for fraction in fractions]
        self.drag(pixels, key)
        self.until(lambda: self.visit.sets is not before and not self.visit.busy)
        return frame.data(pixels)

    def tab(self, label: str) -> None:
        """Open a tab of the side bar, or of the views on the right."""
        tab = self.page.get_by_role("tab", name=label, exact=True)
        tab.click()
        self.until(lambda: tab.get_attribute("aria-selected") == "true")

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a select that is to be seen."""
        self.page.get_by_role("combobox", name=re.compile(f"^{label}")).first.click()
        self.page.locator("li").get_by_text(option, exact=True).click()
        self.until(lambda: self.page.locator("li").count() == 0)

    def activate(self, key: str) -> None:
        """Let the side bar be about a map."""
        self.tab("Maps")
        if self.visit.active_map != key:
            index = [state.key for state in self.visit.maps].index(key)
            state = self.visit.maps[index]
            self.choose("Map", f"{index + 1}: {state.y} against {state.x}")
            self.until(lambda: self.visit.active_map == key)

    def axes(self, x: str, y: str, key: str = LATENT) -> None:
        """Show other columns on a map, by what the side bar calls them."""
        self.activate(key)
        self.choose("Horizontal", x)
        self.choose("Vertical", y)
        columns = tuple(column_choices(self.visit.catalog)[label] for label in (x, y))
        self.until(lambda: self.visit.map_state(key).columns == columns)
        for axis, column in zip(("below", "left"), columns, strict=True):
            path, wanted = f"{axis}.0.axis_label", axis_label(column)
            self.until(lambda p=path, w=wanted: self.model(key, p).startswith(w))
        self.wait_for_map(key)

    def button(self, label: str) -> Locator:
        return self.page.get_by_role("button", name=label, exact=True)

    def export(self, label: str) -> bytes:
        """Download the active set in some format, or what another button of the tab offers."""
        self.tab("Save")
        if label in FORMATS:
            ending = FORMATS[label]
            self.choose("Format", label)
            button = "Stars"
        else:
            ending, button = (
                {"Recipe": "json", "ADQL": "adql", "Save this visit": "json"}[label],
                label,
            )
        with self.page.expect_download() as download:
            self.button(button).click()
        content = download.value.path().read_bytes()
        assert download.value.suggested_filename.endswith(f".{ending}"), content[:200]
        self.until(lambda: not self.visit.busy)
        return content

    def slider(self, name: str) -> tuple[Pixel, Callable[[float], Pixel]]:
        """The handle's pixel, and the pixel of a fraction of the slider's bar."""
        handle, bar = self.page.evaluate(HANDLE, name)
        y = round(handle["y"] + handle["height"] / 2)
        at = round(handle["x"] + handle["width"] / 2), y
        return at, lambda fraction: (round(bar["x"] + fraction * bar["width"]), y)
