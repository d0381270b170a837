"""Selections: steps as sets of ids, and recipes that find the same stars again."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from tests.support.catalogs import write_catalog
from tests.support.loops import some
from xpmodel.catalog.catalog import open_catalog
from xpmodel.cli.main import main
from xpmodel.errors import InputError
from xpmodel.selection.filters import Filter
from xpmodel.selection.recipe import MAX_DEPTH, make_recipe, read_steps, replay_recipe
from xpmodel.selection.regions import Region
from xpmodel.selection.star_sources import AllStars, Ids, TrackBin
from xpmodel.selection.steps import OPERATIONS, Chosen, Step, replay
from xpmodel.tracks.bins import Bin

N = 2000


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    rng = np.random.default_rng(1)
    teff = pa.array(rng.uniform(4000, 6000, N), pa.float32(), mask=rng.uniform(size=N) < 0.2)
    flag = pa.array(rng.integers(0, 5, N), pa.int64(), mask=rng.uniform(size=N) < 0.2)
    names = {"population": ["disc"] * N}
    names |= {"ra": rng.uniform(0, 360, N), "dec": rng.uniform(-90, 90, N)}
    names["phot_g_mean_mag"] = rng.uniform(5, 18, N)
    return open_catalog(
        write_catalog(
            tmp_path_factory.mktemp("selection") / "stars.parquet",
            N,
            teff=teff,
            starflag=flag,
            **names,
        )
    )


def random_steps(seed: int, n: int = 6) -> list[Step]:
    """Gestures in several maps, the first of which need not replace."""
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(n):
        operation = rng.choice(OPERATIONS, p=[0.2, 0.4, 0.2, 0.1, 0.1])
        scale = np.array([1.0, 500.0 if rng.uniform() < 0.5 else 1.0])
        columns = ("z1", "teff") if scale[1] > 1 else ("z2", "z4")
        center = rng.normal(size=2) * 0.5 * scale + (0, 5000 if scale[1] > 1 else 0)
        kind = rng.choice(["polygon", "box"])
        outline = center + rng.normal(size=(2 if kind == "box" else 12, 2)) * scale
        steps.append(Step(str(operation), Region(str(kind), columns, tuple(map(tuple, outline)))))
    return steps


def replay_as_sets(steps, catalog) -> set[int]:
    selected: set[int] = set()
    for step in steps:
        inside = step.source.contains(*(catalog[name] for name in step.source.columns))
        ids = set(catalog.source_id[inside].tolist())
        if step.operation == "replace":
            selected = ids
        elif step.operation == "add":
            selected |= ids
        elif step.operation == "subtract":
            selected -= ids
        elif step.operation == "intersect":
            selected &= ids
        else:
            selected ^= ids
    return selected


@pytest.mark.parametrize("seed", range(10))
def test_steps_are_sets(catalog, seed):
    steps = random_steps(seed)
    mask = replay(steps, catalog)
    assert mask.dtype == bool and mask.shape == (N,)
    assert set(catalog.source_id[mask].tolist()) == replay_as_sets(steps, catalog)


def test_no_steps_select_nothing(catalog):
    assert not replay([], catalog).any()


def test_a_step_leaves_the_mask_before_it_alone(catalog):
    mask = np.zeros(N, bool)
    everything = Region("box", ("z1", "z2"), ((-9, -9), (9, 9)))
    for operation in some(OPERATIONS):
        Step(operation, everything).apply(mask, catalog)
        assert not mask.any()


def test_stars_without_a_value_are_in_no_region(catalog):
    for column in ("teff", "starflag"):
        region = Region("box", (column, "z1"), ((-1e9, -1e9), (1e9, 1e9)))
        mask = replay([Step("replace", region)], catalog)
        np.testing.assert_array_equal(mask, np.isfinite(catalog[column]))


def save(path, steps, catalog, mask=None):
    mask = replay(steps, catalog) if mask is None else mask
    path.write_text(make_recipe(steps, catalog, mask.sum()))
    return path


@pytest.mark.parametrize("seed", range(5))
def test_a_recipe_finds_the_same_stars(catalog, tmp_path, seed):
    steps = random_steps(seed)
    path = save(tmp_path / "recipe.json", steps, catalog)
    again = replay_recipe(path, open_catalog(catalog.path))
    np.testing.assert_array_equal(again, replay(steps, catalog))


def test_a_recipe_keeps_floats_exactly(catalog, tmp_path):
    """The outline runs through a star, one float64 to the left of it and one to the right."""
    x, y = (float(catalog[name][3]) for name in ("z1", "z2"))
    for left, inside in ((np.nextafter(x, -9), True), (np.nextafter(x, 9), False)):
        outline = ((left, y - 1e-9), (9.1, y - 1e-9), (9.1, 0.1 + 0.2 + y), (left, 0.1 + 0.2 + y))
        steps = [Step("replace", Region("polygon", ("z1", "z2"), outline))]
        path = save(tmp_path / "recipe.json", steps, catalog)
        assert json.loads(path.read_text())["steps"][0]["outline"] == [list(v) for v in outline]
        assert replay_recipe(path, catalog)[3] == inside


def test_a_recipe_of_numpy_numbers(catalog, tmp_path):
    outline = tuple(map(tuple, np.float64([(0, 0), (1, 0), (1, 1)])))
    steps = [Step("replace", Region("polygon", ("z1", "z2"), outline))]
    save(tmp_path / "recipe.json", steps, catalog)
    whole = tuple(map(tuple, np.arange(6).reshape(3, 2)))
    single = tuple(map(tuple, np.float32([(0.1, 0), (1, 0), (1, 1)])))
    for outline in (whole, single):
        steps = [Step("replace", Region("polygon", ("z1", "z2"), outline))]
        path = save(tmp_path / "recipe.json", steps, catalog)
        np.testing.assert_array_equal(replay_recipe(path, catalog), replay(steps, catalog))


def test_what_a_recipe_says(catalog):
    steps = [Step("add", Region("box", ("z1", "teff"), ((0, 4000), (1, 5000))))]
    recipe = json.loads(make_recipe(steps, catalog, np.int64(5)))
    assert recipe["format"] == "xpmodel-selection" and recipe["n_selected"] == 5
    wanted = {"name": "stars.parquet", "sha256": catalog.sha256, "n_stars": N}
    assert recipe["catalog"] == wanted and len(catalog.sha256) == 64
    assert recipe["steps"] == [
        {
            "operation": "add",
            "kind": "box",
            "columns": ["z1", "teff"],
            "outline": [[0, 4000], [1, 5000]],
        }
    ]


def test_another_catalog(catalog, tmp_path):
    steps = random_steps(1)
    path = save(tmp_path / "recipe.json", steps, catalog)
    other = open_catalog(write_catalog(tmp_path / "other.parquet", 500, teff=np.full(500, 5e3)))
    with pytest.raises(InputError, match="made on another catalog .stars.parquet, sha256 .*other"):
        replay_recipe(path, other)
    found = replay_recipe(path, other, other_catalog=True)
    np.testing.assert_array_equal(found, replay(steps, other))
    np.testing.assert_array_equal(
        replay_recipe(path, catalog, other_catalog=True), replay(steps, catalog)
    )


def test_another_catalog_without_the_columns(catalog, tmp_path):
    steps = [Step("add", Region("box", ("z1", "teff"), ((0, 4000), (1, 5000))))]
    path = save(tmp_path / "recipe.json", steps, catalog)
    other = open_catalog(write_catalog(tmp_path / "other.parquet", 500))
    with pytest.raises(InputError, match="other.parquet has no values in column 'teff'"):
        replay_recipe(path, other, other_catalog=True)


def change(path, **entries):
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def step(**entries):
    return {
        "operation": "replace",
        "kind": "box",
        "columns": ["z1", "z2"],
        "outline": [[0, 0], [1, 1]],
    } | entries


@pytest.mark.parametrize("wrong", [0, -1, "5", None, 10**30, 1.5, [3], [3, 4], {}, "9" * 999])
def test_a_number_of_stars_changed_by_hand(catalog, tmp_path, wrong):
    path = save(tmp_path / "recipe.json", random_steps(2), catalog)
    change(path, n_selected=wrong)
    with pytest.raises(InputError, match="the recipe was changed by hand"):
        replay_recipe(path, catalog)


def test_an_outline_changed_by_hand(catalog, tmp_path):
    steps = [Step("replace", Region("box", ("z1", "z2"), ((0, 0), (1, 1))))]
    path = save(tmp_path / "recipe.json", steps, catalog)
    change(path, steps=[step(outline=[[-1, 0], [1, 1]])])
    with pytest.raises(InputError, match="its steps select .* stars, but it records"):
        replay_recipe(path, catalog)


@pytest.mark.parametrize(
    "entries",
    [
        {"steps": None},
        {"steps": 5},
        {"steps": "replace"},
        {"steps": {"a": 1}},
        {"steps": [None]},
        {"steps": [[]]},
        {"steps": [{}]},
        {"steps": [step(operation="blend")]},
        {"steps": [step(operation=None)]},
        {"steps": [step(kind="circle")]},
        {"steps": [step(columns=["z1"])]},
        {"steps": [step(columns=["z1", "z2", "z3"])]},
        {"steps": [step(columns=["z1", "mass"])]},
        {"steps": [step(columns=["z1", "source_id"])]},
        {"steps": [step(columns=["z1", "population"])]},
        {"steps": [step(columns=["z1", "logg"])]},
        {"steps": [step(columns="z1")]},
        {"steps": [step(columns=5)]},
        {"steps": [step(columns=[["z1"], {"z2": 1}])]},
        {"steps": [step(outline=[])]},
        {"steps": [step(outline=[[0, 0]])]},
        {"steps": [step(outline=[[0, 0, 0], [1, 1, 1]])]},
        {"steps": [step(outline=[[0, 0], [float("nan"), 1]])]},
        {"steps": [step(outline=[[0, 0], [float("inf"), 1]])]},
        {"steps": [step(outline=[[0, 0], ["east", 1]])]},
        {"steps": [step(outline=[[0, 0], [None, 1]])]},
        {"steps": [step(outline=[[0, 0], [10**400, 1]])]},
        {"steps": [step(outline=7)]},
        {"steps": [step(kind="polygon")]},
        {"steps": [step(kind="polygon", outline=[[i, i] for i in range(100_001)])]},
        {"catalog": None},
        {"catalog": "stars.parquet"},
        {"catalog": {}},
        {"catalog": {"sha256": 5}},
        {"catalog": {"sha256": None}},
        {"catalog": {"sha256": ["a"]}},
        {"catalog": {"sha256": ""}},
    ],
)
def test_recipes_that_are_none(catalog, tmp_path, entries):
    path = save(tmp_path / "recipe.json", random_steps(2), catalog)
    change(path, **entries)
    with pytest.raises(InputError, match="recipe.json: ") as caught:
        replay_recipe(path, catalog)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("key", ["steps", "catalog", "n_selected"])
def test_a_recipe_that_lacks_something(catalog, tmp_path, key):
    path = save(tmp_path / "recipe.json", random_steps(2), catalog)
    recipe = json.loads(path.read_text())
    del recipe[key]
    path.write_text(json.dumps(recipe))
    with pytest.raises(InputError, match="recipe.json: not a valid recipe"):
        replay_recipe(path, catalog)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe\x00", b"[1]", b"{}", b"[" * 50_000, b"9" * 5000]
)
def test_files_that_are_no_recipe(catalog, tmp_path, content):
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="recipe.json: not "):
        replay_recipe(path, catalog)
    with pytest.raises(InputError, match="none.json: cannot be read"):
        replay_recipe(tmp_path / "none.json", catalog)
    with pytest.raises(InputError, match="cannot be read"):
        replay_recipe(tmp_path, catalog)


def test_a_huge_file_is_not_read(catalog, tmp_path):
    path = tmp_path / "recipe.json"
    with open(path, "wb") as file:
        file.truncate(10**10)  # sparse
    with pytest.raises(InputError, match="recipe.json: larger than 64 MB"):
        replay_recipe(path, catalog)


def test_an_unknown_operation():
    with pytest.raises(InputError, match="'blend' is unknown: one of replace, add, .*exclusive"):
        Step("blend", Region("box", ("a", "b"), ((0, 0), (1, 1))))


def test_an_unknown_column(catalog):
    region = Region("box", ("z1", "mass"), ((0, 0), (1, 1)))
    with pytest.raises(InputError, match="no column 'mass'"):
        replay([Step("add", region)], catalog)


# Sources of every kind: each with the stars that it names, star by star in plain Python.


def named(catalog, holds, *names) -> set[int]:
    """The ids of the stars whose values, all of them there, make a function true."""
    stars = zip(*(catalog[name].tolist() for name in ("source_id", *names)), strict=True)
    return {i for i, *values in stars if all(map(math.isfinite, values)) and holds(*values)}


def all_ids(catalog) -> list[int]:
    return catalog.source_id.tolist()


SHOWN = Filter(ranges=(("z3", -1.5, 0.75),), expression="not abs(z4) > 1 or teff < 4500")
TRIANGLE = ((4000.0, 0.5), (5900.0, 0.5), (5900.0, 12.0))
SOURCES = {
    "box": (
        Region("box", ("z1", "teff"), ((-1, 4400), (0.7, 5500))),
        lambda c: named(c, lambda z, t: -1 <= z <= 0.7 and 4400 <= t <= 5500, "z1", "teff"),
    ),
    "wrapped box": (
        Region("box", ("ra", "dec"), ((-40, -30), (35, 80))),
        lambda c: named(c, lambda a, d: (a >= 320 or a <= 35) and -30 <= d <= 80, "ra", "dec"),
    ),
    "galactic box": (
        Region("box", ("l", "b"), ((300, -20), (420, 20))),
        lambda c: named(c, lambda l_, b: (l_ >= 300 or l_ <= 60) and -20 <= b <= 20, "l", "b"),
    ),
    "logarithmic polygon": (
        # Below the straight line in log10 between the first corner and the last.
        Region("polygon", ("teff", "phot_g_mean_mag"), TRIANGLE, ("log", "log")),
        lambda c: named(
            c,
            lambda t, g: 4000 < t < 5900 and math.log(g / 0.5) / math.log(24)
            < math.log(t / 4000) / math.log(5900 / 4000),
            "teff", "phot_g_mean_mag",
        ),
    ),
    "filter": (
        Filter(ranges=(("z1", -0.5, 1.5),), expression="population == 'disc' and sqrt(z2) < 1"),
        lambda c: named(c, lambda a, b: -0.5 <= a <= 1.5 and 0 <= b < 1, "z1", "z2"),
    ),
    "bin": (
        TrackBin("giants, bin 3", Bin((("teff", 5000.0, 300.0), ("z1", 0.25, 1.0)))),
        lambda c: named(c, lambda t, z: abs(t - 5000) < 300 and abs(z - 0.25) < 1, "teff", "z1"),
    ),
    "ids": (
        # Every third star, neighbours of stars that differ by one, and stars of no catalog.
        Ids((*range(2**53 + 1, 2**53 + 3000, 6), 2**53 + 4, 2**53 + 2, 7, 0, 2**63 - 1)),
        lambda c: set(all_ids(c)[:1500:3]),
    ),
    "no ids": (Ids(()), lambda c: set()),
    "all": (AllStars(), lambda c: set(all_ids(c))),
    "empty set": (Chosen("empty", ()), lambda c: set()),
    "set": (
        Chosen(
            "inner «µ»",
            (
                Step("add", Region("box", ("z1", "z2"), ((0, 0), (5, 5)))),
                Step("exclusive", Chosen("innermost", (Step("replace", Ids((2**53 + 1,))),))),
                Step("subtract", Filter(expression="z3 > 1"), Filter(expression="z4 < 0")),
            ),
        ),
        lambda c: (named(c, lambda x, y: 0 <= x <= 5 and 0 <= y <= 5, "z1", "z2") ^ {2**53 + 1})
        - named(c, lambda x, y: x > 1 and y < 0, "z3", "z4"),
    ),
}  # fmt: skip


def shown(catalog) -> set[int]:
    z = dict(zip(*(catalog[name].tolist() for name in ("source_id", "z4")), strict=True))
    in_range = named(catalog, lambda v: -1.5 <= v <= 0.75, "z3")
    cool = named(catalog, lambda t: t < 4500, "teff")
    return {i for i in in_range if abs(z[i]) <= 1 or i in cool}


def printed(path, catalog) -> list[int]:
    """What the command line prints for a recipe."""
    words = ["select", str(path), "--catalog", str(catalog.path)]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.stderr) == (0, "")
    return [int(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("within", [None, SHOWN], ids=["", "within"])
@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_and_operation(catalog, tmp_path, kind, within):
    """From its recipe, by the library and by the command line: the stars of Python's sets."""
    source, stars = SOURCES[kind]
    first = named(catalog, lambda z: -1 <= z <= 0.5, "z2")
    stars = stars(catalog) & (shown(catalog) if within else set(all_ids(catalog)))
    assert ("no ids" in kind or "empty" in kind) == (not stars)
    wanted = {
        "replace": stars,
        "add": first | stars,
        "subtract": first - stars,
        "intersect": first & stars,
        "exclusive": first ^ stars,
    }
    assert tuple(wanted) == OPERATIONS
    for operation, ids in wanted.items():
        begin = Step("add", Filter(ranges=(("z2", -1.0, 0.5),)))
        steps = (begin, Step(operation, source, within))
        path = save(tmp_path / "recipe.json", steps, catalog)
        mask = replay_recipe(path, open_catalog(catalog.path))
        assert set(catalog.source_id[mask].tolist()) == ids
        recipe = json.loads(path.read_text())
        # What a replacement replaces no longer matters.
        assert read_steps(recipe["steps"], catalog) == steps[operation == "replace" :]
        assert recipe["n_selected"] == len(ids)
        if operation == "exclusive":
            assert printed(path, catalog) == [i for i in all_ids(catalog) if i in ids]


