"""A visit in the address and in a file, a lost connection, and every export."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table
from astropy.table import Table
from panel.tests.util import get_open_ports

from tests.browser.explorer import Explorer
from tests.browser.reference import drawn, ids, members
from tests.support.mock import MOCK_ID, Mock

ROOT = Path(__file__).resolve().parents[2]
LEFT = [(0.25, 0.10), (0.58, 0.10), (0.56, 0.55), (0.25, 0.60)]
RIGHT = [(0.50, 0.05), (0.85, 0.08), (0.80, 0.40), (0.48, 0.45)]
ALL = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]


def named(explorer: Explorer) -> str:
    """The visit that the address names."""
    return parse_qs(urlparse(explorer.page.url).query).get("visit", [""])[0]


def settled(explorer: Explorer) -> str:
    """The name in the address once it no longer changes."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 1.6 or not last:
        if named(explorer) != last:
            last, since = named(explorer), time.monotonic()
        explorer.page.wait_for_timeout(50)
    return last


def test_the_address_brings_a_visit_back(explorer, visitor):
    assert not named(explorer)
    at, to = explorer.slider("z1")
    mouse = explorer.page.mouse
    mouse.move(*at)
    mouse.down()
    for step in range(24):  # 2.4 s, thrice as long as the address rests
        mouse.move(*to(0.5 + 0.012 * step))
        explorer.page.wait_for_timeout(100)
        assert not named(explorer)
    mouse.up()
    explorer.until(lambda: named(explorer))

    left = drawn(explorer, LEFT, "latent")
    explorer.axes("z4", "z1", "abundance")
    explorer.choose("Color", "median of")
    explorer.choose("Column", "metallicity [M/H] [dex]")
    explorer.tab("Sets")
    explorer.button("New empty set").click()
    explorer.until(lambda: explorer.visit.active_set == "B")
    right = drawn(explorer, RIGHT, "latent")
    explorer.tab("Filter")
    field = explorer.page.get_by_label("Condition, such as")
    field.fill("z2 > -1")
    field.press("Enter")
    explorer.until(lambda: explorer.visit.filter.expression)
    kiel = drawn(explorer, LEFT, "kiel", "Shift")
    some = explorer.stars["z2"].astype(np.float64) > -1
    name = settled(explorer)
    assert re.fullmatch(r"[a-z2-7]{16}", name)

    other = visitor(f"explorer?visit={name}")
    other.wait_for_maps()
    a, b = explorer.visit, other.visit
    assert a is not b and a.maps == b.maps and b.maps[2].columns == ("z4", "z1")
    assert b.coloring.how == "median" and b.coloring.column == "m_h"
    assert b.cursor.z == a.cursor.z and other.z == explorer.z and b.cursor.z[0] != 0
    assert [s.name for s in b.sets] == ["A", "B"] and b.active_set == "B"
    assert ids(other, members(other, "A")) == ids(other, left)
    assert ids(other, members(other, "B")) == ids(other, right | (kiel & some))
    assert (b.shown == some).all()
    other.until(lambda: other.shows(f"{some.sum():,} shown of 4,000"))
    other.until(lambda: other.shows("· median [M/H] [dex]"))
    for key in ("latent", "kiel", "abundance", "latent2"):
        other.until(
            lambda key=key: np.array_equal(
                other.image(f"{key}_image"), explorer.image(f"{key}_image")
            )
        )
        assert len(other.outlines(key)) == len(explorer.outlines(key))
    assert other.button("Undo").is_disabled()
    assert settled(other) == name  # nothing has changed since


@pytest.mark.slow
def test_a_visit_as_a_file(explorer, visitor):
    left = drawn(explorer, LEFT, "latent")
    explorer.page.mouse.click(*explorer.frame().pixel(0.6, 0.3))
    explorer.until(lambda: explorer.visit.cursor.star is not None)
    saved = explorer.export("Save this visit")
    other = visitor()
    other.wait_for_maps()
    before = drawn(other, RIGHT, "latent")
    other.tab("Save")
    upload = other.page.locator("input[type=file]").first

    def send(content: bytes) -> None:
        file = {"name": "visit.json", "mimeType": "application/json", "buffer": content}
        upload.set_input_files(file)

    recipe = explorer.export("Recipe")
    damaged = json.loads(saved)
    damaged["sets"][0]["n_members"] += 1
    for content, problem in (
        (recipe, "not a visit that was saved here"),
        (b"%PDF-1.7", "not JSON"),
        (json.dumps(damaged).encode(), "has other stars than it says"),
    ):
        send(content)
        other.until(lambda problem=problem: other.shows(re.compile(problem)))
        assert ids(other, members(other)) == ids(other, before)
    send(saved)
    other.until(lambda: ids(other, members(other)) == ids(other, left))
    assert (
        other.visit.cursor.star == explorer.visit.cursor.star
        and other.visit.cursor.z == explorer.visit.cursor.z
    )
    other.until(lambda: other.shows(f"{left.sum():,} of 4,000 selected"))
    star = str(explorer.stars["source_id"][explorer.visit.cursor.star])
    other.until(lambda: other.shows(re.compile(star)))
    # What was there before comes back with one undo.
    other.button("Undo").click()
    other.until(lambda: ids(other, members(other)) == ids(other, before))


