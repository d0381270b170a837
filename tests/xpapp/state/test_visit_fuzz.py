"""Visit files in which each field is something else: one clear line, or a visit that works."""

import copy
import json

import numpy as np
import pytest
from bokeh.plotting import figure

from tests.support.mock import mock_model
from tests.support.pages import open_page
from xpapp import page
from xpapp.browser import address
from xpapp.browser.address import KEY, Address
from xpapp.maps.data import MapData
from xpapp.maps.raster import View
from xpapp.maps.track_layer import TrackLayer
from xpapp.settings import Opened, Settings
from xpapp.spectrum.path import PathControls
from xpapp.spectrum.player import Player
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import restore, state_of
from xpapp.state.visit_store import VisitStore
from xpapp.tracks.controls import TrackControls
from xpmodel import InputError, Region
from xpmodel.selection.filters import Filter
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition

HOSTILE = [
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    float("nan"),
    "",
    "x",
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    [],
    [[]],
    {},
    {"name": "x"},
    ["x"] * 40,
]
GONE = object()


@pytest.fixture(scope="module")
def content(catalog) -> dict:
    """What a visit with something of everything keeps."""
    visit = Visit(catalog, mock_model())
    visit.coloring = Coloring("median", "m_h", "equalized")
    visit.show(Filter(ranges=(("phot_g_mean_mag", 10.0, 15.0),), expression="z1 < 2"))
    visit.draw(Region("box", ("z1", "z2"), ((-1.0, -1.0), (1.0, 1.0))))
    visit.tracks = ("main_sequence", "kiel_line")
    own = Bin((("teff", 5000.0, 100.0), ("logg", 4.0, 0.5)))
    visit.own_tracks = (TrackDefinition("mine", "mine", ("teff", "logg"), (own,), "own"),)
    visit.cursor.visit_star(12)
    visit.cursor.lock(1, True)
    return json.loads(json.dumps(state_of(visit)))


def places(content: object, path: tuple = ()) -> list[tuple]:
    """The places of all fields."""
    inner = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    return [p for key, value in inner for p in [(*path, key), *places(value, (*path, key))]]


def changed(content: dict, path: tuple, value: object) -> dict:
    content = copy.deepcopy(content)
    at = content
    for key in path[:-1]:
        at = at[key]
    if value is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return content


def works(visit: Visit, controls: bool = True) -> None:
    """What the page draws of a visit at once; and the controls of its tracks, which take longer."""
    json.dumps(state_of(visit))
    for state in visit.maps:
        data = MapData(visit)
        data.load(state)
        data.draw(View((-1.0, 1.0), (-1.0, 1.0), 8, 8))
        TrackLayer(figure(), visit, state.key)
    if controls:
        TrackControls(visit)
        PathControls(visit, Player(visit.cursor))
    cursor = visit.cursor
    assert len(cursor.near.rows) and np.isfinite(cursor.z).all()
    visit.model.decode(np.array([cursor.z], np.float32))
    assert cursor.scale > 0


@pytest.mark.slow
def test_each_field_is_something_else(content, catalog):
    model = mock_model()
    refused = brought_back = 0
    for path in places(content):
        for value in [GONE, *HOSTILE]:
            visit = Visit(catalog, model)
            before = state_of(visit)
            try:
                left_out = restore(visit, changed(content, path, value), "visit.json")
            except InputError as error:
                refused += 1
                assert str(error).startswith("visit.json: ") and "\n" not in str(error)
                assert len(str(error)) < 1500, path
                assert state_of(visit) == before, path
            else:
                brought_back += 1
                assert all("\n" not in said and len(said) < 400 for said in left_out)
                works(visit, controls=path[0] in ("tracks", "own_tracks"))
    assert refused > 500 and brought_back > 100


def test_what_the_catalog_lacks_is_left_out_and_told(content, catalog):
    lost = {"name": "lost", "axes": ["z1", "age"], "bins": [{"centre": [["age", 1.0, 1.0]]}]}
    lost["bins"][0]["conditions"] = []
    given = copy.deepcopy(content)
    given["own_tracks"].append(lost)
    given["tracks"] += ["low_alpha", "no such track"]
    given["star"] = "7"
    visit = Visit(catalog, mock_model())
    left_out = restore(visit, given, "visit.json")
    assert [definition.name for definition in visit.own_tracks] == ["mine"]
    assert visit.tracks == ("main_sequence", "kiel_line") and visit.cursor.star is None
    assert visit.current.n_members == content["sets"][0]["n_members"]
    told = "; ".join(left_out)
    assert "'lost'" in told and "age" in told
    assert "'low_alpha'" in told and "'no such track'" in told and "chosen star" in told
    works(visit)


def test_the_address_tells_of_it(content, catalog, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(address, "notify", told.append)
    monkeypatch.setattr(address.pn.state, "onload", lambda tell: tell())
    store = VisitStore(tmp_path)
    name = store.save(content | {"tracks": ["no such track"]})
    with open_page(f"?{KEY}={name}"):
        Address(Visit(catalog, mock_model()), store)
    assert len(told) == 1 and "'no such track'" in told[0]


def test_an_address_never_leaves_a_visitor_without_a_page(
    content, catalog, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("XPMODEL_VISITS", str(tmp_path))
    name = VisitStore().save(content)
    explorer, fresh = page._Explorer, []

    def fails_once(*args: object, **options: object) -> object:
        fresh.append(options.get("fresh", False))
        if len(fresh) == 1:
            raise RuntimeError("an oddity")
        return explorer(*args, **options)

    monkeypatch.setattr(page, "_Explorer", fails_once)
    monkeypatch.setattr(page, "named_visit", lambda: name)
    made = page.make_page(Opened(catalog, mock_model(), ()), Settings(catalog.path))
    assert fresh == [False, True] and "an oddity" in caplog.text
    alert = made.main[0][0]
    assert "could not be shown" in alert.object and "oddity" in alert.object
