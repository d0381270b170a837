"""The page's server in the test's own event loop, and what of its visits is alive."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import panel as pn
import pytest
from bokeh.document import Document
from bokeh.io import doc as bokeh_io
from panel.io.server import get_server
from tornado.ioloop import IOLoop

from xpapp import page
from xpapp.serve import add_routes, visit_page
from xpapp.settings import Settings
from xpapp.state.visit import Visit

# So long after its last visitor has left [ms] a visit ends here.
LINGER = 1500


@dataclass
class Serving:
    """A server, and which of its visits and their documents are alive."""

    url: str
    visits: weakref.WeakSet[Visit] = field(default_factory=weakref.WeakSet)
    documents: weakref.WeakSet[Document] = field(default_factory=weakref.WeakSet)

    async def end_of_visits(self) -> None:
        """Wait until no visit is alive; those that are after a while stay."""
        for _ in range(20):
            await asyncio.sleep(LINGER / 5e3)
            gc.collect()
            if not self.visits:
                return


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Serving]:
    """Serve the page from within a running event loop."""
    add_routes()
    server = get_server(
        {"app": lambda: visit_page(settings)},
        address="localhost",
        loop=IOLoop.current(),
        check_unused_sessions_milliseconds=LINGER // 10,
        unused_session_lifetime_milliseconds=LINGER,
    )
    serving = Serving(f"http://localhost:{server.port}/app")

    def recorded(*args: object, **params: object) -> Visit:
        visit = Visit(*args, **params)
        serving.visits.add(visit)
        serving.documents.add(pn.state.curdoc)
        return visit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "Visit", recorded)
        server.start()
        patched = len(bokeh_io._PATCHED_CURDOCS)
        try:
            yield serving
        finally:
            server.stop()
            # Bokeh leaves the document there whose message raised: for the tests that follow, too.
            del bokeh_io._PATCHED_CURDOCS[patched:]
