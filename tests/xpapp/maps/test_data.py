"""The stars of a map: filtered, colored, and found again under the pointer."""

import numpy as np
import pytest

from xpapp.color_modes import CATEGORY, MEAN, Category, StarValues
from xpapp.colors import NO_VALUE, category_colors
from xpapp.maps.data import MapData
from xpapp.maps.raster import View
from xpapp.state.map_state import Coloring, MapState
from xpapp.state.visit import Visit
from xpmodel import Region
from xpmodel.selection.filters import Filter

VIEW = View((-4.0, 4.0), (-4.0, 4.0), 40, 40)


def drawn(visit: Visit, *columns: str, view: View = VIEW) -> MapData:
    data = MapData(visit)
    data.load(MapState("map", *(columns or ("z1", "z2"))))
    data.draw(view)
    return data


def test_a_filter_hides_stars(visit, catalog):
    visit.show(Filter(expression="z1 > 0"))
    data = drawn(visit)
    z1, z2 = catalog["z1"], catalog["z2"]
    seen = (z1 > 0) & (z1 <= 4) & (np.abs(z2) <= 4)
    assert data.base.n_in_view == seen.sum() > 100
    assert not data.base.levels[:, :20].any() and data.base.levels[:, 20:].any()


def test_the_nearest_star_shown_by_its_row_in_the_catalog(visit, catalog):
    at = (-0.02, 0.3)
    away = np.hypot(catalog["z1"] - at[0], catalog["z2"] - at[1])  # pixels are square
    assert drawn(visit).nearest(VIEW, at) == away.argmin()
    visit.show(Filter(expression="z1 > 0"))
    shown = np.where(catalog["z1"] > 0, away, np.inf)
    assert drawn(visit).nearest(VIEW, at) == shown.argmin() != away.argmin()


def test_a_bin_has_the_stars_that_are_shown(visit, catalog):
    visit.coloring = Coloring(MEAN.name, "teff", "linear")
    visit.show(Filter(expression="z1 > 0"))
    data = drawn(visit)
    inside = (catalog["z1"] > 0) & (catalog["z1"] < 0.2)
    inside &= (catalog["z2"] >= 0) & (catalog["z2"] < 0.2)
    teff = catalog["teff"][inside].astype(np.float64)
    known = teff[np.isfinite(teff)]
    assert 0 < len(known) < inside.sum()
    n, said = data.bin_at(VIEW, (0.1, 0.1))
    assert n == inside.sum()
    assert said == f"mean teff {known.mean():.5g} of {len(known)}"
    assert data.bin_at(VIEW, (-0.1, 0.1)) == (0, "")


def test_the_legend_tells_when_a_logarithm_is_none(visit):
    visit.coloring = Coloring(MEAN.name, "z2", "log")
    assert drawn(visit).legend == "mean z2, linear: not all positive"
    visit.coloring = Coloring(MEAN.name, "teff", "log")
    assert drawn(visit).legend == "mean Teff [K]"
    visit.coloring = Coloring()
    nowhere = View((90.0, 91.0), (90.0, 91.0), 10, 10)
    assert drawn(visit, view=nowhere).legend == "stars per bin"


def test_categories_keep_their_colors_when_a_filter_hides_some(visit, monkeypatch):
    names = ("common", "rare", "rarest")
    z1 = visit.catalog["z1"]
    codes = np.select([z1 > 1.5, z1 > 0.5], [2, 1], 0).astype(np.float32)
    monkeypatch.setattr(Category, "star_values", lambda *a: StarValues(codes, names))
    visit.coloring = Coloring(CATEGORY.name, "population", "linear")
    visit.show(Filter(expression="z1 <= 1.5"))
    data = drawn(visit)
    palette = np.array([color[:7] for color in data.palette])
    colors = category_colors(3)
    left, middle = data.base.levels[:, :20], data.base.levels[:, 24:27]
    assert set(palette[left[left > 0]]) == {colors[0]}
    assert set(palette[middle[middle > 0]]) == {colors[1]}


def test_sets_lie_over_the_stars(visit):
    visit.draw(Region("box", ("z1", "z2"), ((0.0, -9.0), (9.0, 9.0))))
    data = drawn(visit)
    image = data.image(VIEW)
    assert data.set_colors == [visit.current.color]
    assert (image[:, 20:] > NO_VALUE).any() and not (image[:, :19] > NO_VALUE).any()
    visit.change_set("A", visible=False)
    data.load_sets()
    assert data.set_colors == [] and not (data.image(VIEW) > NO_VALUE).any()


def test_the_ends_of_an_axis(visit, catalog):
    data = MapData(visit)
    assert data.span("z1", "linear") == pytest.approx(catalog.span("z1"))
    assert data.span("l", "linear") == (-180.0, 180.0) and data.span("ra", "linear") == (0.0, 360.0)
    teff = catalog["teff"][np.isfinite(catalog["teff"])]
    wanted = np.log10(np.percentile(teff.astype(np.float64), [0.1, 99.9]))
    assert data.span("teff", "log") == pytest.approx(wanted, abs=1e-3)
