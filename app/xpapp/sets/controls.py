"""Controls of sets: what the next outline does, undo and redo, the list of sets, their algebra."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import panel_material_ui as pmui

from xpapp.runtime.callbacks import guarded, notify
from xpapp.runtime.inputs import Inputs
from xpapp.runtime.names import as_html
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpapp.widgets.material import TEXT, WIDE, column, heading, row
from xpapp.widgets.text_line import status_line
from xpmodel import Region
from xpmodel.catalog.ids import MAX_TEXT, find_ids, parse_ids
from xpmodel.selection.region_probability import stand_ins
from xpmodel.selection.star_sets import ALGEBRA, StarSet
from xpmodel.selection.star_sources import Ids, Outliers, Probable, TrackBin

# Four words side by side.
SMALL = {"& .MuiToggleButton-root": {"padding": "4px 5px", "fontSize": "0.68rem"}}
MODES = {"Replace": "replace", "Add": "add", "Subtract": "subtract", "Intersect": "intersect"}


class GestureControls:
    """What the next outline does to the active set, and the way back."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.counts = status_line()
        self.mode = pmui.RadioButtonGroup.from_param(
            visit.param.operation, label="Next outline", options=MODES, sx=SMALL, **WIDE
        )
        self.undo = pmui.Button(label="Undo", on_click=self._undo, **WIDE)
        self.redo = pmui.Button(label="Redo", on_click=self._redo, **WIDE)
        self.clear = pmui.Button(label="Clear", on_click=self._clear, **WIDE)
        self.works = status_line("")
        self.cancel = pmui.Button(label="Cancel", on_click=self._cancel, **TEXT, **WIDE)
        self.under_way = row(self.works, self.cancel)
        self.under_way.visible = False
        self.panel = column(
            self.counts, self.mode, row(self.undo, self.redo, self.clear), self.under_way
        )
        visit.param.watch(self._follow, ["sets", "active_set", "filter", "shown"])
        visit.param.watch(self._tell, ["works"])
        self._follow()

    @guarded("Counting")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        current = visit.current
        self.undo.disabled, self.redo.disabled = not visit.can_undo, not visit.can_redo
        self.clear.disabled = not current.steps
        n = len(visit.catalog)
        text = f"<b>{visit.n_shown:,}</b> shown of {n:,}"
        if current.steps:
            text += (
                f"<br><span style='color:{as_html(current.color)}'>■</span> "
                f"{as_html(current.name)}: "
                f"<b>{current.n_members:,} of {n:,} selected</b>"
            )
            if visit.shown is not None:
                here = int(np.count_nonzero(current.mask(visit.catalog) & visit.shown))
                text += f", {here:,} of them shown"
        else:
            text += "<br>Draw with the lasso or the box"
        self.counts.object = text

    @guarded("Telling of the work")
    def _tell(self, *events: object) -> None:
        """What is done in the background, and how far it is."""
        lines = [
            f"{as_html(work.doing)}{f': {work.done:.0%}' if work.done else ''} …"
            for work in self._visit.works
        ]
        self.works.object = "<br>".join(lines)
        self.under_way.visible = bool(lines)

    @guarded("Canceling")
    def _cancel(self, event: object) -> None:
        for work in self._visit.works:
            work.cancel()

    @guarded("Undoing")
    def _undo(self, event: object) -> None:
        self._visit.undo()

    @guarded("Doing again")
    def _redo(self, event: object) -> None:
        self._visit.redo()

    @guarded("Clearing the set")
    def _clear(self, event: object) -> None:
        self._visit.clear()


