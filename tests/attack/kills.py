"""SIGKILL in the midst of what writes files: what lies under a result's name is whole, or nothing.

Each command runs once undisturbed, which tells how long it takes and what it makes. Then it is
killed again and again, in one folder, each time a little later in its course. After each kill every
file under the name of a result must be the same as undisturbed, or the one that lay there before;
and in the end the command, run once more, makes the same and leaves nothing else behind.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from tests.attack.inputs import load_modules
from tests.attack.malformed.material import Material, command, quiet, write_json, write_table
from tests.attack.sandbox import run_apart

Files = dict[str, str]
MOST_RUNS = 3  # for each kill, some of which come too late
ENOUGH = 600.0  # s; no run here takes so long


@dataclass(frozen=True)
class Job:
    """A command, and what it makes.

    Attributes
    ----------
    name : str
    arguments : tuple of str
        In a folder of its own, where the material's files lie two levels up.
    results : str
        Pattern of the files that it makes.
    anew, again : tuple of str
        What to add where there is nothing to go on from, and where there is.
    transient : str
        Pattern of files that a killed run may leave for the next one to go on from.
    """

    name: str
    arguments: tuple[str, ...]
    results: str
    anew: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    transient: str = ".*"


JOBS = (
    Job("mock", ("mock", "--stars", "600", "--workers", "1", "--truth", "--out", "out"), "out/*"),
    Job("build", ("build", "../../sky.h5", "--model", "demo", "--out", "out.parquet"), "out.*"),
    Job(
        "encode",
        ("encode", "../../stars.fits", "--model", "demo", "--out", "out.parquet"),
        "out.*",
    ),
    Job(
        "train",
        (
            *("train", "../../sky.h5", "--out", "model", "--epochs", "40", "--batch", "64"),
            "--seed=1",
        ),
        "model/model.*",
        anew=("--overwrite",),
        again=("--resume",),
        transient="model/checkpoint.safetensors",
    ),
    *(
        Job(
            f"select --out .{ending}",
            (*("select", "../../recipe.json", "--catalog", "../../sky.parquet", "--other-catalog"),)
            + ("--coefficients", "--out", f"out.{ending}"),
            "out.*",
        )
        for ending in ("parquet", "fits", "vot", "csv", "ecsv")
    ),
)
RECIPE = {
    "format": "xpmodel-selection",
    "version": 1,
    "catalog": {"name": "other.parquet", "sha256": "0" * 64, "n_stars": 1},
    "n_selected": 1,
    "steps": [{"operation": "replace", "kind": "all"}],
}


def attack(job: Job, folder: Path, kills: int) -> str:
    """One row of the report: a command, and how it bore so many kills."""
    undisturbed, folder = folder / "undisturbed", folder / "killed"
    undisturbed.mkdir(parents=True)
    folder.mkdir()
    end = run_apart(_work(job.arguments), undisturbed, ENOUGH)
    if end.status:
        return f"| {job.name} | fails undisturbed: {end.output.strip().splitlines()[-1]} |"
    whole = _files(undisturbed, job.results)
    n_killed, seconds, broken = 0, end.seconds, set()
    for i in range(MOST_RUNS * kills):
        if n_killed == kills:
            break
        again = job.again if any(folder.glob(job.transient)) else job.anew
        run = run_apart(_work(job.arguments + again), folder, seconds * (n_killed + 0.5) / kills)
        if run.status == -signal.SIGKILL:
            n_killed += 1
        else:  # it ended before: it is quicker than it was undisturbed
            seconds = min(seconds, run.seconds)
        found = _files(folder, job.results)
        broken |= {f"{name} after run {i}" for name, h in found.items() if whole.get(name) != h}
    again = job.again if any(folder.glob(job.transient)) else job.anew
    last = run_apart(_work(job.arguments + again), folder, ENOUGH)
    same = last.status == 0 and _files(folder, job.results) == whole
    left = set(_files(folder, "**/*", hidden=True)) - set(_files(undisturbed, "**/*"))
    cells = (job.name, n_killed, len(broken), "yes" if same else "NO", len(left))
    said = "; ".join([*sorted(broken)[:3], *sorted(left)[:3]])
    if last.status:
        said += f" {last.output.strip().splitlines()[-1]}"
    return f"| {' | '.join(map(str, cells))} | {said} |"


def _work(arguments: tuple[str, ...]) -> Callable[[], None]:
    return lambda: command(*arguments)


def _files(folder: Path, pattern: str, hidden: bool = False) -> Files:
    """Names and hashes of the files of a pattern, without what the sandbox keeps there.

    Files with a dot in front are temporary: only what is left in the end counts.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob(pattern)
        if path.is_file() and path.name != "output" and (hidden or path.name[0] != ".")
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m tests.attack kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--match", default="", help="only commands whose name has this in it")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="attack-kills-") as name:
        load_modules()
        with quiet():
            material = Material.make(Path(name))
        write_table(material.folder / "stars.fits", material.spectra)
        write_json(material.folder / "recipe.json", RECIPE)
        print("| command | killed | broken files | the same in the end | left behind | |")
        print("|---|---:|---:|---|---:|---|", flush=True)
        rows = []
        for i, job in enumerate(job for job in JOBS if options.match in job.name):
            rows.append(attack(job, material.folder / f"{i}", options.kills))
            print(rows[-1], flush=True)
    return int(any("NO" in row or "fails" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
