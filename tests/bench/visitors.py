"""Ten visitors who drag a slider at once, in one server process, against one visitor alone."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.bench.measure import Row, Skipped
from tests.bench.serving import APP, CATALOG, served

VISITORS, MOVES = 10, 150
# A hand's drag: so many seconds from move to move.
PERIOD = 0.05
# What a browser tells when the page is there.
READY = {
    "kind": "MessageSent",
    "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map"}},
}


def rows() -> Iterator[Row]:
    if not CATALOG.exists():
        raise Skipped(f"there is no {CATALOG.name}; 'make app' makes it")
    with served("panel", APP, "--warm") as (url, _):
        alone, together = asyncio.run(_measure(url))
    flat = [t for times in together for t in times]
    yield Row(
        f"{VISITORS} visitors: median",
        1e3 * statistics.median(flat),
        "ms",
        f"a slider's move → the decoded spectrum at the visitor, {VISITORS} visitors who each make "
        f"{MOVES} moves, one in {1e3 * PERIOD:g} ms, over websockets without a browser; against "
        "one visitor alone",
        1e3 * statistics.median(alone),
        "≤ 3",
    )
    yield Row(
        f"{VISITORS} visitors: 95th percentile",
        1e3 * float(np.percentile(flat, 95)),
        "ms",
        "of the same",
        1e3 * float(np.percentile(alone, 95)),
    )


async def _measure(url: str) -> tuple[list[float], list[list[float]]]:
    visitors = [await _Visitor.open(url) for _ in range(VISITORS)]
    await asyncio.sleep(2)
    alone = await visitors[0].drag()
    together = await asyncio.gather(*(visitor.drag() for visitor in visitors))
    return alone, together


class _Visitor:
    """Speaks as a browser does with Bokeh's server, and draws nothing."""

    def __init__(self, socket: WebSocketClientConnection, slider: str, source: str) -> None:
        self._socket, self._slider, self._source = socket, slider, source
        self._coming: asyncio.Task[bool] | None = None

    @classmethod
    async def open(cls, url: str) -> _Visitor:
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
        token = re.search(r'"token":\s*"([^"]+)"', page)[1]
        address = url.replace("http:", "ws:") + "/ws"
        socket = await websocket_connect(
            address, subprotocols=["bokeh", token], max_message_size=10**9
        )
        socket.protocol.set_nodelay(True)  # as browsers do
        await _send(socket, "PULL-DOC-REQ", {})
        while True:
            header = json.loads(await socket.read_message())
            _, content = await socket.read_message(), await socket.read_message()
            for _ in range(2 * header.get("num_buffers", 0)):
                await socket.read_message()
            if header["msgtype"] == "PULL-DOC-REPLY":
                break
        ids = dict(_named(json.loads(content)))
        await _send(socket, "PATCH-DOC", {"events": [READY]})
        return cls(socket, ids["z2"], ids["spectrum_source"])

    async def drag(self) -> list[float]:
        """Move to and fro; seconds from each move to its spectrum."""
        times: list[float] = []
        await asyncio.sleep(PERIOD * float(np.random.default_rng().random()))
        for step in range(MOVES):
            begin = time.perf_counter()
            value = 0.5 * float(np.sin((step + 1) / 9))
            change = {"kind": "ModelChanged", "model": {"id": self._slider}, "attr": "value"}
            await _send(self._socket, "PATCH-DOC", {"events": [change | {"new": value}]})
            while not await self._spectrum_came():
                pass
            times.append(time.perf_counter() - begin)
            await self._rest(begin + PERIOD)
        return times

    async def _rest(self, until: float) -> None:
        """Take what else comes until the next move."""
        while (left := until - time.perf_counter()) > 0:
            try:
                await asyncio.wait_for(asyncio.shield(self._next()), left)
            except TimeoutError:
                return

    def _next(self) -> asyncio.Task[bool]:
        """The message that comes next; one at a time is waited for."""
        if self._coming is None or self._coming.done():
            self._coming = asyncio.create_task(self._read())
        return self._coming

    async def _spectrum_came(self) -> bool:
        return await self._next()

    async def _read(self) -> bool:
        """Take a message; whether it has a spectrum."""
        header = json.loads(await self._socket.read_message())
        _, content = await self._socket.read_message(), await self._socket.read_message()
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._socket.read_message()
        return f'"id":"{self._source}"' in content.replace(" ", "")


async def _send(socket: WebSocketClientConnection, kind: str, content: dict[str, Any]) -> None:
    header = {"msgid": str(time.perf_counter_ns()), "msgtype": kind}
    for part in (header, {}, content):
        await socket.write_message(json.dumps(part))


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
