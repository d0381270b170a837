"""One server and one Chromium for all browser tests; a fresh page for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import panel as pn
import pytest
from bokeh.document import Document
from panel.tests.util import serve_and_wait
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.explorer import PATIENCE, Explorer
from tests.support.mock import Mock, mock_model
from xpapp import page
from xpapp.serve import add_routes
from xpapp.settings import Settings, open_data
from xpapp.state.visit import Visit

# A click on what has just been drawn may bring the server a model that it knows: Bokeh warns, and
# the click counts. As an error it would be lost, which no visitor's click is.
KNOWN = "ignore:reference already known"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.filterwarnings(KNOWN))


@dataclass(frozen=True)
class Server:
    """The page, served by this process, with each of its visits and their documents at hand."""

    port: int
    visits: list[Visit]
    documents: list[Document]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser that the Makefile looks for, too."""
    names = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else []
    names += ["chromium", "chromium-browser", "google-chrome"]
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs Chromium or Chrome on the PATH, or its path in CHROMIUM")
    return path


@pytest.fixture(scope="session")
def server(mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("broken")
    truncated = folder / "truncated.parquet"
    truncated.write_bytes(mock.catalog.read_bytes()[:-1000])
    mock_model(seed=7).save(folder / "other")
    settings = {
        "explorer": Settings(mock.catalog, mock.model),
        "nothing": Settings(folder / "missing.parquet", folder / "missing"),
        "truncated": Settings(truncated, mock.model),
        "foreign": Settings(mock.catalog, folder / "other"),
    }
    visits: list[Visit] = []
    documents: list[Document] = []

    def recorded(*args: object, **params: object) -> Visit:
        visits.append(Visit(*args, **params))
        documents.append(pn.state.curdoc)
        return visits[-1]

    def served(of: Settings) -> Callable[[], object]:
        def make() -> object:
            pn.extension(notifications=True)
            return page.make_page(open_data(of), of)

        return make

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "Visit", recorded)
        patch.setenv("XPMODEL_VISITS", str(folder / "visits"))
        add_routes()
        port = serve_and_wait({k: served(v) for k, v in settings.items()})
        yield Server(port, visits, documents)
        pn.state.kill_all_servers()


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor whose browser has kept the page's scripts from earlier visits."""
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        context.set_default_timeout(1000 * PATIENCE)
        yield context


@pytest.fixture
def visitor(
    server: Server, context: BrowserContext, mock: Mock
) -> Iterator[Callable[..., Explorer]]:
    """Open a page, one of the server's if no port is named; errors on it fail the test."""
    explorers: list[Explorer] = []

    def open_page(
        path: str = "explorer", port: int = server.port, context: BrowserContext = context
    ) -> Explorer:
        n_visits = len(server.visits)
        explorer = Explorer(context.new_page(), mock.catalog)
        explorers.append(explorer)
        explorer.open(f"http://localhost:{port}/{path}")
        if len(server.visits) > n_visits:
            explorer.visit, explorer.document = server.visits[-1], server.documents[-1]
        return explorer

    yield open_page
    # A page that a test has closed counts till then.
    for explorer in explorers:
        explorer.page.close()
    assert not [problem for explorer in explorers for problem in explorer.problems]


@pytest.fixture
def explorer(visitor: Callable[..., Explorer]) -> Explorer:
    """A fresh page with the mock catalog, its maps drawn."""
    explorer = visitor()
    explorer.wait_for_maps()
    return explorer
