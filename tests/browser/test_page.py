"""Axes and colors, the theme, the busy light, failures, and visits side by side."""

import time

import numpy as np
import pytest

import raster
import spectrum_view
from palettes import density_palette
from tests.browser.explorer import Explorer
from visit import Visit

SHAPE = [(0.35, 0.10), (0.80, 0.05), (0.75, 0.45), (0.40, 0.50)]
PALETTE = "renderers.0.glyph.color_mapper.palette"
BARS = """() => Bokeh.documents[0].get_model_by_name("map").right.map(
    bar => [bar.visible, bar.title, bar.color_mapper.low, bar.color_mapper.high])"""


def color_bar(explorer: Explorer) -> tuple[str, float, float]:
    """Title and ends of the color bar to be seen."""
    ((_, title, low, high),) = [bar for bar in explorer.page.evaluate(BARS) if bar[0]]
    return title, low, high


def test_axes_and_color(explorer):
    density, before = explorer.image(), explorer.screenshot
    title, low, _ = color_bar(explorer)
    assert (title, low) == ("stars per bin", 1)
    explorer.choose("Color", "mean effective temperature [K]")
    explorer.until(lambda: color_bar(explorer)[0] == "mean effective temperature [K]")
    explorer.until(lambda: not np.array_equal(explorer.image(), density))
    teff = explorer.stars["teff"]

    def bar_fits() -> bool:
        _, low, high = color_bar(explorer)
        return np.nanmin(teff) <= low < np.nanmean(teff) < high <= np.nanmax(teff)

    explorer.until(bar_fits)
    # Bins in which no star has the label are empty.
    assert 0 < np.mean(explorer.image() > 0) < np.mean(density > 0)
    explorer.until(lambda: (explorer.screenshot != before).any(axis=2).mean() > 0.005)
    explorer.choose("Color", "density of stars")
    explorer.until(lambda: np.array_equal(explorer.image(), density))
    explorer.until(lambda: color_bar(explorer)[0] == "stars per bin")

    explorer.axes("right ascension [deg]", "G magnitude [mag]")
    frame, stars = explorer.frame(), explorer.stars
    for (start, end), name in (
        ((frame.x0, frame.x1), "ra"),
        ((frame.y0, frame.y1), "phot_g_mean_mag"),
    ):
        values = stars[name][np.isfinite(stars[name])]
        low, high = np.percentile(values, [0.1, 99.9])
        pad = 0.05 * (high - low)
        assert (start, end) == pytest.approx((high + pad, low - pad))
    explorer.axes("z3 (inactive)", "z1")
    assert explorer.model("map", "below.0.axis_label") == "latent z3 (inactive)"
    assert explorer.image().any()
    # Reset goes back to all stars of these axes, not of the first ones.
    frame = explorer.frame()
    explorer.page.mouse.move(*frame.pixel(0.5, 0.5))
    explorer.page.mouse.wheel(0, -300)
    explorer.until(lambda: explorer.frame() != frame and explorer.map_drawn)
    explorer.press("Reset")
    explorer.until(lambda: explorer.frame() == frame and explorer.map_drawn)


def test_dark_theme(explorer):
    light = explorer.screenshot
    assert explorer.model("map", PALETTE)[1:] == density_palette(False)
    explorer.button("Toggle theme").click()
    explorer.until(lambda: explorer.visit.dark)
    explorer.until(lambda: explorer.model("map", PALETTE)[1:] == density_palette(True))
    explorer.until(lambda: explorer.screenshot.mean() < 0.5 * light.mean())
    explorer.outline(SHAPE)
    assert explorer.visit.n_selected > 100
    explorer.button("Toggle theme").click()
    explorer.until(lambda: not explorer.visit.dark)
    explorer.until(lambda: explorer.model("map", PALETTE)[1:] == density_palette(False))
    explorer.until(lambda: explorer.screenshot.mean() > 0.9 * light.mean())


def test_busy_light(explorer, monkeypatch):
    draw = Visit.draw

    def slow(*args: object) -> None:
        time.sleep(2)
        draw(*args)

    monkeypatch.setattr(Visit, "draw", slow)
    frame = explorer.frame()
    explorer.drag([frame.pixel(*corner) for corner in SHAPE])
    start = time.monotonic()
    explorer.until(lambda: explorer.busy, timeout=1.5)
    assert time.monotonic() - start < 1.5 and not explorer.visit.steps
    explorer.until(lambda: explorer.visit.steps and not explorer.busy)


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
    before = explorer.array("spectrum_source", "flux")
    at, to = explorer.slider("z1")
    explorer.drag([at, to(0.8)])
    explorer.until(
        lambda: (
            not np.allclose(explorer.array("spectrum_source", "flux"), before, rtol=1e-3, atol=0)
        )
    )
    assert not explorer.busy

    fail_once(monkeypatch, Visit, "draw")
    frame = explorer.frame()
    explorer.drag([frame.pixel(*corner) for corner in SHAPE])
    explorer.until(lambda: explorer.shows("The selection failed: draw is out of order"))
    explorer.until(lambda: not explorer.busy)
    assert not explorer.visit.busy and explorer.visit.selected is None
    explorer.outline(SHAPE)
    explorer.until(lambda: explorer.visit.n_selected > 100 and not explorer.busy)

    fail_once(monkeypatch, raster.Points, "draw")
    explorer.page.mouse.move(*frame.pixel(0.5, 0.3))
    explorer.page.mouse.wheel(0, -100)
    explorer.until(lambda: explorer.shows("Drawing the map failed: draw is out of order"))
    explorer.until(lambda: not explorer.busy)
    explorer.page.mouse.wheel(0, -100)
    explorer.wait_for_map()
    explorer.outline(SHAPE)
    assert explorer.visit.n_selected > 10


def test_two_visits_are_apart(explorer, visitor, browser):
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        other = visitor(context=context)
        other.wait_for_map()
        assert other.visit is not explorer.visit
        z = other.z
        explorer.outline(SHAPE)
        at, to = explorer.slider("z1")
        explorer.drag([at, to(0.8)])
        explorer.until(lambda: explorer.visit.z[0] > z[0] + 0.5)
        other.choose("Horizontal", "z1")
        other.wait_for_map()
        assert (explorer.visit.x, other.visit.x) == ("z2", "z1")
        assert explorer.visit.n_selected > 100 and other.visit.selected is None
        assert not other.outlines and other.button("CSV").is_disabled()
        assert other.z == z == other.visit.z
        assert explorer.model("map", "below.0.axis_label") == "latent z2"
        other.page.close()
