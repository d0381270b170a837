import numpy as np
import pytest

from tests.support.mock import Mock
from xpapp.state.map_state import Coloring
from xpapp.state.visit import MAX_MAPS, UNDO_STEPS, Visit
from xpmodel import Catalog, InputError, Region, load_model
from xpmodel.selection.filters import Filter
from xpmodel.selection.star_sources import Ids
from xpmodel.selection.steps import replay


@pytest.fixture
def visit(catalog: Catalog, mock: Mock) -> Visit:
    return Visit(catalog, load_model(mock.model, "cpu"))


def box(catalog: Catalog, low: float, high: float) -> tuple[Region, np.ndarray]:
    region = Region("box", ("z1", "z2"), ((low, -9.0), (high, 9.0)))
    return region, (catalog["z1"] >= low) & (catalog["z1"] <= high)


def members(visit: Visit, name: str | None = None) -> np.ndarray:
    return visit.star_set(name or visit.active_set).mask(visit.catalog)


def test_start(visit, catalog):
    assert visit.map_state("latent").columns == catalog.default_axes
    assert [m.key for m in visit.maps][:3] == ["latent", "kiel", "abundance"]
    assert len(visit.maps) == 4 and visit.coloring == Coloring()
    assert [s.name for s in visit.sets] == ["A"] and visit.current.n_members == 0
    assert visit.cursor.z == pytest.approx([np.median(catalog[name]) for name in catalog.latents])
    assert visit.cursor.star is None and visit.cursor.previous_z is None
    assert visit.n_shown == len(catalog) and not visit.can_undo and not visit.can_redo


def test_draw_undo_redo_clear(visit, catalog):
    (left, in_left), (right, in_right) = box(catalog, -2, 0.5), box(catalog, 0, 2)
    visit.draw(left)
    np.testing.assert_array_equal(members(visit), in_left)
    visit.draw(right, "add")
    np.testing.assert_array_equal(members(visit), in_left | in_right)
    visit.operation = "subtract"
    visit.draw(right)
    np.testing.assert_array_equal(members(visit), in_left & ~in_right)
    visit.draw(right, "replace")
    visit.draw(left, "intersect")
    np.testing.assert_array_equal(members(visit), in_left & in_right)
    history = [in_right, in_left & ~in_right, in_left | in_right, in_left]
    for mask in history:
        visit.undo()
        np.testing.assert_array_equal(members(visit), mask)
    visit.undo()
    assert not visit.current.steps and not visit.can_undo
    visit.undo()
    for mask in [*history[::-1], in_left & in_right]:
        visit.redo()
        np.testing.assert_array_equal(members(visit), mask)
        np.testing.assert_array_equal(replay(visit.current.steps, catalog), mask)
    assert not visit.can_redo
    visit.clear()
    assert visit.current.n_members == 0 and not visit.current.steps
    visit.undo()
    visit.undo()
    visit.draw(left)  # what was undone is gone
    assert not visit.can_redo


def test_a_hundred_changes_can_be_undone(visit, catalog):
    for i in range(UNDO_STEPS + 20):
        visit.draw(box(catalog, -2, -1 + 0.02 * i)[0])
    last = [members(visit)]
    for _ in range(UNDO_STEPS):
        visit.undo()
        last.append(members(visit))
    assert not visit.can_undo
    np.testing.assert_array_equal(last[-1], box(catalog, -2, -1 + 0.02 * 19)[1])
    assert UNDO_STEPS == 100


def test_sets_have_names_and_algebra(visit, catalog):
    (left, in_left), (right, in_right) = box(catalog, -2, 0.5), box(catalog, 0, 2)
    visit.draw(left)
    visit.new_set()
    assert visit.active_set == "B" and visit.current.color != visit.star_set("A").color
    visit.draw(right)
    np.testing.assert_array_equal(members(visit, "A"), in_left)
    wanted = {
        "union": in_left | in_right,
        "intersection": in_left & in_right,
        "difference": in_left & ~in_right,
        "symmetric difference": in_left ^ in_right,
    }
    for how, mask in wanted.items():
        visit.combine("A", how, "B")
        np.testing.assert_array_equal(members(visit), mask)
        np.testing.assert_array_equal(replay(visit.current.steps, catalog), mask)
    visit.complement("A")
    np.testing.assert_array_equal(members(visit), ~in_left)
    assert len({s.name for s in visit.sets}) == 7
    visit.change_set("A", name="dwarfs", color="#123456", visible=False)
    assert visit.star_set("dwarfs").color == "#123456"
    for name in ("B", "", " ", "x" * 61):
        with pytest.raises(InputError):
            visit.change_set("dwarfs", name=name)
    visit.delete_set("B")
    with pytest.raises(InputError, match="no set 'B'"):
        visit.star_set("B")
    visit.undo()
    np.testing.assert_array_equal(members(visit, "B"), in_right)
    for star_set in visit.sets:
        visit.delete_set(star_set.name)
    assert [s.n_members for s in visit.sets] == [0]


def test_filter(visit, catalog):
    region, inside = box(catalog, -1, 1)
    bright = catalog["phot_g_mean_mag"] < 13
    visit.draw(region)
    visit.show(Filter(expression="phot_g_mean_mag < 13"))
    assert visit.n_shown == bright.sum()
    np.testing.assert_array_equal(members(visit), inside)  # a filter takes nothing from a set
    visit.draw(region)
    np.testing.assert_array_equal(members(visit), inside & bright)
    np.testing.assert_array_equal(replay(visit.current.steps, catalog), inside & bright)
    before = (visit.filter, visit.sets)
    with pytest.raises(InputError, match="no column 'x'"):
        visit.show(Filter(expression="x < 1"))
    assert (visit.filter, visit.sets) == before
    visit.set_of_shown()
    np.testing.assert_array_equal(members(visit), bright)
    visit.undo()
    visit.undo()
    visit.undo()
    assert visit.shown is None and not visit.filter
    visit.redo()
    assert visit.n_shown == bright.sum()


def test_ids(visit, catalog):
    some = catalog.source_id[[5, 17, 400]]
    visit.new_set(Ids((*map(int, some), 1)), name="pasted")
    assert set(catalog.source_id[members(visit)]) == set(some) and visit.active_set == "pasted"


def test_maps(visit):
    visit.open_map("z1", "z2")
    key = visit.active_map
    assert visit.map_state(key).columns == ("z1", "z2")
    visit.change_map(key, x_scale="log")
    assert visit.map_state(key).scales == ("log", "linear")
    while len(visit.maps) < MAX_MAPS:
        visit.open_map("z1", "z2")
    with pytest.raises(InputError, match="close one first"):
        visit.open_map("z1", "z2")
    assert len({m.key for m in visit.maps}) == MAX_MAPS
    for state in visit.maps[:-1]:
        visit.close_map(state.key)
    with pytest.raises(InputError, match="it is the last map: open another one first"):
        visit.close_map(visit.maps[0].key)
    assert len(visit.maps) == 1 and visit.active_map == visit.maps[0].key


def test_sets_and_history_change_together(visit, catalog):
    seen = []
    visit.param.watch(
        lambda *events: seen.append((visit.current.n_members, visit.can_undo)), ["sets"]
    )
    region, inside = box(catalog, -1, 1)
    visit.draw(region)
    assert seen == [(inside.sum(), True)]
    visit.undo()
    assert seen[1:] == [(0, False)]
