"""Setting z by hand: locks, keys, places, labels, paths; what is near it."""

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.explorer import Explorer
from tests.support.mock import Mock
from xpmodel import Wavelengths, load_model


@pytest.fixture(scope="module")
def network(mock: Mock):
    return load_model(mock.model, "cpu")


def nearest(explorer: Explorer, z, k: int = 50) -> np.ndarray:
    """Rows of the nearest stars, by trying each; z3 is inactive in the mock."""
    names = ("z1", "z2", "z4")
    points = np.stack([explorer.stars[n] for n in names], axis=1).astype(np.float64)
    here = np.array(z)[[0, 1, 3]]
    away = np.linalg.norm((points - here) / points.std(axis=0), axis=1)
    return np.argsort(away, kind="stable")[:k]


def click_alt(page: Page, x: int, y: int) -> None:
    page.keyboard.down("Alt")
    page.mouse.click(x, y)
    page.keyboard.up("Alt")


def test_what_is_near(explorer, network):
    """Labels, the nearest star's spectrum and the marks among labels follow a drag."""
    matrix = Wavelengths().matrix
    at, to = explorer.slider("z2")
    mouse = explorer.page.mouse
    mouse.move(*at)
    mouse.down()
    for fraction in (0.55, 0.6, 0.65):
        mouse.move(*to(fraction))
        explorer.page.wait_for_timeout(60)
    explorer.until(lambda: explorer.visit.cursor.z == explorer.z)
    rows = nearest(explorer, explorer.z)
    teff = explorer.stars["teff"][rows].astype(float)
    teff = teff[np.isfinite(teff)]
    low, median, high = np.percentile(teff, [16, 50, 84])
    explorer.until(lambda: explorer.shows(f"Teff {median:.0f} ± {(high - low) / 2:.0f} K"))
    explorer.until(lambda: explorer.shows(f"nearest star {explorer.stars['source_id'][rows[0]]}"))
    spectra = explorer.visit.catalog.spectra[int(rows[0])]
    g_flux = 10 ** (0.4 * (25.6873668671 - 15.0))
    wanted = spectra.coefficients[0].astype(float) @ matrix * g_flux / spectra.g_flux[0]
    explorer.until(
        lambda: np.allclose(
            explorer.array("nearest_source", "value"), wanted, 0, 1e-5 * np.abs(wanted).max()
        )
    )
    explorer.until(lambda: np.allclose(explorer.data("kiel_marker")["x"], [median]))
    mouse.up()

    # They become a set, with a recipe; and the meter says when nothing is near.
    explorer.button("Set of these").click()
    explorer.until(lambda: explorer.visit.active_set == "50 nearest")
    mask = explorer.visit.current.mask(explorer.visit.catalog)
    np.testing.assert_array_equal(np.flatnonzero(mask), np.sort(rows))
    for name in ("z1", "z2", "z4"):
        at, to = explorer.slider(name)
        explorer.drag([at, to(0.9), to(1.0)])
    explorer.until(lambda: explorer.visit.cursor.z == explorer.z)
    text = explorer.visit.cursor.near.nearness.text
    explorer.until(lambda: explorer.shows(text) and "nearest" not in text)


def test_locks_and_keys(explorer):
    cursor, page = explorer.visit.cursor, explorer.page
    names = ["z1", "z2", "z4"]  # the active ones
    spread = {n: float(np.std(explorer.stars[n].astype(float))) for n in names}
    start = explorer.z
    page.keyboard.press("ArrowRight")
    explorer.until(lambda: explorer.z[0] == pytest.approx(start[0] + 0.02 * spread["z1"], rel=1e-3))
    page.keyboard.press("ArrowDown")
    explorer.until(lambda: explorer.model("z2", "title").startswith("▸"))
    page.keyboard.press("Shift+ArrowLeft")
    explorer.until(lambda: explorer.z[1] == pytest.approx(start[1] - 0.2 * spread["z2"], rel=1e-3))
    page.keyboard.press("l")
    explorer.until(lambda: explorer.model("z2", "disabled") and cursor.locked == {1})
    held = cursor.z[1]
    frame = explorer.frame()
    page.mouse.click(*frame.pixel(0.62, 0.31))
    explorer.until(lambda: cursor.star is not None)
    assert cursor.z[1] == held
    page.keyboard.press("r")
    explorer.until(lambda: explorer.z == (start[0], held, *start[2:]))
    lock = page.evaluate(
        """() => {
            const {x, y} = Bokeh.index.find_one(modelNamed("z2_lock")).el.getBoundingClientRect()
            return [x + 10, y + 10]
        }"""
    )
    page.mouse.click(*lock)
    explorer.until(lambda: not cursor.locked and not explorer.model("z2", "disabled"))
    page.keyboard.press("r")
    explorer.until(lambda: explorer.z == start)


