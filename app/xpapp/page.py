"""The page: shell, side bar and views around one visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import panel as pn
import panel_material_ui as pmui

from xpapp.browser.address import Address, named_visit
from xpapp.browser.download_route import forget
from xpapp.browser.sender import Sender
from xpapp.browser.window import Bridge
from xpapp.colors import ACCENT
from xpapp.keys import PRESSES, SHORTCUTS, KeyActions
from xpapp.maps.controls import MapControls
from xpapp.maps.grid import MapGrid
from xpapp.own.files import OwnFiles
from xpapp.own.view import OwnView
from xpapp.runtime.callbacks import guarded, log
from xpapp.runtime.names import as_html, as_markdown
from xpapp.runtime.private_parts import forget_views, unlink_busy
from xpapp.sets.compare import CompareView
from xpapp.sets.controls import GestureControls, SetControls
from xpapp.sets.filters import FilterControls, RangeView
from xpapp.sets.samp import SampControls
from xpapp.sets.save import SaveControls
from xpapp.sets.stars import StarsView
from xpapp.settings import Opened, Settings, wavelengths
from xpapp.spectrum.medians import GroupView
from xpapp.spectrum.player import Player
from xpapp.spectrum.tab import SpectrumTab
from xpapp.state.visit import Visit
from xpapp.state.visit_store import VisitStore
from xpapp.tracks.controls import TrackControls
from xpapp.widgets.bokeh_theme import THEMES
from xpapp.widgets.lazy_tabs import LazyTabs, Seen
from xpapp.widgets.material import TEXT, WIDE, column
from xpapp.widgets.text_line import status_line
from xpmodel import Catalog

# Several titles side by side.
TABS = {
    "& .MuiTab-root": {
        "minWidth": 0,
        "padding": "6px 5px",
        "fontSize": "0.72rem",
        "letterSpacing": 0,
    }
}
OWN = "My stars"
TITLE = "XP latent space"


def make_page(opened: Opened, settings: Settings) -> pmui.Page:
    """The page of one visit."""
    alerts = [_alert(problem) for problem in opened.problems]
    if opened.catalog is None:
        return _shell(main=[*alerts, _how_to_begin(settings)])
    try:
        return _Explorer(Visit(opened.catalog, opened.model), alerts, settings).page
    except Exception as error:
        if not named_visit():
            raise
        # Or whoever opens this address would find no page, for ever.
        log.exception("Showing the address's visit failed")
        problem = f"The address's visit could not be shown, so a new one begins: {error}"
    visit = Visit(opened.catalog, opened.model)
    return _Explorer(visit, [*alerts, _alert(problem)], settings, fresh=True).page


def _alert(problem: str) -> pmui.Alert:
    return pmui.Alert(
        object=as_markdown(problem), alert_type="warning", sizing_mode="stretch_width", margin=5
    )


def _shell(**parts: object) -> pmui.Page:
    page = pmui.Page(
        title=TITLE,
        # The title is a link: to the page as it is, not to a new visit.
        site_url="#",
        busy_indicator=None,
        theme_toggle=True,
        sidebar_width=268,
        sx={"& .MuiToolbar-root": {"minHeight": "44px"}},
        **parts,
    )
    # What is opened for a visitor is to go when the visitor goes.
    unlink_busy(page)
    document = pn.state.curdoc
    if document is not None:
        document.on_session_destroyed(lambda context: forget_views(document))
    return page


def _how_to_begin(settings: Settings) -> pn.viewable.Viewable:
    return pn.pane.Markdown(
        f"""
## There is no catalog to show

The page looked for {as_markdown(settings.catalog)}. `xpmodel explore` makes a demo of made-up
stars and shows it. Make a catalog from a trained model and your spectra:

```
xpmodel import-model weight.pt --norm apogee_norm.npz --out MODEL
xpmodel encode SPECTRA… --model MODEL --out CATALOG.parquet
xpmodel explore CATALOG.parquet --model MODEL
```

