"""Lasso and box against a plain test of every star, and the ids as a visitor gets them."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.browser.explorer import Explorer
from tests.browser.reference import inside, members
from tests.support.mock import LOWEST_ID, MOCK_ID, Mock
from xpapp.colors import FIRST_SET_LEVEL

# Fractions of the map's frame, from its top left corner.
CONVEX = [(0.30, 0.30), (0.60, 0.05), (0.75, 0.25), (0.60, 0.60), (0.35, 0.50)]
CONCAVE = [(0.35, 0.10), (0.80, 0.05), (0.62, 0.22), (0.80, 0.45), (0.35, 0.50), (0.55, 0.25)]
# A pentagram: what its middle holds is outside by the even-odd rule.
CROSSING = [
    (0.6 + 0.3 * np.sin(4 * np.pi * i / 5), 0.25 - 0.24 * np.cos(4 * np.pi * i / 5))
    for i in range(5)
]
LEFT = [(0.20, 0.15), (0.58, 0.10), (0.56, 0.55), (0.25, 0.60)]
RIGHT = [(0.50, 0.05), (0.85, 0.08), (0.80, 0.40), (0.48, 0.45)]


def expected(explorer: Explorer, outline: np.ndarray, x: str = "z2", y: str = "z4") -> set[int]:
    mask = inside(outline, explorer.stars[x], explorer.stars[y])
    return set(explorer.stars["source_id"][mask].tolist())


def selected(explorer: Explorer) -> set[int]:
    """The selection's ids: what CSV, Parquet and the server say, if they agree."""
    lines = list(csv.DictReader(io.StringIO(explorer.export("CSV").decode())))
    from_csv = [int(line["source_id"]) for line in lines]
    column = pq.read_table(io.BytesIO(explorer.export("Parquet"))).column("source_id")
    assert str(column.type) == "int64"
    ids = explorer.stars["source_id"]
    assert from_csv == column.to_pylist() == ids[members(explorer)].tolist()
    assert len(set(from_csv)) == len(from_csv)
    return set(from_csv)


def test_lasso_and_box(explorer):
    counts = []
    for shape in (CONVEX, CONCAVE, CROSSING):
        outline = explorer.outline(shape)
        ids = expected(explorer, outline)
        assert selected(explorer) == ids
        counts.append(len(ids))
        n = len(explorer.stars["source_id"])
        explorer.until(lambda ids=ids, n=n: explorer.shows(f"{len(ids):,} of {n:,} selected"))
    assert min(counts) > 200
    middle = expected(explorer, outline.mean(axis=0) + 0.2 * (outline - outline.mean(axis=0)))
    assert len(middle) > 20 and not middle & ids

    explorer.press("Box Select")
    corners = explorer.outline([(0.4, 0.1), (0.5, 0.2), (0.7, 0.45)])[[0, -1]]
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    x, y = explorer.stars["z2"], explorer.stars["z4"]
    mask = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    assert mask.sum() > 200
    assert selected(explorer) == set(explorer.stars["source_id"][mask].tolist())


def test_after_pan_and_wheel_zoom(explorer):
    before = explorer.frame()
    explorer.press("Pan")
    explorer.drag([before.pixel(0.5, 0.3), before.pixel(0.45, 0.4), before.pixel(0.4, 0.5)])
    explorer.until(lambda: explorer.frame() != before and explorer.map_drawn())
    moved = explorer.frame()
    assert moved.x0 > before.x0 and moved.x1 - moved.x0 == pytest.approx(before.x1 - before.x0)
    explorer.press("Lasso Select")
    shifted = [(x - 0.1, y + 0.2) for x, y in CONVEX]
    ids = expected(explorer, explorer.outline(shifted))
    assert len(ids) > 200 and selected(explorer) == ids

    explorer.page.mouse.move(*moved.pixel(0.5, 0.45))
    explorer.page.mouse.wheel(0, -400)
    explorer.until(lambda: explorer.frame() != moved and explorer.map_drawn())
    zoomed = explorer.frame()
    assert abs(zoomed.x1 - zoomed.x0) < 0.9 * abs(moved.x1 - moved.x0)
    x, y = explorer.stars["z2"], explorer.stars["z4"]
    n = np.sum((x >= zoomed.x0) & (x <= zoomed.x1) & (y >= zoomed.y0) & (y <= zoomed.y1))
    explorer.until(lambda: explorer.shows(f"{n:,} of {len(x):,} stars in view"))
    ids = expected(explorer, explorer.outline(CONCAVE))
    assert len(ids) > 50 and selected(explorer) == ids


def test_labels_with_reversed_axes(explorer):
    explorer.axes("effective temperature [K]", "surface gravity, log10 of cm s⁻² [dex]")
    frame = explorer.frame()
    assert frame.x0 > frame.x1 and frame.y0 > frame.y1
    outline = explorer.outline([(0.01, 0.01), (0.99, 0.01), (0.90, 0.60), (0.4, 0.99)])
    ids = expected(explorer, outline, "teff", "logg")
    assert len(ids) > 500 and selected(explorer) == ids
    unknown = np.isnan(explorer.stars["teff"]) | np.isnan(explorer.stars["logg"])
    assert unknown.any() and not members(explorer)[unknown].any()


