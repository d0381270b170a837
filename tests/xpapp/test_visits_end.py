"""When a visitor leaves, nothing of the visit stays in the server's memory."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from tests.support.mock import Mock
from tests.support.servers import Serving, serving
from tests.support.visitors import Visitor
from xpapp.settings import Settings


@pytest.fixture(autouse=True)
def unlogged() -> Iterator[None]:
    """Pytest keeps what is logged, and what that names."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


async def look(visitor: Visitor) -> None:
    """Nothing but look at the page."""


async def drag(visitor: Visitor) -> None:
    """Move a slider until the spectrum follows."""
    await visitor.change("z2", "value", 0.3)
    await visitor.answer("spectrum_source")


async def leave_while_dragging(visitor: Visitor) -> None:
    """Move a slider and do not wait for what comes of it."""
    for step in range(20):
        await visitor.change("z2", "value", step / 20)


def test_of_visits_that_have_ended_none_is_alive(mock: Mock, tmp_path, monkeypatch):
    monkeypatch.setenv("XPMODEL_VISITS", str(tmp_path))

    async def visit_and_leave() -> tuple[int, Serving]:
        async with serving(Settings(mock.catalog, mock.model)) as server:
            opened = 0
            for doing in (look, drag, leave_while_dragging):
                visitor = await Visitor.open(server.url)
                opened += len(server.visits) > 0
                await doing(visitor)
                visitor.leave()
            await server.end_of_visits()
            return opened, server

    opened, server = asyncio.run(visit_and_leave())
    assert opened == 3
    assert len(server.visits) == 0
    # Panel's next collection of garbage is planned in the name of the last one to go.
    assert len(server.documents) <= 1
