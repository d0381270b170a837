"""Tracks and dividing lines over a map: drawn, told under the pointer, clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FreehandDrawTool, MultiLine, Scatter, Segment
from bokeh.plotting import figure as Figure

from xpapp.maps.raster import View
from xpapp.maps.turned_layers import line_in_view, points_in_view
from xpapp.runtime.callbacks import guarded
from xpapp.state.axis_span import axis_span
from xpapp.state.map_state import MapState
from xpapp.state.track_names import LINES
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpapp.widgets.glyphs import Data, add_glyphs, empty
from xpmodel.columns import number, parameters, symbol
from xpmodel.selection.regions import to_scale
from xpmodel.tracks.measured import Track
from xpmodel.tracks.own import line_track

# Bins along a line drawn by hand, and their half widths in parts of the columns' spans.
HAND_POINTS, HAND_WIDTH = 12, 0.03
NO_POINTS: Data = {"x": [], "y": [], "color": [], "fill": []}
NO_LINES: Data = {"xs": [], "ys": [], "color": [], "dash": []}
NO_BARS: Data = {"x0": [], "y0": [], "x1": [], "y1": [], "color": []}


@dataclass(frozen=True)
class TrackPoint:
    """One point of a track."""

    track: Track
    index: int

    @property
    def title(self) -> str:
        """Track and number of the bin, from 1."""
        return f"{self.track.definition.title}, bin {self.index + 1}"


class TrackLayer:
    """Draws what is switched on wherever a map shows its columns.

    Parameters
    ----------
    figure : bokeh figure
    visit : Visit
    key : str
        Of the map.
    """

    def __init__(self, figure: Figure, visit: Visit, key: str) -> None:
        self._visit, self._key = visit, key
        self._lines = ColumnDataSource(NO_LINES, name=f"{key}_track_lines")
        self._bars = ColumnDataSource(NO_BARS, name=f"{key}_track_bars")
        self._points = ColumnDataSource(NO_POINTS, name=f"{key}_track_points")
        lines = MultiLine(xs="xs", ys="ys", line_color="color", line_dash="dash", line_width=2)
        bars = Segment(x0="x0", y0="y0", x1="x1", y1="y1", line_color="color", line_alpha=0.7)
        points = Scatter(
            x="x", y="y", size=8, line_color="color", fill_color="fill", line_width=1.5
        )
        add_glyphs(figure, (self._lines, lines), (self._bars, bars), (self._points, points))
        self._hand = ColumnDataSource({"xs": [], "ys": []}, name=f"{key}_hand")
        hand = MultiLine(xs="xs", ys="ys", line_color=measured.OWN_COLOR, line_dash="dashed")
        add_glyphs(figure, (self._hand, hand))
        figure.add_tools(FreehandDrawTool(renderers=[figure.renderers[-1]], num_objects=1))
        self._hand.on_change("data", self._on_hand)
        self._drawn: list[tuple[TrackPoint, float, float]] = []
        self._titles: list[tuple[np.ndarray, np.ndarray, str]] = []
        self._view: View | None = None
        self.watchers = [visit.param.watch(self._on_tracks, ["tracks", "own_tracks"])]
        self.draw()

    @guarded("Drawing the tracks")
    def _on_tracks(self, *events: object) -> None:
        self.draw()

    @guarded("Making a track of the line")
    def _on_hand(self, attr: str, old: object, new: dict[str, Any]) -> None:
        """A line drawn by hand becomes a track of bins along it."""
        visit, state = self._visit, self._visit.map_state(self._key)
        if state is None or not len(new["xs"]) or len(new["xs"][-1]) < 2:
            return
        columns = state.columns
        vertices = np.column_stack([new["xs"][-1], new["ys"][-1]])
        self._hand.data = {"xs": [], "ys": []}
        spans = [np.ptp(axis_span(visit.catalog, name)) for name in columns]
        widths = tuple(HAND_WIDTH * span for span in spans)
        name = f"line {len(visit.own_tracks) + 1}"
        definition = line_track(name, columns, vertices, widths, HAND_POINTS)
        measured.own_track(visit.catalog, definition)
        visit.own_tracks = (*visit.own_tracks, definition)

    def look(self, view: View) -> None:
        """Follow the part of the plane that the map shows."""
        self._view, state = view, self._visit.map_state(self._key)
        if state is not None and any(state.periods):
            self.draw()

    def draw(self) -> None:
        """Draw what the visit has switched on."""
        visit, state = self._visit, self._visit.map_state(self._key)
        if state is None:
            return
        lines, bars, points = (empty(data) for data in (NO_LINES, NO_BARS, NO_POINTS))
        self._drawn, self._titles = [], []
        for track, color in self._tracks():
            if set(state.columns) <= set(track.mean):
                self._add(track, color, state, lines, bars, points)
        for name in visit.tracks:
            for line in measured.lines(visit.catalog, name, state.columns) if name in LINES else []:
                lines["xs"].append(line.x.tolist())
                lines["ys"].append(line.y.tolist())
                lines["color"].append("#8c8c8c")
                lines["dash"].append("solid" if line.exact else "dotted")
                x, y = (to_scale(v, s) for v, s in zip((line.x, line.y), state.scales, strict=True))
                self._titles.append((x, y, line.title))
        self._lines.data, self._bars.data, self._points.data = lines, bars, points

    def _tracks(self) -> list[tuple[Track, str]]:
        """What is switched on, with colors."""
        visit = self._visit
        found = [
            (track, measured.COLORS[name])
            for name in visit.tracks
            if name in measured.COLORS
            for track in measured.tracks(visit.catalog, name)
        ]
        own = [measured.own_track(visit.catalog, d) for d in visit.own_tracks]
        return found + [(track, measured.OWN_COLOR) for track in own]

    def _add(
        self,
        track: Track,
        color: str,
        state: MapState,
        lines: Data,
        bars: Data,
        points: Data,
    ) -> None:
        (x, y), (dx, dy) = ([part[c] for c in state.columns] for part in (track.mean, track.std))
        x, y = points_in_view(x, y, state.periods, self._view)
        along = line_in_view(x, y, state.periods)
        lines["xs"].append(along[0].tolist())
        lines["ys"].append(along[1].tolist())
        lines["color"].append(color)
        lines["dash"].append("solid")
        for i in np.flatnonzero(np.isfinite(x) & np.isfinite(y)):
            points["x"].append(float(x[i]))
            points["y"].append(float(y[i]))
            points["color"].append(color)
            # A thin bin's point is hollow.
            points["fill"].append("#00000000" if track.thin[i] else color)
            for cx, cy in ((dx[i], 0.0), (0.0, dy[i])):
                ends = (x[i] - cx, y[i] - cy, x[i] + cx, y[i] + cy)
                for name, value in zip(("x0", "y0", "x1", "y1"), ends, strict=True):
                    bars[name].append(float(value))
                bars["color"].append(color)
            self._drawn.append((TrackPoint(track, int(i)), float(x[i]), float(y[i])))

    def near(self, at: tuple[float, float], view: View, reach: float) -> TrackPoint | None:
        """The point nearest to a place (in the axes' scales), if it is within reach [pixels]."""
        state = self._visit.map_state(self._key)
        if state is None or not self._drawn:
            return None
        x, y = (
            to_scale(np.array([d[i] for d in self._drawn]), s)
            for i, s in zip((1, 2), state.scales, strict=True)
        )
        nearest = view.nearest(x, y, at, reach)
        return None if nearest is None else self._drawn[nearest][0]

    def describe(self, at: tuple[float, float], view: View, reach: float) -> str | None:
        """What is said of a point or a line under the pointer; None where there is none."""
        point = self.near(at, view, reach)
        if point is not None:
            return _describe(point)
        dx, dy = view.pixel
        for x, y, title in self._titles:
            a = np.stack([(x - at[0]) / dx, (y - at[1]) / dy], axis=1)
            start, run = a[:-1], np.diff(a, axis=0)
            along = np.clip(-(start * run).sum(1) / (run**2).sum(1), 0, 1)[:, None]
            if np.hypot(*(start + along * run).T).min(initial=np.inf) <= reach / 2:
                return title
        return None

    def go_to(self, at: tuple[float, float], view: View, reach: float) -> bool:
        """Move z to the point of a track at a place, if there is one."""
        point = self.near(at, view, reach)
        if point is None:
            return False
        visit = self._visit
        z = [float(point.track.mean[name][point.index]) for name in visit.catalog.latents]
        visit.track_point = point
        if np.isfinite(z).all():
            visit.cursor.go_to(z)
        return True


def _describe(point: TrackPoint) -> str:
    track, i = point.track, point.index
    thin = f" (thin: fewer than {track.thin_below})" if track.thin[i] else ""
    lines = [point.title, f"{track.n[i]:,} stars{thin}", "mean ± spread (error of the mean)"]
    for name in parameters():
        if name in track.mean and np.isfinite(track.mean[name][i]):
            mean, std, error = (part[name][i] for part in (track.mean, track.std, track.error))
            known = f" ({error:.2g})" if np.isfinite(error) else ""
            lines.append(f"{symbol(name)} {number(name, mean)} ± {number(name, std)}{known}")
    return "\n".join(lines)
