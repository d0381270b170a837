import numpy as np
import pytest

from tests.support.mock import Mock
from xpapp.sets.controls import SetControls
from xpapp.state.visit import Visit
from xpmodel import Region, open_catalog
from xpmodel.diagnostics.outliers import score_outliers
from xpmodel.selection.star_sources import Outliers


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), None)


def test_a_set_of_outliers(visit):
    controls = SetControls(visit)
    controls.n_outliers.value = 25
    controls.buttons["Set of outliers"].clicks += 1
    assert visit.active_set == "25 outliers" and len(visit.sets) == 2
    (step,) = visit.current.steps
    assert step.source == Outliers(25)
    ranked = score_outliers(visit.catalog).ranked
    rows = np.flatnonzero(visit.current.mask(visit.catalog))
    assert rows.tolist() == sorted(ranked[:25].tolist())
    visit.undo()
    assert [s.name for s in visit.sets] == ["A"]


def test_outliers_without_a_number(visit, monkeypatch):
    told = []
    monkeypatch.setattr("xpapp.runtime.callbacks.notify", told.append)
    controls = SetControls(visit)
    controls.n_outliers.value = None
    controls.buttons["Set of outliers"].clicks += 1
    assert told == [
        "Making a set of outliers failed: the oddest 0 stars: at least 1 can be asked for"
    ]
    assert len(visit.sets) == 1


def test_a_set_by_probability_without_a_number(visit, monkeypatch):
    told = []
    monkeypatch.setattr("xpapp.sets.controls.notify", told.append)
    visit.draw(Region("box", ("teff", "logg"), ((3000.0, 0.0), (6000.0, 5.0))))
    controls = SetControls(visit)
    controls.least.value = None
    controls.buttons["Set by probability"].clicks += 1
    assert told == ["Give the least probability of the stars that shall be in the set"]
    assert len(visit.sets) == 1
