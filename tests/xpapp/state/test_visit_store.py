"""States kept for addresses: small, exact, and let go of when nobody uses them."""

import gc
import json
import os
from pathlib import Path

import numpy as np
import pytest

from xpapp.state.visit import MAX_SETS, Visit
from xpapp.state.visit_file import restore, state_of
from xpapp.state.visit_store import BLOCK, VisitStore
from xpmodel import InputError
from xpmodel.selection.star_sources import Ids

DAY = 86400.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "visits"


def files(folder: Path, ending: str = "") -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(ending))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def make_older(folder: Path, seconds: float) -> None:
    for path in folder.iterdir():
        at = path.stat().st_mtime - seconds
        os.utime(path, (at, at))


def gaia_ids(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.unique(rng.integers(1 << 35, 6 << 60, n))


def keep(folder: Path, visit: Visit, **limits: float) -> str:
    """Save the state of a visit that then ends."""
    name = VisitStore(folder, **limits).save(state_of(visit))
    gc.collect()
    return name


@pytest.mark.parametrize("order", ["sorted", "as pasted"])
def test_many_ids_are_exact_and_small(visit, catalog, folder, order):
    ids = gaia_ids(100_000)
    extreme = [0, 2**63 - 1, 2**53 + 1, 1]
    ids = np.concatenate([extreme, ids, ids[:7], catalog.source_id[:3]])
    if order == "as pasted":
        ids = np.random.default_rng(1).permutation(ids)
    visit.new_set(Ids(tuple(map(int, ids))), name="pasted")
    store = VisitStore(folder)
    name = store.save(state_of(visit))
    assert store.load(name) == state_of(visit)
    assert size(folder) < 9 * len(ids) < 0.5 * len(json.dumps(state_of(visit)))
    other = Visit(catalog, None)
    restore(other, store.load(name), "the address")
    assert other.sets[-1].steps[-1].source.source_id == tuple(map(int, ids))


def test_states_share_the_ids_that_they_have_in_common(visit, folder):
    visit.new_set(Ids(tuple(map(int, gaia_ids(5000)))), name="pasted")
    visit.combine("A", "union", "pasted")
    store = VisitStore(folder)
    names = []
    for x in range(5):
        visit.cursor.move(0, float(x))
        names.append(store.save(state_of(visit)))
    assert len(set(names)) == len(files(folder, ".json")) == 5
    assert len(files(folder, ".ids")) == 1


def test_a_file_of_an_earlier_version_is_read(visit, catalog, folder):
    ids = [str(i) for i in catalog.source_id[:300]]
    content = state_of(visit) | {"version": 1}
    del content["steps"]
    step = {"operation": "replace", "kind": "ids", "source_id": ids}
    inner = {"operation": "replace", "kind": "set", "name": "B", "steps": [step]}
    content["sets"] = [
        {"name": name, "color": "#e69f00", "visible": True, "n_members": 300, "steps": [steps]}
        for name, steps in (("A", inner), ("B", step))
    ]
    folder.mkdir()
    (folder / ("a" * 16 + ".json")).write_text(json.dumps(content))
    store = VisitStore(folder)
    restore(visit, store.load("a" * 16), "the address")
    assert [s.n_members for s in visit.sets] == [300, 300]
    restore(visit, store.load(store.save(content)), "the address")  # and written anew, packed
    assert len(files(folder, ".ids")) == 1


@pytest.mark.parametrize("damage", ["gone", "cut", "other bytes"])
def test_ids_that_are_damaged_are_told(visit, catalog, folder, damage):
    visit.new_set(Ids(tuple(map(int, catalog.source_id[:300]))))
    store = VisitStore(folder)
    name = store.save(state_of(visit))
    (path,) = folder.glob("*.ids")
    content = path.read_bytes()
    match damage:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(content[:-9])
        case _:
            path.write_bytes(content[:-4] + b"abcd")
    with pytest.raises(InputError, match="not kept on this server|damaged"):
        store.load(name)


@pytest.mark.parametrize("file", ["../x.ids", "/etc/passwd", "a" * 16 + ".json", "", "A" * 16])
def test_names_of_ids_are_no_paths(visit, folder, file):
    store = VisitStore(folder)
    step = {"operation": "replace", "kind": "ids", "source_id": {"file": file, "n": 200}}
    folder.mkdir()
    content = state_of(visit) | {"steps": [step]}
    (folder / ("a" * 16 + ".json")).write_text(json.dumps(content))
    with pytest.raises(InputError, match="a list of ids of the visit is not kept"):
        store.load("a" * 16)


def test_what_nobody_used_for_long_goes(visit, catalog, folder):
    visit.new_set(Ids(tuple(map(int, catalog.source_id[:300]))))
    old = keep(folder, visit)
    make_older(folder, 10 * DAY)
    visit.clear()
    young = keep(folder, visit)
    VisitStore(folder, days=11).prune()
    assert len(files(folder)) == 3
    VisitStore(folder, days=9).prune()
    assert files(folder) == [f"{young}.json"] != [f"{old}.json"]


def test_an_address_that_is_opened_is_used(visit, folder):
    name = keep(folder, visit)
    make_older(folder, 10 * DAY)
    VisitStore(folder).load(name)
    gc.collect()
    VisitStore(folder, days=9).prune()
    assert files(folder) == [f"{name}.json"]


def test_of_too_much_the_oldest_goes_and_with_a_state_its_ids(visit, folder):
    names = []
    for seed in range(6):
        visit.new_set(Ids(tuple(map(int, gaia_ids(2000, seed)))), name="pasted")
        visit.delete_set(visit.sets[0].name)
        names.append(keep(folder, visit))
        make_older(folder, 100.0)
    VisitStore(folder, megabytes=(size(folder) / 2 + BLOCK) / 1e6).prune()
    left = [name for name in names if (folder / f"{name}.json").exists()]
    assert 0 < len(left) < 6 and left == names[-len(left) :]
    for name in left:
        VisitStore(folder).load(name)


def test_what_an_open_visit_shows_stays_whatever_its_age(visit, catalog, folder):
    visit.new_set(Ids(tuple(map(int, catalog.source_id[:300]))))
    store = VisitStore(folder, days=1, megabytes=1e-6)
    name = store.save(state_of(visit))
    make_older(folder, 10 * DAY)
    VisitStore(folder, days=1, megabytes=1e-6).prune()
    assert store.load(name) == state_of(visit)
    make_older(folder, 10 * DAY)
    del store
    gc.collect()
    VisitStore(folder, days=1, megabytes=1e-6).prune()
    assert files(folder) == []


def test_nothing_but_states_of_visits_is_deleted(visit, folder):
    keep(folder, visit)
    (folder / "notes.json").write_text("mine")
    (folder / f".{'a' * 16}.json.part").write_text("of a server that was killed")
    make_older(folder, 10 * DAY)
    VisitStore(folder, days=1).prune()
    assert files(folder) == ["notes.json"]


def test_it_is_time_to_prune_at_first_and_when_much_was_written(visit, folder):
    store = VisitStore(folder, megabytes=3)
    assert store.prune_is_due() and not store.prune_is_due()
    for x in range(100):
        visit.cursor.move(0, float(x))
        store.save(state_of(visit))
    assert store.prune_is_due() and not store.prune_is_due()


def test_as_many_sets_as_can_be_made_come_back_and_no_more_can_be_made(visit, catalog):
    for _ in range(MAX_SETS - 1):
        visit.new_set()
    ways = (
        visit.new_set,
        visit.set_of_shown,
        lambda: visit.combine("A", "union", "B"),
        lambda: visit.complement("A"),
    )
    for more in ways:
        with pytest.raises(InputError, match="there are 200 sets: delete one first"):
            more()
    other = Visit(catalog, None)
    restore(other, state_of(visit), "visit.json")
    assert len(other.sets) == len(visit.sets) == MAX_SETS


def test_a_file_of_too_many_sets_is_refused_with_a_word(visit, catalog):
    content = state_of(visit)
    content["sets"] = [content["sets"][0] | {"name": f"set {i}"} for i in range(MAX_SETS + 1)]
    with pytest.raises(InputError, match="visit.json: it has 201 sets, and a visit at most 200"):
        restore(Visit(catalog, None), content, "visit.json")
