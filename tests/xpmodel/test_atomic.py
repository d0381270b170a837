"""Files that are there whole or not at all."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from xpmodel._atomic import read_json, replacing, sha256_file
from xpmodel.errors import InputError

LOCKED = """
import sys, time
from xpmodel._atomic import replacing
with replacing(sys.argv[1]) as path:
    path.write_text("from the other run")
    print("writing", flush=True)
    sys.stdin.read()
"""


def names(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_takes_its_name_at_the_end(tmp_path):
    target = tmp_path / "new" / "folder" / "a.txt"
    with replacing(target) as path:
        path.write_text("new")
        assert not target.exists() and path.parent == target.parent
    assert target.read_text() == "new"
    assert names(target.parent) == ["a.txt"]
    with replacing(str(target)) as path:
        assert path.read_text() == ""
        path.write_text("newer")
        assert target.read_text() == "new"
    assert target.read_text() == "newer"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, InputError])
@pytest.mark.parametrize("old", [None, "old"])
def test_an_error_leaves_the_file_as_it_was(tmp_path, error, old):
    target = tmp_path / "a.txt"
    if old:
        target.write_text(old)
    with pytest.raises(error), replacing(target) as path:
        path.write_text("half")
        raise error
    assert names(tmp_path) == (["a.txt"] if old else [])
    assert not old or target.read_text() == old


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    with pytest.raises(KeyError), replacing(tmp_path / "a.txt") as path:
        leftover = path
        raise KeyError
    leftover.write_text("a long leftover of a run that was killed")
    with replacing(tmp_path / "a.txt") as path:
        assert path.read_text() == ""
        path.write_text("short")
    assert (tmp_path / "a.txt").read_text() == "short"
    assert names(tmp_path) == ["a.txt"]


def test_two_writers_in_one_process(tmp_path):
    with replacing(tmp_path / "a.txt") as path:
        path.write_text("first")
        with (
            pytest.raises(InputError, match="a.txt: another run is writing it"),
            replacing(tmp_path / "a.txt"),
        ):
            pass
        assert path.read_text() == "first"
    assert (tmp_path / "a.txt").read_text() == "first"


def test_two_processes(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    command = [sys.executable, "-c", LOCKED, str(target)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(InputError, match="another run is writing it"), replacing(target):
            pass
        assert target.read_text() == "old"
        other.communicate()
    assert other.returncode == 0
    assert target.read_text() == "from the other run"
    # A run that was killed holds no lock.
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == "writing\n"
        other.kill()
    with replacing(target) as path:
        path.write_text("ours")
    assert target.read_text() == "ours"
    assert names(tmp_path) == ["a.txt"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for target in ("file/a.txt", "folder", "x" * 300):
        with (
            pytest.raises(InputError, match="cannot be written"),
            replacing(tmp_path / target) as path,
        ):
            path.write_text("")
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == []


def test_files_get_the_permissions_of_any_other(tmp_path):
    old = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.txt") as path:
            path.write_text("")
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_sha256(tmp_path):
    content = bytes(range(256)) * 1000
    (tmp_path / "a").write_bytes(content)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("version", [2, 99, 0, -1, "one", None, 1.5, [1]])
def test_json_of_a_version_that_is_not_known(tmp_path, version):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"format": "x", "version": version}))
    with pytest.raises(InputError, match=r"x\.json: its format is of version .* newer xpmodel"):
        read_json(path, "x")
    path.write_text(json.dumps({"format": "x", "version": 2}))
    assert read_json(path, "x", newest=2)["version"] == 2


def test_json_that_is_too_large(tmp_path):
    path = tmp_path / "x.json"
    with open(path, "wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(InputError, match=r"^.*x\.json: larger than 64 MB, not a x file$"):
        read_json(path, "x")


def test_reading_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('\ufeff{"format": "x", "é": 1}', "utf-8")
    assert read_json(path, "x") == {"format": "x", "é": 1}
    with pytest.raises(InputError, match="a.json: not a y file"):
        read_json(path, "y")
