"""A visitor's document without a browser, and requests to the page's own routes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from bokeh.document import Document
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

    def __init__(self, search: str = "") -> None:
        super().__init__()
        request = SimpleNamespace(protocol="http", host="localhost:5006", uri=f"/app{search}")
        self.session_context = SimpleNamespace(request=request, id="visitor")

    def turn(self) -> int:
        """Do what was put off to the server's next turn, and say how much it was."""
        waiting = list(self.session_callbacks)
        for one in waiting:
            if one in self.session_callbacks:
                one.callback()
        return len(waiting)


@contextmanager
def open_page(search: str = "") -> Iterator[PageDocument]:
    """The page of one visitor, as callbacks find it."""
    document = PageDocument(search)
    with set_curdoc(document):
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