def test_the_filters_of_a_recipe_matter(catalog):
    """Else the tests with them would be those without."""
    assert 0.1 * N < len(shown(catalog)) < 0.9 * N
    assert Filter().mask(catalog).all()
    step = Step("replace", AllStars(), Filter())
    assert "within" not in step.to_json() and step.apply(np.zeros(N, bool), catalog).all()


def test_ids_are_text_in_a_recipe(catalog, tmp_path):
    ids = [2**53 + 1, 2**53 + 5, 2**62 + 1, 2**63 - 1]
    steps = [Step("add", Ids(tuple(ids))), Step("add", Ids(tuple(catalog.source_id[5:7])))]
    path = save(tmp_path / "recipe.json", steps, catalog)
    recipe = json.loads(path.read_text())
    assert recipe["steps"][0]["source_id"] == [str(i) for i in ids]
    assert [int(i) for i in recipe["steps"][1]["source_id"]] == all_ids(catalog)[5:7]
    wanted = [ids[0], ids[1], *all_ids(catalog)[5:7]]
    assert printed(path, catalog) == wanted
    # Whole numbers, which Python's JSON reads exactly, are ids as well.
    recipe["steps"][0]["source_id"] = ids
    path.write_text(json.dumps(recipe))
    assert printed(path, catalog) == wanted


