"""The page: shell, side bar and views around one visit."""

from __future__ import annotations

import html

import panel as pn
import panel_material_ui as pmui

from address import Address
from bokeh_theme import THEMES
from bridge import KEYS, Bridge
from compare_view import CompareView
from controls import TEXT, WIDE, column
from filter_controls import FilterControls, RangeView
from guard import guarded
from latent_sliders import LatentSliders
from lazy_tabs import LazyTabs
from map_controls import MapControls
from map_grid import MapGrid
from palettes import ACCENT
from samp_controls import SampControls
from save_controls import SaveControls
from set_controls import GestureControls, SetControls
from sources import Opened, Sources, wavelengths
from spectrum_view import SpectrumView
from stars_view import StarsView
from status import status_line
from track_controls import TrackControls
from visit import Visit
from visit_file import VisitStore
from xpmodel import Catalog

TITLE = "XP latent space"


def make_page(opened: Opened, sources: Sources) -> pmui.Page:
    """The page of one visit."""
    alerts = [
        pmui.Alert(object=problem, alert_type="warning", sizing_mode="stretch_width", margin=5)
        for problem in opened.problems
    ]
    if opened.catalog is None:
        return _shell(main=[*alerts, _how_to_begin(sources)])
    visit = Visit(opened.catalog, opened.model)
    return _Explorer(visit, alerts, sources.samp).page


