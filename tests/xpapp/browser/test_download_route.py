"""A file is offered, made when it is fetched, fetched once."""

import logging

import pytest

from tests.support.pages import ask
from xpapp.browser import download_route
from xpapp.browser.download_route import CHUNK, MAX_OFFERS, PATTERN, ExportHandler, offer


@pytest.fixture
def told() -> list[Exception | None]:
    return []


def fetch(path: str):
    return ask(PATTERN, ExportHandler, f"/export/{path}")


def test_a_file_longer_than_a_chunk(told):
    content = bytes(range(256)) * (CHUNK // 128)
    written = []

    def write(path):
        written.append(path)
        path.write_bytes(content)

    path = offer("stars.csv", "text/csv", write, told.append)
    assert path.endswith("/stars.csv") and not written  # not before it is wanted
    answer = fetch(path)
    assert answer.code == 200 and answer.body == content
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="stars.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert told == [None]
    assert not written[0].parent.exists()
    assert fetch(path).code == 404 and len(written) == 1 and told == [None]


def test_a_file_that_cannot_be_made(told, caplog):
    error = ValueError("disk full of secrets")
    folders = []

    def write(path):
        folders.append(path.parent)
        raise error

    with caplog.at_level(logging.CRITICAL):
        answer = fetch(offer("stars.csv", "text/csv", write, told.append))
    assert answer.code == 500 and b"secrets" not in answer.body
    assert told == [error] and not folders[0].exists()


@pytest.mark.parametrize("path", ["token/stars.csv", "x/../stars.csv", "x/y/z.csv", ""])
def test_what_was_never_offered(path):
    assert fetch(path).code == 404


def test_the_oldest_offers_are_forgotten(told, monkeypatch):
    monkeypatch.setattr(download_route, "MAX_OFFERS", 2)
    assert MAX_OFFERS > 2
    paths = [
        offer("stars.csv", "text/csv", lambda path, i=i: path.write_text(str(i)), told.append)
        for i in range(3)
    ]
    assert [fetch(path).code for path in paths] == [404, 200, 200]
