"""Tracks over a map: drawn where both columns are, told and clicked point by point."""

import numpy as np
import pytest
from bokeh.plotting import figure

from tests.support.loops import some
from tests.support.tracks import catalog_of, star_columns
from xpapp.maps.raster import View
from xpapp.maps.track_layer import TrackLayer
from xpapp.state.track_names import KIEL_LINE
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpmodel import Catalog, open_catalog

VIEW = View((2500.0, 7500.0), (-1.0, 6.0), 500, 400)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    path = tmp_path_factory.mktemp("tracks") / "stars.parquet"
    catalog_of(path, star_columns())
    return open_catalog(path)


class Layer:
    """A layer and what it draws."""

    def __init__(self, visit: Visit, key: str = "kiel") -> None:
        plot = figure(name=key)
        self.made = TrackLayer(plot, visit, key)
        self.points, self.lines, self.bars, self.hand = (
            plot.select_one({"name": f"{key}_{name}"})
            for name in ("track_points", "track_lines", "track_bars", "hand")
        )


def test_a_track_is_drawn_while_it_is_switched_on(visit, catalog):
    layer = Layer(visit)
    assert layer.points.data["x"] == []
    visit.switch_track("giant_branch", True)
    (track,) = measured.tracks(catalog, "giant_branch")
    there = np.isfinite(track.mean["teff"]) & np.isfinite(track.mean["logg"])
    assert layer.points.data["x"] == track.mean["teff"][there].tolist()
    assert len(layer.bars.data["x0"]) == 2 * there.sum()
    hollow = [fill == "#00000000" for fill in layer.points.data["fill"]]
    assert hollow == track.thin[there].tolist()
    visit.switch_track("giant_branch", False)
    assert layer.points.data["x"] == layer.lines.data["xs"] == []


def test_a_line_is_told_beside_it(visit):
    layer = Layer(visit)
    visit.switch_track(KIEL_LINE, True)
    (line,) = measured.lines(visit.catalog, KIEL_LINE, ("teff", "logg"))
    at = (float(np.mean(line.x)), float(np.mean(line.y)))
    view = View((at[0] - 500, at[0] + 500), (at[1] - 1, at[1] + 1), 500, 400)
    assert layer.made.describe(at, view, 9) == line.title
    assert layer.made.describe((at[0], at[1] + 0.5), view, 9) is None


def test_a_point_is_told_and_clicked(visit, catalog):
    layer = Layer(visit)
    visit.switch_track("giant_branch", True)
    (track,) = measured.tracks(catalog, "giant_branch")
    index = int(np.argmax(track.n))
    at = (float(track.mean["teff"][index]), float(track.mean["logg"][index]))
    first, second, third, *labels = layer.made.describe(at, VIEW, 9).splitlines()
    assert third == "mean ± spread (error of the mean)"
    assert first == f"{track.definition.title}, bin {index + 1}"
    assert second == f"{track.n[index]:,} stars"
    assert any("log g" in line for line in some(labels))
    assert layer.made.go_to(at, VIEW, 9)
    assert visit.track_point.index == index
    z = [track.mean[name][index] for name in catalog.latents]
    assert visit.cursor.z == pytest.approx(z)
    assert not layer.made.go_to((7400.0, 5.9), VIEW, 9)


def test_a_line_drawn_by_hand_becomes_a_track(visit, catalog):
    layer = Layer(visit)
    layer.hand.data = {"xs": [[4800.0, 5200.0]], "ys": [[2.8, 3.6]]}
    (own,) = visit.own_tracks
    assert own.axes == ("teff", "logg") and own.title == "line 1"
    assert layer.hand.data == {"xs": [], "ys": []}
    assert len(layer.points.data["x"]) > 3
    assert 4700 < min(layer.points.data["x"]) < max(layer.points.data["x"]) < 5300
    layer.hand.data = {"xs": [[4800.0]], "ys": [[2.8]]}  # a click is no line
    assert len(visit.own_tracks) == 1
