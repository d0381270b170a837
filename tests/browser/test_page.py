"""Axes and colors, the theme, the busy light, failures, and visits side by side."""

import time

import numpy as np
import pytest

from tests.browser.explorer import Explorer
from xpapp.colors import BASE_LEVELS, NO_VALUE, density_palette
from xpapp.keys import SHORTCUTS
from xpapp.maps import raster
from xpapp.spectrum import view as spectrum_view
from xpapp.state.visit import Visit

SHAPE = [(0.35, 0.10), (0.80, 0.05), (0.75, 0.45), (0.40, 0.50)]
PALETTE = "renderers.0.glyph.color_mapper.palette"
COLORS = slice(1, BASE_LEVELS + 1)
TICKS = """() => {
    const bar = Bokeh.documents[0].get_model_by_name("latent").right[0]
    return [bar.visible, bar.ticker.ticks, [...bar.major_label_overrides.values()]]
}"""


def color_bar(explorer: Explorer) -> dict[float, float]:
    """Values by their places on the color bar, 0 to 1."""
    visible, places, labels = explorer.page.evaluate(TICKS)
    return dict(zip(places, map(float, labels), strict=True)) if visible else {}


def base_colors(explorer: Explorer) -> list[str]:
    return [color[:7] for color in explorer.model("latent", PALETTE)[COLORS]]


def test_axes_and_color(explorer):
    density, before = explorer.image(), explorer.screenshot
    assert explorer.shows("· stars per bin")
    assert min(color_bar(explorer).items()) == (0, 1)
    explorer.choose("Color", "mean of")
    explorer.choose("Column", "effective temperature [K]")
    explorer.until(lambda: explorer.shows("· mean Teff [K]"))
    explorer.until(lambda: not np.array_equal(explorer.image(), density))
    teff = explorer.stars["teff"]

    def bar_fits() -> bool:
        values = list(color_bar(explorer).values())
        return np.nanmin(teff) <= min(values) < np.nanmean(teff) < max(values) <= np.nanmax(teff)

    explorer.until(bar_fits)
    # Bins in which no star has the label are gray, not lost.
    np.testing.assert_array_equal(explorer.image() > 0, density > 0)
    assert 0 < np.sum(explorer.image() == NO_VALUE) < np.sum(density > 0)
    explorer.until(lambda: (explorer.screenshot != before).any(axis=2).mean() > 0.005)
    explorer.choose("Color", "density of stars")
    explorer.until(lambda: np.array_equal(explorer.image(), density))

    explorer.axes("right ascension [deg]", "G magnitude [mag]")
    frame, stars = explorer.frame(), explorer.stars
    assert (frame.x0, frame.x1) == (360, 0)
    values = stars["phot_g_mean_mag"]
    low, high = np.percentile(values, [0.1, 99.9])
    pad = 0.05 * (high - low)
    assert (frame.y0, frame.y1) == pytest.approx((high + pad, low - pad))
    explorer.axes("z3 (inactive)", "z1")
    assert explorer.model("latent", "below.0.axis_label") == "z3 (inactive)"
    assert explorer.image().any()
    # Reset goes back to all stars of these axes, not of the first ones.
    frame = explorer.frame()
    explorer.page.mouse.move(*frame.pixel(0.5, 0.5))
    explorer.page.mouse.wheel(0, -300)
    explorer.until(lambda: explorer.frame() != frame and explorer.map_drawn())
    explorer.press("Reset")
    explorer.until(lambda: explorer.frame() == frame and explorer.map_drawn())


@pytest.mark.slow
def test_dark_theme(explorer):
    light = explorer.screenshot
    assert base_colors(explorer) == list(density_palette(False))
    explorer.button("Toggle theme").click()
    explorer.until(lambda: explorer.visit.dark)
    explorer.until(lambda: base_colors(explorer) == list(density_palette(True)))
    explorer.until(lambda: explorer.screenshot.mean() < 0.5 * light.mean())
    explorer.outline(SHAPE)
    assert explorer.visit.current.n_members > 100
    explorer.button("Toggle theme").click()
    explorer.until(lambda: not explorer.visit.dark)
    explorer.until(lambda: base_colors(explorer) == list(density_palette(False)))
    explorer.until(lambda: explorer.screenshot.mean() > 0.9 * light.mean())


@pytest.mark.slow
def test_busy_light(explorer, monkeypatch):
    draw = Visit.draw

    def slow(*args: object) -> None:
        time.sleep(2)
        draw(*args)

    monkeypatch.setattr(Visit, "draw", slow)
    frame = explorer.frame()
    explorer.drag([frame.pixel(*corner) for corner in SHAPE])
    explorer.until(lambda: explorer.busy)
    assert not explorer.visit.current.steps
    explorer.until(lambda: explorer.visit.current.steps and not explorer.busy)


