"""Named sets: their algebra against Python's sets, and what a file keeps of them."""

import json

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter
from xpmodel.selection.recipe import MAX_DEPTH, AllStars, Ids, Step, replay
from xpmodel.selection.regions import Region
from xpmodel.selection.star_sets import ALGEBRA, MAX_NAME, StarSet, combine, complement

N = 203  # no multiple of eight: masks are kept as bits
RED = "#ff5a1f"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return open_catalog(write_catalog(tmp_path_factory.mktemp("sets") / "stars.parquet", N))


def box(x0, y0, x1, y1) -> Region:
    return Region("box", ("z1", "z2"), ((x0, y0), (x1, y1)))


def ids(star_set: StarSet, catalog) -> set[int]:
    """Its stars, by way of its mask, which must agree with what it says of itself."""
    mask = star_set.mask(catalog)
    assert mask.dtype == bool and mask.shape == (N,)
    assert star_set.n_members == mask.sum()
    np.testing.assert_array_equal(mask, replay(star_set.steps, catalog))
    return set(catalog.source_id[mask].tolist())


def inside(catalog, x0, y0, x1, y1) -> set[int]:
    stars = zip(*(catalog[name].tolist() for name in ("source_id", "z1", "z2")), strict=True)
    return {i for i, x, y in stars if x0 <= x <= x1 and y0 <= y <= y1}


A, B = (-2.0, -2.0, 0.5, 0.5), (-0.5, -0.5, 3.0, 3.0)


@pytest.fixture
def pair(catalog) -> tuple[StarSet, StarSet]:
    a, b = (StarSet(name, RED).then(Step("replace", box(*corners)), catalog)
            for name, corners in (("a", A), ("b", B)))  # fmt: skip
    assert ids(a, catalog) == inside(catalog, *A) and ids(b, catalog) == inside(catalog, *B)
    return a, b


def test_algebra(catalog, pair):
    a, b = (inside(catalog, *corners) for corners in (A, B))
    everything = set(catalog.source_id.tolist())
    wanted = {
        "union": a | b,
        "intersection": a & b,
        "difference": a - b,
        "symmetric difference": a ^ b,
    }
    assert set(wanted) == set(ALGEBRA)
    assert len({frozenset(stars) for stars in (*wanted.values(), a, b, b - a, set())}) == 8
    for how, stars in wanted.items():
        found = combine("c", "#000000", pair[0], how, pair[1], catalog)
        assert ids(found, catalog) == stars
        assert (found.name, found.color, found.visible) == ("c", "#000000", True)
        rest = complement("d", RED, found, catalog)
        assert ids(rest, catalog) == everything - stars
        assert ids(complement("e", RED, rest, catalog), catalog) == stars
    found = combine("c", RED, pair[1], "difference", pair[0], catalog)
    assert ids(found, catalog) == b - a
    with pytest.raises(KeyError):
        combine("c", RED, *(pair[0], "without", pair[1]), catalog)


def test_algebra_with_empty_and_full_sets(catalog, pair):
    a, nothing = pair[0], StarSet("nothing", RED)
    full = complement("all", RED, nothing, catalog)
    assert ids(nothing, catalog) == set() and len(ids(full, catalog)) == N
    stars = ids(a, catalog)
    assert ids(combine("c", RED, a, "union", nothing, catalog), catalog) == stars
    assert ids(combine("c", RED, a, "intersection", nothing, catalog), catalog) == set()
    assert ids(combine("c", RED, a, "intersection", full, catalog), catalog) == stars
    assert ids(combine("c", RED, a, "symmetric difference", a, catalog), catalog) == set()
    assert ids(combine("c", RED, nothing, "difference", a, catalog), catalog) == set()


@pytest.mark.parametrize("seed", range(10))
def test_random_gestures(catalog, seed):
    """Steps on three sets that use each other, against Python's sets; none changes another."""
    rng = np.random.default_rng(seed)
    sets, wanted = [StarSet(str(i), RED) for i in range(3)], [set(), set(), set()]
    everything = catalog.source_id.tolist()
    for _ in range(12):
        i, j = rng.choice(3, 2, replace=False)
        before = [(s.mask(catalog), s.steps, s.n_members) for s in sets]
        operation = str(rng.choice(["replace", "add", "subtract", "intersect", "exclusive"]))
        kind = rng.integers(0, 4)
        if kind == 0:
            source, named = sets[j].chosen, wanted[j]
        elif kind == 1:
            some = rng.choice(everything, 60, replace=False).tolist()
            source, named = Ids((*some, 5)), set(some)
        else:
            corners = np.sort(rng.normal(size=(2, 2)), axis=0).ravel().tolist()
            source, named = box(*corners), inside(catalog, *corners)
        within = None
        if rng.random() < 0.4:
            within, shown = Filter(expression="z3 > 0"), catalog.source_id[catalog["z3"] > 0]
            named = named & set(shown.tolist())
        new = sets[i].then(Step(operation, source, within), catalog)
        combined = {
            "replace": named,
            "add": wanted[i] | named,
            "subtract": wanted[i] - named,
            "intersect": wanted[i] & named,
            "exclusive": wanted[i] ^ named,
        }
        for star_set, (mask, steps, n) in zip(sets, before, strict=True):
            np.testing.assert_array_equal(star_set.mask(catalog), mask)
            assert (star_set.steps, star_set.n_members) == (steps, n)
        sets[i], wanted[i] = new, combined[operation]
        assert ids(new, catalog) == wanted[i]
    for star_set, stars in zip(sets, wanted, strict=True):
        content = json.loads(json.dumps(star_set.to_json()))
        assert ids(StarSet.from_json(content, catalog), catalog) == stars


