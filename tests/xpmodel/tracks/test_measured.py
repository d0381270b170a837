import warnings

import numpy as np
import pytest
import scipy.stats

from tests.support.loops import some
from tests.support.tracks import catalog_of, star_columns
from xpmodel.errors import InputError
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TRACKS, TrackDefinition, define
from xpmodel.tracks.measured import measure, measure_all, tracks_table

MEASURED = ["teff", "logg", "m_h", "alpha_m", "fe_h", "mg_fe", "z1", "z2", "z3"]


@pytest.fixture(scope="module")
def columns():
    return star_columns()


@pytest.fixture(scope="module")
def catalog(columns, tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("measure") / "stars.parquet", columns)


def loop(definition, catalog, mask) -> tuple[list[int], dict, dict]:
    """Numbers, means and standard deviations, bin by bin and column by column."""
    n, mean, std = [], {c: [] for c in MEASURED}, {c: [] for c in MEASURED}
    for b in definition.bins:
        inside = b.contains(catalog) & mask
        n.append(inside.sum())
        for column in MEASURED:
            values = catalog[column].astype(float)[inside]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                mean[column].append(np.nanmean(values))
                std[column].append(np.nanstd(values))
    return n, mean, std


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("masked", [True, False])
def test_against_a_loop(catalog, variant, masked):
    everyone = np.ones(len(catalog), bool)
    mask = np.arange(len(catalog)) % 4 != 0 if masked else everyone
    measured = measure_all(catalog, variant, mask=mask if masked else None)
    assert list(measured.tracks) == list(TRACKS) and measured.skipped == {}
    n_stars = n_empty = 0
    for name, tracks in some(measured.tracks.items()):
        definitions = define(name, catalog, variant=variant, mask=mask)
        assert tuple(track.definition for track in tracks) == definitions
        for track in some(tracks):
            n, mean, std = loop(track.definition, catalog, mask)
            assert track.n.tolist() == n
            np.testing.assert_array_equal(track.thin, np.array(n) < 10)
            assert list(track.mean) == list(track.std) == MEASURED
            for column in MEASURED:
                for got, expected in ((track.mean, mean), (track.std, std)):
                    np.testing.assert_allclose(
                        got[column], expected[column], rtol=1e-9, atol=1e-9, err_msg=column
                    )
            n_stars, n_empty = n_stars + sum(n), n_empty + n.count(0)
    assert n_stars > 2000 and n_empty > 0


def test_thin_and_empty_points_are_marked(tmp_path):
    m_h = [0, 0, 0, 1, np.nan, 3, 3]
    z1 = [1, 2, np.nan, 5, 9, np.nan, np.nan]
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": z1, "m_h": m_h})
    bins = tuple(Bin((("m_h", float(x), 0.5),)) for x in (0, 1, 2, 3))
    track = measure(TrackDefinition("a", "A", ("m_h", "z1"), bins, "own"), catalog, thin=2)
    assert track.n.tolist() == [3, 1, 0, 2] and track.thin.tolist() == [False, True, True, False]
    # A latent that a star lacks does not count; a bin of such stars has none.
    np.testing.assert_array_equal(track.mean["z1"], [1.5, 5, np.nan, np.nan])
    np.testing.assert_array_equal(track.std["z1"], [0.5, 0, np.nan, np.nan])
    np.testing.assert_array_equal(track.mean["m_h"], [0, 1, np.nan, 3])
    np.testing.assert_array_equal(track.centre["m_h"], [0, 1, 2, 3])


def test_means_carry_standard_errors(tmp_path):
    """As SciPy has them, over the stars with a value; none of a single star."""
    rng = np.random.default_rng(4)
    m_h = np.repeat([0.0, 1.0, 2.0, 3.0], [50, 2, 1, 40])
    z1 = rng.normal(size=93)
    z1[:5] = np.nan
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": z1, "m_h": m_h})
    bins = tuple(Bin((("m_h", float(x), 0.5),)) for x in (0, 1, 2, 4))
    track = measure(TrackDefinition("a", "A", ("m_h", "z1"), bins, "own"), catalog)
    values = catalog["z1"].astype(float)
    wanted = [scipy.stats.sem(values[5:50]), scipy.stats.sem(values[50:52]), np.nan, np.nan]
    np.testing.assert_allclose(track.error["z1"], wanted)
    np.testing.assert_allclose(track.error["m_h"], [0, 0, np.nan, np.nan])
    table = track.to_table()
    np.testing.assert_array_equal(table["z1_sem"], track.error["z1"])
    assert table["m_h_sem"].description == "standard error of the mean: metallicity"


def test_the_standard_error_is_how_far_means_of_samples_lie_apart(tmp_path):
    """A thousand bins of 20 stars of one population."""
    rng = np.random.default_rng(5)
    m_h, z1 = np.repeat(np.arange(1000.0), 20), rng.gamma(2.0, size=20_000)
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": z1, "m_h": m_h})
    bins = tuple(Bin((("m_h", float(x), 0.5),)) for x in range(1000))
    track = measure(TrackDefinition("a", "A", ("m_h", "z1"), bins, "own"), catalog)
    wanted = track.mean["z1"].std()
    assert np.sqrt((track.error["z1"] ** 2).mean()) == pytest.approx(wanted, rel=0.07)


