"""Planes of a catalog with tracks over them: which lines, which ends, which legend."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.support.tracks import catalog_of, star_columns
from xpmodel import Catalog
from xpmodel.tracks import panels
from xpmodel.tracks.definitions import define
from xpmodel.tracks.measured import measure
from xpmodel.tracks.panels import DrawnTrack, write_panels


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    return catalog_of(tmp_path_factory.mktemp("panels") / "stars.parquet", star_columns())


@pytest.fixture(scope="module")
def track(catalog):
    (definition,) = define("giant_branch", catalog)
    return measure(definition, catalog)


@pytest.fixture
def drawn(monkeypatch, catalog):
    """Draw panels, and look at the figure instead of a file."""
    figures = []
    monkeypatch.setattr(panels, "write_figure", lambda path, make: figures.append(make()))

    def draw(planes, lines, zoom=False, mask=None) -> Figure:
        mask = np.ones(len(catalog), bool) if mask is None else mask
        write_panels("out.pdf", catalog, mask, planes, lines, zoom)
        return figures[-1]

    return draw


def test_a_panel_for_each_plane(drawn, track):
    planes = [("teff", "logg"), ("m_h", "alpha_m"), ("z1", "z3"), ("fe_h", "mg_fe"), ("jr", "teff")]
    figure = drawn(planes, [DrawnTrack(track, "r", label="giants")])
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5
    labels = [axes.get_xlabel() for axes in shown]
    assert labels[2] == "$z_{1}$" and "eff" in labels[0]


def test_hot_and_low_gravity_stars_are_left_and_on_top(drawn, track):
    kiel, abundance = drawn(
        [("teff", "logg"), ("m_h", "alpha_m")], [DrawnTrack(track, "r", label="giants")]
    ).axes[:2]
    assert np.diff(kiel.get_xlim()) < 0 > np.diff(kiel.get_ylim())
    assert np.diff(abundance.get_xlim()) > 0 < np.diff(abundance.get_ylim())


def test_every_point_of_a_track_is_within_the_axes(drawn, track):
    line = DrawnTrack(track, "r", label="giants")
    for zoom in (False, True):
        axes = drawn([("teff", "logg")], [line], zoom).axes[0]
        ends = [sorted(axes.get_xlim()), sorted(axes.get_ylim())]
        for name, (low, high) in zip(("teff", "logg"), ends, strict=True):
            values = track.mean[name][np.isfinite(track.mean[name])]
            assert low < values.min() and values.max() < high
    spans = [np.ptp(drawn([("teff", "logg")], [line], zoom).axes[0].get_xlim()) for zoom in (0, 1)]
    assert spans[1] < spans[0]


def test_relations_are_named_where_their_columns_are(drawn, track):
    lines = [DrawnTrack(track, "r", label="giants")]
    names = [
        [text.get_text() for legend in drawn([plane], lines).legends for text in legend.texts]
        for plane in (("teff", "logg"), ("fe_h", "mg_fe"), ("m_h", "alpha_m"))
    ]
    assert any("Eq. 10" in name for name in names[0]) and any("Patil" in name for name in names[1])
    assert not any("Eq. 10" in n or "Patil" in n for n in names[2])
    assert "giants" in names[0]


def test_a_family_has_a_scale_instead_of_names(drawn, track):
    named = drawn([("teff", "logg")], [DrawnTrack(track, "r", label="giants")])
    family = drawn([("teff", "logg")], [DrawnTrack(track, "r"), DrawnTrack(track, "b")])
    assert len(family.axes) == len(named.axes) + 1
    assert "[M/H]" in family.axes[-1].get_ylabel()


def test_no_star_at_all(drawn, track, catalog):
    nobody = np.zeros(len(catalog), bool)
    figure = drawn([("teff", "logg")], [DrawnTrack(track, "r", label="giants")], mask=nobody)
    assert np.isfinite(figure.axes[0].get_xlim()).all()
    assert "0 of 6,000 stars" in figure.get_supxlabel().replace("\n", " ")
