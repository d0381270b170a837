"""What takes long is done in a thread: the server's own answers others meanwhile."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.mock import Mock
from tests.support.pages import open_page
from xpapp.maps import data as data_module
from xpapp.maps import view as map_view
from xpapp.own.files import take_in_background
from xpapp.sets import compare as compare_module
from xpapp.sets import filters as filters_module
from xpapp.sets import save as save_module
from xpapp.sets import stars as stars_module
from xpapp.sets.compare import CompareView
from xpapp.sets.controls import GestureControls, SetControls
from xpapp.sets.filters import FilterControls, RangeView
from xpapp.sets.samp import SampControls
from xpapp.sets.save import SaveControls
from xpapp.sets.stars import StarsView
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import state_of
from xpmodel import Region, load_model, open_catalog
from xpmodel._long_work import checkpoint
from xpmodel.own.given_files import read_own
from xpmodel.selection import filters, regions, star_sources, steps

SQUARE = Region("box", ("z1", "z2"), ((-1.0, -1.0), (1.0, 1.0)))


@pytest.fixture
def visit(mock: Mock) -> Visit:
    visit = Visit(open_catalog(mock.catalog), load_model(mock.model, "cpu"))
    visit.draw(SQUARE)
    return visit


@pytest.fixture
def threads(monkeypatch):
    """Notes in which threads functions are called."""
    seen: dict[str, set[int]] = {}

    def note(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def noted(*args, **named):
            seen.setdefault(name, set()).add(threading.get_ident())
            return real(*args, **named)

        monkeypatch.setattr(owner, name, noted)

    return SimpleNamespace(note=note, seen=seen)


def elsewhere(threads, *names: str) -> bool:
    """Whether these were called, and never in this thread, which is the event loop's."""
    return all(threads.seen.get(n) and threading.get_ident() not in threads.seen[n] for n in names)


def test_a_set_by_probability(visit, threads):
    threads.note(star_sources, "region_probability")
    sets = SetControls(visit)
    with open_page() as document:
        sets._from_probability(None)
        assert len(visit.sets) == 1
        document.until(lambda: len(visit.sets) == 2)
    assert elsewhere(threads, "region_probability")
    assert visit.current.name == "A, p ≥ 0.5" and visit.current.n_members > 0


def test_pasted_ids(visit, threads):
    from xpapp.sets import controls

    threads.note(controls, "parse_ids")
    threads.note(controls, "find_ids")
    sets = SetControls(visit)
    with open_page() as document:
        sets.ids.value = "\n".join(map(str, [*visit.catalog.source_id[:9], 17, "x"]))
        sets._from_ids(None)
        document.until(lambda: len(visit.sets) == 2)
    assert elsewhere(threads, "parse_ids", "find_ids")
    assert visit.current.n_members == 9 and sets.unused.value == "17\nx"
    assert sets.said.object.startswith("9 of 10 ids are in the catalog; 1 are not, and 1 entries")


def test_a_table_from_another_program(visit, threads):
    from xpapp.sets import samp

    threads.note(samp, "find_ids")
    samp_controls = SampControls(visit)
    with open_page() as document:
        samp_controls._take("table", visit.catalog.source_id[:5].copy())
        document.until(lambda: len(visit.sets) == 2)
    assert elsewhere(threads, "find_ids") and visit.current.n_members == 5


@pytest.mark.parametrize("text", ["teff < 5000", "z1 <"])
def test_a_typed_condition(visit, threads, text):
    threads.note(filters, "expression_mask")
    controls = FilterControls(visit)
    with open_page() as document:
        controls.expression.value = text
        document.until(lambda: visit.filter or controls.problem.object)
    assert elsewhere(threads, "expression_mask")
    assert bool(visit.filter) == (text == "teff < 5000")


def test_a_filter_is_undone_without_work(visit, monkeypatch):
    visit.show(filters.Filter(expression="teff < 5000"))
    shown = visit.shown.copy()
    visit.show(filters.Filter())
    monkeypatch.setattr(filters.Filter, "mask", None)
    visit.undo()
    np.testing.assert_array_equal(visit.shown, shown)
    visit.undo()
    assert visit.shown is None
    visit.redo()
    np.testing.assert_array_equal(visit.shown, shown)