@pytest.mark.slow
def test_a_click_on_a_place(explorer):
    frame, before = explorer.frame(), explorer.z
    pixel = frame.pixel(0.4, 0.6)
    click_alt(explorer.page, *pixel)
    x, y = frame.data([pixel])[0]
    step = abs(np.diff(frame.data([pixel, (pixel[0] + 1, pixel[1] + 1)]), axis=0)[0])
    explorer.until(lambda: explorer.z != before)
    assert explorer.z[0] == before[0] and explorer.z[2] == before[2]
    assert abs(explorer.z[1] - x) <= step[0] and abs(explorer.z[3] - y) <= step[1]
    assert explorer.visit.cursor.star is None

    # Among labels: where the nearest stars on the map lie.
    frame = explorer.frame("kiel")
    pixel = frame.pixel(0.5, 0.5)
    click_alt(explorer.page, *pixel)
    teff, logg = (explorer.stars[n].astype(float) for n in ("teff", "logg"))
    known = np.isfinite(teff) & np.isfinite(logg)
    x, y = frame.data([pixel])[0]
    away = ((teff - x) / teff[known].std()) ** 2 + ((logg - y) / logg[known].std()) ** 2
    rows = np.argsort(np.where(known, away, np.inf))[:50]
    wanted = [np.median(explorer.stars[f"z{i}"][rows]) for i in (1, 2, 3, 4)]
    explorer.until(lambda: np.allclose(explorer.z, wanted, atol=0.02))


def test_playing_a_path(explorer, network):
    cursor, page = explorer.visit.cursor, explorer.page
    explorer.tab("Path")
    start = cursor.z
    explorer.button("Pin start here").click()
    explorer.until(lambda: cursor.pins[0] == start)
    page.mouse.click(*explorer.frame().pixel(0.62, 0.31))
    explorer.until(lambda: cursor.star is not None)
    end = cursor.z
    explorer.button("Pin end here").click()
    explorer.until(lambda: cursor.path is not None)
    at, to = explorer.slider("path_place")
    explorer.drag([at, to(0.3), to(0.5)])
    explorer.until(lambda: abs(cursor.place - 0.5) < 0.01)
    place = cursor.place
    between = [a + place * (b - a) for a, b in zip(start, end, strict=True)]
    assert cursor.z == pytest.approx(between)
    explorer.until(
        lambda: np.allclose(explorer.data("latent_marker")["x"], [between[1]], rtol=1e-6)
    )
    explorer.button("▶ Play").click()
    explorer.until(lambda: cursor.place > place + 0.1)
    explorer.button("❚❚ Pause").click()
    explorer.until(lambda: not cursor.playing)
    held = cursor.place
    page.wait_for_timeout(300)
    assert cursor.place == held < 1
    page.keyboard.press("p")
    explorer.until(lambda: cursor.place == 1 and not cursor.playing)
    assert cursor.z == pytest.approx(end)
    coefficients, _ = network.decode(np.array([end], np.float32))
    wanted = coefficients[0].astype(float) @ Wavelengths().matrix
    wanted *= 10 ** (0.4 * (25.6873668671 - cursor.g_mag))
    explorer.until(
        lambda: np.allclose(
            explorer.array("spectrum_source", "value"), wanted, 0, 2e-5 * np.abs(wanted).max()
        )
    )