def test_bins_with_different_columns(catalog):
    bins = (
        Bin((("m_h", 0.0, 0.5),)),
        Bin((("teff", 5000.0, 300.0),), ("dwarf",)),
        Bin((), ("giant",)),
        Bin((("jr", 500.0, 200.0), ("z3", 0.0, 1.0))),
    )
    track = measure(TrackDefinition("a", "A", ("m_h", "teff"), bins, "own"), catalog)
    assert track.n.tolist() == [b.contains(catalog).sum() for b in bins] and track.n.min() > 10
    np.testing.assert_array_equal(track.centre["m_h"], [0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(track.centre["teff"], [np.nan, 5000, np.nan, np.nan])
    # A column that the bins bound is measured too, though it is no label.
    assert abs(track.mean["jr"][3] - 500) < 100


def test_edges_of_narrow_bins(tmp_path):
    """The quick test in float32 may not lose stars that the exact one takes."""
    teff = np.float32(5000) + np.arange(-40, 41) * np.spacing(np.float32(5000))
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": np.arange(81.0), "teff": teff})
    for half_width in (1e-3, 0.0097, 0.01, 0.0102539):
        bins = (Bin((("teff", 5000.0, half_width),)),)
        track = measure(TrackDefinition("a", "A", ("teff", "z1"), bins, "own"), catalog)
        assert track.n[0] == (abs(teff.astype(float) - 5000) < half_width).sum()


def test_table(catalog):
    track = measure(define("giant_branch", catalog, variant="released")[0], catalog)
    table = track.to_table()
    assert len(table) == 20 and table.colnames[:2] == ["n", "thin"]
    np.testing.assert_array_equal(table["n"], track.n)
    np.testing.assert_array_equal(table["teff_mean"], track.mean["teff"])
    np.testing.assert_array_equal(table["z3_std"], track.std["z3"])
    np.testing.assert_array_equal(table["logg_centre"], track.centre["logg"])
    assert set(table["teff_width"]) == {0.2}
    units = {name: str(table[name].unit) for name in ("teff_mean", "logg_std", "teff_centre")}
    assert units == {"teff_mean": "K", "logg_std": "dex", "teff_centre": "K"}
    assert table["z1_mean"].unit is None
    assert table["thin"].description == "fewer than 10 stars"
    assert table["m_h_mean"].description == "mean of the stars: metallicity"
    assert table["m_h_mean"].description != table["fe_h_mean"].description
    assert (table.meta["variant"], table.meta["catalog"]) == ("released", "stars.parquet")
    assert table.meta["titles"] == ["Giant branch"]


def test_table_of_a_family(catalog):
    tracks = measure_all(catalog).tracks["m_h_giants"]
    table = tracks_table(tracks)
    assert len(table) == 72 and len(set(table["track"])) == 9
    fixed = np.repeat(np.linspace(-2.5, 0.5, 10)[1:], 8)
    np.testing.assert_allclose(table["m_h_centre"], fixed)
    np.testing.assert_array_equal(table["n"], np.concatenate([t.n for t in tracks]))
    assert table.meta["conditions"] == ["giant"]


def test_what_a_catalog_lacks_is_named(tmp_path):
    columns = star_columns()
    del columns["fe_h"], columns["lz"]
    columns["alpha_m"] = np.full(len(columns["alpha_m"]), np.nan)
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    measured = measure_all(catalog)
    kept = ["main_sequence", "giant_branch", "m_h_main_sequence", "m_h_giants"]
    assert list(measured.tracks) == kept
    assert list(measured.skipped) == ["high_alpha", "low_alpha", "fixed_m_h", "gaia_enceladus"]
    assert "columns fe_h, alpha_m, and" in measured.skipped["high_alpha"]
    assert "column alpha_m, and" in measured.skipped["fixed_m_h"]
    assert "column lz, and" in measured.skipped["gaia_enceladus"]
    assert "alpha_m" not in measured.tracks["giant_branch"][0].mean


def test_wrong_options_are_no_lack(catalog):
    with pytest.raises(InputError, match="no variant 'mine'"):
        measure_all(catalog, "mine")
    with pytest.raises(InputError, match="must be a finite number"):
        measure_all(catalog, m_h=np.nan)


def test_options_reach_their_track(catalog):
    measured = measure_all(catalog, m_h=-1.0, thin=10_000)
    (track,) = measured.tracks["fixed_m_h"]
    assert (track.centre["m_h"] == -1).all() and track.thin.all() and track.thin_below == 10_000


def test_of_the_mock(mock):
    from xpmodel import open_catalog

    catalog = open_catalog(mock.catalog)
    measured = measure_all(catalog)
    assert "gaia_enceladus" in measured.skipped and "low_alpha" in measured.skipped
    (track,) = measured.tracks["fixed_m_h"]
    assert track.n.sum() > 100 and track.model == catalog.model_hash is not None
