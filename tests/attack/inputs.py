"""Malformed files to each reader and command: what comes of them, counted.

Right are an error of one clear line with status 2, which names the file and leaves nothing behind,
and an acceptance after which the result is right. Tracebacks, hangs, silent errors, memory far
beyond the file's and crashes are faults: each is named, and the status is then 1.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch

import xpmodel
from tests.attack.malformed import (
    catalogs,
    damage,
    labels,
    models,
    recipes,
    reconstruction,
    spectra,
    training,
)
from tests.attack.malformed.material import Material, quiet
from tests.attack.sandbox import run_apart
from tests.attack.verdict import RIGHT, VERDICTS, Attack, judge

PARTS = {
    "spectra": spectra,
    "damage": damage,
    "labels": labels,
    "catalogs": catalogs,
    "recipes": recipes,
    "models": models,
    "training": training,
    "reconstruction": reconstruction,
}
TIMEOUT = 90.0  # s; the longest that ends takes a tenth


def run(attack: Attack) -> tuple[str, str]:
    """Run one attack in a folder and a process of its own; the verdict, and why."""
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        folder = Path(name)
        attack.prepare(folder)
        given = {path.name for path in folder.iterdir()}
        end = run_apart(attack.work, folder, TIMEOUT)
        return judge(attack, end, folder, given)


def attacks(material: Material, parts: list[str], every: int) -> Iterator[tuple[str, Attack]]:
    """The attacks of some parts; of each part every n-th."""
    for part in parts:
        for i, attack in enumerate(PARTS[part].attacks(material)):
            if i % every == 0:
                yield part, attack


def load_modules() -> None:
    """Import what commands import when they run, so that each fork has it."""
    for name in ("astropy.io.votable", "astropy.table", "scipy.spatial", "sklearn.ensemble"):
        importlib.import_module(name)
    for name in xpmodel.__all__:
        getattr(xpmodel, name)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m tests.attack inputs", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--every", type=int, default=1, help="only each n-th input")
    parser.add_argument("--match", default="", help="only inputs whose name has this in it")
    parser.add_argument("--verbose", action="store_true", help="print right ones, too")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # whose threads a fork would lack
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory(prefix="attack-material-") as name:
        load_modules()
        with quiet():
            material = Material.make(Path(name))
        for part, attack in attacks(material, options.parts or list(PARTS), options.every):
            if options.match not in attack.name:
                continue
            verdict, why = run(attack)
            counts.setdefault(part, Counter())[verdict] += 1
            if verdict not in RIGHT or options.verbose:
                print(f"{verdict}: {attack.name}: {why}", flush=True)
    print(report(counts))
    return int(any(counter[v] for counter in counts.values() for v in set(VERDICTS) - set(RIGHT)))


def report(counts: dict[str, Counter[str]]) -> str:
    """The counts as a table in Markdown."""
    lines = [
        f"| {' | '.join(('part', 'inputs', *VERDICTS))} |",
        f"|---{'|---:' * (len(VERDICTS) + 1)}|",
    ]
    total: Counter[str] = sum(counts.values(), Counter())
    for part, counter in [*counts.items(), ("all", total)]:
        cells = (part, counter.total(), *(counter[verdict] for verdict in VERDICTS))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
