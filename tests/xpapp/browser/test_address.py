"""The address follows the visit when it rests, and brings it back."""

import panel as pn
import pytest

from tests.support.mock import Mock
from tests.support.pages import open_page
from xpapp.browser import address
from xpapp.browser.address import KEY, Address
from xpapp.state.map_state import Coloring
from xpapp.state.visit import Visit
from xpapp.state.visit_file import VisitStore, state_of
from xpmodel import Catalog, open_catalog
from xpmodel.selection.filters import Filter


@pytest.fixture(scope="module")
def catalog(mock: Mock) -> Catalog:
    return open_catalog(mock.catalog)


@pytest.fixture
def visit(catalog: Catalog) -> Visit:
    return Visit(catalog, None)


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
