"""A visit saved and brought back, from files that others may have written."""

import copy
import json

import numpy as np
import pytest

from tests.support.loops import some
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import restore, state_of
from xpapp.state.visit_store import VisitStore
from xpmodel import InputError, Region
from xpmodel.selection.filters import Filter
from xpmodel.selection.star_sources import Ids
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition


@pytest.fixture
def lived_in(catalog) -> Visit:
    """A visit in which much has been done."""
    visit = Visit(catalog, None)
    visit.open_map("l", "b")
    visit.change_map("kiel", x_scale="log")
    visit.coloring = Coloring("median", "m_h", "equalized")
    visit.show(Filter(ranges=(("phot_g_mean_mag", 10.0, 15.0),), expression="z1 < 2"))
    visit.draw(Region("box", ("z1", "z2"), ((-1.0, -1.0), (1.0, 1.0))))
    visit.draw(Region("polygon", ("ra", "dec"), ((-40, -50), (70, -50), (30, 70))), "add")
    visit.new_set(Ids(tuple(map(int, catalog.source_id[:7]))), name="pasted α")
    visit.combine("A", "symmetric difference", "pasted α")
    visit.change_set("A", visible=False)
    visit.tracks = ("main_sequence", "kiel_line")
    own = Bin((("teff", 5000.0, 100.0), ("logg", 4.0, 0.5)))
    visit.own_tracks = (TrackDefinition("mine", "mine", ("teff", "logg"), (own,), "own"),)
    visit.cursor.visit_star(12)
    visit.cursor.move(0, 0.25)
    visit.cursor.lines = True
    visit.cursor.mode = "lambda2_flux"
    visit.cursor.lock(1, True)
    return visit


def same(a: Visit, b: Visit) -> None:
    assert state_of(a) == state_of(b)
    for one, other in zip(some(a.sets), b.sets, strict=True):
        np.testing.assert_array_equal(one.mask(a.catalog), other.mask(b.catalog))
    assert a.n_shown == b.n_shown
    for name in ("z", "star", "g_mag", "mode", "locked", "lines"):
        assert getattr(a.cursor, name) == getattr(b.cursor, name)


def test_there_and_back(lived_in, catalog):
    text = json.dumps(state_of(lived_in))
    other = Visit(catalog, None)
    restore(other, json.loads(text), "visit.json")
    same(lived_in, other)
    assert other.current.n_members == lived_in.current.n_members > 0
    other.undo()  # opening a visit is one change of sets and filter
    assert [s.name for s in other.sets] == ["A"] and not other.filter


def test_store(lived_in, catalog, tmp_path):
    store = VisitStore(tmp_path / "visits")
    name = store.save(state_of(lived_in))
    assert len(name) == 16 and store.save(state_of(lived_in)) == name
    other = Visit(catalog, None)
    restore(other, store.load(name), "the address")
    same(lived_in, other)
    lived_in.cursor.move(0, 0.5)
    assert store.save(state_of(lived_in)) != name
    assert len(list((tmp_path / "visits").iterdir())) == 2


@pytest.mark.parametrize(
    "name", ["", "../secret", "a" * 15, "A" * 16, "a/b/c/d/e/f/g/h/", "é" * 16]
)
def test_names_are_no_paths(tmp_path, name):
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(InputError, match="names no visit"):
        VisitStore(tmp_path / "visits").load(name)


def test_unknown_name(tmp_path):
    with pytest.raises(InputError, match="not kept on this server"):
        VisitStore(tmp_path).load("a" * 16)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("catalog", "sha256"), "0" * 64),
        (("catalog",), None),
        (("maps", 0, "x"), "no_such_column"),
        (("maps", 0, "x_scale"), "cubic"),
        (("maps", 0, "key"), "a b"),
        (("maps", 1, "key"), "latent"),
        (("maps",), []),
        (("maps",), {}),
        (("coloring", "how"), "guess"),
        (("coloring", "column"), "no_such_column"),
        (("coloring", "scale"), 3),
        (("filter", "expression"), "__import__('os')"),
        (("filter", "ranges"), [["z1", 1, float("nan")]]),
        (("sets", 0, "n_members"), 1),
        (("sets", 0, "color"), "url(x)"),
        (("sets", 0, "name"), ""),
        (("sets", 1, "name"), "A"),
        (("steps", 0, "kind"), "evil"),
        (("steps", 0, "on"), 0),
        (("steps",), None),
        (("sets", 0, "after"), 99),
        (("sets", 1, "after"), "0"),
        (("sets",), []),
        (("operation",), "explode"),
        (("own_tracks", 0, "bins", 0, "centre"), "x"),
        (("z",), [1.0]),
        (("z", 0), float("inf")),
        (("g_mag",), None),
        (("tracks",), 7),
    ],
    ids=str,
)
def test_damaged(lived_in, catalog, path, value):
    content = copy.deepcopy(state_of(lived_in))
    at = content
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    other = Visit(catalog, None)
    before = state_of(other)
    with pytest.raises(InputError, match="^visit.json: "):
        restore(other, content, "visit.json")
    assert state_of(other) == before and not other.can_undo
