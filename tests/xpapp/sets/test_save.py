"""What the page offers to save."""

from tests.support.mock import Mock
from xpapp.browser.window import Bridge
from xpapp.sets.save import SaveControls
from xpapp.state.visit import Visit
from xpmodel import load_model, open_catalog
from xpmodel.export.formats import FORMATS, Format


def test_stars_in_each_format_that_there_is(mock: Mock, monkeypatch):
    visit = Visit(open_catalog(mock.catalog), load_model(mock.model, "cpu"))
    monkeypatch.setitem(FORMATS, ".ids", Format("Ids", "text/plain", "ids:write"))
    offered = SaveControls(visit, Bridge([], print)).kind.options
    assert offered == {form.title: ending for ending, form in FORMATS.items()}
    assert list(offered) == ["CSV", "ECSV", "FITS", "Parquet", "VOTable", "Ids"]
