"""Serving the page: for `panel serve app`, which reads main.py, and for `xpmodel explore`."""

from __future__ import annotations

import errno
import functools
import gc
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import panel as pn
import panel_material_ui as pmui
from panel.io.server import get_server

from xpapp.browser.download_route import PATTERN, ExportHandler
from xpapp.browser.upload_route import UPLOAD_PATTERN, UploadHandler
from xpapp.browser.websocket import PromptSocket
from xpapp.maps.raster import warm_up
from xpapp.page import TITLE, make_page, mock_note
from xpapp.runtime.private_parts import add_page_routes
from xpapp.settings import Opened, Settings, open_data, open_model
from xpmodel import InputError

# Only programs on this machine reach the page; `panel serve` has options for others.
HOST = "localhost"


def add_routes() -> None:
    """Add the page's own routes to those that Bokeh gives each page of servers to come."""
    add_page_routes(
        [(PATTERN, ExportHandler), (UPLOAD_PATTERN, UploadHandler)], socket=PromptSocket
    )


@functools.cache
def prepare() -> None:
    """Do once a process what the first visitors would wait for.

    What all visits share, half a million objects of the packages, no longer takes part in the
    search for garbage, which would stop the server for a fifth of a second each time.
    """
    warm_up()
    gc.collect()
    gc.freeze()


def visit_page(settings: Settings) -> pmui.Page:
    """The page of the visit that begins now."""
    pn.extension(notifications=True)
    prepare()
    return make_page(open_data(settings), settings)


def page_of_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> pmui.Page:
    """The same for what follows `panel serve app --args`; a mistake there is told on the page."""
    try:
        settings = Settings.of(arguments, environment)
    except InputError as error:
        pn.extension(notifications=True)
        return make_page(Opened(None, None, (str(error),)), Settings.of([], {}))
    return visit_page(settings)


@contextmanager
def _told_of_port(port: int) -> Iterator[None]:
    """A port that cannot be used is the user's mistake."""
    try:
        yield
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken" if taken else f"cannot be used ({error.strerror})"
        raise InputError(f"port {port} {why}: name another one with --port") from None


def check(settings: Settings, port: int) -> None:
    """Find the user's mistakes that can be found before there is a catalog.

    Raises
    ------
    InputError
        When the port cannot be used, or a model is named and cannot be opened.
    """
    with _told_of_port(port), socket.create_server((HOST, port)):
        pass
    if settings.model is not None:
        open_model(settings.model)


def serve(settings: Settings, port: int, say: Callable[[str], None], *, browser: bool) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    settings : Settings
    port : int
        0: any that is free.
    say : callable
        Told what is shown, and the page's address when it can be visited.
    browser : bool
        Whether to open it there.

    Raises
    ------
    InputError
        When the catalog cannot be opened, a model is named and cannot be used, or the port is
        taken.
    """
    opened = open_data(settings)
    if opened.catalog is None or (settings.model is not None and opened.model is None):
        raise InputError(opened.problems[0])
    add_routes()
    prepare()
    with _told_of_port(port):
        server = get_server(
            {"app": lambda: visit_page(settings)}, port=port, address=HOST, title=TITLE
        )
    url = f"http://{HOST}:{server.port}/app"
    mock = f" · MOCK: {note}" if (note := mock_note(opened.catalog)) else ""
    say(f"{settings.catalog} · {len(opened.catalog):,} stars{mock}")
    for problem in opened.problems:
        say(problem)
    say(f"{url}  (Ctrl-C ends it)")
    if browser:
        # Some browsers return when they are closed.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    server.start()
    server.io_loop.start()
    server.stop()
