"""Messages that no browser sends: other visits go on, and the log has nothing of who leaves."""

import asyncio
import contextlib
import logging

from tornado.websocket import WebSocketClosedError

from tests.support.mock import Mock
from tests.support.servers import serving
from tests.support.visitors import READY, Visitor
from xpapp.settings import Settings

MOVES = 3


def changed(model: object, attribute: object, new: object) -> dict[str, object]:
    return {"kind": "ModelChanged", "model": model, "attr": attribute, "new": new}


def odd_contents(ids: dict[str, str]) -> list[object]:
    """What stands in the place of a change's content."""
    slider, source = {"id": ids["z2"]}, {"id": ids["spectrum_source"]}
    tap = {"type": "event", "name": "tap", "values": {"type": "map"}}
    return [
        *({"events": [changed(slider, "value", new)]} for new in ("x", None, [1], {}, 1e308)),
        {"events": [changed(slider, "value", {"type": "number", "value": "nan"})]},
        {"events": [changed(slider, "value", {"type": "number", "value": "+inf"})]},
        {"events": [changed(slider, "no_such", 1)]},
        {"events": [changed({"id": "p999999999"}, "value", 1)]},
        {"events": [changed({}, "value", 1)]},
        {"events": [changed("z2", None, 1)]},
        {"events": [changed(source, "data", {"type": "map", "entries": [["x", "text"]]})]},
        {"events": [{"kind": "NoSuchKind"}]},
        {"events": [READY] * 300},
        {"events": [READY | {"msg_data": tap}]},
        {"events": "text"},
        {"events": [[[[[]]]]]},
        {},
        [],
        None,
        "x" * 1_000_000,
    ]


RAW = ["", "{", "[]", "null", '{"msgid": 1}', b"\x00\xff" * 50_000, "é" * 100_000, b""]


def test_odd_messages_of_one_visitor_leave_another_one_alone(mock: Mock, tmp_path, monkeypatch):
    monkeypatch.setenv("XPMODEL_VISITS", str(tmp_path))

    async def answers() -> tuple[int, int]:
        sent = answered = 0
        async with serving(Settings(mock.catalog, mock.model)) as server:
            other = await Visitor.open(server.url)
            odd = await Visitor.open(server.url)
            contents = odd_contents(odd.ids)
            for message in (*contents, *RAW):
                # A message that is none ends the connection of who sends it, and no other one.
                with contextlib.suppress(WebSocketClosedError):
                    if message in RAW:
                        await odd.send_raw(message)
                    else:
                        await odd.send("PATCH-DOC", message)
                if odd.closed:
                    odd.leave()
                    odd = await Visitor.open(server.url)
                sent += 1
                for move in range(MOVES):
                    value = 0.1 * sent + 0.01 * move
                    await other.change("z2", "value", value % 1.0)
                    await asyncio.wait_for(other.answer("spectrum_source"), 60)
                    answered += 1
            odd.leave()
            other.leave()
        return sent, answered

    logging.disable()  # of what the odd visitor sends, Bokeh tells at length
    try:
        sent, answered = asyncio.run(answers())
    finally:
        logging.disable(logging.NOTSET)
    assert sent == len(RAW) + 21 and answered == MOVES * sent


def test_a_visitor_who_leaves_while_the_server_answers_leaves_no_error(
    mock: Mock, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("XPMODEL_VISITS", str(tmp_path))

    async def leave() -> None:
        async with serving(Settings(mock.catalog, mock.model)) as server:
            for way in ("leave", "break_off"):
                visitor = await Visitor.open(server.url)
                for step in range(20):
                    await visitor.change("z2", "value", step / 20)
                await visitor.answer("spectrum_source")
                getattr(visitor, way)()
                for _ in range(20):
                    await asyncio.sleep(0.05)

    caplog.set_level(logging.WARNING)
    asyncio.run(leave())
    told = [r for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR]
    assert not told, [r.getMessage() for r in told]
