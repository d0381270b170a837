"""Filters: which stars they show, star by star, and what a recipe keeps of them."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from tests.support.catalogs import write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.catalog.named_cuts import cut_mask, needed_columns
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter

N = 300
FULL = Filter(
    (("good", "released"),), (("teff", 4500.0, 5500.0), ("z1", -1.0, 1.0)), "abs(z2) < 1 or l > 90"
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    rng = np.random.default_rng(0)
    teff = pa.array(rng.uniform(4000, 6000, N), pa.float32(), mask=rng.random(N) < 0.2)
    columns = {
        "teff": teff,
        "teff_err": rng.uniform(50, 400, N),
        "logg_err": rng.uniform(0.1, 0.5, N),
        "m_h_err": rng.uniform(0.02, 0.3, N),
        "bp_rp": rng.uniform(-0.2, 4.2, N),
        "phot_g_mean_mag": rng.uniform(5, 18, N),
        "starflag": rng.integers(0, 2, N),
        "aspcapflag": rng.integers(0, 8, N),
        "population": ["disc"] * N,
        "ra": rng.uniform(0, 360, N),
        "dec": rng.uniform(-90, 90, N),
    }
    return open_catalog(write_catalog(tmp_path_factory.mktemp("f") / "stars.parquet", N, **columns))


def in_range(catalog, name: str, low: float, high: float) -> list[bool]:
    return [low <= v <= high for v in catalog[name].tolist()]  # False for NaN


def test_all_conditions_must_hold(catalog):
    z2, longitude = catalog["z2"].tolist(), catalog["l"].tolist()
    parts = [
        cut_mask(catalog, "good").tolist(),
        in_range(catalog, "teff", 4500, 5500),
        in_range(catalog, "z1", -1, 1),
        [abs(a) < 1 or b > 90 for a, b in zip(z2, longitude, strict=True)],
    ]
    wanted = [all(star) for star in zip(*parts, strict=True)]
    assert 0 < sum(wanted) < min(map(sum, parts)) and max(map(sum, parts)) < N
    found = FULL.mask(catalog)
    assert found.dtype == bool and found.tolist() == wanted
    for one, part in zip(
        (
            Filter(cuts=FULL.cuts),
            Filter(ranges=FULL.ranges[:1]),
            Filter(ranges=FULL.ranges[1:]),
            Filter(expression=FULL.expression),
        ),
        parts,
        strict=True,
    ):
        assert one and one.mask(catalog).tolist() == part


def test_no_filter(catalog):
    for nothing in (Filter(), Filter(expression=" \n")):
        assert not nothing and str(nothing) == "" and nothing.needs == ()
        assert nothing.mask(catalog).all()


def test_ranges_are_closed_and_not_rounded_to_the_column(tmp_path):
    values = np.float32([0.1, 0.2, 0.3, np.nan, np.inf, -np.inf])
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", 6, teff=values))
    ends = [0.1, 0.3, *values[:3].astype(float).tolist(), 0.2, -1e300, 1e300]
    for low in ends:
        for high in (end for end in ends if end >= low):
            found = Filter(ranges=(("teff", low, high),)).mask(catalog).tolist()
            assert found == in_range(catalog, "teff", low, high), (low, high)
            both = f"{low!r} <= teff <= {high!r}"
            assert Filter(expression=both).mask(catalog).tolist() == found
    point = float(values[1])
    assert Filter(ranges=(("teff", point, point),)).mask(catalog).tolist().index(True) == 1


def test_ranges_of_whole_and_of_derived_columns(catalog):
    for name, low, high in (("starflag", 1, 1), ("b", -30, 30.5), ("ra", 10, 200)):
        found = Filter(ranges=((name, low, high),)).mask(catalog)
        assert found.tolist() == in_range(catalog, name, low, high) and 0 < found.sum() < N


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        (Filter(ranges=(("mass", 0, 1),)), "no column 'mass'"),
        (Filter(ranges=(("population", 0, 1),)), "column 'population' holds no numbers"),
        (Filter(expression="mass < 1"), "no column 'mass' with values"),
        (Filter(expression="teff <"), "at its end: it ends too early"),
        (Filter(expression="teff"), "a condition is needed"),
    ],
)
def test_what_a_catalog_cannot_tell(catalog, filter_, message):
    with pytest.raises(InputError, match=message):
        filter_.mask(catalog)


def test_a_cut_without_its_columns(tmp_path):
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", 5))
    with pytest.raises(InputError, match="column teff has no values, and the cut 'pristine'"):
        Filter(cuts=(("pristine", "paper"),)).mask(catalog)
    assert Filter(cuts=(("full", "paper"),)).mask(catalog).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cuts": (("best", "paper"),)}, "no cut 'best'"),
        ({"cuts": (("good", "arxiv"),)}, "no variant 'arxiv'"),
        ({"ranges": (("teff", 2, 1),)}, "the range of teff must be two numbers, the lower one"),
        ({"ranges": (("teff", math.nan, 1),)}, "the range of teff"),
        ({"ranges": (("teff", 0, math.nan),)}, "the range of teff"),
        ({"ranges": (("z1", 0, 1), ("teff", -math.inf, 1))}, "the range of teff"),
        ({"ranges": (("teff", 0, math.inf),)}, "the range of teff"),
    ],
)
def test_filters_that_are_none(arguments, message):
    with pytest.raises(InputError, match=message):
        Filter(**arguments)


def test_ranges_are_put_in_and_taken_out():
    wider = FULL.with_range("teff", 1, 2)
    assert wider.ranges == (("z1", -1.0, 1.0), ("teff", 1.0, 2.0))
    assert (wider.cuts, wider.expression) == (FULL.cuts, FULL.expression)
    assert FULL.ranges[0] == ("teff", 4500.0, 5500.0)  # as it was
    assert wider.without_range("teff") == FULL.without_range("teff")
    assert FULL.without_range("teff").ranges == (("z1", -1.0, 1.0),)
    assert FULL.without_range("m_h") == FULL
    assert FULL.with_range("m_h", 0, 1).ranges == (*FULL.ranges, ("m_h", 0.0, 1.0))


def test_its_columns():
    assert FULL.needs == (*needed_columns("good"), "z1", "l", "z2")
    expression = Filter(expression="sqrt(abs(m_h)) < exp(z1) and source_id > log10(5)")
    assert expression.needs == ("m_h", "z1")  # neither functions nor ids


def test_in_words():
    assert str(FULL) == "good (released), 4500 ≤ teff ≤ 5500, -1 ≤ z1 ≤ 1, abs(z2) < 1 or l > 90"


@pytest.mark.parametrize(
    "filter_",
    [
        FULL,
        Filter(),
        Filter(ranges=(("teff", 0.1 + 0.2, np.float32(0.7)), ("ra", -1, 5))),
        Filter(expression="population == 'µ\n\"x\"' and\r\nz1 < 1"),
        Filter(cuts=(("full", "paper"), ("pristine", "paper"))),
    ],
)
def test_json(filter_):
    again = Filter.from_json(json.loads(json.dumps(filter_.to_json())))
    assert again == filter_ and hash(again) == hash(filter_)
    assert again.to_json() == filter_.to_json() and filter_.to_json()["kind"] == "filter"


@pytest.mark.parametrize(
    "entries",
    [
        {"cuts": None},
        {"cuts": "good"},
        {"cuts": [["good"]]},
        {"cuts": [["good", "released", 1]]},
        {"cuts": [["best", "released"]]},
        {"cuts": [[None, None]]},
        {"ranges": None},
        {"ranges": [["teff", 1]]},
        {"ranges": [["teff", "low", "high"]]},
        {"ranges": [["teff", None, 1]]},
        {"ranges": [["teff", 2, 1]]},
        {"ranges": [["teff", float("nan"), 1]]},
        {"ranges": [["teff", [0], 1]]},
        {"ranges": {"teff": [0, 1]}},
        {"ranges": 5},
    ],
)
def test_bad_json(entries):
    with pytest.raises((InputError, TypeError, ValueError)):
        Filter.from_json(FULL.to_json() | entries)


@pytest.mark.parametrize("key", ["cuts", "ranges", "expression"])
def test_json_that_lacks_something(key):
    content = FULL.to_json()
    del content[key]
    with pytest.raises(KeyError):
        Filter.from_json(content)
