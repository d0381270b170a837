"""Long work in a thread, so that the page stays alive; its result comes back to the visit."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import panel as pn
from bokeh.document import Document

from xpapp.runtime.callbacks import guarded, notify
from xpapp.runtime.names import as_html
from xpapp.state.visit import Visit
from xpmodel import InputError
from xpmodel._long_work import Canceled, watched

log = logging.getLogger("xpapp")
T = TypeVar("T")
# For all visits: numerics use the cores themselves.
_workers = ThreadPoolExecutor(2, thread_name_prefix="xpmodel")
# Drawing does not wait for long work.
_drawers = ThreadPoolExecutor(2, thread_name_prefix="xpmodel-draws")
# How often a visitor hears how far the work is [s].
TELL = 0.3


class Work:
    """Work under way for a visitor.

    Attributes
    ----------
    doing : str
    done : float
        How much of it is, from 0 to 1, as far as it says.
    """

    def __init__(self, doing: str) -> None:
        self.doing, self.done = doing, 0.0
        self._canceled = threading.Event()

    def cancel(self) -> None:
        """Want it no longer: it ends at its next checkpoint, and nothing comes of it."""
        self._canceled.set()

    def check(self) -> None:
        """End here what is no longer wanted.

        Raises
        ------
        Canceled
            When it was canceled.
        """
        if self._canceled.is_set():
            raise Canceled


def _log(doing: str, problem: Exception) -> None:
    if isinstance(problem, InputError):
        log.warning("%s: %s", doing, problem)
    else:
        log.error("%s failed", doing, exc_info=problem)


def in_background(
    visit: Visit,
    doing: str,
    work: Callable[[], T],
    then: Callable[[T], None],
    say: Callable[[str], None] | None = None,
) -> Work:
    """Do work in a thread; the visit is busy meanwhile, and can cancel it.

    Parameters
    ----------
    visit : Visit
        Its `works` are told.
    doing : str
        For the message if it fails: "Reading the file".
    work : callable
        Touches nothing of the page. Its checkpoints (`xpmodel._long_work`) say how far it is.
    then : callable
        Is told the result, on the page's own thread.
    say : callable, optional
        Is told what became of it if it fails: for the line that says that it is under way.

    Returns
    -------
    Work
        To cancel it by, where something newer is wanted.
    """
    document, under_way = pn.state.curdoc, Work(doing)

    def refuse(problem: Exception) -> None:
        notify(f"{doing} failed: {problem}")
        if say is not None:
            say(as_html(f"{doing} failed: {problem}"))

    def finish(result: T) -> None:
        try:
            with pn.io.unlocked():
                then(result)
        except Exception as problem:  # noqa: BLE001  (logged and shown)
            _log(doing, problem)
            refuse(problem)

    if document is None or document.session_context is None:
        try:
            result = work()
        except Exception as problem:  # noqa: BLE001  (logged and shown)
            _log(doing, problem)
            refuse(problem)
        else:
            finish(result)
        return under_way
    visit.work_begins()
    visit.works = (*visit.works, under_way)

    def end() -> None:
        visit.work_ends()
        visit.works = tuple(one for one in visit.works if one is not under_way)

    def done(result: T) -> None:
        end()
        finish(result)

    def failed(problem: Exception) -> None:
        end()
        refuse(problem)

    def canceled() -> None:
        end()
        if say is not None:
            say(as_html(f"{doing}: canceled"))

    def tell() -> None:
        visit.param.trigger("works")

    told = time.monotonic()

    def watch(part: float) -> None:
        nonlocal told
        if document.session_context is None:
            under_way.cancel()
        under_way.check()
        under_way.done = part
        if time.monotonic() - told > TELL:
            told = time.monotonic()
            _back(document, tell)

    def work_watched() -> T:
        under_way.check()
        with watched(watch):
            result = work()
        under_way.check()
        return result

    _submit(document, doing, work_watched, done, failed, canceled, _workers)
    return under_way


def drawing(
    visit: Visit,
    doing: str,
    work: Callable[[], T],
    then: Callable[[T], None],
    failed: Callable[[], None] = lambda: None,
) -> None:
    """Do in a thread what takes a part of a second: the visit is busy, but cannot cancel it.

    Parameters
    ----------
    visit, doing, work, then
        As of `in_background`.
    failed : callable
        Is called where nothing came of it.
    """
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        then(work())
        return
    finish = guarded(doing)(then)
    visit.work_begins()

    def done(result: T) -> None:
        finish(result)
        visit.work_ends()

    def refuse(problem: Exception) -> None:
        notify(f"{doing} failed: {problem}")
        failed()
        visit.work_ends()

    _submit(document, doing, work, done, refuse, visit.work_ends, _drawers)


def quietly(doing: str, work: Callable[[], T], then: Callable[[T], None]) -> None:
    """Do work in a thread that no visitor waits for: as `in_background`, but none is told of it."""
    document = pn.state.curdoc
    finish = guarded(doing)(then)
    if document is None or document.session_context is None:
        finish(work())
        return

    def failed(problem: Exception) -> None:
        notify(f"{doing} failed: {problem}")

    _submit(document, doing, work, finish, failed, lambda: None, _workers)


def _back(document: Document, report: Callable[[], None]) -> None:
    """Report on the page's own thread; the visitor may have gone."""
    if document.session_context is not None:
        document.add_next_tick_callback(report)


def _submit(
    document: Document,
    doing: str,
    work: Callable[[], T],
    done: Callable[[T], None],
    failed: Callable[[Exception], None],
    canceled: Callable[[], None],
    workers: ThreadPoolExecutor,
) -> None:
    def run() -> None:
        try:
            result = work()
        except Canceled:
            log.info("%s: canceled", doing)
            _back(document, canceled)
        except Exception as error:  # noqa: BLE001  (logged and shown)
            _log(doing, error)
            _back(document, partial(failed, error))
        else:
            _back(document, partial(done, result))

    workers.submit(run)