def _shell(**parts: object) -> pmui.Page:
    return pmui.Page(
        title=TITLE,
        busy_indicator=None,
        theme_toggle=True,
        sidebar_width=268,
        sx={"& .MuiToolbar-root": {"minHeight": "44px"}},
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

    def __init__(self, visit: Visit, alerts: list[pn.viewable.Viewable], samp: bool) -> None:
        self._visit = visit
        self._address = Address(visit, VisitStore())
        self._bridge = Bridge(guarded("A key")(self._on_key))
        self._maps = MapGrid(visit)
        self._help = _help()
        views = LazyTabs(
            visit,
            {"Spectrum": self._spectrum_tab()} if visit.model is not None else {},
            {
                "Ranges": lambda: RangeView(visit),
                "Compare": lambda: CompareView(visit),
                "Stars": lambda: StarsView(visit),
            },
            sizing_mode="stretch_both",
        )
        content = pn.Row(
            pn.Column(self._maps.panel, sizing_mode="stretch_both", min_width=500, margin=0),
            pn.Column(
                views.panel,
                sizing_mode="stretch_both",
                margin=0,
                styles={"flex": "0 0 clamp(400px, 31vw, 640px)"},
            ),
            sizing_mode="stretch_both",
            min_height=560,
        )
        self.page = _shell(
            main=[
                pn.Column(
                    *alerts,
                    _provenance(visit.catalog),
                    content,
                    self._help,
                    self._bridge,
                    sizing_mode="stretch_both",
                    margin=0,
                )
            ],
            sidebar=[self._sidebar(samp)],
        )
        self._on_theme()
        self.page.param.watch(self._on_theme, "dark_theme")
        visit.param.watch(self._show_busy, "busy")

    def _show_busy(self, *events: object) -> None:
        self._bridge.busy = self._visit.busy

    @guarded("Changing the theme")
    def _on_theme(self, *events: object) -> None:
        self._visit.dark = bool(self.page.dark_theme)
        if pn.state.curdoc is not None:
            pn.state.curdoc.theme = THEMES[self._visit.dark]

    def _on_key(self, key: str) -> None:
        match key:
            case "undo":
                self._visit.undo()
            case "redo":
                self._visit.redo()
            case "help":
                self._help.open = not self._help.open
            case "escape":
                self._help.open = False

    def _sidebar(self, samp: bool) -> pn.viewable.Viewable:
        visit = self._visit
        tabs = LazyTabs(
            visit,
            {"Maps": MapControls(visit).panel},
            {
                "Filter": lambda: FilterControls(visit),
                "Sets": lambda: SetControls(visit),
                "Tracks": lambda: TrackControls(visit),
                "Save": lambda: SaveControls(visit, self._bridge),
            },
            sizing_mode="stretch_width",
            sx={"& .MuiTab-root": {"minWidth": 0, "padding": "6px 7px", "fontSize": "0.76rem"}},
        )
        # It stays connected whatever tab is open.
        others = [SampControls(visit).panel] if samp else []
        keys = pmui.Button(label="Help and keys", on_click=self._on_help, **TEXT, **WIDE)
        return column(GestureControls(visit).panel, tabs.panel, *others, keys)

    @guarded("Opening the help")
    def _on_help(self, event: object) -> None:
        self._help.open = True

    def _spectrum_tab(self) -> pn.viewable.Viewable:
        visit = self._visit
        self._spectrum = SpectrumView(visit, wavelengths())
        self._sliders = LatentSliders(visit)
        lines = pmui.Switch.from_param(visit.param.lines, label="Mark lines", margin=(0, 8))
        no_star = visit.param.star.rx().rx.is_(None)
        leave = pmui.Button(
            label="Forget the star",
            on_click=self._leave,
            disabled=no_star,
            size="small",
            margin=(0, 8),
            **TEXT,
        )
        return pn.Column(
            pn.Row(lines, leave, sizing_mode="stretch_width", margin=0),
            pn.pane.Bokeh(self._spectrum.status, sizing_mode="stretch_width", margin=0),
            self._spectrum.panel,
            self._sliders.panel,
            sizing_mode="stretch_both",
            margin=0,
        )

    @guarded("Dropping the star")
    def _leave(self, event: object) -> None:
        self._visit.leave_star()


def _help() -> pmui.Dialog:
    keys = "".join(
        f"<tr><td><kbd>{html.escape(k)}</kbd></td><td>{html.escape(what)}</td></tr>"
        for k, what in KEYS
    )
    text = f"""
<p><b>Maps.</b> Each shows two columns of the catalog; nothing is sampled. The map with the bold
frame is the one whose axes the tab <i>Maps</i> changes. All maps share their colors.</p>
<p><b>Sets.</b> Draw with the lasso or the box of any map: the active set changes, and every map
shows it. Only stars that the filter shows are meant. A star without a value on an axis lies in no
outline. Sets can be named, combined, undone (100 steps) and exported; the recipe of a set finds the
same stars again with <code>xpmodel select</code>.</p>
<p><b>Filter.</b> Named cuts, a condition, and ranges dragged on histograms hide stars; sets keep
theirs.</p>
<p><b>Tracks</b> are means over the stars of bins in label space, in label and latent maps.</p>
<p><b>Latents</b> are posterior means; an inactive one follows the prior and means nothing.</p>
<table>{keys}</table>"""
    return pmui.Dialog(
        pn.pane.HTML(text, sizing_mode="stretch_width"),
        title="How to use this page",
        show_close_button=True,
        close_on_click=True,
        width_option="md",
    )


def _provenance(catalog: Catalog) -> pn.viewable.Viewable:
    """What the page shows, and which parts of it are estimates."""
    estimated = catalog.metadata.get("model", {}).get("estimated", [])
    text = f"<b>{html.escape(catalog.path.name)}</b> · {len(catalog):,} stars"
    if catalog.n_mock:
        every = catalog.n_mock == len(catalog)
        mock = "all made up, none observed" if every else f"{catalog.n_mock:,} of them made up"
        text += f" · <b style='color:{ACCENT}'>MOCK</b>: {mock}"
    if estimated:
        text += f" · the model's {' and '.join(estimated)} are an <b>estimate</b>"
    if n := catalog.metadata.get("g_flux", {}).get("synthetic"):
        text += f" · G flux of {n:,} stars synthetic"
    return status_line(text)
