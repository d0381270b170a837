"""Long work in a thread, so that the page stays alive; its result comes back to the visit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import panel as pn

from xpapp.runtime.callbacks import guarded, notify
from xpapp.state.visit import Visit
from xpmodel import InputError

log = logging.getLogger("xpapp")
T = TypeVar("T")
# For all visits: numerics use the cores themselves.
_workers = ThreadPoolExecutor(2, thread_name_prefix="xpmodel")


def in_background(
    visit: Visit, doing: str, work: Callable[[], T], then: Callable[[T], None]
) -> None:
    """Do work in a thread; the visit is busy meanwhile.

    Parameters
    ----------
    visit : Visit
    doing : str
        For the message if it fails: "Reading the file".
    work : callable
        Touches nothing of the page.
    then : callable
        Is told the result, on the page's own thread.
    """
    document = pn.state.curdoc
    finish = guarded(doing)(then)
    if document is None or document.session_context is None:
        finish(work())
        return
    visit.busy = True

    def done(result: T) -> None:
        visit.busy = False
        finish(result)

    def failed(problem: Exception) -> None:
        visit.busy = False
        notify(f"{doing} failed: {problem}")

    def run() -> None:
        back: Callable[[], None]
        try:
            back = partial(done, work())
        except Exception as error:
            back = partial(failed, error)
            if isinstance(error, InputError):
                log.warning("%s: %s", doing, error)
            else:
                log.exception("%s failed", doing)
        if document.session_context is not None:  # the visitor may have gone
            document.add_next_tick_callback(back)

    _workers.submit(run)
