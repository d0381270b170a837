"""The stars of a set as a table, a page at a time, with links to the archives."""

from __future__ import annotations

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.models import HTMLTemplateFormatter, TableColumn

from xpapp.runtime.callbacks import guarded
from xpapp.runtime.inputs import Inputs
from xpapp.runtime.names import as_html
from xpapp.sets.chosen_set import ChosenSet
from xpapp.state.background import drawing
from xpapp.state.visit import Visit
from xpapp.widgets.material import WIDE, column_choices, row
from xpapp.widgets.small_table import SmallTable
from xpapp.widgets.text_line import status_line
from xpmodel import Catalog
from xpmodel.catalog.ids import star_links
from xpmodel.columns import parameters

PAGE = 15
# What is listed of a star beside the parameters of its atmosphere.
OTHERS = ("phot_g_mean_mag", "bp_rp", "chi2")
ALL = "all stars shown"
LINK = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'


class StarsView:
    """The table of a set's stars, sorted and paged by the server: the browser has one page."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inputs = Inputs()
        catalog = visit.catalog
        self._rows = np.empty(0, dtype=np.int64)
        self._page = 0
        self._chosen = ChosenSet()
        self._listed: np.ndarray | None = None
        self._sorted_by = "source_id"
        self._wanted = 0
        first = (*parameters(), *OTHERS)
        self._columns = [n for n in first if n in catalog.numeric] or catalog.latents
        by = {"source_id": "source_id"} | column_choices(catalog)
        self.which = pmui.Select(label="Stars of", **WIDE)
        self.by = pmui.Select(label="Sorted by", options=by, value="source_id", **WIDE)
        self.falling = pmui.Checkbox(label="largest first", margin=(10, 8))
        self.said = status_line()
        self._table = SmallTable(
            "stars_source", PAGE, guarded("Going to the star")(self._visit_star)
        )
        small = {"size": "small", "variant": "text", "margin": (0, 4)}
        self.back = pmui.Button(label="◀ Page before", on_click=self._back, **small)
        self.on = pmui.Button(label="Next page ▶", on_click=self._on, **small)
        self.panel = pn.Column(
            row(self.which, self.by, self.falling),
            row(self.back, self.said, self.on),
            self._table.pane,
            status_line("Click a row to see the star's spectrum."),
            sizing_mode="stretch_width",
        )
        self._inputs.watch(self._on_choice, self.which, self.by, self.falling)
        self.watchers = [visit.param.watch(self._follow, ["sets", "active_set", "shown"])]
        self._follow()

    @guarded("Listing the stars")
    def _follow(self, *events: object) -> None:
        visit = self._visit
        names = [s.name for s in visit.sets]
        own = visit.active_set if visit.current.steps else ALL
        with self._inputs.quiet():
            value = self._chosen.follow(visit, own, self.which.value)
            self.which.param.update(options=[*names, ALL], value=value)
        mask = self._mask()
        # A set that only has another name or color leaves the page that is looked at.
        if self._listed is None or not np.array_equal(mask, self._listed):
            self._sort(mask)

    @guarded("Sorting the stars")
    def _on_choice(self, event: object) -> None:
        self._sort(self._mask())

    def _mask(self) -> np.ndarray:
        visit, catalog = self._visit, self._visit.catalog
        if self.which.value != ALL:
            return visit.star_set(self.which.value).mask(catalog)
        return np.ones(len(catalog), dtype=bool) if visit.shown is None else visit.shown

    def _sort(self, mask: np.ndarray) -> None:
        self._listed = mask
        self._wanted += 1
        wanted, by, falling = self._wanted, self.by.value, self.falling.value
        catalog = self._visit.catalog

        def then(rows: np.ndarray) -> None:
            if wanted == self._wanted:
                self._rows, self._page, self._sorted_by = rows, 0, by
                self._show()

        def failed() -> None:
            if wanted == self._wanted:
                self._listed = None  # so that it can be asked for again
                self.said.object = "The stars could not be sorted."

        self.said.object = "Sorting …"
        self.back.disabled = self.on.disabled = True
        drawing(
            self._visit,
            "Sorting the stars",
            lambda: _sorted_rows(catalog, mask, by, falling),
            then,
            failed,
        )

    @guarded("Turning the page")
    def _back(self, event: object) -> None:
        self._page -= 1
        self._show()

    @guarded("Turning the page")
    def _on(self, event: object) -> None:
        self._page += 1
        self._show()

    def _show(self) -> None:
        catalog, n = self._visit.catalog, len(self._rows)
        pages = max(1, -(-n // PAGE))
        self._page = min(max(self._page, 0), pages - 1)
        start = self._page * PAGE
        here = self._rows[start : start + PAGE]
        names = list(self._columns)
        if self._sorted_by not in ("source_id", *names):
            names.insert(0, self._sorted_by)
        data: dict[str, list[str]] = {
            "source_id": [str(i) for i in catalog.source_id[here]],
            "links": [self._links(int(r)) for r in here],
        }
        for name in names:
            data[name] = [f"{v:.5g}" if np.isfinite(v) else "–" for v in catalog[name][here]]
        self._table.show(data, self._table_columns(list(data)), here.tolist(), full=True)
        first = start + 1 if n else 0
        self.said.object = f"{first:,} to {start + len(here):,} of {n:,} stars"
        self.back.disabled, self.on.disabled = self._page == 0, self._page == pages - 1

    @staticmethod
    def _table_columns(names: list[str]) -> list[TableColumn]:
        look = {"width": 80, "sortable": False}
        html_cell = HTMLTemplateFormatter(template="<%= value %>")
        first = {
            "source_id": TableColumn(field="source_id", title="source_id", **look | {"width": 130}),
            "links": TableColumn(
                field="links", title="look up", formatter=html_cell, **look | {"width": 165}
            ),
        }
        return [first.get(n) or TableColumn(field=n, title=n, **look) for n in names]

    def _links(self, index: int) -> str:
        catalog = self._visit.catalog
        where = [
            float(catalog[name][index]) if name in catalog.numeric else float("nan")
            for name in ("ra", "dec")
        ]
        links = star_links(int(catalog.source_id[index]), *where)
        made = [LINK.format(as_html(url), as_html(name)) for name, url in links.items()]
        return " ".join(made) or "a mock star"

    def _visit_star(self, row: int) -> None:
        self._visit.cursor.visit_star(row)


def _sorted_rows(catalog: Catalog, mask: np.ndarray, by: str, falling: bool) -> np.ndarray:
    """Rows of the stars of a mask, in a column's order; those without a value come last."""
    rows = np.flatnonzero(mask)
    values = catalog[by][rows]
    order = np.argsort(values, kind="stable")
    if falling:
        order = order[::-1]
        n_missing = int(np.count_nonzero(np.isnan(values))) if values.dtype.kind == "f" else 0
        order = np.concatenate([order[n_missing:], order[:n_missing]])
    return rows[order]
