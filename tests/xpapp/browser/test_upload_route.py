"""Files of a visitor: taken under a token, read from the disk, gone afterwards."""

import asyncio
import logging
from pathlib import Path
from urllib.parse import quote

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from tests.support.pages import ask
from xpapp.browser import upload_route
from xpapp.browser.upload_route import (
    MAX_NAME,
    UPLOAD_PATTERN,
    Inbox,
    UploadHandler,
    close_inbox,
    open_inbox,
)
from xpmodel import InputError


class Visitor:
    """Keeps what an inbox is told, and how the files looked."""

    def __init__(self, max_bytes: int = 1000, error: Exception | None = None) -> None:
        self.begun, self.read, self.done = 0, [], []
        self._error = error
        self.token = open_inbox(
            Inbox(max_bytes, self._begin, self._read, lambda *a: self.done.append(a))
        )

    def _begin(self) -> None:
        self.begun += 1

    def _read(self, name: str, path: Path) -> int:
        self.read.append((name, path, path.read_bytes()))
        if self._error is not None:
            raise self._error
        return len(self.read[-1][2])

    def give(self, content: bytes, name: str = "stars.csv"):
        return ask(
            UPLOAD_PATTERN,
            UploadHandler,
            f"/upload/{self.token}",
            method="PUT",
            body=content,
            headers={"X-Filename": quote(name)},
        )


@pytest.fixture
def visitor():
    visitor = Visitor()
    yield visitor
    close_inbox(visitor.token)


def test_a_file_is_read_and_gone(visitor):
    assert visitor.give(b"source_id\n7\n", "größe /../x.csv").code == 204
    ((name, path, content),) = visitor.read
    assert content == b"source_id\n7\n" and name == "größe /../x.csv"
    assert path.name == "given"  # no file is written under a name that the browser tells
    assert visitor.begun == 1 and visitor.done == [(name, 12, None)]
    assert not path.exists() and not path.parent.exists()


def test_a_long_name_is_cut(visitor):
    visitor.give(b"x", "a" * 999)
    assert visitor.read[0][0] == "a" * MAX_NAME


def test_as_many_bytes_as_are_allowed_and_no_more(visitor):
    assert visitor.give(b"x" * 1000).code == 204
    refused = visitor.give(b"x" * 1001)
    assert refused.code == 413 and len(visitor.read) == 1 == visitor.begun


def test_an_empty_file_is_read_too(visitor):
    assert visitor.give(b"").code == 204
    assert visitor.done == [("stars.csv", 0, None)]


@pytest.mark.parametrize(
    ("error", "level"), [(InputError("no source_id"), "WARNING"), (ValueError("odd"), "ERROR")]
)
def test_what_cannot_be_read_is_told(error, level, caplog):
    visitor = Visitor(error=error)
    with caplog.at_level(logging.WARNING, "xpapp"):
        assert visitor.give(b"noise").code == 204
    assert visitor.done == [("stars.csv", None, error)]
    assert [r.levelname for r in caplog.records if r.name == "xpapp"] == [level]
    assert not visitor.read[0][1].parent.exists()
    close_inbox(visitor.token)


def test_nobody_takes_files_there(visitor, caplog):
    close_inbox(visitor.token)
    with caplog.at_level(logging.CRITICAL):
        assert visitor.give(b"late").code == 404
    assert visitor.read == [] and visitor.begun == 0


def test_more_than_the_disk_is_to_hold_is_refused_till_there_is_room(visitor, monkeypatch):
    monkeypatch.setattr(upload_route, "MAX_ON_DISK", 100)
    assert visitor.give(b"x" * 101).code == 503 and visitor.read == []
    for _ in range(3):  # what has been read takes no room
        assert visitor.give(b"x" * 100).code == 204


@pytest.mark.parametrize("length", ["-5", "many", "1e3", "²"])
def test_a_length_that_is_no_number_takes_nothing(visitor, caplog, length):
    async def ask() -> bytes:
        server = HTTPServer(Application([(UPLOAD_PATTERN, UploadHandler)]))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"PUT /upload/{visitor.token} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        )
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        server.stop()
        await server.close_all_connections()
        return answer

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 400")
    assert visitor.read == [] and not [r for r in caplog.records if r.exc_info]


def test_tokens_cannot_be_guessed():
    tokens = [Visitor().token for _ in range(3)]
    assert len(set(tokens)) == 3 and min(map(len, tokens)) >= 20
    for token in tokens:
        close_inbox(token)