class SetControls:
    """The sets: choose, name, color, hide, delete, combine, make from ids, filter or a bin."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inputs = Inputs()
        self.rows = column()
        self._rows: list[_SetRow] = []
        self.name = pmui.TextInput(label="Name", **WIDE)
        self.color = pmui.ColorPicker(label="Color", **WIDE)
        self.a = pmui.Select(label="Set", **WIDE)
        self.how = pmui.Select(label="Operation", options=list(ALGEBRA), **WIDE)
        self.b = pmui.Select(label="and set", **WIDE)
        self.least = pmui.FloatInput(
            label="least probability", value=0.5, start=0.001, end=1.0, step=0.05, **WIDE
        )
        self.n_outliers = pmui.IntInput(
            label="oddest stars", value=100, start=1, end=len(visit.catalog), **WIDE
        )
        self.ids = pmui.TextAreaInput(
            label="source_id, pasted", rows=3, max_length=MAX_TEXT, **WIDE
        )
        self.file = pmui.FileInput(label="or a file of them", max_file_size=MAX_TEXT, **WIDE)
        self.said = status_line("")
        self.unused = pmui.TextAreaInput(
            label="Not found, and no ids", rows=4, visible=False, **WIDE
        )
        buttons = {
            "Combine": self._combine,
            "Complement of the first": self._complement,
            "New empty set": self._new,
            "Set of all stars shown": self._from_filter,
            "Set of the track's bin": self._from_bin,
            "Set of these ids": self._from_ids,
            "Set by probability": self._from_probability,
            "Set of outliers": self._from_outliers,
        }
        self.buttons = {
            label: pmui.Button(label=label, on_click=work, **TEXT, **WIDE)
            for label, work in buttons.items()
        }
        b = self.buttons
        self.panel = column(
            self.rows,
            b["New empty set"],
            row(self.name, self.color),
            heading("A set of two"),
            row(self.a, self.how, self.b),
            row(b["Combine"], b["Complement of the first"]),
            heading("A set of"),
            row(b["Set of all stars shown"], b["Set of the track's bin"]),
            row(self.least, b["Set by probability"]),
            row(self.n_outliers, b["Set of outliers"]),
            self.ids,
            self.file,
            b["Set of these ids"],
            self.said,
            self.unused,
        )
        self._inputs.watch(self._on_name, self.name)
        self._inputs.watch(self._on_color, self.color)
        self.watchers = [visit.param.watch(self._follow, ["sets", "active_set", "track_point"])]
        self._follow()

    @guarded("Listing the sets")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        names = [s.name for s in visit.sets]
        with self._inputs.quiet():
            # Rows change in place, so that a click on one is not lost to another's coming.
            while len(self._rows) > len(names):
                self._rows.pop()
            while len(self._rows) < len(names):
                self._rows.append(_SetRow(visit, len(self._rows)))
            for one in self._rows:
                one.follow()
            if len(self.rows) != len(names):
                self.rows.objects = [one.panel for one in self._rows]
            self.name.value, self.color.value = visit.current.name, visit.current.color
            for select, default in ((self.a, names[0]), (self.b, names[-1])):
                select.options = names
                if select.value not in names or self.a.value == self.b.value:
                    select.value = default
            self.buttons["Combine"].disabled = len(names) < 2
            self.buttons["Set by probability"].disabled = self._last_region() is None
            self.buttons["Set of the track's bin"].disabled = visit.track_point is None

    @guarded("Naming the set")
    def _on_name(self, *events: object) -> None:
        visit = self._visit
        try:
            visit.change_set(visit.active_set, name=self.name.value)
        finally:
            with self._inputs.quiet():
                self.name.value = visit.active_set

    @guarded("Coloring the set")
    def _on_color(self, *events: object) -> None:
        self._visit.change_set(self._visit.active_set, color=self.color.value)

    @guarded("Combining the sets")
    def _combine(self, event: object) -> None:
        self._visit.combine(self.a.value, self.how.value, self.b.value)

    @guarded("Making the complement")
    def _complement(self, event: object) -> None:
        self._visit.complement(self.a.value)

    @guarded("Making a set")
    def _new(self, event: object) -> None:
        self._visit.new_set()

    @guarded("Making a set of the stars shown")
    def _from_filter(self, event: object) -> None:
        self._visit.set_of_shown()

    @guarded("Making a set of the bin")
    def _from_bin(self, event: object) -> None:
        point = self._visit.track_point
        bin_ = point.track.definition.bins[point.index]
        self._visit.new_set(TrackBin(point.title, bin_), name=point.title)

    def _last_region(self) -> Region | None:
        steps = self._visit.current.steps
        return next((s.source for s in steps[::-1] if isinstance(s.source, Region)), None)

    @guarded("Making a set by probability")
    def _from_probability(self, event: object) -> None:
        """Stars that lie in the active set's last outline with some probability."""
        region, least = self._last_region(), self.least.value
        if region is None:  # the button is disabled
            return
        if least is None:
            notify("Give the least probability of the stars that shall be in the set")
            return
        visit = self._visit
        source = Probable.by_errors_of(visit.catalog, region, least)
        if widths := stand_ins(source.errors):
            notify(
                "This catalog was made before latents had a noise: the widths of their posteriors "
                f"({', '.join(widths)}) stand in for it, which are no errors; encode again"
            )
        name = f"{visit.active_set}, p ≥ {least:g}"
        in_background(
            visit,
            "Making a set by probability",
            lambda: source.mask(visit.catalog),
            lambda mask: visit.new_set(source, name, mask),
        )

    @guarded("Making a set of outliers")
    def _from_outliers(self, event: object) -> None:
        visit, source = self._visit, Outliers(self.n_outliers.value or 0)

        def then(mask: np.ndarray) -> None:
            visit.new_set(source, f"{mask.sum()} outliers", mask)

        # The scores of half a million stars take seconds; they are then kept.
        in_background(visit, "Scoring the stars", lambda: source.mask(visit.catalog), then)

    @guarded("Finding the ids")
    def _from_ids(self, event: object) -> None:
        text, file, catalog = self.ids.value or "", self.file.value, self._visit.catalog

        def find() -> _FoundIds:
            given = text if not file else f"{text}\n{file.decode('utf-8', 'replace')}"
            ids, bad = parse_ids(given)
            mask, missing = find_ids(catalog, ids)
            return _FoundIds(Ids(tuple(ids.tolist())), mask, [*map(str, missing), *bad], len(bad))

        in_background(self._visit, "Finding the ids", find, self._take_ids)

    def _take_ids(self, found: _FoundIds) -> None:
        if not found.ids.source_id and not found.unused:
            notify("There are no ids: paste some, or choose a file")
            return
        n, n_found = len(found.ids.source_id), int(found.mask.sum())
        self.said.object = (
            f"{n_found:,} of {n:,} ids are in the catalog; {len(found.unused) - found.n_bad:,} are "
            f"not, and {found.n_bad:,} entries are no ids."
        )
        self.unused.param.update(value="\n".join(found.unused), visible=bool(found.unused))
        if n_found:
            self._visit.new_set(found.ids, "ids", found.mask)


