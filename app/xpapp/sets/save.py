"""Exports of the active set, and the visit as a link and a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import panel_material_ui as pmui

from xpapp.browser.sender import Sender
from xpapp.browser.window import Bridge
from xpapp.runtime.callbacks import guarded, notify
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpapp.state.visit_file import FORMAT, MAX_BYTES, read_state, state_of
from xpapp.widgets.material import TEXT, WIDE, column, heading, row
from xpapp.widgets.text_line import status_line
from xpmodel import InputError, make_recipe
from xpmodel.catalog.ids import adql_ids
from xpmodel.export.formats import FORMATS
from xpmodel.export.stars import write_stars
from xpmodel.selection.star_sources import Probable


class SaveControls:
    """Buttons of the exports: each offers a file that the browser then fetches."""

    def __init__(self, visit: Visit, bridge: Bridge) -> None:
        self._visit = visit
        self._sender = Sender(visit, bridge, self._say)
        titles = {form.title: ending for ending, form in FORMATS.items()}
        self.kind = pmui.Select(label="Format", options=titles, value=".csv", **WIDE)
        self.coefficients = pmui.Checkbox(label="with coefficients and errors", margin=(0, 8))
        labels: dict[str, Callable[[object], None]] = {
            "Stars": self._stars,
            "Recipe": self._recipe,
            "ADQL": self._adql,
            "Save this visit": self._visit_file,
        }
        self.buttons = {
            label: pmui.Button(label=label, on_click=work, **TEXT, **WIDE)
            for label, work in labels.items()
        }
        self.file = pmui.FileInput(
            label="Open a visit", accept=".json", max_file_size=MAX_BYTES, **WIDE
        )
        b = self.buttons
        self.said = status_line("")
        self.panel = column(
            heading("The active set"),
            self.kind,
            self.coefficients,
            b["Stars"],
            row(b["Recipe"], b["ADQL"]),
            self.said,
            heading("This visit"),
            status_line(
                "The address in your browser holds maps, colors, filter, sets and z: copy it, or "
                "save them as a file."
            ),
            b["Save this visit"],
            self.file,
        )
        self.file.param.watch(self._on_file, "value")
        self.watchers = [visit.param.watch(self._follow, ["sets", "active_set"])]
        self._follow()

    def _say(self, text: str) -> None:
        self.said.object = text

    @guarded("Counting")
    def _follow(self, *events: object) -> None:
        current = self._visit.current
        for label in ("Stars", "Recipe", "ADQL"):
            self.buttons[label].disabled = not current.steps

    def _file(self, ending: str) -> str:
        name = re.sub(r"[^\w-]+", "_", self._visit.active_set).strip("_")
        return f"{name or 'set'}{ending}"

    def _text(self, filename: str, mime: str, text: Callable[[], str]) -> None:
        """Offer a text, which is made when the browser fetches it, in a thread."""
        self._sender.send(filename, mime, lambda path: path.write_text(text(), encoding="utf-8"))

    @guarded("Exporting the stars")
    def _stars(self, event: object) -> None:
        catalog, current, ending = self._visit.catalog, self._visit.current, self.kind.value
        coefficients = self.coefficients.value
        # A set by probability has each star's in a column.
        probable = [s.source for s in current.steps if isinstance(s.source, Probable)]

        def write(path: Path) -> None:
            extra = {"p_inside": probable[-1].probability(catalog)} if probable else None
            mask = current.mask(catalog)
            write_stars(catalog, mask, path, coefficients=coefficients, extra=extra)

        self._sender.send(
            self._file(ending),
            FORMATS[ending].mime,
            write,
            held=len(catalog) // 8,  # the set's stars, one bit each
        )

    @guarded("Exporting the recipe")
    def _recipe(self, event: object) -> None:
        current, catalog = self._visit.current, self._visit.catalog
        self._text(
            self._file(".json"),
            "application/json",
            lambda: make_recipe(current.steps, catalog, current.n_members),
        )

    @guarded("Exporting the ADQL")
    def _adql(self, event: object) -> None:
        current, catalog = self._visit.current, self._visit.catalog
        self._text(
            self._file(".adql"), "text/plain", lambda: adql_ids(catalog, current.mask(catalog))
        )

    @guarded("Saving the visit")
    def _visit_file(self, event: object) -> None:
        visit = self._visit

        def text() -> str:
            made = json.dumps(state_of(visit), indent=1)
            if len(made) > MAX_BYTES:  # what cannot be opened is not saved
                limit = MAX_BYTES >> 20
                raise InputError(
                    f"the visit takes {len(made) >> 20} MB, and a file of one at most {limit} MB: "
                    "delete a set of many ids, or save its stars by themselves"
                )
            return made

        self._text("visit.json", "application/json", text)

    @guarded("Opening the visit")
    def _on_file(self, event: object) -> None:
        if not self.file.value:
            return
        name = self.file.filename or "the file"
        given = self.file.value

        def read() -> Callable[[], tuple[str, ...]]:
            try:
                content = json.loads(given)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{name}: not JSON ({error})") from None
            if not isinstance(content, dict) or content.get("format") != FORMAT:
                raise InputError(f"{name}: not a visit that was saved here")
            return read_state(self._visit, content, name)

        def then(bring_back: Callable[[], tuple[str, ...]]) -> None:
            left_out = bring_back()
            if left_out:
                notify(f"Of {name} was left out: {'; '.join(left_out)}")

        in_background(self._visit, "Opening the visit", read, then)