@pytest.mark.slow
def test_add_subtract_undo_clear(explorer):
    left = expected(explorer, explorer.outline(LEFT))
    right = expected(explorer, explorer.outline(RIGHT, "Shift"))
    assert left & right and right - left and left - right
    assert selected(explorer) == left | right
    convex = expected(explorer, explorer.outline(CONVEX, "Alt"))
    assert selected(explorer) == (left | right) - convex
    assert [s.operation for s in explorer.visit.current.steps] == ["replace", "add", "subtract"]
    # The keys are for one outline only.
    assert selected(explorer) != expected(explorer, explorer.outline(RIGHT)) == selected(explorer)

    left = expected(explorer, explorer.outline(LEFT))
    explorer.button("Add").click()
    explorer.until(lambda: explorer.visit.operation == "add")
    right = expected(explorer, explorer.outline(RIGHT))
    assert selected(explorer) == left | right
    explorer.button("Subtract").click()
    explorer.until(lambda: explorer.visit.operation == "subtract")
    convex = expected(explorer, explorer.outline(CONVEX))
    assert selected(explorer) == (left | right) - convex
    explorer.until(lambda: len(explorer.outlines()) == 3)

    explorer.button("Undo").click()
    explorer.until(lambda: len(explorer.outlines()) == 2)
    assert selected(explorer) == left | right
    explorer.button("Clear").click()
    explorer.until(lambda: not explorer.outlines())
    explorer.until(lambda: not (explorer.image() >= FIRST_SET_LEVEL).any())
    assert explorer.visit.current.n_members == 0
    for label in ("Clear", "Stars", "Recipe", "ADQL"):
        explorer.until(lambda label=label: explorer.button(label).is_disabled())
    explorer.until(lambda: not explorer.shows("selected"))
    explorer.button("Undo").click()
    assert selected(explorer) == left | right


def on_screen(explorer: Explorer, ring: np.ndarray) -> bool:
    """Whether each side of an outline is drawn in its color, halfway along."""
    frame, picture = explorer.frame(), explorer.screenshot.astype(int)
    middles = frame.screen(*(0.5 * (ring[:-1] + ring[1:])).T).round().astype(int)
    for x, y in middles:
        near = picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
        if not (np.abs(near - (230, 159, 0)).max(axis=1) < 60).any():
            return False
    return True


@pytest.mark.slow
def test_outline_stays_where_it_was_drawn(explorer):
    ring = explorer.outline(RIGHT)
    explorer.until(lambda: len(explorer.outlines()) == 1)
    np.testing.assert_allclose(explorer.outlines()[0], [*ring, ring[0]], rtol=1e-12)
    ids = expected(explorer, ring)
    explorer.page.mouse.move(5, 5)  # or what is under the pointer is told over the outline
    explorer.until(lambda: on_screen(explorer, explorer.outlines()[0]))

    frame = explorer.frame()
    explorer.page.mouse.move(*frame.pixel(0.65, 0.25))
    explorer.page.mouse.wheel(0, -100)
    explorer.page.mouse.move(5, 5)
    explorer.until(lambda: explorer.frame() != frame and explorer.map_drawn())
    explorer.until(lambda: on_screen(explorer, explorer.outlines()[0]))

    explorer.tab("Maps")
    explorer.choose("Horizontal", "z1")
    explorer.until(lambda: not explorer.outlines())
    explorer.choose("Color", "mean of")
    explorer.choose("Column", "metallicity [M/H] [dex]")
    explorer.wait_for_map()
    explorer.until(lambda: (explorer.image() >= FIRST_SET_LEVEL).any())
    assert selected(explorer) == ids
    explorer.tab("Maps")
    explorer.choose("Horizontal", "z4")
    explorer.choose("Vertical", "z2")
    explorer.until(lambda: len(explorer.outlines()) == 1)  # the same outline, mirrored
    np.testing.assert_allclose(explorer.outlines()[0][:, ::-1], [*ring, ring[0]], rtol=1e-12)
    explorer.axes("z2", "z4")
    explorer.until(lambda: len(explorer.outlines()) == 1)
    np.testing.assert_allclose(explorer.outlines()[0], [*ring, ring[0]], rtol=1e-12)
    assert selected(explorer) == ids


@pytest.mark.slow
def test_exports(explorer, mock: Mock, tmp_path):
    explorer.outline(LEFT)
    explorer.outline(CROSSING, "Shift")
    explorer.press("Box Select")
    explorer.outline([(0.5, 0.2), (0.6, 0.3)], "Alt")
    explorer.axes("effective temperature [K]", "z1")
    explorer.outline([(0.4, 0.3), (0.6, 0.5)], "Alt")
    ids = selected(explorer)
    assert ids
    recipe = tmp_path / "selection.json"
    recipe.write_bytes(explorer.export("Recipe"))
    steps = json.loads(recipe.read_text())["steps"]
    assert [step["operation"] for step in steps] == ["replace", "add", "subtract", "subtract"]
    command = [sys.executable, "-m", "xpmodel", "select", recipe, "--catalog", mock.catalog]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(map(int, done.stdout.split())) == ids

    explorer.axes("z2", "z4")
    explorer.outline([(0.01, 0.01), (0.99, 0.99)])
    ids = selected(explorer)
    assert min(ids) >= LOWEST_ID
    assert any(int(float(source_id)) != source_id for source_id in ids)
    assert max(ids) == MOCK_ID or MOCK_ID not in ids
    table = pq.read_table(io.BytesIO(explorer.export("Parquet")))
    rows = members(explorer)
    for name in ("teff", "z1", "phot_g_mean_mag", "dec"):
        np.testing.assert_array_equal(
            table.column(name).to_numpy(), explorer.stars[name][rows], err_msg=name
        )
    assert table.column("population").to_pylist() == explorer.stars["population"][rows].tolist()
