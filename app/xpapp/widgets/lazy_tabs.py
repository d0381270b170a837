"""Tabs whose costly views live only while they are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import panel as pn
import panel_material_ui as pmui
from param.parameterized import Watcher

from xpapp.runtime.callbacks import guarded
from xpapp.runtime.watchers import stop

# A tab that is left sooner is not filled [ms]: a browser that is sent a table for a place that is
# gone when it comes cannot lay it out, and no other one after it.
REST = 150


class Seen(Protocol):
    """A view that follows the visit."""

    @property
    def panel(self) -> pn.viewable.Viewable:
        """What is shown of it."""
        ...

    @property
    def watchers(self) -> Iterable[Watcher]:
        """What it follows the visit by."""
        ...


class LazyTabs:
    """A tab for each view.

    Parameters
    ----------
    made : mapping of str to Viewable
        Titles, and what is always there.
    making : mapping of str to callable
        Titles, and what makes the view when its tab is opened. It stops following the visit
        when the tab is left, so that nothing is computed that nobody sees.
    look
        Options of the tabs.
    """

    def __init__(
        self,
        made: Mapping[str, pn.viewable.Viewable],
        making: Mapping[str, Callable[[], Seen]],
        **look: Any,
    ) -> None:
        self._view: Seen | None = None
        self._n_changes = 0
        self._titles = [*made, *making]
        self._making = list(making.values())
        self._first = len(made)
        mode = look["sizing_mode"]
        self._places = [
            pn.Column(
                margin=0, sizing_mode=mode, scroll="y-auto" if mode == "stretch_both" else False
            )
            for _ in making
        ]
        tabs = [*made.items(), *zip(making, self._places, strict=True)]
        self.panel = pmui.Tabs(*tabs, margin=0, **look)
        self.panel.param.watch(self._on_tab, "active")
        self._open()

    def show(self, title: str) -> None:
        """Open a tab."""
        self.panel.active = self._titles.index(title)

    def _on_tab(self, event: object) -> None:
        if self._view is not None:
            stop(self._view.watchers)
            self._view = None
        document = pn.state.curdoc
        if document is None or document.session_context is None:
            self._open()
            return
        self._n_changes += 1
        document.add_timeout_callback(partial(self._rested, self._n_changes), REST)

    @guarded("Opening the tab")
    def _rested(self, n_changes: int) -> None:
        if n_changes == self._n_changes:
            self._open()

    def _open(self) -> None:
        index = self.panel.active - self._first
        for i, place in enumerate(self._places):
            if i != index:
                place.clear()
        if index >= 0:
            self._view = self._making[index]()
            self._places[index].objects = [self._view.panel]
