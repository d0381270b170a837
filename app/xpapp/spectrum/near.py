"""The nearest stars of z: their labels, and a meter of how near they are."""

from __future__ import annotations

import math

from xpapp.colors import ACCENT
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.coalesce import Pace
from xpapp.runtime.names import as_html
from xpapp.state.visit import Visit
from xpapp.widgets.text_line import LiveLine

# Shares of stars between which the meter's bar goes from full to empty, by its logarithm.
FULL, EMPTY = 1.0, 1e-4
GOOD = "#009e73"


class NearView:
    """The nearest stars' labels and the meter of nearness; follows z."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.line = LiveLine("0.8rem", name="near_source")
        self.panel = self.line.pane
        # Before the browser is busy with drawing the spectrum.
        looking = guarded("Looking around z")(self._look)
        self._looking = Pace(looking, visit.turn, self.line.model, eager=True)
        visit.cursor.param.watch(self._on_z, ["z", "star"])
        self._look()

    def _on_z(self, *events: object) -> None:
        self._looking.soon()

    def _look(self) -> None:
        near = self._visit.cursor.near
        labels = " · ".join(as_html(s.text) for s in near.labels.values() if s.n)
        self.line.text = (
            f"<b>{len(near.rows)} nearest stars</b>: {labels or 'no labels'}<br>"
            f"{_meter(near.nearness.share)} {as_html(near.nearness.text)}"
        )


def _meter(share: float) -> str:
    """A bar that is full where stars are as near as any, and empty where none is."""
    share = min(max(share, EMPTY), FULL)
    part = 1 - math.log(share / FULL) / math.log(EMPTY / FULL)
    color = GOOD if part > 0.5 else "#e69f00" if part > 0.25 else ACCENT
    return (
        "<span title='How near the nearest star is, among the distances of the catalog&#39;s stars "
        "to their own nearest' style='display: inline-block; width: 90px; height: 8px; "
        "border: 1px solid rgba(128, 128, 128, 0.6); border-radius: 4px; overflow: hidden'>"
        f"<span style='display: block; width: {100 * part:.0f}%; height: 100%; "
        f"background: {color}'></span></span>"
    )
