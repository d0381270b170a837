"""Error handling of callbacks: an error is logged and shown, and the next gesture works."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias

import panel as pn

from xpmodel import InputError

log = logging.getLogger("xpapp")
Given = ParamSpec("Given")

OnChange: TypeAlias = Callable[[str, Any, Any], None]
"""What Bokeh calls when a property changes: with its name, its old value and its new one."""


def guarded(doing: str) -> Callable[[Callable[Given, None]], Callable[Given, None]]:
    """Wrap a callback of the page: what it raises is logged and shown as a notification.

    Parameters
    ----------
    doing : str
        What the callback does, in the words of the message: "Drawing the map".
    """

    def decorate(callback: Callable[Given, None]) -> Callable[Given, None]:
        @functools.wraps(callback)
        def safely(*args: Given.args, **kwargs: Given.kwargs) -> None:
            try:
                # Panel calls back without the document's lock when changes are under way; so held,
                # ours go out without it too, and as one message.
                with pn.io.unlocked():
                    callback(*args, **kwargs)
            except Exception as error:
                if isinstance(error, InputError):
                    log.warning("%s: %s", doing, error)
                else:
                    log.exception("%s failed", doing)
                notify(f"{doing} failed: {error}")

        return safely

    return decorate


def notify(message: str) -> None:
    """Show an error to the visitor, where there is one."""
    if pn.state.notifications is not None:
        pn.state.notifications.error(message, duration=10_000)
