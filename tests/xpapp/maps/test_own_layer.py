"""The visitor's own stars over a map."""

import numpy as np
import pytest
from bokeh.plotting import figure

from tests.support.mock import Mock
from xpapp.maps import own_layer
from xpapp.maps.own_layer import COLOR, OwnLayer
from xpapp.maps.raster import View
from xpapp.state.visit import Visit
from xpmodel import load_model, open_catalog
from xpmodel.own.stars import encode_own

VIEW = View((-4.0, 4.0), (-4.0, 4.0), 400, 400)


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), load_model(mock.model, "cpu"))


def layer(visit: Visit, key: str = "latent"):
    plot = figure(name=key)
    made = OwnLayer(plot, visit, key)
    return made, plot.select_one({"name": f"{key}_own"})


def give(visit: Visit, *rows: int) -> None:
    spectra = visit.catalog.spectra[np.array(rows)]
    visit.cursor.add_own(encode_own("mine", spectra, visit.model))


def test_stars_lie_at_their_own_latents(visit):
    _, source = layer(visit)
    assert len(source.data["x"]) == 0
    give(visit, 3, 12)
    x, y = visit.map_state("latent").columns
    assert source.data["x"] == pytest.approx(visit.catalog[x][[3, 12]], abs=1e-4)
    assert source.data["y"] == pytest.approx(visit.catalog[y][[3, 12]], abs=1e-4)
    assert source.data["fill"] == [COLOR] * 2
    visit.cursor.visit_own(1)
    assert source.data["size"][1] > source.data["size"][0]
    visit.cursor.forget_own()
    assert len(source.data["x"]) == 0


def test_bars_are_the_noise_of_their_latents(visit, monkeypatch):
    made, source = layer(visit)
    bars = made._bars
    give(visit, 3, 12)
    own, columns = visit.cursor.own, visit.map_state("latent").columns
    place = [visit.catalog.latents.index(name) for name in columns]
    x_noise, y_noise = (own.encoded.noise[:, i] for i in place)
    along_x = np.array(bars.data["x1"]) - np.array(bars.data["x0"])
    along_y = np.array(bars.data["y1"]) - np.array(bars.data["y0"])
    assert along_x == pytest.approx([*(2 * x_noise), 0, 0], abs=1e-6)
    assert along_y == pytest.approx([0, 0, *(2 * y_noise)], abs=1e-6)
    monkeypatch.setattr(own_layer, "MOST_BARS", 1)
    made.draw()
    assert bars.data["x0"] == []
    visit.cursor.visit_own(1)
    assert len(bars.data["x0"]) == 2  # of the chosen one alone
    visit.cursor.forget_own()
    assert bars.data["x0"] == []


def test_among_labels_they_are_hollow_and_lie_where_their_neighbours_do(visit):
    _, source = layer(visit, "kiel")
    give(visit, 3)
    assert source.data["fill"] == ["#00000000"]
    assert source.data["x"] == pytest.approx(visit.cursor.own_near.median("teff"))


def test_the_pointer_finds_one_within_reach(visit):
    made, source = layer(visit)
    assert made.near((0.0, 0.0), VIEW, 9) is None
    give(visit, 3, 12)
    x, y = float(source.data["x"][1]), float(source.data["y"][1])
    pixel = VIEW.pixel[0]
    assert made.near((x + 8 * pixel, y), VIEW, 9) == 1
    assert made.near((x + 30 * pixel, y + 30 * pixel), VIEW, 9) is None
    text = made.describe((x, y), VIEW, 9)
    assert text.startswith(f"your star {visit.catalog.source_id[12]}\n")
    chi2 = float(visit.cursor.own.encoded.chi2_obs[1])
    assert text.endswith(f" {chi2:.3g}")
