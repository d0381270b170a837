"""A label that is new to the table of columns, on the page."""

import numpy as np
import pytest

from tests.support.mock import Mock
from tests.support.new_label import make_known, with_new_label
from xpapp.own.view import OwnView
from xpapp.sets.filters import RangeView
from xpapp.sets.stars import StarsView
from xpapp.spectrum.near import NearView
from xpapp.spectrum.steer import SteerControls
from xpapp.state.visit import Visit
from xpmodel import load_model, open_catalog
from xpmodel.own.stars import encode_own


@pytest.fixture
def visit(mock: Mock, tmp_path, monkeypatch) -> Visit:
    make_known(monkeypatch)
    catalog = with_new_label(mock.catalog, tmp_path / "stars.parquet")
    return Visit(catalog, load_model(mock.model, "cpu"))


def test_it_has_a_slider_that_steers(visit):
    controls = SteerControls(visit)
    slider = controls.sliders["vmic"]
    assert slider.title == "vmic" and slider.format == "0.0" and not slider.disabled
    before = visit.cursor.local_fit().labels["vmic"].value
    target = before + 0.1
    assert visit.cursor.steer("vmic", target).reached
    assert visit.cursor.local_fit().labels["vmic"].value == pytest.approx(target, abs=0.02)


def test_the_stars_near_z_have_it(visit):
    near = visit.cursor.near.labels["vmic"]
    assert near.text in NearView(visit).line.text and near.text.endswith("km s⁻¹")


def test_the_lists_have_it(visit):
    columns = StarsView(visit)._table.pane.object.columns
    assert "vmic" in [column.field for column in columns]
    assert "vmic" in RangeView(visit)._figures


def test_ones_own_stars_have_it(visit, mock):
    spectra = open_catalog(mock.catalog).spectra[np.array([3, 12])]
    visit.cursor.add_own(encode_own("mine", spectra, visit.model))
    view = OwnView(visit, lambda say: None)
    columns = {column.field: column for column in view._table.pane.object.columns}
    assert columns["vmic"].formatter.format == "0.0"
    assert columns["log g"].formatter.format == "0.00" and columns["G"].formatter.format == "0.00"
