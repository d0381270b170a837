"""Files of spectra that a visitor gives become stars of their own."""

from types import SimpleNamespace

import panel as pn
import pytest

from tests.support.mock import Mock
from tests.support.pages import ask, open_page
from xpapp.browser.upload_route import UPLOAD_PATTERN, UploadHandler
from xpapp.own import files as module
from xpapp.own.files import OwnFiles
from xpapp.state.visit import Visit
from xpmodel import load_model, open_catalog
from xpmodel.own.given_files import MAX_BYTES


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), load_model(mock.model, "cpu"))


class Bridge:
    """Keeps where files are to be sent."""

    def __init__(self) -> None:
        self.inbox, self.max_bytes = "", 0
        self.param = SimpleNamespace(update=lambda **changes: vars(self).update(changes))

    def give(self, name: str, content: bytes):
        path = f"/upload/{self.inbox}"
        headers = {"X-Filename": name}
        return ask(UPLOAD_PATTERN, UploadHandler, path, method="PUT", body=content, headers=headers)


@pytest.fixture
def gone(monkeypatch) -> list:
    """What is to be done when the visitor goes."""
    todo = []
    monkeypatch.setattr(type(pn.state), "on_session_destroyed", lambda state, f: todo.append(f))
    return todo


def test_a_file_of_spectra(visit, mock, gone):
    bridge, shown = Bridge(), []
    content = (mock.catalog.parent / "spectra.parquet").read_bytes()
    with open_page() as document:
        OwnFiles(visit, bridge, lambda: shown.append("own"))
        assert bridge.inbox and bridge.max_bytes == MAX_BYTES
        assert bridge.give("mine.parquet", content).code == 204
        assert visit.cursor.own is None  # not before the page's own turn
        document.until(lambda: shown)
    assert not visit.busy and visit.works == () and shown == ["own"]
    own = visit.cursor.own
    assert len(own) == len(visit.catalog) and visit.cursor.own_star == 0
    assert set(own.source_id) == set(visit.catalog.source_id)


def test_what_is_no_spectra(visit, gone, monkeypatch, caplog):
    bridge, shown, told = Bridge(), [], []
    monkeypatch.setattr(module, "notify", told.append)
    with open_page() as document:
        OwnFiles(visit, bridge, lambda: shown.append("own"))
        bridge.give("notes.csv", b"a,b\n1,2\n")
        document.turn()
    assert len(told) == 1 and told[0].startswith("notes.csv could not be read: ")
    assert visit.cursor.own is None and not visit.busy and shown == []


def test_no_file_is_taken_when_the_visitor_has_gone(visit, gone, caplog):
    bridge = Bridge()
    with open_page():
        OwnFiles(visit, bridge, lambda: None)
        (go,) = gone
        go(None)
        assert bridge.give("late.csv", b"a").code == 404


def test_without_a_page_there_is_no_inbox(visit):
    bridge = Bridge()
    OwnFiles(visit, bridge, lambda: None)
    assert bridge.inbox == ""
