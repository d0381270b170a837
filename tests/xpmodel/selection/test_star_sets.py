"""Named sets: their algebra against Python's sets, and what a file keeps of them."""

import json

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter
from xpmodel.selection.recipe import make_recipe, replay_recipe
from xpmodel.selection.regions import Region
from xpmodel.selection.star_sets import (
    ALGEBRA,
    MAX_NAME,
    StarSet,
    combine,
    complement,
    sets_from_json,
    sets_to_json,
)
from xpmodel.selection.star_sources import AllStars, Ids
from xpmodel.selection.steps import OPERATIONS, Step, replay

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


def kept_by_a_file(sets, catalog) -> tuple[StarSet, ...]:
    return sets_from_json(json.loads(json.dumps(sets_to_json(sets))), catalog)


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
    for star_set, stars in zip(kept_by_a_file(sets, catalog), wanted, strict=True):
        assert ids(star_set, catalog) == stars


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


def test_a_union_with_itself_takes_two_steps_more_each_time(catalog, pair, tmp_path):
    """Its recipe has each step once, grows evenly, and finds the same stars."""
    union, sizes, path = pair[0], [], tmp_path / "recipe.json"
    for times in range(1, 61):
        union = combine("a ∪ a", RED, union, "union", union, catalog)
        recipe = make_recipe(union.steps, catalog, union.n_members)
        assert len(json.loads(recipe)["steps"]) == 1 + 2 * times
        sizes.append(len(recipe))
    growth = np.diff(sizes)  # the numbers of steps have one to three digits
    assert growth.max() <= growth.min() + 4
    path.write_text(recipe)
    assert ids(union, catalog) == ids(pair[0], catalog)
    np.testing.assert_array_equal(replay_recipe(path, catalog), pair[0].mask(catalog))


@pytest.mark.parametrize("seed", range(8))
def test_random_algebra_is_what_its_recipe_replays(catalog, tmp_path, seed):
    """Whatever sets are made of each other: masks, Python's sets and recipes agree."""
    rng = np.random.default_rng(seed)
    sets, wanted, n_steps = [], [], 0
    everything = set(catalog.source_id.tolist())
    for _ in range(4):
        corners = np.sort(rng.normal(size=(2, 2)), axis=0).ravel().tolist()
        sets.append(StarSet("drawn", RED).then(Step("add", box(*corners)), catalog))
        wanted.append(inside(catalog, *corners))
        n_steps += 1
    for _ in range(40):
        i, j = rng.integers(0, len(sets), 2)
        way = rng.integers(0, 3)
        if way == 0:
            sets.append(complement("not", RED, sets[i], catalog))
            wanted.append(everything - wanted[i])
        elif way == 1:
            how = str(rng.choice(list(ALGEBRA)))
            sets.append(combine("both", RED, sets[i], how, sets[j], catalog))
            names = ("__or__", "__and__", "__sub__", "__xor__")
            name = dict(zip(ALGEBRA, names, strict=True))[how]
            wanted.append(getattr(wanted[i], name)(wanted[j]))
        else:  # a gesture of the page on a set that others were made of
            operation = str(rng.choice(OPERATIONS[1:]))
            sets.append(sets[i].then(Step(operation, sets[j].chosen), catalog))
            names = ("__or__", "__sub__", "__and__", "__xor__")
            name = dict(zip(OPERATIONS[1:], names, strict=True))[operation]
            wanted.append(getattr(wanted[i], name)(wanted[j]))
        n_steps += 2
    path = tmp_path / "recipe.json"
    for star_set, stars in zip(sets[-10:], wanted[-10:], strict=True):
        assert set(catalog.source_id[star_set.mask(catalog)].tolist()) == stars
        path.write_text(make_recipe(star_set.steps, catalog, star_set.n_members))
        np.testing.assert_array_equal(replay_recipe(path, catalog), star_set.mask(catalog))
        assert len(json.loads(path.read_text())["steps"]) <= n_steps
    content = json.loads(json.dumps(sets_to_json(sets)))
    assert len(content["steps"]) <= n_steps
    for star_set, stars in zip(sets_from_json(content, catalog), wanted, strict=True):
        assert set(catalog.source_id[star_set.mask(catalog)].tolist()) == stars


def test_algebra_computes_from_the_stars_and_replays_nothing(catalog, pair, monkeypatch):
    a, b = pair
    stars = ids(a, catalog), ids(b, catalog)

    def refuse(self, catalog):
        raise AssertionError("a region was tested again")

    monkeypatch.setattr(Region, "mask", refuse)
    union = combine("c", RED, a, "union", b, catalog)
    rest = complement("d", RED, union, catalog)
    found = [set(catalog.source_id[s.mask(catalog)].tolist()) for s in (union, rest)]
    assert found == [stars[0] | stars[1], set(catalog.source_id.tolist()) - stars[0] - stars[1]]


def test_a_step_shared_by_many_sets_is_done_once(catalog, pair, monkeypatch):
    union = pair[0]
    for _ in range(6):
        union = combine("c", RED, union, "union", union, catalog)
    done = []
    mask = Region.mask
    monkeypatch.setattr(
        Region, "mask", lambda self, catalog: done.append(self) or mask(self, catalog)
    )
    replay(union.steps, catalog)
    assert len(done) == 1
    kept_by_a_file([pair[0], union, pair[0]], catalog)
    assert len(done) == 2


