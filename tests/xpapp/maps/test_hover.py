"""What a map says when the pointer rests."""

import numpy as np
from bokeh.plotting import figure

from tests.support.mock import MOCK_ID
from xpapp.color_modes import MEAN
from xpapp.maps.data import MapData
from xpapp.maps.hover import Hover
from xpapp.maps.raster import View
from xpapp.state.map_state import Coloring, MapState
from xpapp.state.visit import Visit

VIEW = View((-4.0, 4.0), (-4.0, 4.0), 40, 40)


class Pointer:
    """A pointer that rests where it is told to; the map has linear axes."""

    def __init__(self, visit: Visit, view: View | None = VIEW, over: str | None = None) -> None:
        self.data = MapData(visit)
        self.data.load(MapState("map", "z1", "z2"))
        plot = figure(name="map")
        here = (lambda: self.data, lambda: view, lambda x, y: (x, y), lambda *a: over)
        hover = Hover(plot, visit, *here)
        self.tip = hover.tip
        self._at = plot.select_one({"name": "map_pointer"})

    def rest(self, x: float, y: float) -> str:
        self._at.data = {"x": [x], "y": [y], "left": [30.0], "top": [40.0]}
        return self.tip.content if self.tip.visible else ""


def test_stars_value_and_the_nearest_id(visit, catalog):
    visit.coloring = Coloring(MEAN.name, "teff", "linear")
    pointer = Pointer(visit)
    pointer.data.draw(VIEW)
    first, second, third = pointer.rest(0.1, 0.1).splitlines()
    inside = (catalog["z1"] >= 0) & (catalog["z1"] < 0.2)
    inside &= (catalog["z2"] >= 0) & (catalog["z2"] < 0.2)
    assert first == f"{inside.sum()} stars in this bin"
    assert second.startswith("mean teff ")
    row = np.hypot(catalog["z1"] - 0.1, catalog["z2"] - 0.1).argmin()
    assert third == f"nearest: Gaia DR3 {catalog.source_id[row]}"
    assert pointer.tip.position == (30.0, 40.0)


def test_one_star_and_a_mock_one(visit, catalog):
    row = int(np.flatnonzero(catalog.source_id == MOCK_ID)[0])
    x, y = float(catalog["z1"][row]), float(catalog["z2"][row])
    tiny = View((x - 1e-4, x + 1e-4), (y - 1e-4, y + 1e-4), 3, 3)
    pointer = Pointer(visit, tiny)
    pointer.data.draw(tiny)
    assert pointer.rest(x, y).splitlines() == [
        "1 star in this bin",
        f"nearest: mock star {MOCK_ID}",
    ]


def test_what_lies_over_the_stars_comes_first(visit):
    pointer = Pointer(visit, over="your star 7")
    pointer.data.draw(VIEW)
    assert pointer.rest(0.1, 0.1) == "your star 7"


def test_nothing_is_said_before_the_map_is_drawn(visit):
    assert Pointer(visit).rest(0.1, 0.1) == ""
    unseen = Pointer(visit, None)
    unseen.data.draw(VIEW)
    assert unseen.rest(0.1, 0.1) == ""


def test_nothing_is_said_of_no_place(visit):
    pointer = Pointer(visit)
    pointer.data.draw(VIEW)
    assert pointer.rest(float("nan"), 0.1) == ""
