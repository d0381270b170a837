"""Names that would be code, put wherever the page takes one: each is seen as text."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import panel as pn
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from panel.tests.util import serve_and_wait
from playwright.sync_api import expect

from tests.browser.explorer import Explorer
from tests.support.mock import Mock
from xpapp import page
from xpapp.settings import Settings, open_data
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import state_of
from xpapp.state.visit_store import VisitStore
from xpmodel import Region, load_model, open_catalog
from xpmodel.catalog.catalog import METADATA_KEY
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition

IMAGE = '<img src=x onerror="window.pwned=1">'
MATH = r"$$\href{javascript:window.pwned=1}{z}$$"
NAMES = (
    IMAGE,
    MATH,
    "{{window.pwned=1}}${window.pwned=1}",
    '"><script>window.pwned=1</script>',
    "[z](javascript:window.pwned=1)",
    "' onmouseover='window.pwned=1",
    "<%= window.pwned=1 %>",
)
TRACK = "track " + IMAGE


@dataclass(frozen=True)
class Hostile:
    """A server of catalogs that were named by somebody else, and what their files hold."""

    port: int
    catalog: Path


@pytest.fixture(scope="module")
def hostile(server, mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    folder = tmp_path_factory.mktemp("hostile")
    table = pq.read_table(mock.catalog)
    rng = np.random.default_rng(5)
    for name in NAMES:
        table = table.append_column(name, pa.array(rng.normal(size=len(table)), pa.float32()))
    place = table.schema.get_field_index("population")
    kinds = pa.array([NAMES[i % len(NAMES)] for i in range(len(table))])
    table = table.set_column(place, "population", kinds)
    meta = json.loads(table.schema.metadata[METADATA_KEY])
    meta["model"]["estimated"] = [IMAGE, MATH]
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(meta)})
    catalog = folder / f"{IMAGE}.parquet"
    pq.write_table(table, catalog)
    settings = {
        "hostile": Settings(catalog, mock.model),
        "missing": Settings(folder / f"no {IMAGE} [z](javascript:window.pwned=1).parquet"),
    }

    def served(of: Settings) -> Callable[[], object]:
        def make() -> object:
            pn.extension(notifications=True)
            return page.make_page(open_data(of), of)

        return make

    port = serve_and_wait({name: served(of) for name, of in settings.items()})
    return Hostile(port, catalog)


def kept(hostile: Hostile, mock: Mock) -> str:
    """The name of a visit whose sets, tracks and maps have hostile names."""
    catalog = open_catalog(hostile.catalog)
    visit = Visit(catalog, load_model(mock.model, "cpu"))
    for i, name in enumerate(NAMES):
        if i:
            visit.new_set()
        visit.change_set(visit.active_set, name=name)
        visit.draw(Region("box", ("z1", "z2"), ((-2.0 + 0.2 * i, -2.0), (2.0, 2.0))))
    visit.change_map(visit.maps[0].key, x=IMAGE, y=MATH)
    visit.coloring = Coloring("mean", IMAGE, "linear")
    along = tuple(Bin((("z1", x, 0.4), (IMAGE, 0.0, 9.0))) for x in (-1.0, 0.0, 1.0))
    visit.own_tracks = tuple(
        TrackDefinition(name, name, ("z1", "z2"), along, "own") for name in (TRACK, *NAMES[1:])
    )
    return VisitStore().save(state_of(visit))


def harmless(explorer: Explorer) -> None:
    """Nothing of a name has run, or waits to be clicked."""
    tab = explorer.page
    tab.wait_for_timeout(300)
    assert tab.evaluate("window.pwned") is None
    assert tab.locator("a[href^='javascript']").count() == 0
    assert tab.locator("img[src='x'], [onmouseover], [onerror]").count() == 0
    assert explorer.problems == []


def shows(explorer: Explorer, text: str) -> None:
    """Somewhere on the page this text is written as it is."""
    expect(explorer.page.get_by_text(text).first).to_be_visible()


def test_names_are_text(hostile, visitor, mock):
    explorer = visitor(f"hostile?visit={kept(hostile, mock)}", port=hostile.port)
    explorer.wait_for_maps()
    tab = explorer.page
    shows(explorer, f"{IMAGE}.parquet")
    shows(explorer, f"the model's {IMAGE} and {MATH}")
    shows(explorer, f"mean {IMAGE}")  # the legend of a map
    assert explorer.model("latent", "left.0.axis_label.text") == MATH
    harmless(explorer)

    explorer.tab("Sets")
    for name in NAMES:
        expect(tab.get_by_role("button", name=name).first).to_be_visible()
    harmless(explorer)
    explorer.tab("Tracks")
    shows(explorer, f"own: {TRACK}")
    shows(explorer, f"own: {NAMES[3]}")
    harmless(explorer)

    explorer.tab("Compare")
    explorer.until(lambda: IMAGE in (explorer.data("compare_source") or {}).get("column", []))
    tab.locator(".slick-row").first.wait_for()
    names = set(explorer.data("compare_source")["column"])
    assert names >= set(NAMES)
    tab.locator(".slick-viewport").first.evaluate("one => { one.scrollTop = one.scrollHeight }")
    harmless(explorer)
    painted = {c.inner_text() for c in tab.locator(".slick-row .slick-cell:first-child").all()}
    assert painted & set(NAMES) and painted <= names
    explorer.choose("A", NAMES[3])
    harmless(explorer)

    explorer.tab("Stars")
    explorer.choose("Sorted by", IMAGE)
    header = tab.locator(".slick-column-name").get_by_text(IMAGE, exact=True)
    expect(header).to_be_visible()
    harmless(explorer)
    explorer.tab("Ranges")
    explorer.choose("One more column", MATH)
    explorer.button("Show it").click()
    explorer.until(lambda: explorer.data(f"range_{MATH}_source"))
    harmless(explorer)
    explorer.tab("Medians")
    there = "modelNamed('group_what')?.options.length > 3"
    explorer.until(lambda: tab.evaluate(there))
    options = [label for _, label in explorer.model("group_what", "options")]
    assert f"along: {TRACK}" in options
    assert f"A: {NAMES[-1]}" in tab.locator("option").all_inner_texts()
    harmless(explorer)
    explorer.tab("Spectrum")
    explorer.tab("Path")
    own = explorer.page.locator("select").filter(has_text=TRACK).first
    own.select_option(label=TRACK)
    shows(explorer, f"on: {TRACK}")
    harmless(explorer)

    explorer.tab("Filter")
    field = tab.get_by_label("Condition, such as")
    field.fill(f"population == '{IMAGE}' and < 3")
    field.press("Enter")
    shows(explorer, f"population == '{IMAGE}'")
    harmless(explorer)
    field.fill(f"population == '{IMAGE}'")
    field.press("Enter")
    shows(explorer, f"Shown: population == '{IMAGE}'")
    harmless(explorer)
    explorer.tab("Maps")
    explorer.choose("Color", "category")
    shows(explorer, IMAGE)
    frame = explorer.frame("kiel")
    tab.mouse.move(*frame.pixel(0.5, 0.5))
    tab.wait_for_timeout(500)
    harmless(explorer)


@pytest.mark.parametrize("name", [IMAGE, "[z](javascript:window.pwned=1)", "$$z$$"])
def test_a_file_s_name_is_text(visitor, name):
    explorer = visitor()
    explorer.wait_for_maps()
    explorer.tab("My stars")
    wrong = {"name": name, "mimeType": "text/plain", "buffer": b"source_id\n1\n"}
    explorer.page.get_by_label("A file of XP spectra").set_input_files(wrong)
    shows(explorer, f"{name} could not be read")
    explorer.tab("Save")
    wrong = {"name": name + ".json", "mimeType": "application/json", "buffer": b"[]"}
    explorer.page.locator("input[type=file][accept='.json']").set_input_files(wrong)
    shows(explorer, f"{name}.json: not a visit that was saved here")
    harmless(explorer)


def test_a_path_is_text(hostile, visitor):
    explorer = visitor("missing", port=hostile.port)
    path = f"no {IMAGE} [z](javascript:window.pwned=1).parquet"
    for one in explorer.page.get_by_text(path).all():
        expect(one).to_be_visible()
    assert explorer.page.get_by_text(path).count() == 2  # what was looked for, and what is wrong
    harmless(explorer)
