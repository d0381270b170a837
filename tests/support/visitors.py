"""A visitor without a browser, who speaks with the page's server as a browser does."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

# What a browser tells when the page is there.
READY = {
    "kind": "MessageSent",
    "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map"}},
}


class Visitor:
    """Opens a page, changes models by their names, and draws nothing.

    Attributes
    ----------
    ids : dict of str to str
        Ids of the page's models by name, as it was opened.
    """

    def __init__(self, socket: WebSocketClientConnection, content: Any) -> None:
        self._socket = socket
        self.ids = dict(_named(content))
        self._coming: asyncio.Task[str] | None = None

    @classmethod
    async def open(cls, url: str) -> Visitor:
        """Open the page of a URL."""
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
        token = re.search(r'"token":\s*"([^"]+)"', page)[1]
        socket = await websocket_connect(
            url.replace("http:", "ws:") + "/ws",
            subprotocols=["bokeh", token],
            max_message_size=10**9,
        )
        socket.protocol.set_nodelay(True)  # as browsers do
        visitor = cls(socket, {})
        await visitor.read()  # the server is ready for messages now
        await visitor.send("PULL-DOC-REQ", {})
        while '"roots"' not in (content := await visitor.read()):
            pass
        visitor.ids = dict(_named(json.loads(content)))
        await visitor.patch(READY)
        return visitor

    def leave(self) -> None:
        """Close the page."""
        self._socket.close()

    def break_off(self) -> None:
        """Vanish, as a browser does that is killed."""
        self._socket.protocol.stream.close()
        self._socket.close()

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self._socket.protocol is None or self._socket.protocol.client_terminated

    async def send(self, kind: str, content: Any) -> None:
        """Send a message of Bokeh's protocol."""
        header = {"msgid": str(time.perf_counter_ns()), "msgtype": kind}
        for part in (header, {}, content):
            await self._socket.write_message(json.dumps(part))

    async def send_raw(self, message: str | bytes) -> None:
        """Send what need not be a part of any message."""
        await self._socket.write_message(message, binary=isinstance(message, bytes))

    async def patch(self, *events: Any) -> None:
        """Tell of changes."""
        await self.send("PATCH-DOC", {"events": list(events)})

    async def change(self, name: str, attribute: str, new: Any) -> None:
        """Change a model, as a widget does."""
        model = {"id": self.ids[name]}
        await self.patch({"kind": "ModelChanged", "model": model, "attr": attribute, "new": new})

    async def answer(self, name: str) -> None:
        """Wait until a named model has changed."""
        while f'"id":"{self.ids[name]}"' not in (await self._next()).replace(" ", ""):
            pass

    async def rest(self, until: float) -> None:
        """Take what comes until some time of `time.perf_counter`."""
        while (left := until - time.perf_counter()) > 0:
            try:
                await asyncio.wait_for(asyncio.shield(self._next()), left)
            except TimeoutError:
                return

    def _next(self) -> asyncio.Task[str]:
        """The message that comes next; one at a time is waited for."""
        if self._coming is None or self._coming.done():
            self._coming = asyncio.create_task(self.read())
        return self._coming

    async def read(self) -> str:
        """The content of the next message.

        Raises
        ------
        ConnectionError
            When the server has closed the connection.
        """
        header = json.loads(await self._part())
        _, content = await self._part(), await self._part()
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._part()
        return str(content)

    async def _part(self) -> str | bytes:
        part = await self._socket.read_message()
        if part is None:
            raise ConnectionError("the server has closed the connection")
        return part


def _named(content: Any) -> Iterator[tuple[str, str]]:
    """Names and ids of all models in a document's JSON."""
    if isinstance(content, dict):
        name = (content.get("attributes") or {}).get("name")
        if isinstance(name, str) and "id" in content:
            yield name, content["id"]
        for part in content.values():
            yield from _named(part)
    elif isinstance(content, list):
        for part in content:
            yield from _named(part)
