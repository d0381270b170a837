"""A file is offered, made when it is fetched, fetched once."""

import asyncio
import gc
import logging
import re
import weakref
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from tests.support.pages import ask
from xpapp.browser import download_route
from xpapp.browser.download_route import (
    CHUNK,
    MAX_OFFERS,
    PATTERN,
    ExportHandler,
    NotSent,
    Offer,
    forget,
    offer,
    withdraw_late,
)


class SomeVisit:
    """Offers of one are told from those of another."""


@pytest.fixture
def visit() -> Iterator[SomeVisit]:
    visit = SomeVisit()
    yield visit
    forget(visit)


@pytest.fixture
def told() -> list[Exception | None]:
    return []


def fetch(path: str):
    return ask(PATTERN, ExportHandler, f"/export/{path}")


def test_a_file_longer_than_a_chunk(visit, told):
    content = bytes(range(256)) * (CHUNK // 128)
    written = []

    def write(path):
        written.append(path)
        path.write_bytes(content)

    path = offer(Offer(visit, "stars.csv", "text/csv", write, told.append))
    assert path.endswith("/stars.csv") and not written  # not before it is wanted
    answer = fetch(path)
    assert answer.code == 200 and answer.body == content
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="stars.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert told == [None]
    assert not written[0].parent.exists()
    assert fetch(path).code == 404 and len(written) == 1 and told == [None]


def test_a_name_keeps_its_letters(visit, told):
    name = "reiche_α_Sterne-Åland_星.csv"
    new = Offer(visit, name, "text/csv", lambda path: path.write_text(path.name), told.append)
    answer = fetch(offer(new))
    assert answer.code == 200 and answer.body.decode() == name
    said = answer.headers["Content-Disposition"]
    assert said.startswith('attachment; filename="reiche___Sterne-_land__.csv"; ')
    coding, language, quoted = said.partition("filename*=")[2].split("'")
    assert (coding, language) == ("UTF-8", "") and unquote(quoted) == name and quoted.isascii()


def test_a_file_that_cannot_be_made(visit, told, caplog):
    error = ValueError("disk full of secrets")
    folders = []

    def write(path):
        folders.append(path.parent)
        raise error

    with caplog.at_level(logging.CRITICAL):
        answer = fetch(offer(Offer(visit, "stars.csv", "text/csv", write, told.append)))
    assert answer.code == 500 and b"secrets" not in answer.body
    assert told == [error] and not folders[0].exists()


@pytest.mark.parametrize("path", ["token/stars.csv", "x/../stars.csv", "x/y/z.csv", ""])
def test_what_was_never_offered(path):
    assert fetch(path).code == 404


def offers(n: int, visit: SomeVisit, told: list, **options) -> list[str]:
    """The paths of n offers of a visit."""
    return [
        offer(
            Offer(
                visit,
                "stars.csv",
                "text/csv",
                lambda path: path.write_text("7"),
                lambda problem, i=i: told.append((i, problem)),
                **options,
            )
        )
        for i in range(n)
    ]


def check_withdrawn(told: list, indices: list[int]) -> None:
    """The offers of these indices ended, with a word."""
    assert [i for i, _ in told] == indices
    for _, problem in told:
        assert isinstance(problem, NotSent)
        assert str(problem) == "was not fetched by the browser; ask for it again"


@pytest.mark.parametrize(
    ("limit", "value", "held"),
    [("MAX_OFFERS", 2, 0), ("MAX_OF_VISIT", 2, 0), ("MAX_HELD", 20, 10)],
    ids=["of all", "of one visit", "by bytes"],
)
def test_the_oldest_offers_are_withdrawn(visit, told, monkeypatch, limit, value, held):
    monkeypatch.setattr(download_route, limit, value)
    paths = offers(3, visit, told, held=held)
    check_withdrawn(told, [0])
    assert [fetch(path).code for path in paths] == [404, 200, 200]
    assert [problem for _, problem in told[1:]] == [None, None]


def test_one_visit_does_not_push_out_the_offers_of_another(visit, told, monkeypatch):
    monkeypatch.setattr(download_route, "MAX_OF_VISIT", 2)
    assert MAX_OFFERS > 2
    other = SomeVisit()
    (path,) = offers(1, other, [])
    offers(9, visit, told)
    check_withdrawn(told, list(range(7)))
    assert fetch(path).code == 200


def test_a_file_that_alone_is_larger_than_all_may_be_is_offered(visit, told, monkeypatch):
    monkeypatch.setattr(download_route, "MAX_HELD", 20)
    (path,) = offers(1, visit, told, held=21)
    assert fetch(path).code == 200


def test_what_nobody_fetches_is_withdrawn_after_a_while(visit, told, monkeypatch):
    (path,) = offers(1, visit, told)
    withdraw_late()
    assert told == []
    monkeypatch.setattr(download_route, "MAX_AGE", -1.0)
    withdraw_late()
    check_withdrawn(told, [0])
    assert fetch(path).code == 404


def test_offers_of_a_visit_that_has_ended_are_gone_and_nobody_is_told(visit, told):
    gone = SomeVisit()
    paths = [*offers(2, gone, told), *offers(1, visit, told)]
    alive = weakref.ref(gone)
    forget(gone)
    del gone
    gc.collect()
    assert told == [] and alive() is None
    assert [fetch(path).code for path in paths] == [404, 404, 200]


def read_and_hang_up(path: str, n: int) -> None:
    """Ask for a file, take n bytes of the answer, and close the connection."""

    async def ask_and_leave() -> None:
        server = HTTPServer(Application([(PATTERN, ExportHandler)]))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /export/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        if n:
            await reader.readexactly(n)
        writer.transport.abort()
        for _ in range(500):
            if len(asyncio.all_tasks()) == 1:
                break
            await asyncio.sleep(0.01)
        server.stop()
        await server.close_all_connections()

    asyncio.run(ask_and_leave())


@pytest.mark.parametrize("n", [0, 1000], ids=["at once", "in the middle"])
def test_a_download_that_broke_off_is_not_told_as_sent(visit, told, n):
    size = 64 * CHUNK  # more than lies between two ends of a connection
    path = offer(
        Offer(visit, "stars.csv", "text/csv", lambda p: p.write_bytes(bytes(size)), told.append)
    )
    read_and_hang_up(path, n)
    (problem,) = told
    assert isinstance(problem, NotSent)
    assert re.fullmatch(r"broke off after \d+\.\d of 67\.1 MB; ask for it again", str(problem))
