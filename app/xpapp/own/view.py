"""Stars of the visitor's own: from a file or by Gaia ids, encoded, listed, looked at."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.models import NumberFormatter, TableColumn

from xpapp.browser.sender import Sender
from xpapp.own.files import take_in_background
from xpapp.runtime.callbacks import guarded, notify
from xpapp.runtime.names import as_html
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpapp.widgets.bokeh_widgets import decimals
from xpapp.widgets.drop_zone import DropZone
from xpapp.widgets.material import TEXT, WIDE, row
from xpapp.widgets.small_table import SmallTable
from xpapp.widgets.text_line import status_line
from xpmodel.catalog.ids import MAX_TEXT, parse_ids
from xpmodel.columns import steerable, symbol
from xpmodel.export.formats import FORMATS
from xpmodel.own.gaia_archive import MAX_IDS, fetch_own
from xpmodel.own.stars import OwnStars
from xpmodel.selection.star_sources import Ids


class OwnView:
    """The table of own stars, and what is wrong with the rows that cannot be used."""

    def __init__(self, visit: Visit, sender: Callable[[Callable[[str], None]], Sender]) -> None:
        self._visit, self._cursor = visit, visit.cursor
        self._sender = sender(self._say)
        self.said = status_line()
        self.ids = pmui.TextAreaInput(
            label=f"or Gaia DR3 ids (at most {MAX_IDS})", rows=2, max_length=MAX_TEXT, **WIDE
        )
        buttons = {
            "Fetch from the Gaia Archive": self._fetch,
            "Set of those in the catalog": self._to_set,
            "Set of the chosen one's neighbours": self._near_to_set,
            "Export the list": self._export,
            "Forget them": self._forget,
        }
        self.buttons = {
            label: pmui.Button(label=label, on_click=work, **TEXT, **WIDE)
            for label, work in buttons.items()
        }
        b = self.buttons
        self._table = SmallTable("own_source", 8, guarded("Going to your star")(self._visit_own))
        self._bad = SmallTable("own_bad_source", 5)
        self.panel = pn.Column(
            DropZone(sizing_mode="stretch_width"),
            self.ids,
            b["Fetch from the Gaia Archive"],
            self.said,
            self._table.pane,
            self._bad.pane,
            row(b["Set of those in the catalog"], b["Set of the chosen one's neighbours"]),
            row(b["Export the list"], b["Forget them"]),
            sizing_mode="stretch_width",
        )
        self.watchers = [
            self._cursor.param.watch(self._follow, ["own"]),
            self._cursor.param.watch(self._on_star, ["own_star"]),
        ]
        self._follow()

    def _say(self, text: str) -> None:
        self.said.object = text

    @guarded("Listing your stars")
    def _follow(self, *events: object) -> None:
        own = self._cursor.own
        self._list(own)
        self._list_bad(own)
        n = 0 if own is None else len(own)
        for label in ("Export the list", "Set of those in the catalog", "Forget them"):
            self.buttons[label].disabled = own is None or (not n and label != "Forget them")
        self._on_star()
        if own is None:
            self._say(
                "XP spectra as the Gaia Archive has them, in CSV, ECSV, FITS, VOTable, Parquet "
                "or HDF5. They stay in this visit's memory; the address does not keep them."
            )
            return
        bad = len(own.report.left_out)
        text = f"<b>{n:,}</b> of {own.report.n_read:,} rows of {as_html(own.name)} encoded"
        text += f"; <b>{bad:,} left out</b>, each with its reason below" if bad else ""
        text += ". Diamonds on the maps: hollow where only their neighbours say where."
        self._say("<br>".join([text, *map(html.escape, own.report.remarks)]))

    def _list(self, own: OwnStars | None) -> None:
        if own is None or not len(own):
            self._table.clear()
            return
        near = self._cursor.own_near
        data: dict[str, Sequence[str] | np.ndarray] = {
            "source_id": [str(i) for i in own.source_id],
            "G": own.g_mag,
            "χ² obs": own.encoded.chi2_obs.astype(float),
            "χ²": own.encoded.chi2.astype(float),
            "near": near.texts,
        }
        catalog = self._visit.catalog
        labels = [name for name in steerable() if name in catalog.numeric]
        data |= {symbol(name): near.median(name) for name in labels}
        columns = {"G": "phot_g_mean_mag", "χ² obs": "chi2_obs", "χ²": "chi2"}
        columns |= {symbol(name): name for name in labels}
        formats = {title: decimals(name) for title, name in columns.items()}
        widths = {"source_id": 130, "near": 130}
        shown = [
            TableColumn(field=name, title=name, width=widths.get(name, 52))
            if name not in formats
            else TableColumn(
                field=name,
                title=name,
                width=52,
                formatter=NumberFormatter(format=formats[name], nan_format="–"),
            )
            for name in data
        ]
        self._table.show(data, shown, own.source_id.tolist())

    def _list_bad(self, own: OwnStars | None) -> None:
        rows = None if own is None else own.report.left_out
        self._bad.pane.visible = rows is not None and bool(len(rows))
        if rows is not None and len(rows):
            data = {name: [str(v) for v in rows[name]] for name in rows.columns}
            widths = {"file": 110, "row": 40, "source_id": 130, "reason": 170}
            columns = [TableColumn(field=n, title=n, width=widths.get(n, 80)) for n in data]
            self._bad.show(data, columns)

    def _visit_own(self, source_id: int) -> None:
        own = self._cursor.own
        if own is not None and (own.source_id == source_id).any():  # when the click comes
            self._cursor.visit_own(int(np.flatnonzero(own.source_id == source_id)[0]))

    @guarded("Following the star")
    def _on_star(self, *events: object) -> None:
        self.buttons["Set of the chosen one's neighbours"].disabled = self._cursor.own_star is None

    @guarded("Fetching from the Gaia Archive")
    def _fetch(self, event: object) -> None:
        ids, bad = parse_ids(self.ids.value or "")
        if bad:
            notify(f"No ids: {', '.join(bad[:5])}")
        if not len(ids):
            notify("There are no ids: paste some")
            return
        model = self._visit.model
        assert model is not None  # without one there is no such view
        self._say(f"Asking the Gaia Archive for {len(ids):,} spectra …")
        in_background(
            self._visit,
            "Fetching from the Gaia Archive",
            lambda: fetch_own(ids, model),
            lambda stars: take_in_background(self._visit, stars, lambda: None),
            self._say,
        )

    @guarded("Making a set")
    def _to_set(self, event: object) -> None:
        own = self._cursor.own
        n = int(np.isin(own.source_id, self._visit.catalog.source_id).sum())
        if not n:
            notify("None of your stars is in the catalog: a set can only hold the catalog's stars")
            return
        self._visit.new_set(Ids(tuple(own.source_id.tolist())), name="own")
        self._say(f"{n:,} of your {len(own):,} stars are in the catalog, and now a set.")

    @guarded("Making a set")
    def _near_to_set(self, event: object) -> None:
        own, index = self._cursor.own, self._cursor.own_star
        source = self._cursor.near_own(index)
        self._visit.new_set(source, name=f"near {int(own.source_id[index])}")

    @guarded("Exporting your stars")
    def _export(self, event: object) -> None:
        self._sender.send("own_stars.csv", FORMATS[".csv"].mime, self._cursor.own.write)

    @guarded("Forgetting your stars")
    def _forget(self, event: object) -> None:
        self._cursor.forget_own()
