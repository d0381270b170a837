"""Watchers of parameters: a view follows the state while it is seen."""

from __future__ import annotations

from collections.abc import Iterable

from param.parameterized import Watcher


def stop(watchers: Iterable[Watcher]) -> None:
    """Stop following what the watchers watch."""
    for watcher in watchers:
        watcher.inst.param.unwatch(watcher)
