"""A visitor's document without a browser, and requests to the page's own routes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import panel as pn
from bokeh.document import Document
from bokeh.server.callbacks import SessionCallback
from panel.io.state import set_curdoc
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler


class PageDocument(Document):
    """The document of an open page; its turns come when `turn` is called.

    Attributes
    ----------
    session_context
        None once the visitor has gone.
    """

    session_context: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.session_context = SimpleNamespace(request=None, id="visitor")
        self._waiting: list[SessionCallback] = []
        self._came = threading.Event()

    def add_next_tick_callback(self, callback: Callable[[], None]) -> SessionCallback:
        """Keep the order, which Bokeh's set of callbacks does not."""
        self._waiting.append(super().add_next_tick_callback(callback))
        self._came.set()
        return self._waiting[-1]

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Take turns, as threads ask for them, until something is so."""
        end = time.perf_counter() + seconds
        while True:
            self._came.clear()
            self.turn()
            if condition():
                return
            left = end - time.perf_counter()
            assert left > 0, f"it did not come about in {seconds:g} s"
            self._came.wait(min(left, 0.2))

    def turn(self) -> None:
        """Do what was put off to the server's next turn, in order, and what timers do."""
        ticks, self._waiting = self._waiting, []
        timers = [one for one in self.session_callbacks if one not in ticks]
        for one in [*ticks, *timers]:
            if one in self.session_callbacks:
                one.callback()


@contextmanager
def open_page(search: str = "") -> Iterator[PageDocument]:
    """The page of one visitor, under an address, as callbacks find it."""
    document = PageDocument()
    with set_curdoc(document):
        pn.state.location.search = search
        yield document


def ask(pattern: str, handler: type[RequestHandler], path: str, **options: Any) -> HTTPResponse:
    """What a server with one route answers to a request."""

    async def answer() -> HTTPResponse:
        server = HTTPServer(Application([(pattern, handler)]))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        client = AsyncHTTPClient(force_instance=True)
        try:
            return await client.fetch(
                f"http://127.0.0.1:{port}{path}", raise_error=False, **options
            )
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()

    return asyncio.run(answer())