def nested(depth: int) -> Step:
    """All stars, as the set of a set of a set."""
    step = Step("replace", AllStars())
    for level in range(depth):
        step = Step("replace", Chosen(f"set {level}", (step,)))
    return step


def test_sets_in_sets_as_deep_as_one_likes(catalog, tmp_path):
    path = save(tmp_path / "recipe.json", [nested(3000)], catalog)
    assert len(json.loads(path.read_text())["steps"]) == 3001
    assert replay_recipe(path, catalog).all()


def test_sets_in_sets_of_version_1_only_so_deep(catalog, tmp_path):
    path = save(tmp_path / "recipe.json", [nested(0)], catalog)
    change(path, version=1, steps=[_of_version_1(nested(MAX_DEPTH))])
    assert replay_recipe(path, catalog).all()
    for deeper in (1, 50, 150):
        content = _of_version_1(nested(MAX_DEPTH))
        for _ in range(deeper):
            content = {"operation": "add", "kind": "set", "name": "s", "steps": [content]}
        change(path, steps=[content])
        with pytest.raises(InputError, match="recipe.json: sets made of sets, more than 40 deep"):
            replay_recipe(path, catalog)


def test_a_set_needs_what_its_steps_need(catalog):
    inner = (
        Step("add", SOURCES["bin"][0]),
        Step("add", SOURCES["galactic box"][0], Filter(expression="abs(z4) < 1")),
        Step("add", Ids((1,))),
        Step("add", AllStars()),
    )
    step = Step("add", Chosen("outer", (Step("add", Chosen("inner", inner)),)), SHOWN)
    assert step.needs == ("teff", "z1", "l", "b", "z4", "z3", "teff", "z4")


