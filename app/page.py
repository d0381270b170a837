"""The page: shell, side bar and views around one visit."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import pyarrow.csv
import pyarrow.parquet as pq
from panel.util import edit_readonly

from guard import guarded
from latent_sliders import LatentSliders
from map_view import MapView
from palettes import SELECTED
from sources import Opened, Sources, wavelengths
from spectrum_view import SpectrumView
from status import status_line
from visit import DENSITY, Visit
from xpmodel import Catalog, make_recipe
from xpmodel.columns import describe

TITLE = "XP latent space"
MODES = {"Replace": "replace", "Add": "add", "Subtract": "subtract"}


def make_page(opened: Opened, sources: Sources) -> pmui.Page:
    """The page of one visit."""
    alerts = [
        pmui.Alert(object=problem, alert_type="warning", sizing_mode="stretch_width", margin=5)
        for problem in opened.problems
    ]
    if opened.catalog is None:
        return _shell(main=[*alerts, _how_to_begin(sources)])
    visit = Visit(opened.catalog, opened.model)
    return _Explorer(visit, alerts).page


def _shell(**parts: object) -> pmui.Page:
    return pmui.Page(
        title=TITLE,
        busy_indicator="linear",
        theme_toggle=True,
        sidebar_width=270,
        sx={"& .MuiToolbar-root": {"minHeight": "48px"}},
        **parts,
    )


def _how_to_begin(sources: Sources) -> pn.viewable.Viewable:
    return pn.pane.Markdown(
        f"""
## There is no catalog to show

The page looked for `{sources.catalog}`. Make one from a trained model and your spectra:

```
xpmodel import-model weight.pt --norm apogee_norm.npz --out MODEL
xpmodel encode SPECTRA… --model MODEL --out CATALOG.parquet
panel serve app --args --catalog CATALOG.parquet --model MODEL
```

