"""Selections: steps as sets of ids, and recipes that find the same stars again."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.xpmodel.test_catalog import write_catalog
from xpmodel.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.regions import Region
from xpmodel.selection import Step, make_recipe, replay, replay_recipe, write_table

N = 2000


@pytest.fixture
def catalog(tmp_path):
    rng = np.random.default_rng(1)
    teff = pa.array(rng.uniform(4000, 6000, N), pa.float32(), mask=rng.uniform(size=N) < 0.2)
    flag = pa.array(rng.integers(0, 5, N), pa.int64(), mask=rng.uniform(size=N) < 0.2)
    names = {"population": ["disc"] * N}
    return open_catalog(
        write_catalog(tmp_path / "stars.parquet", N, teff=teff, starflag=flag, **names)
    )


def random_steps(seed: int, n: int = 6) -> list[Step]:
    """Gestures in several maps, the first of which need not replace."""
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(n):
        operation = rng.choice(["replace", "add", "subtract"], p=[0.2, 0.5, 0.3])
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
        inside = step.region.contains(*(catalog[name] for name in step.region.columns))
        ids = set(catalog.source_id[inside].tolist())
        if step.operation == "replace":
            selected = ids
        elif step.operation == "add":
            selected |= ids
        else:
            selected -= ids
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
    for operation in ("replace", "add", "subtract"):
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


@pytest.mark.parametrize("wrong", [0, -1, "5", None, 10**30, 1.5, [3]])
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
        {"steps": [step(operation="intersect")]},
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
    with pytest.raises(InputError, match="'intersect' is unknown: one of replace, add, subtract"):
        Step("intersect", Region("box", ("a", "b"), ((0, 0), (1, 1))))


def test_an_unknown_column(catalog):
    region = Region("box", ("z1", "mass"), ((0, 0), (1, 1)))
    with pytest.raises(InputError, match="no column 'mass'"):
        replay([Step("add", region)], catalog)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_keep_ids_exactly(catalog, tmp_path, suffix):
    mask = replay(random_steps(3), catalog)
    path = tmp_path / f"selected{suffix}"
    write_table(catalog.table(mask=mask), path)
    if suffix == ".csv":
        lines = path.read_text().splitlines()
        assert lines[0].startswith('"source_id","z1"')
        ids = [int(line.split(",")[0]) for line in lines[1:]]
    else:
        table = pq.read_table(path)
        assert table["source_id"].type == pa.int64()
        assert table.column_names == catalog.filled
        ids = table["source_id"].to_pylist()
    assert ids == catalog.source_id[mask].tolist() and len(ids) > 0


@pytest.mark.parametrize("name", ["stars", "stars.txt", "stars.csv.gz", "stars.CSV "])
def test_tables_of_another_kind(catalog, tmp_path, name):
    with pytest.raises(InputError, match="the name must end in .csv or .parquet"):
        write_table(catalog.table(), tmp_path / name)
    assert not (tmp_path / name).exists()
