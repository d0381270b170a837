"""Sliders, stars and the spectrum, against numbers formed here from the files."""

import re

import numpy as np
import pyarrow as pa
import pytest

from tests.browser.explorer import Explorer
from tests.support.mock import Mock
from xpmodel import Wavelengths, load_model

COUNT_UPDATES = """() => {
    window.updates = 0
    const source = Bokeh.documents[0].get_model_by_name("spectrum_source")
    source.properties.data.change.connect(() => { window.updates += 1 })
}"""


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:  # (110, 343)
    return Wavelengths().matrix


@pytest.fixture(scope="module")
def decoded(mock: Mock, matrix):
    """Flux and scatter of z at a G magnitude, from the network and GaiaXPy's matrix alone."""
    model = load_model(mock.model, "cpu")

    def curve(z: tuple[float, ...], g_mag: float) -> tuple[np.ndarray, np.ndarray]:
        coefficients, scatter = model.decode(np.array([z], dtype=np.float32))
        g_flux = 10 ** (0.4 * (25.6873668671 - g_mag))
        flux = coefficients[0].astype(np.float64) @ matrix
        error = np.sqrt(scatter[0].astype(np.float64) ** 2 @ matrix**2)
        return g_flux * flux, g_flux * error

    return curve


def shows_curve(explorer: Explorer, flux: np.ndarray, source: str = "spectrum_source") -> bool:
    shown = explorer.array(source, "value")
    return shown.shape == flux.shape and np.allclose(
        shown, flux, rtol=0, atol=2e-5 * np.abs(flux).max()
    )


def test_dragging_a_latent(explorer, decoded):
    before = explorer.z
    start = explorer.array("spectrum_source", "value")
    explorer.page.evaluate(COUNT_UPDATES)
    at, to = explorer.slider("z1")
    mouse = explorer.page.mouse
    mouse.move(*at)
    mouse.down()
    for step in range(1, 13):
        n = explorer.page.evaluate("window.updates")
        mouse.move(*to(0.5 + 0.03 * step))
        explorer.until(lambda n=n: explorer.page.evaluate("window.updates") > n)
    assert explorer.page.evaluate("window.updates") >= 12  # and the button is still held
    z = explorer.z
    low, high = np.percentile(explorer.stars["z1"], [0.1, 99.9])
    assert z[0] == pytest.approx(low + 0.86 * (high - low), abs=0.02 * (high - low))
    assert z[1:] == before[1:]
    flux, error = decoded(z, 15.0)
    explorer.until(lambda: shows_curve(explorer, flux))
    for column, sign in (("lower", -1), ("upper", 1)):
        np.testing.assert_allclose(
            explorer.array("spectrum_source", column), flux + sign * error, rtol=1e-3
        )
    explorer.until(lambda: shows_curve(explorer, start, "previous_source"))
    mouse.up()
    explorer.until(lambda: explorer.visit.cursor.z == z)

    # The next drag keeps the spectrum that it starts from, and the marker follows it.
    at, to = explorer.slider("z2")
    explorer.drag([at, to(0.5), to(0.45), to(0.4)])
    explorer.until(lambda: explorer.visit.cursor.z[1] == explorer.z[1] != z[1])
    explorer.until(lambda: shows_curve(explorer, flux, "previous_source"))
    explorer.until(lambda: shows_curve(explorer, decoded(explorer.z, 15.0)[0]))
    place = {"x": [explorer.z[1]], "y": [explorer.z[3]]}
    explorer.until(lambda: explorer.data("latent_marker") == place)


def test_magnitude_and_lines(explorer, decoded):
    before = explorer.array("spectrum_source", "value")
    at, to = explorer.slider("g_mag")
    explorer.drag([at, to(0.4), to(0.3)])
    explorer.until(lambda: explorer.visit.cursor.g_mag == explorer.model("g_mag", "value") < 12)
    g_mag = explorer.visit.cursor.g_mag
    explorer.until(lambda: shows_curve(explorer, before * 10 ** (0.4 * (15 - g_mag))))
    assert shows_curve(explorer, decoded(explorer.z, g_mag)[0])
    explorer.until(lambda: explorer.shows(f"G = {g_mag:.2f} mag"))

    without = explorer.screenshot
    switch = explorer.button("Lines")
    switch.click()
    explorer.until(lambda: explorer.visit.cursor.lines)
    explorer.until(lambda: (explorer.screenshot != without).any(axis=2).mean() > 0.001)
    switch.click()
    explorer.until(lambda: not explorer.visit.cursor.lines)


