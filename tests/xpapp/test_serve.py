"""The page's own routes, on servers to come."""

import pytest
from bokeh.server.urls import per_app_patterns
from panel.io.server import WSHandler

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