def test_a_gesture_takes_the_filter_as_it_is(visit, monkeypatch):
    """It is not applied anew; what the recipe replays are the same stars."""
    visit.show(filters.Filter(expression="teff < 5000"))
    shown = visit.shown
    with monkeypatch.context() as patch:
        patch.setattr(filters.Filter, "mask", None)
        visit.draw(SQUARE)
    mask = visit.current.mask(visit.catalog)
    np.testing.assert_array_equal(mask, SQUARE.mask(visit.catalog) & shown)
    np.testing.assert_array_equal(mask, steps.replay(visit.current.steps, visit.catalog))


def test_a_saved_visit(visit, threads, tmp_path):
    import json

    threads.note(save_module, "read_state")
    threads.note(steps.NumberedSteps, "masks")
    content = json.dumps(state_of(visit)).encode()
    other = Visit(visit.catalog, visit.model)
    save = SaveControls(other, SimpleNamespace())
    with open_page() as document:
        save.file.param.update(value=content, filename="visit.json")
        document.until(lambda: other.current.steps)
    assert elsewhere(threads, "read_state", "masks")
    assert state_of(other) == state_of(visit)


@pytest.mark.parametrize("button", ["_recipe", "_adql", "_stars", "_visit_file"])
def test_files_are_made_when_the_browser_fetches_them(visit, tmp_path, monkeypatch, button):
    """Clicking the button makes nothing of them yet."""
    offered = []

    class Sender:
        def __init__(self, *args) -> None: ...

        def send(self, filename, mime, write, held=0) -> None:
            offered.append((filename, write))

    monkeypatch.setattr(save_module, "Sender", Sender)
    works = ("make_recipe", "adql_ids", "write_stars", "state_of")
    save = SaveControls(visit, SimpleNamespace())
    with monkeypatch.context() as patch, open_page():
        for name in works:
            patch.setattr(save_module, name, None)
        getattr(save, button)(None)
    ((filename, write),) = offered
    write(tmp_path / filename)
    assert (tmp_path / filename).stat().st_size > 100


def test_own_stars(visit, mock, threads):
    stars = read_own(mock.catalog.parent / "spectra.parquet", visit.model)
    threads.note(type(visit.cursor), "_around")
    done = []
    with open_page() as document:
        take_in_background(visit, stars, lambda: done.append(1))
        document.until(lambda: done)
        assert elsewhere(threads, "_around")
        calls = len(threads.seen["_around"])
        near = visit.cursor.own_near
        assert near.texts and len(near.median("teff")) == len(stars)
    assert len(threads.seen["_around"]) == calls
    assert visit.cursor.own is not None and len(visit.cursor.own) == len(stars)


def test_of_own_stars_that_come_at_once_none_are_lost(visit, mock):
    stars = read_own(mock.catalog.parent / "spectra.parquet", visit.model)
    half = [
        replace(
            stars,
            name=name,
            spectra=stars.spectra[rows],
            encoded=_some(stars.encoded, rows),
            covariance=stars.covariance[rows],
        )
        for name, rows in (("a", np.arange(100)), ("b", np.arange(100, 200)))
    ]
    done = []
    with open_page() as document:
        for part in half:
            take_in_background(visit, part, lambda: done.append(1))
        document.until(lambda: len(done) == 2)
    assert len(visit.cursor.own) == 200


def _some(encoded, rows):
    return type(encoded)(**{name: values[rows] for name, values in vars(encoded).items()})


def test_an_outline_of_many_vertices(visit, threads, monkeypatch):
    """A hand's outline is tested at once; one of more vertices in a thread, and can be canceled."""
    threads.note(regions, "polygon_contains")
    rng = np.random.default_rng(0)
    view = map_view.MapView(visit, visit.maps[0].key)
    with open_page() as document:
        document.add_root(view._figure.plot)
        outline = rng.normal(size=(map_view.MANY_VERTICES + 1, 2))
        geometry = {"type": "poly", "x": outline[:, 0], "y": outline[:, 1]}
        before = visit.current
        view._on_outline(SimpleNamespace(geometry=geometry, final=True))
        document.until(lambda: visit.current is not before)
        assert elsewhere(threads, "polygon_contains")
        view.close()


