"""Widgets that the visitor changes, and that their view sets to what the visit says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from param import Parameterized
from param.parameterized import Event


class Inputs:
    """Calls back when the visitor changes a widget, not when its own view does.

    A view that follows the visit sets one widget after the other; a callback in between would
    take the new values of some with the old ones of others for what the visitor wants.
    """

    def __init__(self) -> None:
        self._quiet = False

    def watch(self, callback: Callable[[Event], None], *widgets: Parameterized) -> None:
        """Call back when the visitor changes the value of one of the widgets."""

        def on_value(event: Event) -> None:
            if not self._quiet:
                callback(event)

        for widget in widgets:
            widget.param.watch(on_value, "value")

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """While this lasts, the view itself sets the widgets."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before
