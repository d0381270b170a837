"""The address follows the visit when it rests, and brings it back."""

import numpy as np
import panel as pn
import pytest

from tests.support.pages import open_page
from xpapp.browser import address
from xpapp.browser.address import KEY, Address
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import state_of
from xpapp.state.visit_store import VisitStore
from xpmodel.selection.filters import Filter
from xpmodel.selection.star_sources import Ids


@pytest.fixture
def store(tmp_path) -> VisitStore:
    return VisitStore(tmp_path / "visits")


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Seconds, moved by the test."""
    now = [100.0]
    monkeypatch.setattr(address.time, "monotonic", lambda: now[0])
    return now


def saved(store: VisitStore) -> list[str]:
    return [path.stem for path in store.folder.glob("*.json")]


def test_many_changes_are_saved_once_when_they_rest(visit, store, clock):
    with open_page() as document:
        Address(visit, store)
        for x in range(5):
            visit.cursor.move(0, float(x))
        assert len(document.session_callbacks) == 1 and saved(store) == []
        clock[0] += 0.3
        visit.coloring = Coloring("mean", "teff", "linear")
        clock[0] += 0.5  # 0.8 s after the first change, 0.5 s after the last
        visit.cursor.release()
        document.turn()
        assert saved(store) == [] and len(document.session_callbacks) >= 1
        clock[0] += 1.0
        document.until(lambda: pn.state.location.search)
        (name,) = saved(store)
        assert pn.state.location.search == f"?{KEY}={name}"
        assert store.load(name) == state_of(visit)


def written(store: VisitStore) -> dict[str, int]:
    """Sizes of the store's files."""
    return {path.name: path.stat().st_size for path in store.folder.iterdir()}


@pytest.fixture
def kept(monkeypatch) -> list[str]:
    """Names of states, each when it has been kept."""
    names, point_to = [], Address._point_to
    monkeypatch.setattr(
        Address, "_point_to", lambda self, name: (point_to(self, name), names.append(name))
    )
    return names


def rest(document, clock, kept) -> None:
    before = len(kept)
    clock[0] += 10.0
    document.turn()
    document.until(lambda: len(kept) > before)


def test_a_slider_that_rests_writes_no_ids_again(visit, store, clock, catalog, kept):
    ids = tuple(range(1 << 40, (1 << 40) + 100_000))
    visit.new_set(Ids((*ids, *map(int, catalog.source_id[:5]))))
    with open_page() as document:
        Address(visit, store)
        sizes = []
        for x in range(4):
            visit.cursor.move(0, float(x))
            visit.cursor.release()
            rest(document, clock, kept)
            sizes.append(sum(written(store).values()))
    assert len([name for name in written(store) if name.endswith(".ids")]) == 1
    assert max(np.diff(sizes)) < 4000
    newest = max(store.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns).stem
    assert store.load(newest) == state_of(visit)


def test_what_is_not_saved_writes_nothing(visit, store, clock, kept):
    with open_page() as document:
        Address(visit, store)
        visit.cursor.move(0, 1.0)
        visit.cursor.release()
        rest(document, clock, kept)
        before = written(store)
        visit.dark = True
        visit.work_begins()
        visit.track_point = None
        visit.cursor.move(0, 2.0)
        visit.cursor.move(0, 1.0)  # where it was
        visit.cursor.release()
        rest(document, clock, kept)
        assert written(store) == before


def test_a_folder_that_was_emptied_is_filled_again(visit, store, clock, catalog, kept):
    visit.new_set(Ids(tuple(map(int, catalog.source_id[:500]))))
    with open_page() as document:
        Address(visit, store)
        for x in range(2):
            visit.cursor.move(0, float(x))
            visit.cursor.release()
            rest(document, clock, kept)
            (name,) = saved(store)
            assert store.load(name) == state_of(visit)
            for path in store.folder.iterdir():
                path.unlink()


def test_nothing_is_saved_while_something_moves(visit, store, clock):
    with open_page() as document:
        Address(visit, store)
        visit.cursor.move(0, 1.5)
        clock[0] += 5
        document.turn()
        assert visit.cursor.moving and saved(store) == []
        visit.cursor.release()
        document.until(lambda: pn.state.location.search)
        assert len(saved(store)) == 1


def test_an_address_brings_its_visit_back(visit, store, catalog):
    visit.show(Filter(expression="z1 > 0"))
    visit.coloring = Coloring("mean", "teff", "linear")
    name = store.save(state_of(visit))
    other = Visit(catalog, None)
    with open_page(f"?{KEY}={name}&theme=dark"):
        Address(other, store)
    assert state_of(other) == state_of(visit)
    assert not other.can_undo  # it is where this visit begins


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 16, "is not kept on this server"),
        ("..%2Fsecret", "the address names no visit"),
    ],
)
def test_an_address_that_names_no_visit(visit, store, monkeypatch, caplog, name, message):
    told, later = [], []
    monkeypatch.setattr(address, "notify", told.append)
    monkeypatch.setattr(address.pn.state, "onload", later.append)
    before = state_of(visit)
    with open_page(f"?{KEY}={name}"):
        Address(visit, store)
        (tell,) = later
        tell()
    assert len(told) == 1 and message in told[0]
    assert told[0].startswith("The address's visit could not be opened: ")
    assert state_of(visit) == before


def test_a_visit_colored_in_a_way_that_is_unknown_here(visit, store, monkeypatch):
    told = []
    monkeypatch.setattr(address, "notify", told.append)
    monkeypatch.setattr(address.pn.state, "onload", lambda tell: tell())
    content = state_of(visit)
    content["coloring"] = {"how": "iqr", "column": "teff", "scale": "linear"}
    with open_page(f"?{KEY}={store.save(content)}"):
        Address(visit, store)
    assert "maps cannot be colored by 'iqr'; they can by density, mean" in told[0]
    assert visit.coloring == Coloring()


def test_without_a_page_nothing_is_saved(visit, store):
    Address(visit, store)
    visit.coloring = Coloring("mean", "teff", "linear")
    assert not store.folder.exists()