`SPECTRA…` are files, folders or globs of XP spectra from the Gaia archive: CSV, ECSV, FITS,
VOTable or Parquet. Reload the page when the catalog is there.
""",
        sizing_mode="stretch_width",
        margin=20,
    )


class _Explorer:
    """Builds the side bar and the views, and ties them to the visit."""

    def __init__(self, visit: Visit, alerts: list[pn.viewable.Viewable]) -> None:
        self._visit = visit
        self._map = MapView(visit)
        right: list[object] = []
        if visit.model is not None:
            self._spectrum = SpectrumView(visit, wavelengths())
            self._sliders = LatentSliders(visit)
            right = [
                self._spectrum.status,
                self._spectrum.panel,
                self._sliders.panel,
            ]
        left = pn.Column(
            self._map.status, self._map.panel, sizing_mode="stretch_both", min_width=380
        )
        views = [left]
        if right:
            views.append(pn.Column(*right, sizing_mode="stretch_both", min_width=420))
        self.page = _shell(
            main=[
                pn.Column(
                    *alerts,
                    _provenance(visit.catalog),
                    pn.Row(*views, sizing_mode="stretch_both", min_height=560),
                    sizing_mode="stretch_both",
                )
            ],
            sidebar=self._sidebar(),
        )
        visit.dark = bool(self.page.dark_theme)
        self.page.param.watch(self._on_theme, "dark_theme")
        # Panel's own busy state is shared by all visits of the process; this one's is its own.
        self._show_busy()
        visit.param.watch(self._show_busy, "busy")
        self.page.param.watch(self._show_busy, "busy")

    def _show_busy(self, *events: object) -> None:
        # Of two quick changes the browser may send the first one back, and stay with it:
        # then it is told again.
        with edit_readonly(self.page):
            self.page.busy = self._visit.busy

    @guarded("Changing the theme")
    def _on_theme(self, *events: object) -> None:
        self._visit.dark = bool(self.page.dark_theme)

    def _sidebar(self) -> list[pn.viewable.Viewable]:
        visit = self._visit
        columns = _choices(visit.catalog)
        wide = {"sizing_mode": "stretch_width", "size": "small", "margin": (6, 10)}
        x = pmui.Select.from_param(visit.param.x, label="Horizontal", options=columns, **wide)
        y = pmui.Select.from_param(visit.param.y, label="Vertical", options=columns, **wide)
        colors = {"density of stars": DENSITY} | {f"mean {k}": v for k, v in columns.items()}
        color = pmui.Select.from_param(visit.param.color, label="Color", options=colors, **wide)
        mode = pmui.RadioButtonGroup.from_param(
            visit.param.operation, label="Next outline", options=MODES, **wide
        )
        nothing = visit.param.selected.rx().rx.is_(None)
        undo = pmui.Button(label="Undo", on_click=self._undo, disabled=nothing, **wide)
        clear = pmui.Button(label="Clear", on_click=self._clear, disabled=nothing, **wide)
        exports = [
            _export(label, f"selection.{ending}", make, disabled=nothing, **wide)
            for label, ending, make in (
                ("CSV", "csv", self._csv),
                ("Parquet", "parquet", self._parquet),
                ("Recipe", "json", self._recipe),
            )
        ]
        parts: list[pn.viewable.Viewable] = [
            pmui.Typography("Map", variant="overline", margin=(6, 10, 0, 10)),
            x,
            y,
            color,
            pmui.Typography("Selection", variant="overline", margin=(6, 10, 0, 10)),
            mode,
            status_line("Draw with the lasso or the box; Shift adds, Alt subtracts."),
            pn.Row(undo, clear, sizing_mode="stretch_width"),
            pmui.Typography("Export the selection", variant="overline", margin=(6, 10, 0, 10)),
            pn.Row(*exports, sizing_mode="stretch_width"),
        ]
        if visit.model is not None:
            lines = pmui.Switch.from_param(visit.param.lines, label="Mark lines", margin=(6, 10))
            no_star = visit.param.star.rx().rx.is_(None)
            leave = pmui.Button(
                label="Forget the star", on_click=self._leave, disabled=no_star, **wide
            )
            parts += [
                pmui.Typography("Spectrum", variant="overline", margin=(6, 10, 0, 10)),
                lines,
                leave,
            ]
        return parts

    @guarded("Undoing")
    def _undo(self, event: object) -> None:
        self._visit.undo()

    @guarded("Clearing the selection")
    def _clear(self, event: object) -> None:
        self._visit.clear()

    @guarded("Dropping the star")
    def _leave(self, event: object) -> None:
        self._visit.leave_star()

    def _csv(self) -> io.BytesIO:
        return _bytes(pyarrow.csv.write_csv, self._visit.catalog.table(mask=self._visit.selected))

    def _parquet(self) -> io.BytesIO:
        return _bytes(pq.write_table, self._visit.catalog.table(mask=self._visit.selected))

    def _recipe(self) -> io.BytesIO:
        visit = self._visit
        return io.BytesIO(make_recipe(visit.steps, visit.catalog, visit.n_selected).encode())


def _export(
    label: str, filename: str, make: Callable[[], io.BytesIO], **look: Any
) -> pmui.FileDownload:
    """A button that saves what `make` returns, as often as it is clicked."""

    async def anew() -> io.BytesIO:
        # The browser saves what differs from what it has, so that goes first. Of two quick
        # changes it may send the first one back, so there is a moment between them.
        if button.data is not None:
            button.data = None
            await asyncio.sleep(0.2)
        return make()

    button = pmui.FileDownload(
        callback=anew, filename=filename, label=label, variant="text", **look
    )
    return button


def _bytes(write, table) -> io.BytesIO:  # a pyarrow writer, what it shall write
    buffer = io.BytesIO()
    write(table, buffer)
    buffer.seek(0)
    return buffer


def _choices(catalog: Catalog) -> dict[str, str]:
    """Columns to choose from: latents first, inactive ones said to be so."""
    numeric = catalog.numeric
    latents = [name for name in catalog.latents if name in numeric]
    errors = [f"{name}_err" for name in latents]
    others = [name for name in numeric if name not in {*latents, *errors}]
    choices = {n if n in catalog.active else f"{n} (inactive)": n for n in latents}
    return choices | {describe(name): name for name in [*others, *errors]}


def _provenance(catalog: Catalog) -> pn.viewable.Viewable:
    """What the page shows, and which parts of it are estimates."""
    estimated = catalog.metadata.get("model", {}).get("estimated", [])
    text = f"<b>{catalog.path.name}</b> · {len(catalog):,} stars"
    if catalog.n_mock:
        every = catalog.n_mock == len(catalog)
        mock = "all made up, none observed" if every else f"{catalog.n_mock:,} of them made up"
        text += f" · <b style='color:{SELECTED}'>MOCK</b>: {mock}"
    if estimated:
        text += f" · the model's {' and '.join(estimated)} are an <b>estimate</b>"
    if n := catalog.metadata.get("g_flux", {}).get("synthetic"):
        text += f" · G flux of {n:,} stars synthetic"
    return status_line(text)
