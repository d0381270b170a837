"""Views of closed tabs do not exist."""

import panel as pn
import param
import pytest

from xpapp.widgets.lazy_tabs import LazyTabs


class State(param.Parameterized):
    z = param.Integer(0)


class View:
    def __init__(self, state: State, log: list[str], name: str) -> None:
        log.append(f"{name} made")
        self.panel = pn.pane.HTML(name)
        self.watchers = [state.param.watch(lambda e: log.append(f"{name} heard {e.new}"), "z")]


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def tabs(state, log) -> LazyTabs:
    made = {"Spectrum": pn.pane.HTML("always there")}
    making = {name: lambda name=name: View(state, log, name) for name in ("Compare", "Stars")}
    return LazyTabs(made, making, sizing_mode="stretch_both")


def test_nothing_is_made_before_its_tab_opens(tabs, state, log):
    state.z = 1
    assert log == []
    tabs.show("Stars")
    state.z = 2
    assert log == ["Stars made", "Stars heard 2"]
    assert tabs.panel.active == 2


def test_a_view_stops_when_its_tab_is_left(tabs, state, log):
    tabs.show("Compare")
    tabs.show("Stars")
    state.z = 1
    assert log == ["Compare made", "Stars made", "Stars heard 1"]
    tabs.show("Spectrum")
    state.z = 2
    assert log[3:] == []
    tabs.show("Compare")
    assert log[3:] == ["Compare made"]


def test_the_first_tab_is_open_at_once(state, log):
    LazyTabs({}, {"Filter": lambda: View(state, log, "Filter")}, sizing_mode="stretch_width")
    assert log == ["Filter made"]
