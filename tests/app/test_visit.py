import numpy as np
import pytest

from tests.mock import Mock
from visit import Visit
from xpmodel import Catalog, Region, load_model, open_catalog


@pytest.fixture(scope="module")
def catalog(mock: Mock) -> Catalog:
    return open_catalog(mock.catalog)


@pytest.fixture
def visit(catalog: Catalog, mock: Mock) -> Visit:
    return Visit(catalog, load_model(mock.model, "cpu"))


def box(catalog: Catalog, low: float, high: float) -> tuple[Region, np.ndarray]:
    region = Region("box", ("z1", "z2"), ((low, -9.0), (high, 9.0)))
    return region, (catalog["z1"] >= low) & (catalog["z1"] <= high)


def test_start(visit, catalog):
    assert (visit.x, visit.y) == catalog.default_axes
    assert visit.color == "density" and visit.selected is None and visit.n_selected == 0
    assert visit.z == pytest.approx([np.median(catalog[name]) for name in catalog.latents])
    assert visit.star is None and visit.previous_z is None


def test_draw_undo_clear(visit, catalog):
    (left, in_left), (right, in_right) = box(catalog, -2, 0.5), box(catalog, 0, 2)
    visit.draw(left)
    np.testing.assert_array_equal(visit.selected, in_left)
    assert visit.n_selected == in_left.sum()
    visit.draw(right, "add")
    np.testing.assert_array_equal(visit.selected, in_left | in_right)
    visit.operation = "subtract"
    visit.draw(right)
    np.testing.assert_array_equal(visit.selected, in_left & ~in_right)
    visit.draw(right, "replace")
    np.testing.assert_array_equal(visit.selected, in_right)
    visit.undo()
    np.testing.assert_array_equal(visit.selected, in_left & ~in_right)
    visit.undo()
    np.testing.assert_array_equal(visit.selected, in_left | in_right)
    visit.clear()
    assert visit.selected is None and visit.steps == ()
    visit.draw(right)  # subtracted from nothing
    assert visit.n_selected == 0 and visit.selected is not None
    visit.undo()
    assert visit.selected is None
    visit.undo()
    assert visit.selected is None


def test_steps_and_selection_change_together(visit, catalog):
    seen = []
    visit.param.watch(
        lambda *events: seen.append((len(visit.steps), visit.n_selected)), ["steps", "selected"]
    )
    region, inside = box(catalog, -1, 1)
    visit.draw(region)
    assert seen == [(1, inside.sum())]


def test_selection_is_never_changed_in_place(visit, catalog):
    visit.draw(box(catalog, -1, 1)[0])
    first = visit.selected
    copy = first.copy()
    visit.draw(box(catalog, 0, 2)[0], "subtract")
    visit.draw(box(catalog, 1, 2)[0], "add")
    np.testing.assert_array_equal(first, copy)


def test_drag_keeps_the_place_it_started_from(visit):
    start = visit.z
    visit.move(0, 0.25)
    visit.move(0, 0.5)
    assert visit.previous_z == start
    assert visit.z == (0.5, *start[1:])
    visit.release()
    visit.move(1, -1.0)
    assert visit.previous_z == (0.5, *start[1:])
    assert visit.z == (0.5, -1.0, *start[2:])


def test_move_to_the_same_place_is_no_move(visit):
    seen = []
    visit.param.watch(lambda *events: seen.append(events), ["z", "previous_z"])
    visit.move(0, visit.z[0])
    assert not seen and visit.previous_z is None


def test_star(visit, catalog):
    start = visit.z
    seen = []
    visit.param.watch(lambda *events: seen.append((visit.star, visit.z)), ["z", "star", "g_mag"])
    visit.visit_star(17)
    z = tuple(float(catalog[name][17]) for name in catalog.latents)
    assert seen == [(17, z)]
    assert visit.z == z and visit.previous_z == start
    assert (
        visit.g_mag == visit.star_g_mag == pytest.approx(catalog["phot_g_mean_mag"][17], abs=1e-5)
    )
    visit.move(0, 0.0)
    assert visit.star == 17 and visit.previous_z == z
    visit.leave_star()
    assert visit.star is None and visit.z == (0.0, *z[1:])