def test_a_recipe_of_the_version_before(catalog, tmp_path):
    """Regions without scales, as a page of before wrote them."""
    steps = [
        {"operation": "replace", "kind": "box", "columns": ["z1", "z2"],
            "outline": [[-1, -1], [1, 1]]},
        {"operation": "subtract", "kind": "polygon", "columns": ["z1", "teff"],
            "outline": [[-9, 0], [9, 0], [9, 5000], [-9, 5000]]},
    ]  # fmt: skip
    wanted = named(catalog, lambda x, y: -1 <= x <= 1 and -1 <= y <= 1, "z1", "z2")
    wanted -= named(catalog, lambda t: t < 5000, "teff")
    reference = {"name": "stars.parquet", "sha256": catalog.sha256, "n_stars": N}
    recipe = {"format": "xpmodel-selection", "version": 1, "catalog": reference}
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe | {"n_selected": len(wanted), "steps": steps}))
    assert set(printed(path, catalog)) == wanted


def _of_version_1(step: Step) -> dict:
    """A step as version 1 of recipes has it: a set's steps lie within it."""
    if not isinstance(step.source, Chosen):
        return step.to_json()
    content = step.to_json() | {"steps": list(map(_of_version_1, step.source.steps))}
    del content["after"]
    return content


def source(of: str, **entries) -> dict:
    """A step of one of the sources, with entries changed; "nothing" takes one out."""
    content = _of_version_1(Step("add", SOURCES[of][0], SHOWN)) | entries
    return {name: value for name, value in content.items() if value != "nothing"}


