"""Medians of sets and the spectra along a track, against NumPy's."""

import io

import numpy as np
import pytest
from astropy.table import Table

from tests.browser.explorer import Explorer
from tests.support.mock import Mock
from xpmodel import Wavelengths, load_model

SHAPE = [(0.3, 0.2), (0.7, 0.25), (0.65, 0.7), (0.3, 0.6)]


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:  # (110, 343)
    return Wavelengths().matrix


def native(explorer: Explorer, name: str, value: str) -> None:
    """Choose in one of Bokeh's own selects."""
    at = explorer.page.evaluate_handle(
        "name => Bokeh.index.find_one(modelNamed(name)).shadow_el.querySelector('select')", name
    )
    at.as_element().select_option(label=value)


def drawn(explorer: Explorer, source: str) -> np.ndarray:  # (lines, 343)
    return np.array([values for _, values in explorer.data(source)["ys"]])


def test_two_sets_and_a_track(explorer, matrix, mock: Mock):
    explorer.outline(SHAPE)
    visit, catalog = explorer.visit, explorer.visit.catalog
    mask = visit.current.mask(catalog)
    explorer.tab("Medians")
    # A set this small is drawn at once, against all others.
    explorer.until(lambda: (explorer.data("group_lines") or {}).get("xs"))
    n, rest = int(mask.sum()), int((~mask).sum())
    explorer.until(lambda: explorer.shows(f"A: A, observed: {n:,} stars"))
    explorer.until(lambda: explorer.shows(f"B: all others shown, decoded: {rest:,} stars"))
    model = load_model(mock.model, "cpu")
    g_flux = 10 ** (0.4 * (25.6873668671 - 15.0))
    medians = []
    for rows in (mask, ~mask):
        spectra = catalog.spectra[rows]
        z = np.stack([catalog[name][rows] for name in catalog.latents], axis=1)
        per_flux = spectra.coefficients.astype(float) / spectra.g_flux[:, None]
        medians += [
            np.median(coefficients @ matrix, axis=0) * g_flux
            for coefficients in (per_flux, model.decode(z)[0].astype(float))
        ]
    shown = drawn(explorer, "group_lines")
    assert len(shown) == 4
    for found, wanted in zip(shown, medians, strict=True):
        np.testing.assert_allclose(found, wanted, 0, 1e-4 * np.abs(wanted).max())
    ratios = drawn(explorer, "group_ratio_lines")
    np.testing.assert_allclose(ratios[0], medians[0] / medians[2], rtol=0.01)

    with explorer.page.expect_download() as download:
        explorer.button("Export").click()
    table = Table.read(io.BytesIO(download.value.path().read_bytes()), format="ascii.ecsv")
    np.testing.assert_allclose(table["A: A, observed"], medians[0], rtol=1e-3)

    native(explorer, "group_what", "along: Main sequence")
    explorer.until(lambda: explorer.shows("Changed: draw again."))
    explorer.button("Draw").click()
    explorer.until(lambda: explorer.shows("points, means over"))
    from xpapp.tracks.measured import tracks

    (track,) = tracks(catalog, "main_sequence")
    points = [i for i in range(len(track.n)) if track.n[i]]
    assert len(set(explorer.data("group_lines")["color"])) == len(points)
    z = np.array([[track.mean[name][i] for name in catalog.latents] for i in points], np.float32)
    wanted = model.decode(z)[0].astype(float) @ matrix * g_flux
    np.testing.assert_allclose(
        drawn(explorer, "group_lines"), wanted, 0, 1e-4 * np.abs(wanted).max()
    )
