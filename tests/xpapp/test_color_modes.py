"""A way to color maps that is added to the registry works wherever colors do."""

import json

import numpy as np
import pytest
from bokeh.plotting import figure

from tests.support.loops import some
from tests.support.mock import N_STARS
from xpapp.color_modes import (
    CATEGORY,
    COLOR_MODES,
    DENSITY,
    MAX_CATEGORIES,
    MEAN,
    MEDIAN,
    NO_COLUMN,
    SETS,
    SPREAD,
    ColumnStatistic,
    StarValues,
    categories,
    color_mode,
)
from xpapp.colors import BASE_LEVELS, NO_VALUE, density_palette, value_palette
from xpapp.maps.controls import MapControls
from xpapp.maps.data import MapData
from xpapp.maps.figure import MapFigure
from xpapp.maps.hover import Hover
from xpapp.maps.raster import View, draw_base, warm_up
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import restore, state_of
from xpmodel import Catalog, InputError

VIEW = View((-4.0, 4.0), (-4.0, 4.0), 24, 24)


class InterquartileRange(ColumnStatistic):
    """Three quarters of the values less a quarter of them; Datashader knows neither."""

    name = "iqr"
    label = "interquartile range of"
    default_scale = "log"

    @staticmethod
    def reduction(groups):
        return groups.quantile(0.75) - groups.quantile(0.25)

    def statistic(self, values: np.ndarray) -> float:
        low, high = np.quantile(values, [0.25, 0.75])
        return high - low


class ShareAbove(ColumnStatistic):
    """The share of stars above zero: another value of each star, and Datashader's mean of it."""

    name = "share above 0"
    label = "share above 0 of"
    reduction = MEAN.reduction

    def columns(self, catalog: Catalog) -> tuple[str, ...]:
        return ("z4", "z1")

    def star_values(self, catalog: Catalog, column: str) -> StarValues:
        values = np.asarray(catalog[column], np.float32)
        return StarValues(np.where(np.isnan(values), np.nan, values > 0).astype(np.float32))

    def statistic(self, values: np.ndarray) -> float:
        return np.mean(values)

    def legend(self, column, names) -> str:
        return f"share of stars with {column} &gt; 0"