def test_only_so_many_steps(catalog, pair, monkeypatch):
    """The set that has too many is not made, and what is wrong is said."""
    monkeypatch.setattr("xpmodel.selection.steps.NumberedSteps.__init__.__defaults__", (5,))
    union = combine("c", RED, *(pair[0], "union", pair[1]), catalog)
    with pytest.raises(InputError, match="more than 5 steps: save the stars of one, and go on"):
        combine("c", RED, *(union, "union", union), catalog)
    one_more = pair[0]
    for _ in range(4):
        one_more = one_more.then(Step("add", box(*B)), catalog)
    with pytest.raises(InputError, match="more than 5 steps"):
        one_more.then(Step("add", box(*B)), catalog)
    one_more.then(Step("replace", box(*B)), catalog)


def _of_version_1(steps) -> list[dict]:
    """Steps as version 1 of recipes has them: a set's own lie within each that takes it."""
    kept = []
    for step in steps:
        content = step.to_json()
        if content["kind"] == "set":
            del content["after"]
            content["steps"] = _of_version_1(step.source.steps)
        kept.append(content)
    return kept


def test_recipes_and_sets_of_version_1_are_read(catalog, pair, tmp_path):
    """Twelve unions of a set with itself: what the files repeat becomes one step again."""
    union = combine("c", RED, *(pair[0], "difference", pair[1]), catalog)
    for _ in range(9):
        union = combine("c", RED, union, "union", union, catalog)
    old = _of_version_1(union.steps)
    recipe = json.loads(make_recipe(union.steps, catalog, union.n_members))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe | {"version": 1, "steps": old}))
    assert path.stat().st_size > 200_000
    np.testing.assert_array_equal(replay_recipe(path, catalog), union.mask(catalog))
    (again,) = sets_from_json({"sets": [union.to_json() | {"steps": old}]}, catalog)
    assert ids(again, catalog) == ids(union, catalog)
    assert len(sets_to_json([again])["steps"]) == len(recipe["steps"]) == 22


def test_a_recipe_of_a_version_to_come(catalog, pair, tmp_path):
    recipe = json.loads(make_recipe(pair[0].steps, catalog, pair[0].n_members))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe | {"version": 3}))
    with pytest.raises(InputError, match="recipe.json: its format is of version 3, and 2 is"):
        replay_recipe(path, catalog)


@pytest.mark.parametrize(
    "entries", [{"on": 1}, {"on": 7}, {"on": -1}, {"on": "0"}, {"on": True}, {"on": 0.0},
                {"kind": "set", "name": "s", "after": 1}, {"kind": "set", "name": "s", "after": -1},
                {"kind": "set", "name": "s", "after": [0]}, {"kind": "set", "after": 0}]
)  # fmt: skip
def test_steps_that_refer_to_none_before_them(catalog, pair, entries):
    content = sets_to_json(pair[:1])
    content["steps"].append({"operation": "add", "kind": "all"} | entries)
    content["sets"][0]["after"] = 1
    with pytest.raises((InputError, KeyError)):
        sets_from_json(content, catalog)


def test_json(catalog, pair):
    made = combine("the «µ» set", "#00fF7f", pair[0], "difference", pair[1], catalog)
    hidden = StarSet("h", RED, visible=False).then(Step("add", Ids((int(2**53) + 1,))), catalog)
    sets = [made, hidden, pair[0], StarSet("new", RED)]
    for star_set, again in zip(sets, kept_by_a_file(sets, catalog), strict=True):
        for name in ("name", "color", "visible", "n_members", "steps"):
            assert getattr(again, name) == getattr(star_set, name)
        assert ids(again, catalog) == ids(star_set, catalog)
    content = sets_to_json(sets)
    assert sets_to_json(sets_from_json(content, catalog)) == content
    for one in content["sets"]:
        del one["visible"]
    assert all(star_set.visible for star_set in sets_from_json(content, catalog))
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
    """Of a set with steps of its own, as in files before."""
    content = pair[0].to_json() | {"steps": [box(*A).to_json() | {"operation": "add"}]} | entries
    with pytest.raises((InputError, KeyError, TypeError, ValueError)):
        sets_from_json({"sets": [content]}, catalog)
    if "steps" in entries:
        content |= {"after": 0}
        with pytest.raises((InputError, KeyError, TypeError, ValueError)):
            sets_from_json({"sets": [content], "steps": content.pop("steps")}, catalog)


@pytest.mark.parametrize("key", ["name", "color", "steps"])
def test_json_that_lacks_something(catalog, pair, key):
    content = pair[0].to_json() | {"steps": []}
    del content[key]
    with pytest.raises(KeyError):
        sets_from_json({"sets": [content]}, catalog)


@pytest.mark.parametrize("content", [None, 5, "set", [], [1]])
def test_json_of_something_else(catalog, content):
    with pytest.raises(TypeError):
        sets_from_json({"sets": [content]}, catalog)
