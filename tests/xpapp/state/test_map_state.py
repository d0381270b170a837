"""What maps show at first, and what a file may say of them."""

import pytest

from tests.support.catalogs import write_catalog
from xpapp.state.map_state import Coloring, MapState, default_maps
from xpmodel import InputError, open_catalog

MAP = {"key": "kiel", "x": "teff", "y": "logg", "x_scale": "log", "y_scale": "linear"}


def test_a_map_of_a_file(catalog):
    state = MapState.from_json(MAP, catalog)
    assert state == MapState("kiel", "teff", "logg", "log", "linear")
    assert state.columns == ("teff", "logg") and state.scales == ("log", "linear")


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("x", "population", InputError, "no values in column 'population'"),
        ("y", "source_id", InputError, "no values in column 'source_id'"),
        ("x_scale", "cubic", InputError, "linear or log"),
        ("key", "a b", InputError, "key is a name"),
        ("key", None, KeyError, "key"),
    ],
    ids=str,
)
def test_no_map(catalog, name, value, error, message):
    content = MAP | {name: value} if value else {k: v for k, v in MAP.items() if k != name}
    with pytest.raises(error, match=message):
        MapState.from_json(content, catalog)


@pytest.mark.parametrize(
    ("how", "column", "scale", "message"),
    [
        ("guess", "teff", "linear", "cannot be colored by 'guess'; they can by density, mean"),
        ("", "", "log", "cannot be colored by ''"),
        ("mean", "population", "linear", "cannot color by mean of 'population'"),
        ("mean", "", "linear", "cannot color by mean of ''"),
        ("category", "teff", "linear", "cannot color by category of 'teff'"),
        ("density", "teff", "log", "cannot color by density of 'teff'"),
        ("mean", "teff", "cubic", "one of linear, log, equalized"),
    ],
)
def test_no_coloring(catalog, how, column, scale, message):
    with pytest.raises(InputError, match=message):
        Coloring.from_json({"how": how, "column": column, "scale": scale}, catalog)


@pytest.mark.parametrize(
    "coloring",
    [
        Coloring(),
        Coloring("mean", "z1", "log"),
        Coloring("category", "sets", "linear"),
        Coloring("category", "population", "linear"),
    ],
    ids=lambda c: f"{c.how} {c.column}",
)
def test_a_coloring_of_a_file(catalog, coloring):
    assert Coloring.from_json(vars(coloring), catalog) == coloring


def test_first_maps(catalog):
    keys = {state.key: state.columns for state in default_maps(catalog)}
    assert keys["latent"] == catalog.default_axes
    assert keys["kiel"] == ("teff", "logg") and keys["abundance"] == ("m_h", "alpha_m")
    assert len(keys) == 4 and "cmd" not in keys  # no BP − RP there


def test_a_catalog_without_labels_shows_pairs_of_latents(tmp_path):
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet"))
    maps = default_maps(catalog)
    assert len(maps) == 4 == len({frozenset(state.columns) for state in maps})
    assert all(set(state.columns) <= set(catalog.latents) for state in maps)
    assert len({state.key for state in maps}) == 4