def test_work_is_told_and_canceled_on_the_page(visit):
    from xpapp.state.background import in_background

    go = threading.Event()

    def work() -> None:
        assert go.wait(10)
        checkpoint(0.5)

    controls = GestureControls(visit)
    with open_page() as document:
        assert not controls.under_way.visible
        in_background(visit, "Reading <b>", work, lambda result: None)
        assert controls.under_way.visible and controls.works.object == "Reading &lt;b&gt; …"
        controls._cancel(None)
        go.set()
        document.until(lambda: not visit.works)
        assert not controls.under_way.visible


INNER = Region("box", ("z1", "z2"), ((-0.5, -0.5), (0.5, 0.5)))


def test_sets_are_compared(visit, threads):
    view = CompareView(visit)
    threads.note(compare_module, "compare")
    threads.note(compare_module, "histograms")
    with open_page() as document:
        visit.draw(INNER)
        assert view.said.object == "Comparing …"
        document.until(lambda: not visit.busy and view.said.object != "Comparing …")
    assert elsewhere(threads, "compare", "histograms")
    assert view.said.object.startswith(f"<b>A {visit.current.n_members:,}</b> stars")


def test_an_older_comparison_is_dropped(visit, monkeypatch):
    """It may end after it was canceled, and must not show."""
    view = CompareView(visit)
    real, go = compare_module.compare, threading.Event()

    def slow(*given):
        found = real(*given)
        assert go.wait(10)
        return found

    monkeypatch.setattr(compare_module, "compare", slow)
    shown = []
    view.said.param.watch(lambda event: shown.append(event.new), "object")
    with open_page() as document:
        visit.draw(INNER)
        visit.draw(SQUARE)
        go.set()
        document.until(lambda: not visit.busy and view.said.object != "Comparing …")
    assert [text for text in shown if text != "Comparing …"] == [view.said.object]
    assert view.said.object.startswith(f"<b>A {visit.current.n_members:,}</b> stars")


def test_stars_are_sorted(visit, threads):
    view = StarsView(visit)
    threads.note(stars_module, "_sorted_rows")
    with open_page() as document:
        view.by.value = "teff"
        view.falling.value = True
        assert view.said.object == "Sorting …" and view.on.disabled
        document.until(lambda: not visit.busy)
    assert elsewhere(threads, "_sorted_rows")
    mask = visit.current.mask(visit.catalog)
    assert len(view._rows) == mask.sum() and mask[view._rows].all()
    teff = visit.catalog["teff"]
    assert teff[view._rows[0]] == np.nanmax(teff[mask])


def test_histograms_of_ranges(visit, threads):
    view = RangeView(visit)
    threads.note(filters_module, "_counts")
    with open_page() as document:
        visit.show(filters.Filter(ranges=(("teff", 4000.0, 5000.0),)))
        document.until(lambda: not visit.busy)
    assert elsewhere(threads, "_counts")
    shown = np.asarray(view._sources["logg"].data["shown"]) ** 2
    assert round(shown.sum()) == (visit.shown & np.isfinite(visit.catalog["logg"])).sum()


@pytest.mark.parametrize(
    "change",
    [
        lambda visit: setattr(visit, "coloring", Coloring("median", "teff")),
        lambda visit: visit.show(filters.Filter(expression="teff < 5000")),
        lambda visit: visit.complement("A"),
        lambda visit: visit.undo(),
        lambda visit: visit.change_map(visit.maps[0].key, x="teff", y="logg"),
    ],
    ids=["median", "filter", "set", "undo", "axes"],
)
def test_a_map_is_drawn(visit, threads, change):
    """Each change of what it shows; its line says "…" until it is drawn."""
    threads.note(data_module, "draw_base")
    threads.note(data_module, "draw_sets")
    view = map_view.MapView(visit, visit.maps[0].key)
    with open_page() as document:
        document.add_root(view._figure.plot)
        for size, pixels in (("inner_width", 300), ("inner_height", 200)):
            view._figure.plot.set_from_json(size, pixels)
        document.until(lambda: not visit.busy)
        assert "stars in view" in view.status.text
        change(visit)
        assert visit.busy
        document.until(lambda: not visit.busy)
        assert "stars in view" in view.status.text
        view.close()
    assert elsewhere(threads, "draw_base", "draw_sets")
