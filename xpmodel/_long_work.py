"""Long work that can be watched and given up: it passes checkpoints, and whoever watches hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_watcher: ContextVar[Callable[[float], None] | None] = ContextVar("watcher", default=None)


class Canceled(Exception):
    """The work is no longer wanted; what it made so far is dropped."""


def checkpoint(done: float) -> None:
    """Say how much of the work is done; loops over blocks call this before each.

    Parameters
    ----------
    done : float
        From 0 to 1.

    Raises
    ------
    Canceled
        When whoever watches wants it no longer.
    """
    watcher = _watcher.get()
    if watcher is not None:
        watcher(done)


@contextmanager
def stage(number: int, of: int) -> Iterator[None]:
    """One of several stages of the same length, numbered from 0: a checkpoint, as others in it."""
    outer = _watcher.get()
    if outer is None:
        yield
        return
    outer(number / of)
    with watched(lambda done: outer((number + done) / of)):
        yield


@contextmanager
def watched(by: Callable[[float], None]) -> Iterator[None]:
    """Let the work of this thread meanwhile tell a function; it may raise `Canceled`."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)