def test_click_goes_to_the_nearest_star(explorer, decoded, matrix, mock: Mock):
    stars, frame = explorer.stars, explorer.frame()
    pixel = frame.pixel(0.62, 0.31)
    distance = np.hypot(*(frame.screen(stars["z2"], stars["z4"]) - pixel).T)
    row = int(np.argmin(distance))
    source_id = int(stars["source_id"][row])
    start = explorer.z
    explorer.page.mouse.click(*pixel)
    explorer.until(lambda: explorer.shows(f"Gaia DR3 {source_id}"))
    z = tuple(float(stars[f"z{i}"][row]) for i in (1, 2, 3, 4))
    explorer.until(lambda: explorer.z == z)
    assert explorer.visit.cursor.star == row and explorer.visit.current.n_members == 0

    with pa.memory_map(str(mock.catalog.with_suffix(".spectra.arrow"))) as file:
        spectra = pa.ipc.open_file(file).read_all()
    assert spectra.column("source_id")[row].as_py() == source_id
    coefficients, errors = (
        np.array(spectra.column(name)[row].as_py()) for name in ("coefficients", "errors")
    )
    g_mag = float(25.6873668671 - 2.5 * np.log10(float(stars["phot_g_mean_flux"][row])))
    observed, sigma = coefficients @ matrix, np.sqrt(errors**2 @ matrix**2)
    flux = decoded(z, g_mag)[0]
    explorer.until(lambda: shows_curve(explorer, observed, "observed_source"))
    explorer.until(lambda: shows_curve(explorer, flux))
    residual = (observed - flux) / sigma

    def shows_residual() -> bool:
        shown = explorer.array("residual_source", "residual")
        tolerance = 0.01 * np.ptp(residual)
        return shown.shape == residual.shape and np.allclose(shown, residual, 0, tolerance)

    explorer.until(shows_residual)
    # Where z was, as bright as the star.
    before = decoded(start, g_mag)[0]
    explorer.until(lambda: shows_curve(explorer, before, "previous_source"))
    own = re.compile(rf"G = {g_mag:.2f} mag \(its own\)")
    explorer.until(lambda: explorer.shows(own))
    explorer.until(lambda: explorer.data("latent_star") == {"x": [z[1]], "y": [z[3]]})

    # What the sliders cannot show exactly is not rounded behind the visitor's back.
    at, to = explorer.slider("z1")
    explorer.drag([at, to(0.7), to(0.75)])
    explorer.until(lambda: explorer.visit.cursor.z[0] == explorer.z[0] != z[0])
    assert explorer.visit.cursor.z[1:] == z[1:] and explorer.visit.cursor.g_mag == pytest.approx(
        g_mag
    )
    assert shows_curve(explorer, observed, "observed_source")
    explorer.until(lambda: shows_curve(explorer, flux, "previous_source"))

    explorer.button("Forget the star").click()
    explorer.until(lambda: not explorer.data("observed_source")["value"])
    explorer.until(lambda: not explorer.shows("Gaia DR3"))
    explorer.until(lambda: not explorer.model("residual", "visible"))
    explorer.until(lambda: not explorer.data("latent_star")["x"])

    explorer.axes("effective temperature [K]", "surface gravity, log10 of cm s⁻² [dex]")
    frame = explorer.frame()
    pixel = frame.pixel(0.4, 0.7)
    distance = np.hypot(*(frame.screen(stars["teff"], stars["logg"]) - pixel).T)
    row = int(np.nanargmin(distance))
    explorer.page.mouse.click(*pixel)
    explorer.until(lambda: explorer.shows(f"Gaia DR3 {stars['source_id'][row]}"))
    place = {"x": [stars["teff"][row]], "y": [stars["logg"][row]]}
    explorer.until(lambda: explorer.data("latent_star") == place)
    # Among labels z lies where its neighbours do.
    near = [explorer.visit.cursor.value(name) for name in ("teff", "logg")]
    explorer.until(
        lambda: np.allclose([explorer.data("latent_marker")[a] for a in "xy"], np.c_[near])
    )