def test_a_replacement_forgets_what_was_before(catalog, pair):
    steps = [Step("add", box(*B)), Step("subtract", AllStars()), Step("add", box(*A))]
    star_set = pair[0]
    for n, step in enumerate(steps, 2):
        star_set = star_set.then(step, catalog)
        assert len(star_set.steps) == n and star_set.steps[-1] is step
    last = Step("replace", box(*B), Filter(expression="z1 > 0"))
    star_set = star_set.then(last, catalog)
    assert star_set.steps == (last,)
    positive = set(catalog.source_id[catalog["z1"] > 0].tolist())
    assert ids(star_set, catalog) == inside(catalog, *B) & positive != inside(catalog, *B)


def test_a_set_in_a_set_is_as_it_was(catalog, pair):
    a, b = pair
    union = combine("c", RED, a, "union", b, catalog)
    before = ids(union, catalog)
    a = a.then(Step("replace", box(-9, -9, 9, 9)), catalog)
    assert ids(a, catalog) != inside(catalog, *A)
    assert ids(union, catalog) == before == inside(catalog, *A) | inside(catalog, *B)


def test_masks_cannot_be_changed_from_outside(catalog, pair):
    a = pair[0]
    mask = a.mask(catalog)
    mask[:] = ~mask
    assert ids(a, catalog) == inside(catalog, *A)
    empty = StarSet("e", RED)
    empty.mask(catalog)[:] = True
    assert ids(empty, catalog) == set()
    with pytest.raises(AttributeError):
        a.n_members = 0


def test_emptied(catalog, pair):
    emptied = pair[0].emptied()
    assert ids(emptied, catalog) == set() and emptied.steps == ()
    assert (emptied.name, emptied.color) == ("a", RED)
    assert ids(pair[0], catalog) == inside(catalog, *A)


def test_sets_in_sets_only_so_deep(catalog, pair):
    """What can be made can be read again; the one that could not be is not made."""
    star_set = pair[0]
    for _ in range(MAX_DEPTH):
        star_set = complement("c", RED, star_set, catalog)
    assert ids(star_set, catalog) == inside(catalog, *A)
    content = json.loads(json.dumps(star_set.to_json()))
    assert ids(StarSet.from_json(content, catalog), catalog) == inside(catalog, *A)
    with pytest.raises(InputError, match="sets made of sets, more than 40 deep"):
        complement("c", RED, star_set, catalog)


def test_json(catalog, pair):
    made = combine("the «µ» set", "#00fF7f", pair[0], "difference", pair[1], catalog)
    hidden = StarSet("h", RED, visible=False).then(Step("add", Ids((int(2**53) + 1,))), catalog)
    for star_set in (made, hidden, pair[0], StarSet("new", RED)):
        content = json.loads(json.dumps(star_set.to_json()))
        again = StarSet.from_json(content, catalog)
        for name in ("name", "color", "visible", "n_members", "steps"):
            assert getattr(again, name) == getattr(star_set, name)
        assert ids(again, catalog) == ids(star_set, catalog)
        assert again.to_json() == star_set.to_json()
        del content["visible"]
        assert StarSet.from_json(content, catalog).visible
    assert hidden.n_members == 1


@pytest.mark.parametrize(
    "entries",
    [
        {"name": ""},
        {"name": "x" * (MAX_NAME + 1)},
        {"color": None},
        {"color": ""},
        {"color": "red"},
        {"color": "#12345"},
        {"color": "#1234567"},
        {"color": "#12345g"},
        {"color": "1234567"},
        {"color": "#٠٠٠٠٠٠"},
        {"color": "red;} x"},
        {"steps": None},
        {"steps": 5},
        {"steps": [5]},
        {"steps": [{}]},
        {"steps": [{"operation": "add"}]},
        {"steps": [{"operation": "add", "kind": "sphere"}]},
        {"steps": [{"operation": "blend", "kind": "all"}]},
        {"steps": [{"operation": "add", "kind": "all", "within": 5}]},
        {"steps": [{"operation": "add", "kind": "ids", "source_id": [1.5]}]},
        {"steps": [{"operation": "add", **box(0, 0, 1, 1).to_json(), "columns": ["z1", "mass"]}]},
        {"steps": [{"operation": "add", "kind": "filter", "cuts": [], "ranges": [],
                    "expression": "z1 <"}]},
        {"steps": [{"operation": "add", "kind": "filter", "cuts": [], "ranges": [],
                    "expression": "z1"}]},
    ],
)  # fmt: skip
def test_bad_json(catalog, pair, entries):
    content = pair[0].to_json() | entries
    with pytest.raises((InputError, KeyError, TypeError, ValueError)):
        StarSet.from_json(content, catalog)


@pytest.mark.parametrize("key", ["name", "color", "steps"])
def test_json_that_lacks_something(catalog, pair, key):
    content = pair[0].to_json()
    del content[key]
    with pytest.raises(KeyError):
        StarSet.from_json(content, catalog)


@pytest.mark.parametrize("content", [None, 5, "set", [], [1]])
def test_json_of_something_else(catalog, content):
    with pytest.raises(TypeError):
        StarSet.from_json(content, catalog)
