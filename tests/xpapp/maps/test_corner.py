"""All pairs of latents in one image, and a click that opens one."""

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.events import Tap

from tests.support.mock import INACTIVE, Mock
from xpapp.colors import BASE_LEVELS, NO_VALUE
from xpapp.maps.corner import GAP, SIZE, CornerView
from xpapp.state.visit import Visit
from xpmodel import open_catalog
from xpmodel.selection.filters import Filter

STEP = SIZE + GAP


@pytest.fixture
def visit(mock: Mock) -> Visit:
    visit = Visit(open_catalog(mock.catalog), None)
    visit.corner = True
    return visit


def panel(view: CornerView, row: int, column: int) -> np.ndarray:
    image = view.figure.select_one({"name": "corner_image"}).data["image"][0]
    return image[(3 - row) * STEP :, column * STEP :][:SIZE, :SIZE]


def test_inactive_latents_are_gray_and_the_upper_half_is_empty(visit):
    view, inactive = CornerView(visit), int(INACTIVE[1:]) - 1
    for row in range(4):
        for column in range(4):
            levels = set(np.unique(panel(view, row, column)).tolist())
            if column > row:
                assert levels == {0}
            elif inactive in (row, column):
                assert levels == {0, NO_VALUE}
            else:
                assert 0 < max(levels) <= BASE_LEVELS


def test_it_follows_the_filter_until_it_is_closed(visit):
    view = CornerView(visit)
    everyone = panel(view, 1, 0).copy()
    visit.show(Filter(expression="z1 > 0"))
    some = panel(view, 1, 0).copy()
    assert 0 < np.count_nonzero(some) < np.count_nonzero(everyone)
    view.close()
    visit.show(Filter())
    np.testing.assert_array_equal(panel(view, 1, 0), some)


@pytest.mark.parametrize(
    ("row", "column", "opened"), [(3, 0, ("z1", "z4")), (1, 1, None), (0, 2, None)]
)
def test_a_click_below_the_diagonal_opens_a_pair(visit, row, column, opened):
    view = CornerView(visit)
    n = len(visit.maps)
    document = Document()
    document.add_root(view.figure)
    tap = Tap(view.figure, x=(column + 0.5) * STEP, y=(3 - row + 0.5) * STEP)
    document.callbacks.trigger_event(tap)
    if opened is None:
        assert visit.corner and len(visit.maps) == n
    else:
        assert not visit.corner and visit.maps[-1].columns == opened
