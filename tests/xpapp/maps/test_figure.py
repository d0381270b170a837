"""The figure of a map: where its image lies, and what its bar explains."""

import numpy as np
import pytest

from xpapp.maps.color_scale import ColorScale
from xpapp.maps.figure import MapFigure
from xpapp.maps.raster import View

IMAGE = np.zeros((3, 4), np.uint8)
VIEW = View((2.0, 1.0), (0.0, 3.0), 4, 3)  # the first axis is drawn reversed


@pytest.mark.parametrize(
    ("scale", "x", "dw"), [("linear", 1.0, 1.0), ("log", 10.0, 90.0)], ids=["linear", "log"]
)
def test_an_image_lies_where_its_view_was(scale, x, dw):
    drawn = MapFigure("map", (scale, "linear"))
    drawn.show(IMAGE, VIEW)
    data = drawn.plot.select_one({"name": "map_image"}).data
    assert data["x"] == [pytest.approx(x)] and data["dw"] == [pytest.approx(dw)]
    assert data["y"] == [0.0] and data["dh"] == [3.0]


def test_places_are_in_the_axes_own_scales():
    x, y = MapFigure("map", ("log", "linear")).place(100.0, -3.0)
    assert (x, y) == (pytest.approx(2.0), -3.0)
    assert not np.isfinite(MapFigure("map", ("log", "linear")).place(-1.0, 0.0)[0])


def test_the_bar_says_what_colors_mean_and_categories_have_none():
    drawn = MapFigure("map", ("linear", "linear"))
    (bar,) = drawn.plot.right
    scale = ColorScale("linear", 0.0, 1.0)
    drawn.explain(scale, ("#000000", "#ffffff"))
    assert bar.visible and bar.ticker.ticks == list(scale.ticks)
    assert bar.major_label_overrides == scale.ticks
    assert list(bar.color_mapper.palette) == ["#000000", "#ffffff"]
    drawn.explain(None, ("#ff0000",))
    assert not bar.visible


def test_nothing_is_to_be_drawn_before_the_browser_has_said_how_large():
    assert MapFigure("map", ("linear", "linear")).view is None


def test_the_active_map_has_a_bold_frame():
    drawn = MapFigure("map", ("linear", "linear"))
    drawn.frame(active=True, dark=False)
    bold, ink = drawn.plot.outline_line_width, drawn.plot.outline_line_color
    drawn.frame(active=False, dark=False)
    assert drawn.plot.outline_line_width < bold and drawn.plot.outline_line_color != ink