def in_bin(catalog: Catalog, place: tuple[float, float]) -> np.ndarray:
    """Whether each star lies in the bin of a place in the first map, (N,) bool."""
    step = 8.0 / 24
    column, line = ((np.asarray(catalog[n]) + 4.0) // step for n in catalog.default_axes)
    return (column == (place[0] + 4.0) // step) & (line == (place[1] + 4.0) // step)


@pytest.mark.parametrize(
    ("mode", "first", "column"),
    [(InterquartileRange(), "m_h", "teff"), (ShareAbove(), "z1", "z4")],
    ids=["interquartile range", "share"],
)
def test_an_added_mode_works_everywhere(catalog, visit, monkeypatch, mode, first, column):
    monkeypatch.setitem(COLOR_MODES, mode.name, mode)

    # The control offers it, with the columns and the scale that suit it.
    controls = MapControls(visit)
    assert controls.how.options[mode.label] == mode.name
    controls.how.value = mode.name
    assert visit.coloring == Coloring(mode.name, first, mode.default_scale)
    assert controls.of.visible and controls.scale.visible
    assert set(controls.of.options.values()) == set(mode.columns(catalog))
    controls.of.value, controls.scale.value = column, "linear"
    assert visit.coloring == Coloring(mode.name, column, "linear")

    # The maps draw it.
    state = visit.map_state("latent")
    data = MapData(visit)
    data.load(state)
    data.draw(VIEW)
    image = data.image(VIEW)
    values = mode.star_values(catalog, column).values
    place = (0.05, 0.05)
    here = in_bin(catalog, place)
    known = values[here & np.isfinite(values)].astype(np.float64)
    assert len(known) > 10
    expected = mode.statistic(known)
    line = int((place[1] + 4.0) / 8.0 * len(image))
    at = image[line, int((place[0] + 4.0) / 8.0 * image.shape[1])]
    low, high = data.base.scale.low, data.base.scale.high
    level = 1 + np.clip((expected - low) / (high - low), 0, 1) * (BASE_LEVELS - 1)
    assert data.base.bin_size == 1 and abs(int(at) - level) <= 1
    assert (image > 0).sum() > 50 and image.max() <= NO_VALUE

    # The color bar and the line above the map explain it.
    drawn = MapFigure("latent", state.scales)
    drawn.explain(data.base.scale, data.colors)
    (bar,) = drawn.plot.right
    assert bar.visible and bar.major_label_overrides == data.base.scale.ticks
    assert tuple(bar.color_mapper.palette) == value_palette(False)
    assert data.legend == mode.legend(column, ())

    # The pointer tells it.
    n, said = data.bin_at(VIEW, place)
    assert n == here.sum()
    assert said == f"{mode.name} {column} {expected:.5g} of {len(known)}"
    plot = figure(name="latent")
    hover = Hover(
        plot, visit, lambda: data, lambda: VIEW, lambda x, y: (x, y), lambda at, view: None
    )
    pointer = plot.select_one({"name": "latent_pointer"})
    pointer.data = {"x": [place[0]], "y": [place[1]], "left": [1.0], "top": [2.0]}
    assert said in hover.tip.content.splitlines()

    # A visit keeps it, and its controls follow.
    other = Visit(catalog, None)
    follows = MapControls(other)
    restore(other, json.loads(json.dumps(state_of(visit))), "visit.json")
    assert other.coloring == visit.coloring
    assert (follows.how.value, follows.of.value) == (mode.name, column)


def test_a_visit_with_a_mode_that_is_unknown_here(visit, catalog, monkeypatch):
    monkeypatch.setitem(COLOR_MODES, "iqr", InterquartileRange())
    visit.coloring = Coloring("iqr", "m_h", "linear")
    content = state_of(visit)
    monkeypatch.delitem(COLOR_MODES, "iqr")
    other = Visit(catalog, None)
    with pytest.raises(
        InputError, match="^visit.json: maps cannot be colored by 'iqr'; they can by density, mean"
    ):
        restore(other, content, "visit.json")
    assert other.coloring == Coloring()


def test_names_of_saved_visits():
    assert list(COLOR_MODES) == ["density", "mean", "median", "spread", "category"]
    assert all(color_mode(name).name == name for name in some(COLOR_MODES))


@pytest.mark.parametrize("mode", COLOR_MODES.values(), ids=list(COLOR_MODES))
def test_each_mode_begins_with_what_it_can_draw(visit, catalog, mode):
    controls = MapControls(visit)
    controls.how.value = mode.name
    coloring = visit.coloring
    assert coloring.how == mode.name and coloring.column in mode.columns(catalog)
    assert Coloring.from_json(state_of(visit)["coloring"], catalog) == coloring
    controls.scale.value = "equalized"
    assert Coloring.from_json(state_of(visit)["coloring"], catalog) == visit.coloring
    assert visit.coloring.scale == "equalized"
    data = MapData(visit)
    data.load(visit.map_state("latent"))
    data.draw(VIEW)
    assert data.base.n_in_view > 0.9 * N_STARS and data.legend and len(data.palette) == 256


def test_a_density_keeps_no_column(visit):
    controls = MapControls(visit)
    controls.how.value = MEDIAN.name
    controls.how.value = DENSITY.name
    assert visit.coloring == Coloring(DENSITY.name, NO_COLUMN, "log")
    controls.scale.value = "linear"
    assert visit.coloring == Coloring(DENSITY.name, NO_COLUMN, "linear")
    assert not controls.of.visible


def test_sets_lie_over_the_density(visit, catalog):
    visit.coloring = Coloring(CATEGORY.name, SETS, "linear")
    sets, density = MapData(visit), MapData(visit)
    sets.load(visit.map_state("latent"))
    sets.draw(VIEW)
    visit.coloring = Coloring()
    density.load(visit.map_state("latent"))
    density.draw(VIEW)
    np.testing.assert_array_equal(sets.base.levels, density.base.levels)
    assert sets.legend == density.legend == "stars per bin"
    assert sets.colors == density.colors == density_palette(False)
    assert sets.bin_at(VIEW, (0.0, 0.0)) == (in_bin(catalog, (0.0, 0.0)).sum(), "")


def test_categories_by_frequency():
    class Catalog:
        def __getitem__(self, name: str) -> list[str | None]:
            many = [f"rare {i}" for i in range(MAX_CATEGORIES + 2)]
            return ["b", "a", "a", None, "a", "b", *many]

    codes, names = categories(Catalog(), "population")
    assert names[:2] == ("a", "b") and names[-1] == "5 others" and len(names) == MAX_CATEGORIES
    assert codes[:6].tolist() == [1, 0, 0, -1, 0, 1]
    assert codes[6:].tolist() == [*range(2, 8), *[MAX_CATEGORIES - 1] * 5]


def test_what_is_said_of_a_bin():
    values = np.array([1.0, 2.0, 6.0, np.nan], np.float32)
    assert MEAN.describe_bin(values, "teff", ()) == "mean teff 3 of 3"
    assert MEDIAN.describe_bin(values, "teff", ()) == "median teff 2 of 3"
    assert SPREAD.describe_bin(values, "teff", ()) == f"spread teff {np.std([1, 2, 6]):.5g} of 3"
    assert MEAN.describe_bin(values[3:], "teff", ()) == "no teff known"
    codes = np.array([1, 0, 1, -1], np.float32)
    assert CATEGORY.describe_bin(codes, "population", ("dwarf", "giant")) == "2 of giant"
    assert CATEGORY.describe_bin(codes[3:], "population", ("dwarf",)) == "no population known"


def test_legends_are_safe_html():
    legend = CATEGORY.legend("population", ("<b>", "giant"))
    assert "&lt;b&gt;" in legend and "<b>" not in legend and legend.count("■") == 2
    assert MEAN.legend("teff", ()) == "mean Teff [K]"


def test_all_modes_are_compiled_before_the_first_visit(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "xpapp.maps.raster.draw_base", lambda *a: (drawn.append(a[2]), draw_base(*a))
    )
    warm_up.__wrapped__()
    assert drawn == list(COLOR_MODES.values())
