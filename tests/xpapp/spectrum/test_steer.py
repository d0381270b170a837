"""The panel that steers labels: what is held, what stars say, what a star would be."""

import threading

import numpy as np
import pytest

from tests.support.mock import Mock
from tests.support.pages import open_page
from xpapp.spectrum import suppose as suppose_module
from xpapp.spectrum.steer import SteerControls
from xpapp.spectrum.view import SpectrumView
from xpapp.state import cursor as cursor_module
from xpapp.state.visit import Visit
from xpmodel import Wavelengths, load_model, open_catalog
from xpmodel.columns import BY_NAME

ROW = 12


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), load_model(mock.model, "cpu"))


@pytest.fixture
def controls(visit) -> SteerControls:
    return SteerControls(visit, SpectrumView(visit, Wavelengths(np.arange(400.0, 901.0, 10.0))))


def drag(controls: SteerControls, name: str, by: float) -> None:
    slider = controls.sliders[name]
    slider.value = slider.value + by
    controls._on_release("value_throttled", 0.0, slider.value)  # Bokeh's is the browser's to set


def test_what_is_held_and_what_the_stars_say_stands_below_the_sliders(controls):
    drag(controls, "m_h", 0.02)
    text = controls.said.text
    assert "[M/H] " in text and "for a star here" in text
    assert "held: Teff, log g, [α/M]; not held: the catalog has no E(B−V)" in text
    assert "supported: " in text


def test_the_stars_are_asked_of_the_whole_drag(controls, visit, monkeypatch):
    start, asked = visit.cursor.z, []
    real = cursor_module.asked_of_stars

    def noted(catalog, neighbours, first, last, name, **options):
        asked.append((first, last, name))
        return real(catalog, neighbours, first, last, name, **options)

    monkeypatch.setattr(cursor_module, "asked_of_stars", noted)
    drag(controls, "teff", 20.0)
    assert asked == [(start, visit.cursor.z, "teff")]


def test_a_star_is_needed(controls, visit):
    assert controls.suppose.go.disabled and "Click a star" in controls.suppose.said.text
    visit.cursor.visit_star(ROW)
    assert not controls.suppose.go.disabled


def test_this_star_but(controls, visit):
    """One click: z is where the star would be, its own spectra stay, the change is drawn."""
    suppose, cursor = controls.suppose, visit.cursor
    cursor.visit_star(ROW)
    star = cursor.z
    suppose.label.value = "teff"
    assert suppose.amount.value == BY_NAME["teff"].steer_step
    suppose.amount.value = 60.0
    suppose._suppose()
    assert cursor.star == ROW and cursor.previous_z == star and cursor.z != star
    found = suppose_module.counterfactual(
        visit.catalog, visit.model, ROW, "teff", 60.0, controls.suppose._spectrum.projection
    )
    assert cursor.z == found.steered.z
    np.testing.assert_array_equal(suppose._source.data["decoded"], found.sigmas)
    assert suppose.figure.visible
    assert found.text in suppose.said.text.replace("&#x27;", "'")
    assert "supported" in suppose.said.text
    ids = visit.catalog.source_id[list(found.pair.rows)] if found.pair else ["no two stars"]
    assert all(str(one) in suppose.said.text for one in ids)
    cursor.visit_star(ROW + 1)
    assert not suppose.figure.visible and not len(suppose._source.data["x"])


def test_what_cannot_be_is_said(controls, visit):
    visit.cursor.visit_star(ROW)
    controls.suppose.amount.value = 0.0
    controls.suppose._suppose()
    assert "give a change other than 0" in controls.suppose.said.text


def test_the_stars_are_asked_in_a_thread(visit, monkeypatch):
    """The event loop answers others meanwhile."""
    seen = []
    real = suppose_module.counterfactual

    def noted(*args):
        seen.append(threading.get_ident())
        return real(*args)

    monkeypatch.setattr(suppose_module, "counterfactual", noted)
    grid = Wavelengths(np.arange(400.0, 901.0, 10.0))
    controls = SteerControls(visit, SpectrumView(visit, grid))
    visit.cursor.visit_star(ROW)
    with open_page() as page:
        controls.suppose._suppose()
        page.until(lambda: "σ in all" in controls.suppose.said.text)
    assert seen and threading.get_ident() not in seen
