"""What the page offers to save."""

import pytest

from tests.support.mock import Mock
from xpapp.browser.window import Bridge
from xpapp.sets import save
from xpapp.sets.save import SaveControls
from xpapp.state.visit import Visit
from xpmodel import InputError, load_model, open_catalog
from xpmodel.export.formats import FORMATS, Format


def test_stars_in_each_format_that_there_is(mock: Mock, monkeypatch):
    visit = Visit(open_catalog(mock.catalog), load_model(mock.model, "cpu"))
    monkeypatch.setitem(FORMATS, ".ids", Format("Ids", "text/plain", "ids:write"))
    offered = SaveControls(visit, Bridge([], print)).kind.options
    assert offered == {form.title: ending for ending, form in FORMATS.items()}
    assert list(offered) == ["CSV", "ECSV", "FITS", "Parquet", "VOTable", "Ids"]


@pytest.mark.parametrize("limit", [100, 10**6])
def test_a_visit_is_saved_if_it_can_be_opened_again(mock: Mock, tmp_path, monkeypatch, limit):
    sent = []
    monkeypatch.setattr(save.Sender, "send", lambda self, *of, **options: sent.append(of))
    monkeypatch.setattr(save, "MAX_BYTES", limit)
    controls = SaveControls(Visit(open_catalog(mock.catalog), None), Bridge([], print))
    controls.buttons["Save this visit"].clicks += 1
    ((_, _, write),) = sent
    if limit > 1000:
        write(tmp_path / "visit.json")
        assert (tmp_path / "visit.json").stat().st_size < limit
    else:
        with pytest.raises(InputError, match="a file of one at most 0 MB: delete a set"):
            write(tmp_path / "visit.json")
