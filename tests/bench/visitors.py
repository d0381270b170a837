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

VISITORS, SECONDS = 10, 6.0
# A drag's moves: as many as a screen shows frames.
PERIOD = 1 / 60


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
        f"a slider's move → the spectrum of the newest z at the visitor, {VISITORS} visitors who "
        f"each move 60 times a second for {SECONDS:g} s, over websockets without a browser; "
        f"{len(flat):,} spectra, against {len(alone):,} of one visitor alone",
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
        self._sent: dict[float, float] = {}

    @classmethod
    async def open(cls, url: str) -> _Visitor:
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
        token = re.search(r'"token":\s*"([^"]+)"', page)[1]
        address = url.replace("http:", "ws:") + "/ws"
        socket = await websocket_connect(
            address, subprotocols=["bokeh", token], max_message_size=10**9
        )
        await _send(socket, "PULL-DOC-REQ", {})
        while True:
            header = json.loads(await socket.read_message())
            _, content = await socket.read_message(), await socket.read_message()
            for _ in range(2 * header.get("num_buffers", 0)):
                await socket.read_message()
            if header["msgtype"] == "PULL-DOC-REPLY":
                break
        ids = dict(_named(json.loads(content)))
        return cls(socket, ids["z2"], ids["spectrum_source"])

    async def drag(self) -> list[float]:
        """Move to and fro; seconds from the newest move to each spectrum that came."""
        times: list[float] = []
        end = time.perf_counter() + SECONDS
        listening = asyncio.create_task(self._listen(times))
        step = 0
        while time.perf_counter() < end:
            value = 0.5 * float(np.sin(step / 9))
            change = {"kind": "ModelChanged", "model": {"id": self._slider}, "attr": "value"}
            self._moved = time.perf_counter()
            await _send(self._socket, "PATCH-DOC", {"events": [change | {"new": value}]})
            step += 1
            await asyncio.sleep(PERIOD)
        await asyncio.sleep(0.5)
        listening.cancel()
        return times

    async def _listen(self, times: list[float]) -> None:
        while True:
            header = json.loads(await self._socket.read_message())
            _, content = await self._socket.read_message(), await self._socket.read_message()
            for _ in range(2 * header.get("num_buffers", 0)):
                await self._socket.read_message()
            if f'"id":"{self._source}"' in content.replace(" ", ""):
                times.append(time.perf_counter() - self._moved)


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