def test_help(explorer):
    page, cursor = explorer.page, explorer.visit.cursor
    lines = page.get_by_role("dialog").get_by_role("row")
    page.keyboard.press("?")
    explorer.until(lambda: lines.count() == len(SHORTCUTS))
    for line, shortcut in zip(lines.all(), SHORTCUTS, strict=True):
        assert line.is_visible()
        assert line.get_by_role("cell").all_text_contents() == [shortcut.typed, shortcut.meaning]
    page.keyboard.press("Escape")
    explorer.until(lambda: lines.count() == 0)
    explorer.button("Help and keys").click()
    explorer.until(lambda: lines.count() == len(SHORTCUTS))
    page.keyboard.press("?")
    explorer.until(lambda: lines.count() == 0)

    # Capital letters are others; with Ctrl or Alt a letter is the browser's.
    for keys in ("Shift+L", "Alt+l", "Control+ArrowRight", "Alt+ArrowRight", "Control+?"):
        page.keyboard.press(keys)
    # Sliders, tabs and lists have their own use for arrows, and in a text field all keys are text.
    page.get_by_role("tab", name="Maps").focus()
    page.keyboard.press("ArrowDown")
    explorer.tab("Filter")
    field = page.get_by_label("Condition, such as")
    field.click()
    for key in ("?", "l", "r", "p", "ArrowLeft"):
        page.keyboard.press(key)
    assert field.input_value() == "?lrp"
    start, chosen = cursor.z, cursor.chosen
    field.blur()
    page.keyboard.press("Shift+ArrowRight")
    explorer.until(lambda: cursor.z != start)
    assert lines.count() == 0 and not cursor.locked and not cursor.playing
    assert cursor.chosen == chosen == 0
    spread = float(np.std(explorer.stars["z1"].astype(float)))
    assert cursor.z[0] - start[0] == pytest.approx(0.2 * spread, rel=1e-3)


def fail_once(monkeypatch, owner: object, name: str) -> None:
    works = getattr(owner, name)

    def fails(*args: object, **kwargs: object) -> None:
        monkeypatch.setattr(owner, name, works)
        raise RuntimeError(f"{name} is out of order")

    monkeypatch.setattr(owner, name, fails)


def test_failures(explorer, monkeypatch):
    at, to = explorer.slider("z1")
    fail_once(monkeypatch, spectrum_view, "decoded_curve")
    explorer.drag([at, to(0.6)])
    explorer.until(lambda: explorer.shows("Decoding failed: decoded_curve is out of order"))
    before = explorer.array("spectrum_source", "value")
    at, to = explorer.slider("z1")
    explorer.drag([at, to(0.8)])
    explorer.until(
        lambda: (
            not np.allclose(explorer.array("spectrum_source", "value"), before, rtol=1e-3, atol=0)
        )
    )
    assert not explorer.busy

    fail_once(monkeypatch, Visit, "draw")
    frame = explorer.frame()
    explorer.drag([frame.pixel(*corner) for corner in SHAPE])
    explorer.until(lambda: explorer.shows("The selection failed: draw is out of order"))
    explorer.until(lambda: not explorer.busy)
    assert not explorer.visit.busy and not explorer.visit.current.steps
    explorer.outline(SHAPE)
    explorer.until(lambda: explorer.visit.current.n_members > 100 and not explorer.busy)

    fail_once(monkeypatch, raster.Plane, "counts")
    explorer.page.mouse.move(*frame.pixel(0.5, 0.3))
    explorer.page.mouse.wheel(0, -100)
    explorer.until(lambda: explorer.shows("Drawing the map failed: counts is out of order"))
    explorer.until(lambda: not explorer.busy)
    explorer.page.mouse.wheel(0, -100)
    explorer.wait_for_map()
    explorer.outline(SHAPE)
    assert explorer.visit.current.n_members > 10


def test_two_visits_are_apart(explorer, visitor, browser):
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        other = visitor(context=context)
        other.wait_for_map()
        assert other.visit is not explorer.visit
        z = other.z
        explorer.outline(SHAPE)
        at, to = explorer.slider("z1")
        explorer.drag([at, to(0.8)])
        explorer.until(lambda: explorer.visit.cursor.z[0] > z[0] + 0.5)
        other.choose("Horizontal", "z1")
        other.until(lambda: other.visit.map_state("latent").columns == ("z1", "z4"))
        other.wait_for_map()
        columns = [one.visit.map_state("latent").columns for one in (explorer, other)]
        assert columns == [("z2", "z4"), ("z1", "z4")]
        assert explorer.visit.current.n_members > 100 and not other.visit.current.steps
        assert not other.outlines() and other.button("Clear").is_disabled()
        assert other.z == z == other.visit.cursor.z
        assert explorer.model("latent", "below.0.axis_label") == "z2"
        other.page.close()
