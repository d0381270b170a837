"""What Bokeh and Panel do not promise to keep is still what it was; where not, an error says so.

A failure here with a new version of one of them says what that version has changed.
"""

import gc
import weakref
from collections.abc import Iterator
from importlib import metadata

import bokeh.core.property.descriptors as descriptors
import panel_material_ui as pmui
import pytest
from bokeh.document import Document
from bokeh.plotting import figure
from bokeh.server import urls
from panel.custom import JSComponent
from panel.io.server import WSHandler
from panel.io.state import state
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

from xpapp.runtime import private_parts
from xpapp.runtime.private_parts import (
    PageSocket,
    UnsetValueError,
    add_page_routes,
    forget_views,
    inner_size,
    send_to_browser,
    unlink_busy,
)
from xpmodel import InputError


class Socket(PageSocket):
    pass


class Route(RequestHandler):
    pass


@pytest.fixture
def patterns() -> Iterator[list]:
    """The list that servers make routes of, put back afterwards."""
    found = urls.per_app_patterns
    saved = list(found)
    yield found
    found[:] = saved


def told(package: str, part: str, how: str) -> str:
    version = metadata.version(package)
    written_for = private_parts.WRITTEN_FOR[package]
    return (
        rf"^{package} {version} changed {part}: {how}; xpmodel was written for {written_for}: "
        rf"pip install {package}=={written_for}$"
    )


def test_routes_of_a_page(patterns):
    others = [route for route in patterns if not issubclass(route[1], WebSocketHandler)]
    for _ in range(2):  # a second server in one process finds them there
        add_page_routes([("/mine", Route)], Socket)
        assert [route for route in patterns if route[0] == "/ws"] == [("/ws", Socket)]
        assert patterns[-1] == ("/mine", Route) and len(patterns) == len(others) + 2
        assert set(others) < set(patterns)


def test_the_socket_has_a_connection_whose_options_can_be_set():
    assert PageSocket is WSHandler and issubclass(PageSocket, WebSocketHandler)
    assert callable(PageSocket.open) and callable(PageSocket.set_nodelay)


def test_another_list_of_routes(monkeypatch, patterns):
    patterns[:] = [route for route in patterns if route[0] != "/ws"]
    before = list(patterns)
    with pytest.raises(InputError) as error:
        add_page_routes([("/mine", Route)], Socket)
    error.match(told("panel", "the routes of a page", r"0 of them are io\.server\.WSHandler"))
    assert patterns == before
    monkeypatch.setattr(urls, "per_app_patterns", None)
    with pytest.raises(InputError) as error:
        add_page_routes([], Socket)
    part = r"per_app_patterns of server\.urls"
    error.match(told("bokeh", part, "'NoneType' object is not iterable"))
    monkeypatch.delattr(urls, "per_app_patterns")
    with pytest.raises(InputError) as error:
        add_page_routes([], Socket)
    error.match(told("bokeh", part, r"cannot import name 'per_app_patterns' .*"))


def test_the_size_of_a_figure():
    plot = figure()
    assert inner_size(plot) is None
    with pytest.raises(UnsetValueError):
        _ = plot.inner_width
    for name, value in (("inner_width", 300), ("inner_height", 200)):
        plot.set_from_json(name, value)
    assert inner_size(plot) == (300, 200)
    assert UnsetValueError is descriptors.UnsetValueError


class Component(JSComponent):
    _esm = "export function render() {}"


def test_a_message_to_the_browser():
    component = Component()
    sent = []
    component._send_event = lambda kind, **data: sent.append((kind.event_name, data))
    send_to_browser(component, {"download": "a"})
    assert sent == [("esm_event", {"data": {"download": "a"}})]


def test_another_component(monkeypatch):
    monkeypatch.delattr("panel.custom.ReactiveESM._send_msg")
    with pytest.raises(InputError) as error:
        send_to_browser(Component(), {})
    error.match(told("panel", r"JSComponent\._send_msg", ".*has no attribute '_send_msg'"))


def test_a_page_that_follows_nothing_of_the_process_goes_when_nobody_holds_it():
    page = pmui.Page()
    unlink_busy(page)
    gone = weakref.ref(page)
    del page
    gc.collect()
    assert gone() is None


def test_another_way_to_follow(monkeypatch):
    page = pmui.Page()
    monkeypatch.delattr(type(page._param__private), "ref_watchers")
    with pytest.raises(InputError) as error:
        unlink_busy(page)
    part = r"_param__private\.ref_watchers of Parameterized"
    error.match(told("param", part, ".*has no attribute 'ref_watchers'.*|ref_watchers"))


def test_views_of_a_document_are_forgotten_and_no_others():
    one, other = Document(), Document()
    notes = [pmui.NotificationArea() for _ in range(2)]
    for area, document in zip(notes, (one, other), strict=True):
        area.get_root(document)
    forget_views(one)
    assert [view for view, _, of, _ in state._views.values() if of in (one, other)] == [notes[1]]
    forget_views(other)


def test_another_way_to_keep_views(monkeypatch):
    monkeypatch.delattr(type(state), "_views")
    with pytest.raises(InputError) as error:
        forget_views(Document())
    error.match(told("panel", r"io\.state\.state\._views", ".*has no attribute '_views'"))
