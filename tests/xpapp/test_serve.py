"""The page's own routes, on servers to come."""

import pytest
from bokeh.server.urls import per_app_patterns
from panel.io.server import WSHandler

from xpapp import serve
from xpapp.browser.download_route import PATTERN, ExportHandler
from xpapp.browser.upload_route import UPLOAD_PATTERN, UploadHandler
from xpapp.browser.websocket import PromptSocket
from xpapp.serve import add_routes


def test_routes_are_added_once(monkeypatch: pytest.MonkeyPatch):
    ours = ((PATTERN, ExportHandler), (UPLOAD_PATTERN, UploadHandler))
    before = [route for route in per_app_patterns if route not in ours]
    before = [(p, WSHandler if h is PromptSocket else h) for p, h in before]
    monkeypatch.setattr("bokeh.server.urls.per_app_patterns", routes := list(before))
    add_routes()
    expected = [(p, PromptSocket if h is WSHandler else h) for p, h in before]
    assert routes == [*expected, *ours] and PromptSocket in dict(routes).values()
    add_routes()
    assert routes == [*expected, *ours]


def test_the_packages_take_no_part_in_the_search_for_garbage(monkeypatch):
    """They are put aside once, when all is loaded and before the first visit."""
    done = []
    monkeypatch.setattr(serve, "warm_up", lambda: done.append("warm"))
    monkeypatch.setattr(serve.gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(serve.gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(serve, "make_page", lambda opened, settings: done.append("page"))
    serve.prepare.cache_clear()
    try:
        for _ in range(2):
            serve.visit_page(serve.Settings.of([], {}))
    finally:
        serve.prepare.cache_clear()
    assert done == ["warm", "collect", "freeze", "page", "page"]
