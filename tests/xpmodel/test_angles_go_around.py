"""Stars to both sides of longitude 0, and whatever takes a middle, a width or a way of them."""

import numpy as np
import pytest

from tests.support.catalogs import N, write_catalog
from xpmodel import Catalog, Region, open_catalog
from xpmodel.latent.nearby_stars import ManySurroundings, Surroundings, place_in_map
from xpmodel.latent.neighbours import neighbours_of
from xpmodel.selection.compare_sets import compare, histograms, summarize
from xpmodel.selection.filters import Filter
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition
from xpmodel.tracks.measured import measure

# Right ascensions from 356 over 0 to 4 degrees.
AROUND = np.linspace(-4, 4, N)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    path = tmp_path_factory.mktemp("around") / "stars.parquet"
    return open_catalog(write_catalog(path, ra=AROUND % 360, dec=np.linspace(-60, -50, N)))


@pytest.fixture(scope="module")
def every(catalog) -> np.ndarray:
    return np.ones(len(catalog), bool)


def away(value: float, wanted: float) -> float:
    return abs((value - wanted + 180) % 360 - 180)


def test_a_summary_has_its_middle_where_the_stars_are(catalog, every):
    (ra,) = summarize(catalog, every, ["ra"])
    assert away(ra.median, 0) < 0.02 and away(ra.mean, 0) < 0.02
    assert away(ra.p16, np.percentile(AROUND, 16)) < 0.02
    assert away(ra.p84, np.percentile(AROUND, 84)) < 0.02
    assert ra.sd == pytest.approx(AROUND.std(), rel=0.01)


def test_sets_are_not_ranked_by_what_has_no_order(catalog):
    west = AROUND < 0
    found = compare(catalog, west, ~west, ["ra", "dec"])
    ra = next(c for c in found.columns if c.name == "ra")
    assert away(ra.a.median, -2) < 0.02 and away(ra.b.median, 2) < 0.02
    assert np.isnan([ra.delta, ra.p_value, ra.p_corrected]).all()
    # The other column is corrected as the only one.
    dec = next(c for c in found.columns if c.name == "dec")
    assert dec.p_corrected == dec.p_value


def test_a_histogram_s_edges_may_lie_to_both_sides(catalog, every):
    edges, (counts,) = histograms(catalog, [every], "ra", np.linspace(-4.01, 4.01, 9))
    np.testing.assert_array_equal(counts, np.histogram(AROUND, edges)[0])


def test_the_stars_around_a_point_have_their_middle_among_them(catalog):
    neighbours = neighbours_of(catalog)
    z = np.array([catalog[name][:3] for name in catalog.latents], float).T
    many = ManySurroundings(catalog, neighbours, z, 50, catalog.source_id[:3])
    for i, median in enumerate(many.median("ra")):
        assert away(median, np.median(AROUND[many.rows[i]])) < 0.03
    around = Surroundings.of(catalog, neighbours, z[0], 50, exclude=0)
    assert away(around.median("ra"), np.median(AROUND[around.rows])) < 0.03


@pytest.mark.parametrize("at", [-3.0, 357.0, 717.0])
def test_a_place_means_the_stars_there_by_whichever_turn_it_is_named(catalog, at):
    found = place_in_map(catalog, ("ra", "dec"), (at, -59.0), (0.0,) * 4)
    there = place_in_map(catalog, ("ra", "dec"), (357.0, -59.0), (0.0,) * 4)
    assert found == there
    spread = AROUND.std(), np.linspace(-60, -50, N).std()
    steps = (AROUND + 3) / spread[0], (np.linspace(-60, -50, N) + 59) / spread[1]
    assert found[0] == pytest.approx(np.median(catalog["z1"][np.argsort(np.hypot(*steps))[:50]]))


@pytest.mark.parametrize("centre", [-1.0, 359.0])
def test_a_bin_of_a_track_reaches_over_0(catalog, centre):
    bin_ = Bin((("ra", centre, 2.0),))
    inside = np.abs(AROUND + 1) < 2
    np.testing.assert_array_equal(bin_.contains(catalog), inside)
    track = measure(TrackDefinition("mine", "mine", ("ra", "dec"), (bin_,), "own"), catalog)
    assert track.n.tolist() == [inside.sum()]
    assert away(track.mean["ra"][0], AROUND[inside].mean()) < 0.01
    assert track.std["ra"][0] == pytest.approx(AROUND[inside].std(), rel=0.01)


@pytest.mark.parametrize("turn", [-360.0, 0.0, 360.0])
def test_a_range_and_an_outline_hold_the_same_stars_by_whichever_turn(catalog, turn):
    inside = (AROUND >= -2) & (AROUND <= 3)
    range_ = Filter(ranges=(("ra", -2.0 + turn, 3.0 + turn),))
    box = Region("box", ("ra", "dec"), ((-2.0 + turn, -90.0), (3.0 + turn, 90.0)))
    np.testing.assert_array_equal(range_.mask(catalog), inside)
    np.testing.assert_array_equal(box.mask(catalog), inside)
    assert Filter(ranges=(("ra", turn, turn + 360.0),)).mask(catalog).all()