class _FoundIds(NamedTuple):
    """Pasted ids: the stars that have them, and what is of no star or no id."""

    ids: Ids
    mask: np.ndarray
    unused: list[str]
    n_bad: int


class _SetRow:
    """One set of the list: its color, name and number of stars; choose, hide, delete."""

    def __init__(self, visit: Visit, index: int) -> None:
        self._visit, self._index = visit, index
        small = {"size": "small", "margin": (2, 2), "variant": "text"}
        self._title = pmui.Button(
            on_click=self._choose, size="small", sizing_mode="stretch_width", margin=(2, 4)
        )
        self._seen = pmui.Button(on_click=self._hide, **small)
        delete = pmui.Button(label="✕", on_click=self._delete, description="Delete", **small)
        self.panel = row(self._title, self._seen, delete)

    def follow(self) -> None:
        """Show the set as it is now."""
        star_set = self._star_set
        active = star_set.name == self._visit.active_set
        self._title.param.update(
            label=f"{star_set.name} · {star_set.n_members:,}",
            variant="outlined" if active else "text",
            styles={"border-left": f"8px solid {star_set.color}"},
        )
        self._seen.label = "Hide" if star_set.visible else "Show"

    @property
    def _star_set(self) -> StarSet:
        return self._visit.sets[self._index]

    @guarded("Choosing the set")
    def _choose(self, event: object) -> None:
        self._visit.active_set = self._star_set.name

    @guarded("Hiding the set")
    def _hide(self, event: object) -> None:
        self._visit.change_set(self._star_set.name, visible=not self._star_set.visible)

    @guarded("Deleting the set")
    def _delete(self, event: object) -> None:
        self._visit.delete_set(self._star_set.name)
