from tests.support.mock import Mock
from xpapp.sets.filters import RangeView
from xpapp.state.visit import Visit
from xpmodel import open_catalog
from xpmodel.columns import parameters


def test_ranges_offered_first(mock: Mock):
    visit = Visit(open_catalog(mock.catalog), None)
    first = (*parameters(), "phot_g_mean_mag", "chi2")
    wanted = [name for name in first if name in visit.catalog.numeric]
    assert "phot_g_mean_mag" in wanted and "chi2" in wanted
    view = RangeView(visit)
    assert list(view._figures) == wanted
    assert not set(wanted) & set(view.more.options.values())
