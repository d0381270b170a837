"""Tracks and lines that a catalog's maps can draw."""

import numpy as np
import pytest

from tests.support.loops import some
from tests.support.tracks import catalog_of, star_columns
from xpapp.tracks.measured import (
    ALPHA_LINE,
    COLORS,
    KIEL_LINE,
    LINES,
    baselines,
    beside,
    choices,
    chosen_track,
    lines,
    own_track,
    remarks,
    splits,
    track_choices,
    tracks,
)
from xpmodel import Catalog, InputError
from xpmodel.catalog.label_relations import alpha_split, divide_logg
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TRACKS, TrackDefinition
from xpmodel.tracks.measured import measure

OWN = TrackDefinition(
    "mine", "mine", ("teff", "logg"), (Bin((("teff", 5000.0, 300.0), ("logg", 3.0, 0.5))),), "own"
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    return catalog_of(tmp_path_factory.mktemp("tracks") / "stars.parquet", star_columns())


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Catalog:
    columns = {name: star_columns(500)[name] for name in ("z1", "z2", "teff")}
    return catalog_of(tmp_path_factory.mktemp("bare") / "stars.parquet", columns)


def test_every_track_has_a_color():
    assert set(COLORS) == set(TRACKS)


def test_choices_are_what_the_catalog_has_columns_for(catalog, bare):
    assert choices(catalog) == TRACKS | LINES
    assert choices(bare) == {}
    with pytest.raises(InputError):
        tracks(bare, "main_sequence")


def test_tracks_are_measured_once_over_all_stars(catalog):
    found = tracks(catalog, "giant_branch")
    assert tracks(catalog, "giant_branch") is found
    for track in some(found):
        again = measure(track.definition, catalog)
        np.testing.assert_array_equal(track.n, again.n)
        np.testing.assert_array_equal(track.mean["teff"], again.mean["teff"])
    teff, logg = (np.nan_to_num(catalog[name], nan=-99.0) for name in ("teff", "logg"))
    inside = (np.abs(teff - 5000) < 150) & (np.abs(logg - 3) < 0.25)
    wide = (np.abs(teff - 5000) <= 300) & (np.abs(logg - 3) <= 0.5)
    assert inside.sum() <= own_track(catalog, OWN).n[0] <= wide.sum() > 10


def test_a_chosen_track_is_found_by_its_name(catalog):
    found = track_choices(catalog, (OWN,))
    assert found["own/0"] == "mine"
    for choice, title in some(found.items()):
        assert chosen_track(catalog, (OWN,), choice).definition.title == title
    assert sum(name.startswith("fixed_m_h/") for name in found) == len(tracks(catalog, "fixed_m_h"))
    assert not {choice.split("/")[0] for choice in found} & set(LINES)


@pytest.mark.parametrize("columns", [("teff", "logg"), ("logg", "teff")])
def test_the_line_between_dwarfs_and_giants(catalog, columns):
    (line,) = lines(catalog, KIEL_LINE, columns)
    curve = dict(zip(columns, (line.x, line.y), strict=True))
    np.testing.assert_allclose(curve["logg"], divide_logg(curve["teff"]))
    assert line.exact and line.title == LINES[KIEL_LINE]


@pytest.mark.parametrize(
    ("columns", "exact"), [(("fe_h", "mg_fe"), True), (("alpha_m", "m_h"), False)]
)
def test_the_split_of_alpha(catalog, columns, exact):
    (line,) = lines(catalog, ALPHA_LINE, columns)
    iron, alpha = (line.x, line.y) if exact else (line.y, line.x)
    np.testing.assert_allclose(alpha, alpha_split(iron))
    assert line.exact == exact and ("[M/H]" in line.title) != exact


def test_the_best_split_of_a_latent(catalog):
    split = splits(catalog)["giant"]
    assert split.latent == "z3"  # which follows log g
    (line,) = lines(catalog, KIEL_LINE, ("z1", "z3"))
    np.testing.assert_allclose(line.y, split.threshold, rtol=1e-6)
    assert line.x[0] < -100 < 100 < line.x[1] and f"{split.balanced_accuracy:.1%}" in line.title
    (upright,) = lines(catalog, KIEL_LINE, ("z3", "m_h"))
    np.testing.assert_allclose(upright.y, catalog.span("m_h"))
    assert lines(catalog, KIEL_LINE, ("z1", "m_h")) == []


def test_color_stands_beside_the_split_of_a_latent(catalog, tmp_path):
    columns = star_columns()
    columns["bp_rp"] = np.where(columns["teff"] < 5000, 1.4, 0.9)
    colored = catalog_of(tmp_path / "stars.parquet", columns)
    by_color = baselines(colored)["giant"]
    assert by_color.latent == "bp_rp"
    said = f"BP − RP alone, at 1.15, has {by_color.balanced_accuracy:.1%}"
    assert beside(colored, "giant") == said
    (line,) = lines(colored, KIEL_LINE, ("z1", "z3"))
    assert line.title.endswith(f"; {said}")
    assert beside(catalog, "giant") == "no BP − RP to compare with"


def test_of_which_stars_tracks_are(catalog, tmp_path):
    n = len(catalog)
    columns = star_columns() | {
        "teff_err": np.full(n, 20.0),
        "logg_err": np.where(np.arange(n) % 2, 0.05, 0.5),
        "m_h_err": np.full(n, 0.02),
        "bp_rp": np.full(n, 1.0),
        "phot_g_mean_mag": np.full(n, 13.0),
        "starflag": np.zeros(n),
        "aspcapflag": np.zeros(n),
    }
    flagged = catalog_of(tmp_path / "stars.parquet", columns)
    names = ("main_sequence", "fixed_m_h", KIEL_LINE)
    assert remarks(flagged, names) == ["[α/M] at fixed [M/H]: pristine stars"]
    assert tracks(flagged, "fixed_m_h")[0].n.sum() < tracks(catalog, "fixed_m_h")[0].n.sum()
    (without,) = remarks(catalog, names)
    assert without.startswith("[α/M] at fixed [M/H]: of all stars: no values in columns teff_err, ")
