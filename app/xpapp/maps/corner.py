"""All pairs of latents and their histograms at once; a click on a pair opens it as a map."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, FixedTicker, LinearColorMapper, Range1d
from bokeh.plotting import figure

from xpapp.colors import BASE_LEVELS, CLEAR, NO_VALUE, image_palette
from xpapp.maps.data import MapData
from xpapp.maps.raster import View
from xpapp.runtime.callbacks import guarded
from xpapp.runtime.watchers import stop
from xpapp.state.map_state import MapState
from xpapp.state.visit import Visit
from xpapp.widgets.text_line import status_line

# Of one panel [pixels of the image], and of the gap to the next.
SIZE, GAP = 130, 6


class CornerView:
    """One image of K × K panels: below the diagonal each pair, on it each latent's histogram."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        k = self._k = len(visit.catalog.latents)
        side = k * (SIZE + GAP) - GAP
        self.figure = figure(
            name="corner",
            x_range=Range1d(0, side),
            y_range=Range1d(0, side),
            sizing_mode="stretch_both",
            min_height=300,
            tools="save",
            toolbar_location="above",
        )
        self.figure.toolbar.logo = None
        self.figure.grid.visible = False
        self.figure.outline_line_alpha = 0
        self._image = ColumnDataSource({"image": []}, name="corner_image")
        self._mapper = LinearColorMapper(low=0, high=255, palette=[CLEAR] * 256)
        self.figure.image(source=self._image, x=0, y=0, dw=side, dh=side, color_mapper=self._mapper)
        centers = [i * (SIZE + GAP) + SIZE / 2 for i in range(k)]
        names = [
            name if name in visit.catalog.active else f"{name} (inactive)"
            for name in visit.catalog.latents
        ]
        for axis, places in ((self.figure.xaxis, centers), (self.figure.yaxis, centers[::-1])):
            axis.ticker = FixedTicker(ticks=places)
            axis.major_label_overrides = dict(zip(places, names, strict=True))
            axis.axis_line_alpha = axis.major_tick_line_alpha = 0
        self.figure.yaxis.major_label_orientation = np.pi / 2
        self.figure.on_event(Tap, self._on_tap)
        self.panel = pn.Column(
            status_line(
                "Each pair of latents, and on the diagonal each one's histogram; gray: the "
                "inactive ones, which follow the prior. A click opens a pair as a map."
            ),
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_both"),
            sizing_mode="stretch_both",
        )
        self._watchers = [
            visit.param.watch(self._on_change, ["sets", "active_set", "shown", "coloring", "dark"])
        ]
        self.draw()

    def close(self) -> None:
        """Stop following the visit."""
        stop(self._watchers)

    @guarded("Drawing the corner view")
    def _on_change(self, *events: object) -> None:
        self.draw()

    def draw(self) -> None:
        """Draw all panels."""
        visit, k = self._visit, self._k
        latents, active = visit.catalog.latents, visit.catalog.active
        side = k * (SIZE + GAP) - GAP
        image = np.zeros((side, side), np.uint8)
        data = MapData(visit)
        for row, y in enumerate(latents):
            for column, x in enumerate(latents[: row + 1]):
                at = slice(column * (SIZE + GAP), column * (SIZE + GAP) + SIZE)
                # Rows of the image count from below.
                bottom = (k - 1 - row) * (SIZE + GAP)
                up = slice(bottom, bottom + SIZE)
                if row == column:
                    panel = self._histogram(x)
                else:
                    data.load(MapState("corner", x, y))
                    view = View(_padded(data, x), _padded(data, y), SIZE, SIZE)
                    repeat = data.draw(view).bin_size
                    small = data.image(view)
                    panel = np.zeros((SIZE, SIZE), np.uint8)
                    grown = small.repeat(repeat, axis=0).repeat(repeat, axis=1)
                    panel[: len(grown), : grown.shape[1]] = grown
                if not {x, y} <= set(active):
                    panel[panel > 0] = NO_VALUE
                image[up, at] = panel
        self._mapper.palette = image_palette(data.colors, data.set_colors)
        self._image.data = {"image": [image]}

    def _histogram(self, name: str) -> np.ndarray:  # (SIZE, SIZE) uint8
        visit = self._visit
        values = visit.catalog[name]
        values = values if visit.shown is None else values[visit.shown]
        data = MapData(visit)
        counts, _ = np.histogram(values, bins=SIZE, range=_padded(data, name))
        heights = np.round(counts / max(counts.max(), 1) * (SIZE - 8)).astype(int)
        filled = np.arange(SIZE)[:, None] < heights[None, :]
        return np.where(filled, BASE_LEVELS, 0).astype(np.uint8)

    @guarded("Opening a pair")
    def _on_tap(self, event: Tap) -> None:
        if event.x is None or event.y is None:
            return
        column = int(event.x // (SIZE + GAP))
        row = self._k - 1 - int(event.y // (SIZE + GAP))
        latents = self._visit.catalog.latents
        if 0 <= column < row < self._k:
            self._visit.corner = False
            self._visit.open_map(latents[column], latents[row])


def _padded(data: MapData, name: str) -> tuple[float, float]:
    low, high = data.span(name, "linear")  # which is never without width
    pad = 0.05 * (high - low)
    return (low - pad, high + pad)
