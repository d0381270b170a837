import panel as pn
import pytest

from tests.support.mock import Mock
from xpapp.maps.controls import MapControls
from xpapp.runtime.inputs import Inputs
from xpapp.sets.compare import CompareView
from xpapp.sets.controls import SetControls
from xpapp.sets.filters import FilterControls
from xpapp.sets.stars import StarsView
from xpapp.state.visit import Visit
from xpapp.tracks.controls import TrackControls
from xpmodel import Region, open_catalog
from xpmodel.selection.filters import Filter


def test_callbacks_are_for_what_the_visitor_does():
    a, b, inputs, heard = pn.widgets.IntInput(value=0), pn.widgets.IntInput(value=0), Inputs(), []
    inputs.watch(lambda event: heard.append((event.obj, event.new)), a, b)
    a.value = 1
    with inputs.quiet():
        a.value = b.value = 2
    b.value = 3
    assert heard == [(a, 1), (b, 3)]
    with inputs.quiet():
        with inputs.quiet():
            a.value = 4
        a.value = 5
    assert len(heard) == 2
    with pytest.raises(ZeroDivisionError), inputs.quiet():
        a.value = 1 // 0
    a.value = 6
    assert heard[2:] == [(a, 6)]


VIEWS = [MapControls, SetControls, FilterControls, CompareView, StarsView, TrackControls]


@pytest.mark.parametrize("view", VIEWS)
def test_views_that_follow_leave_the_visit_as_it_is(mock: Mock, monkeypatch, view):
    told = []
    monkeypatch.setattr("xpapp.runtime.callbacks.notify", told.append)
    visit = Visit(open_catalog(mock.catalog), None)
    view(visit)
    visit.new_set()
    visit.change_set(visit.active_set, name="second", color="#123456")
    visit.active_set = visit.sets[0].name
    visit.change_map("latent", x_scale="linear", x="z4", y="z1")
    visit.filter = Filter((), (), "teff < 5000")
    changed = []
    visit.param.watch(changed.append, list(visit.param))
    visit.active_map = visit.maps[1].key
    visit.active_set = "second"
    visit.filter = Filter((), (), " teff < 6000")
    visit.tracks = ("giant_branch", "main_sequence")
    done = [event.name for event in changed]
    assert done == ["active_map", "active_set", "filter", "tracks"] and not told


def test_stars_are_sorted_once_for_a_new_set(mock: Mock, monkeypatch):
    visit, sorts = Visit(open_catalog(mock.catalog), None), []
    view, sort = StarsView(visit), StarsView._sort
    monkeypatch.setattr(
        StarsView, "_sort", lambda self, mask: (sorts.append(self.which.value), sort(self, mask))
    )
    visit.draw(Region("box", ("z1", "z2"), ((-1, -1), (1, 1))))
    assert sorts == [view.which.value] == ["A"]