`SPECTRA…` are files, folders or globs of XP spectra from the Gaia archive: CSV, ECSV, FITS,
VOTable or Parquet. `panel serve app --args --catalog CATALOG.parquet --model MODEL` in the
project's folder serves it, too. Reload the page when the catalog is there.
""",
        sizing_mode="stretch_width",
        margin=20,
    )


class _Explorer:
    """Builds the side bar and the views, and ties them to the visit."""

    def __init__(
        self,
        visit: Visit,
        alerts: Sequence[pn.viewable.Viewable],
        settings: Settings,
        *,
        fresh: bool = False,
    ) -> None:
        self._visit = visit
        store = VisitStore(days=settings.visit_days, megabytes=settings.visit_megabytes)
        self._address = Address(visit, store, fresh=fresh)
        self._maps = MapGrid(visit)
        self._help = _help()
        self._player = Player(visit.cursor)
        actions = KeyActions(visit, self._player, self._help)
        presses = [press.for_browser for press in PRESSES]
        self._bridge = Bridge(presses, guarded("A key")(actions.run))
        self._spectrum = (
            None
            if visit.model is None
            else SpectrumTab(visit, wavelengths(), self._player, self._bridge)
        )
        views = {} if visit.model is None else self._decoding_views()
        views |= {
            "Ranges": lambda: RangeView(visit),
            "Compare": lambda: CompareView(visit),
            "Stars": lambda: StarsView(visit),
        }
        self._views = LazyTabs(
            {"Spectrum": self._spectrum.panel} if self._spectrum is not None else {},
            views,
            sizing_mode="stretch_both",
            sx=TABS,
        )
        content = pn.Row(
            pn.Column(self._maps.panel, sizing_mode="stretch_both", min_width=500, margin=0),
            pn.Column(
                self._views.panel,
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
            sidebar=[self._sidebar(settings.samp)],
        )
        if pn.state.curdoc is not None:
            pn.state.curdoc.on_session_destroyed(lambda context: forget(visit))
        self._on_theme()
        self.page.param.watch(self._on_theme, "dark_theme")
        visit.param.watch(self._show_busy, "busy")

    def _decoding_views(self) -> dict[str, Callable[[], Seen]]:
        """The views that need the model: medians of spectra, and the visitor's own stars."""
        visit, bridge = self._visit, self._bridge

        def sender(say: Callable[[str], None]) -> Sender:
            return Sender(visit, bridge, say)

        OwnFiles(visit, bridge, lambda: self._views.show(OWN))
        return {
            "Medians": lambda: GroupView(visit, wavelengths(), sender),
            OWN: lambda: OwnView(visit, sender),
        }

    def _show_busy(self, *events: object) -> None:
        self._bridge.busy = self._visit.busy

    @guarded("Changing the theme")
    def _on_theme(self, *events: object) -> None:
        self._visit.dark = bool(self.page.dark_theme)
        if pn.state.curdoc is not None:
            pn.state.curdoc.theme = THEMES[self._visit.dark]

    def _sidebar(self, samp: bool) -> pn.viewable.Viewable:
        visit = self._visit
        tabs = LazyTabs(
            {"Maps": MapControls(visit).panel},
            {
                "Filter": lambda: FilterControls(visit),
                "Sets": lambda: SetControls(visit),
                "Tracks": lambda: TrackControls(visit),
                "Save": lambda: SaveControls(visit, self._bridge),
            },
            sizing_mode="stretch_width",
            sx=TABS,
        )
        # It stays connected whatever tab is open.
        others = [SampControls(visit).panel] if samp else []
        keys = pmui.Button(label="Help and keys", on_click=self._on_help, **TEXT, **WIDE)
        return column(GestureControls(visit).panel, tabs.panel, *others, keys)

    @guarded("Opening the help")
    def _on_help(self, event: object) -> None:
        self._help.open = True


def _help() -> pmui.Dialog:
    keys = "".join(
        f"<tr><td><kbd>{as_html(s.typed)}</kbd></td><td>{as_html(s.meaning)}</td></tr>"
        for s in SHORTCUTS
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


def mock_note(catalog: Catalog) -> str:
    """How many of a catalog's stars nobody observed, in words; nothing if there are none."""
    if catalog.n_mock == len(catalog):
        return "all made up, none observed"
    return f"{catalog.n_mock:,} of them made up" if catalog.n_mock else ""


def _provenance(catalog: Catalog) -> pn.viewable.Viewable:
    """What the page shows, and which parts of it are estimates."""
    estimated = _part(catalog, "model").get("estimated")
    text = f"<b>{as_html(catalog.path.name)}</b> · {len(catalog):,} stars"
    if mock := mock_note(catalog):
        text += f" · <b style='color:{ACCENT}'>MOCK</b>: {mock}"
    if isinstance(estimated, list) and estimated:
        parts = " and ".join(as_html(part) for part in estimated)
        text += f" · the model's {parts} are an <b>estimate</b>"
    n = _part(catalog, "g_flux").get("synthetic")
    if isinstance(n, int) and n:
        text += f" · G flux of {n:,} stars synthetic"
    return status_line(text)


def _part(catalog: Catalog, name: str) -> dict[str, object]:
    """A part of a catalog's metadata; empty where another program wrote something else."""
    part = catalog.metadata.get(name)
    return part if isinstance(part, dict) else {}
