"""The HTTP route of uploads: a visitor's files, written to disk as they come."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, RequestHandler, stream_request_body

from xpmodel import InputError

log = logging.getLogger("xpapp")
# Names only say what was given; no file is ever written under one.
MAX_NAME = 200
# All files that are on their way or being read [bytes], and how long one may take to come [s].
MAX_ON_DISK = 1 << 30
MAX_AGE = 900.0


@dataclass(frozen=True)
class Inbox:
    """Where a visit takes files.

    Attributes
    ----------
    max_bytes : int
    begin : callable
        Told that a file is there and will be read; runs in the event loop.
    read : callable
        Reads a file, given the name that the browser told and the path; runs in a thread. The
        file is gone afterwards.
    done : callable
        Told the name, what was read, and the error or None; runs in the event loop.
    """

    max_bytes: int
    begin: Callable[[], None]
    read: Callable[[str, Path], Any]
    done: Callable[[str, Any, Exception | None], None]


_inboxes: dict[str, Inbox] = {}
# Bytes that each file under way may take, by its folder.
_reserved: dict[Path, int] = {}


def open_inbox(inbox: Inbox) -> str:
    """Take files of a visitor; the token under which the browser puts them."""
    token = secrets.token_urlsafe(16)
    _inboxes[token] = inbox
    return token


def close_inbox(token: str) -> None:
    """Take no more."""
    _inboxes.pop(token, None)


@stream_request_body
class UploadHandler(RequestHandler):
    """Takes a file for the inbox of a token."""

    def initialize(self, **context: Any) -> None:
        """Take what Bokeh gives each of a page's handlers; it is not needed."""
        self._folder: Path | None = None

    def prepare(self) -> None:
        """Refuse what is for nobody or too large before it comes."""
        inbox = _inboxes.get(self.path_args[0])
        if inbox is None:
            raise HTTPError(404, "no visit takes files here")
        self._inbox, limit = inbox, inbox.max_bytes
        told = self.request.headers.get("Content-Length", str(limit))
        if not told.isdecimal():
            raise HTTPError(400, "the file's length is no number")
        if (size := int(told)) > limit:
            raise HTTPError(413, f"larger than {limit} bytes")
        if sum(_reserved.values()) + size > MAX_ON_DISK:
            raise HTTPError(503, "other files are being read")
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)  # what a server reads requests from
        connection.set_max_body_size(limit)
        connection.set_body_timeout(MAX_AGE)
        self._folder = Path(tempfile.mkdtemp(prefix="xpmodel-upload-"))
        _reserved[self._folder] = size
        self._file = (self._folder / "given").open("wb")

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of it."""
        self._file.write(chunk)

    async def put(self, token: str) -> None:
        """Read the whole file, now that it is there."""
        self._file.close()
        name = unquote(self.request.headers.get("X-Filename", "file"))[:MAX_NAME]
        result = None
        problem: Exception | None = None
        assert self._folder is not None  # `prepare` made it
        self._inbox.begin()
        try:
            result = await asyncio.to_thread(self._inbox.read, name, self._folder / "given")
        except InputError as error:
            log.warning("%s", error)
            problem = error
        except Exception as error:
            log.exception("Reading a given file failed")
            problem = error
        self._inbox.done(name, result, problem)
        self.set_status(204)

    def on_finish(self) -> None:
        """Leave nothing behind."""
        self._drop()

    def on_connection_close(self) -> None:
        """Leave nothing behind of what came in part; what is being read goes when it is read."""
        if self._folder is not None and not self._file.closed:
            self._drop()

    def _drop(self) -> None:
        if self._folder is not None:
            self._file.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            del _reserved[self._folder]
            self._folder = None


UPLOAD_PATTERN = r"/upload/([\w-]+)"