DAMAGED = {
    "box outline": source("box", outline="nothing"),
    "box columns": source("box", columns="nothing"),
    "box of text": source("box", columns=["z1", "population"]),
    "box of ids": source("box", columns=["source_id", "z1"]),
    "box many turns away": source("wrapped box", outline=[[0, 0], [1e300, 1]]),
    "box infinite": source("box", outline=[[0, 0], [float("inf"), 1]]),
    "box too large": source("box", outline=[[0, 0], [10**400, 1]]),
    "scales null": source("logarithmic polygon", scales=None),
    "scales unknown": source("logarithmic polygon", scales=["log", "sqrt"]),
    "scales of one": source("logarithmic polygon", scales="log"),
    "log of nothing": source("logarithmic polygon", outline=[[0, 0], [1, 1], [2, 1]]),
    "no cuts": source("filter", cuts="nothing"),
    "unknown cut": source("filter", cuts=[["best", "paper"]]),
    "cut without its columns": source("filter", cuts=[["good", "paper"]]),
    "no ranges": source("filter", ranges="nothing"),
    "range reversed": source("filter", ranges=[["z1", 1, 0]]),
    "range not a number": source("filter", ranges=[["z1", float("nan"), 0]]),
    "range too large": source("filter", ranges=[["z1", 0, 10**400]]),
    "range of text": source("filter", ranges=[["population", 0, 1]]),
    "range of nothing": source("filter", ranges=[["mass", 0, 1]]),
    "no expression": source("filter", expression="nothing"),
    "expression null": source("filter", expression=None),
    "expression a list": source("filter", expression=["z1 < 1"]),
    "expression unfinished": source("filter", expression="z1 <"),
    "expression of nothing": source("filter", expression="mass < 1"),
    "expression no condition": source("filter", expression="z1"),
    "expression of text": source("filter", expression="population < 1"),
    "expression that calls": source("filter", expression="__import__('os').getpid() == 1"),
    "expression long": source("filter", expression="z1 < 1" + " " * 5000),
    "expression deep": source("filter", expression="not " * 400 + "z1 < 1"),
    "no bin": source("bin", bin="nothing"),
    "bin null": source("bin", bin=None),
    "bin empty": source("bin", bin={"centre": [], "conditions": []}),
    "bin unknown": source("bin", bin={"centre": [], "conditions": ["young"]}),
    "bin of text": source("bin", bin={"centre": [["population", 0, 1]], "conditions": []}),
    "bin without name": source("bin", name="nothing"),
    "no ids": source("ids", source_id="nothing"),
    "ids null": source("ids", source_id=None),
    "ids one text": source("ids", source_id="9007199254740993"),
    "ids an object": source("ids", source_id={"9007199254740993": 1}),
    "ids a number": source("ids", source_id=9007199254740993),
    "ids of floats": source("ids", source_id=[9007199254740992.0]),
    "ids negative": source("ids", source_id=["-1"]),
    "ids true": source("ids", source_id=[True]),
    "ids null among": source("ids", source_id=["5", None]),
    "ids with a blank": source("ids", source_id=[" 5"]),
    "ids superscript": source("ids", source_id=["²"]),
    "ids empty": source("ids", source_id=[""]),
    "ids too large": source("ids", source_id=[str(2**63)]),
    "ids far too large": source("ids", source_id=["9" * 5000]),
    "no steps": source("set", steps="nothing"),
    "steps null": source("set", steps=None),
    "steps of text": source("set", steps="replace"),
    "set without name": source("set", name="nothing"),
    "set of damaged": source("set", steps=[source("ids", source_id=["x"])]),
    "set of text": source("set", steps=[source("box", columns=["z1", "population"])]),
    "kind unknown": source("all", kind="sphere"),
    "kind missing": source("all", kind="nothing"),
    "kind a list": source("all", kind=["all"]),
    "kind long": source("all", kind="x" * 10_000),
    "operation missing": source("all", operation="nothing"),
    "operation long": source("all", operation="x" * 10_000),
    "within null": source("all", within=None),
    "within a list": source("all", within=[]),
    "within a region": source("all", within=source("box")),
    "within damaged": source("all", within=SHOWN.to_json() | {"expression": "z1 + 1"}),
    "within of text": source("all", within=SHOWN.to_json() | {"ranges": [["population", 0, 1]]}),
}


@pytest.mark.parametrize("other_catalog", [False, True])
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_steps(catalog, tmp_path, name, other_catalog):
    """One line that names the file, whichever way the recipe is replayed."""
    path = save(tmp_path / "recipe.json", random_steps(2), catalog)
    change(path, steps=[DAMAGED[name]])
    with pytest.raises(InputError) as caught:
        replay_recipe(path, catalog, other_catalog=other_catalog)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.count(str(path)) == 1
    assert len(message) < 700
    words = ["select", str(path), "--catalog", str(catalog.path)]
    result = CliRunner().invoke(main, words + ["--other-catalog"] * other_catalog)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"xpmodel: {path}: ") and result.stderr.count("\n") == 1


def test_the_undamaged_steps_are_read(catalog, tmp_path):
    """What the damaged ones were made of."""
    path = tmp_path / "recipe.json"
    for kind in some(SOURCES):
        save(path, [Step("add", SOURCES[kind][0], SHOWN)], catalog)
        change(path, version=1, steps=[source(kind)])
        assert replay_recipe(path, catalog).sum() == json.loads(path.read_text())["n_selected"]