def id_column(content: bytes, label: str) -> np.ndarray:
    """The ids of an exported file, read by another program's reader."""
    if label == "CSV":
        rows = csv.DictReader(io.StringIO(content.decode()))
        return np.array([int(row["source_id"]) for row in rows])
    if label == "Parquet":
        return pq.read_table(io.BytesIO(content)).column("source_id").to_numpy()
    if label == "VOTable":
        return np.asarray(parse_single_table(io.BytesIO(content)).array["source_id"])
    if label == "FITS":
        with fits.open(io.BytesIO(content)) as file:
            return np.asarray(file[1].data["source_id"]).astype(np.int64)
    return np.asarray(Table.read(content.decode(), format="ascii.ecsv")["source_id"])


def test_exports(explorer, mock: Mock, tmp_path):
    explorer.press("Box Select")
    explorer.outline([ALL[0], ALL[2]])
    explorer.press("Lasso Select")
    right = drawn(explorer, RIGHT, "latent", "Alt")
    kiel = drawn(explorer, LEFT, "kiel", "Shift")
    frame = explorer.frame()
    x, y = (explorer.stars[name].astype(np.float64) for name in ("z2", "z4"))
    (x0, y1), (x1, y0) = frame.data([frame.pixel(*ALL[0]), frame.pixel(*ALL[2])])
    mask = ((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) & ~right) | kiel
    rows = np.flatnonzero(mask)
    source_id = explorer.stars["source_id"]
    if not mask[source_id == MOCK_ID].any():  # the one star that Gaia does not have
        explorer.tab("Sets")
        explorer.button("New empty set").click()
        explorer.until(lambda: explorer.visit.active_set == "B")
        explorer.choose("Set", "A")
        explorer.button("Complement of the first").click()
        explorer.until(lambda: explorer.visit.active_set == "not A")
        mask = ~mask
        rows = np.flatnonzero(mask)
    assert ids(explorer, members(explorer)) == ids(explorer, mask)
    for label in ("CSV", "Parquet", "FITS", "VOTable", "ECSV"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of units that a format does not know
            found = id_column(explorer.export(label), label)
        assert found.dtype == np.int64 and found.tolist() == source_id[rows].tolist(), label

    adql = explorer.export("ADQL").decode()
    asked = [int(n) for n in re.findall(r"^(\d+),?$", adql, re.MULTILINE)]
    assert asked == [int(i) for i in source_id[rows] if i != MOCK_ID]
    assert str(MOCK_ID) not in adql and "1 mock stars are left out" in adql
    assert adql.count("SELECT * FROM gaiadr3.gaia_source WHERE source_id IN (") == 1

    recipe = tmp_path / "recipe.json"
    recipe.write_bytes(explorer.export("Recipe"))
    command = [sys.executable, "-m", "xpmodel", "select", recipe, "--catalog", mock.catalog]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert list(map(int, done.stdout.split())) == source_id[rows].tolist()


@contextmanager
def serving(port: int, mock: Mock, visits: Path) -> Iterator[None]:
    """`panel serve app` on a port."""
    command = [sys.executable, "-m", "panel", "serve", "app", "--port", port, "--args"]
    command += ["--catalog", mock.catalog, "--model", mock.model]
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | {"XPMODEL_VISITS": str(visits)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout:
            if "Bokeh app running" in line:
                break
        assert process.poll() is None, "panel serve ended"
        urllib.request.urlopen(f"http://localhost:{port}/app", timeout=90).close()
        yield
    finally:
        process.kill()
        process.communicate(timeout=20)


def test_lost_connection(visitor, mock: Mock, tmp_path):
    (port,) = get_open_ports()
    with serving(port, mock, tmp_path):
        page = visitor("app", port)
        page.wait_for_map()
        frame = page.frame()
        page.drag([frame.pixel(*corner) for corner in RIGHT])
        page.until(lambda: page.shows(re.compile(r"[\d,]+ of 4,000 selected")))
        count = page.page.get_by_text(re.compile(r"of 4,000 selected")).first.inner_text()
        page.until(lambda: named(page))
        name = settled(page)
    alert = page.page.get_by_role("alert").filter(has_text="connection to the server is lost")
    page.until(lambda: alert.count() and alert.is_visible())
    assert named(page) == name
    with serving(port, mock, tmp_path):
        page.until(lambda: not alert.count())
        page.page.wait_for_function("window.Bokeh?.documents.length")
        page.wait_for_map()
        page.until(lambda: page.shows(count))
        assert named(page) == name and len(page.outlines()) == 1
        # The browser names every request that failed while there was no server.
        expected = "Failed to load resource|WebSocket connection|\\[bokeh|Lost websocket|connection"
        left = [p for p in page.problems if not re.search(expected, p)]
        page.problems.clear()
        page.page.close()
    assert not left
