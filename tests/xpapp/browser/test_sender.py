"""A file on its way to the browser: the visit is busy, and hears how it went."""

from pathlib import Path

import pytest

from tests.support.mock import Mock
from tests.support.pages import ask, open_page
from xpapp.browser import download_route
from xpapp.browser import sender as module
from xpapp.browser.download_route import PATTERN, ExportHandler
from xpapp.browser.sender import Sender
from xpapp.state.visit import Visit
from xpmodel import open_catalog


class Browser:
    """Keeps what it is told to fetch."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def download(self, path: str) -> None:
        self.paths.append(path)

    def fetch(self):
        return ask(PATTERN, ExportHandler, f"/export/{self.paths[-1]}")


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), None)


def test_a_file_is_sent(visit):
    browser, said = Browser(), []
    with open_page() as document:
        Sender(visit, browser, said.append).send(
            "stars.csv", "text/csv", lambda path: Path(path).write_text("7")
        )
        assert visit.busy and said == ["Making stars.csv …"]
        assert browser.fetch().body == b"7"
        document.turn()
    assert not visit.busy and said[1:] == ["stars.csv: sent"]


def test_a_file_that_fails(visit, monkeypatch, caplog):
    browser, said, told = Browser(), [], []
    monkeypatch.setattr(module, "notify", told.append)

    def write(path: Path) -> None:
        raise OSError("disk full")

    with open_page() as document:
        Sender(visit, browser, said.append).send("stars.csv", "text/csv", write)
        assert browser.fetch().code == 500
        document.turn()
    assert not visit.busy and said[-1] == ""
    assert told == ["Exporting failed: disk full"]


def test_a_file_that_nobody_fetches_ends_the_busy_light_with_a_word(visit, monkeypatch):
    browser, said = Browser(), []
    monkeypatch.setattr(download_route, "MAX_OF_VISIT", 1)
    with open_page() as document:
        sender = Sender(visit, browser, said.append)
        for name in ("a.csv", "b.csv"):
            sender.send(name, "text/csv", lambda path: Path(path).write_text("7"))
        document.turn()
        assert said[-1] == "a.csv was not fetched by the browser; ask for it again"
        assert visit.busy  # b.csv is to come
        assert browser.fetch().body == b"7"
        document.turn()
    assert not visit.busy and said[-1] == "b.csv: sent"


def test_a_visitor_who_has_gone(visit):
    browser, said = Browser(), []
    with open_page() as document:
        Sender(visit, browser, said.append).send(
            "stars.csv", "text/csv", lambda path: Path(path).write_text("7")
        )
        timers = document.session_callbacks
        document.session_context = None
        browser.fetch()
        assert document.session_callbacks == timers and len(said) == 1