@pytest.mark.slow
def test_steering_a_label(explorer):
    cursor = explorer.visit.cursor
    explorer.tab("Steer labels")
    before, fit = cursor.z, cursor.local_fit()
    explorer.until(lambda: explorer.page.evaluate("modelNamed('steer_logg') != null"))
    explorer.until(
        lambda: (
            explorer.model("steer_logg", "value")
            == pytest.approx(fit.labels["logg"].value, abs=0.05)
        )
    )
    at, to = explorer.slider("steer_logg")
    explorer.drag([at, (at[0] + 6, at[1]), (at[0] + 12, at[1])])
    explorer.until(lambda: cursor.z != before)
    direction = np.subtract(cursor.z, before)
    assert direction[2] == 0 and cursor.previous_z == before
    # Once the slider is let go the stars are asked: the page says what was held, and the answer.
    explorer.until(lambda: explorer.shows("held: Teff, [M/H], [α/M]"))
    explorer.until(lambda: explorer.shows("supported: "))


@pytest.mark.slow
def test_gradients(explorer, network):
    explorer.button("∂/∂z").click()
    explorer.until(lambda: explorer.data("gradient_source") is not None)
    z = np.array(explorer.visit.cursor.z, np.float32)
    matrix = Wavelengths().matrix
    g_flux = 10 ** (0.4 * (25.6873668671 - 15.0))
    explorer.until(lambda: len(explorer.data("gradient_source")["x"]) == 343)
    assert set(explorer.data("gradient_source")) == {"x", "z1", "z2", "z4"}
    for i, name in ((0, "z1"), (1, "z2"), (3, "z4")):
        step = np.zeros(4, np.float32)
        step[i] = 0.01
        up, down = (network.decode((z + s)[None])[0][0].astype(float) for s in (step, -step))
        wanted = (up - down) @ matrix * g_flux / 0.02
        found = explorer.array("gradient_source", name)
        np.testing.assert_allclose(found, wanted, 0, 0.01 * np.abs(wanted).max())
    at, to = explorer.slider("z1")
    before = explorer.array("gradient_source", "z1")
    explorer.drag([at, to(0.6), to(0.7)])
    explorer.until(
        lambda: not np.allclose(explorer.array("gradient_source", "z1"), before, 0.01, atol=0)
    )


@pytest.mark.slow
def test_this_star_but(explorer):
    """One click: z is where the star would be, and the change of its spectrum is drawn."""
    cursor = explorer.visit.cursor
    explorer.tab("Steer labels")
    explorer.page.mouse.click(*explorer.frame().pixel(0.62, 0.31))
    explorer.until(lambda: cursor.star is not None)
    star = cursor.z
    explorer.button("This star, but …").click()
    explorer.until(lambda: explorer.shows("σ of the star's errors"))
    assert cursor.previous_z == star and not cursor.at_star
    explorer.until(lambda: len(explorer.data("suppose_source")["x"]) == 343)
    wanted = explorer.array("suppose_source", "decoded")
    assert np.isfinite(wanted).all() and np.abs(wanted).max() > 0


@pytest.mark.slow
def test_a_fast_drag_ends_at_the_newest_z(explorer, network):
    """Many moves at once: fewer are drawn than come, and the last one is."""
    at, to = explorer.slider("z1")
    mouse = explorer.page.mouse
    mouse.move(*at)
    mouse.down()
    for step in range(120):
        mouse.move(*to(0.5 + 0.4 * np.sin(step / 7)))
    mouse.up()
    explorer.until(lambda: explorer.visit.cursor.z == explorer.z)
    coefficients, _ = network.decode(np.array([explorer.z], np.float32))
    wanted = coefficients[0].astype(float) @ Wavelengths().matrix
    wanted *= 10 ** (0.4 * (25.6873668671 - 15.0))
    explorer.until(
        lambda: np.allclose(
            explorer.array("spectrum_source", "value"), wanted, 0, 2e-5 * np.abs(wanted).max()
        )
    )
