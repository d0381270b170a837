"""Recovery of known outliers: how many a score finds among its first n stars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.ids import MAX_TEXT, parse_ids, rows_with
from xpmodel.diagnostics.outliers import OutlierScores
from xpmodel.errors import InputError
from xpmodel.report.tables import TableColumn, make_table, provenance
from xpmodel.spectra.label_tables import read_labels
from xpmodel.tables.cells import floats, integer_ids
from xpmodel.tables.reader import expand_paths, open_table

if TYPE_CHECKING:
    from astropy.table import Table

PER_DECADE = 20
# Stars looked at, in numbers of odd ones, where the curves are printed.
TIMES = (1, 3, 10)
ANY = "any of them"


@dataclass(frozen=True)
class Oddities:
    """Stars that are known to be odd, by kind.

    Attributes
    ----------
    kinds : dict of str to ndarray, (N,) bool
    known : ndarray, (N,) bool
        The stars of which it is known whether they are odd: only these are ranked.
    notes : list of str
        How many of them the catalog has.
    """

    kinds: dict[str, np.ndarray]
    known: np.ndarray
    notes: list[str]


@dataclass(frozen=True)
class Recovery:
    """What part of the odd stars of a kind is among the n with the largest score.

    Attributes
    ----------
    kind : str
    n_odd, n_stars : int
        Stars of the kind, and stars ranked.
    n : ndarray, (G,) int64
        How many stars one looks at.
    found : dict of str to ndarray, (G,)
        Part of the odd ones among them, for the score and for each of its parts alone.
    """

    kind: str
    n_odd: int
    n_stars: int
    n: np.ndarray
    found: dict[str, np.ndarray]

    @property
    def random(self) -> np.ndarray:
        """What looking at n stars at random is expected to find, (G,)."""
        return self.n / self.n_stars


def measure_recovery(scores: OutlierScores, oddities: Oddities) -> list[Recovery]:
    """Rank stars by the score, and by each part alone, and count the odd ones among the first.

    Stars that lack a value come last; of equal ones the lower row comes first.

    Parameters
    ----------
    scores : OutlierScores
    oddities : Oddities
    """
    n_stars = int(oddities.known.sum())
    ranked = {
        name: np.argsort(-values[oddities.known], kind="stable")
        for name, values in {"score": scores.score, **scores.parts}.items()
    }
    recoveries = []
    for kind, of_kind in oddities.kinds.items():
        odd = of_kind[oddities.known]
        n_odd = int(odd.sum())
        steps = 1 + int(np.ceil(PER_DECADE * np.log10(n_stars)))
        grid = np.round(np.geomspace(1, n_stars, steps)).astype(np.int64)
        n = np.unique([*grid, *(min(times * n_odd, n_stars) for times in TIMES)])
        found = {name: np.cumsum(odd[order])[n - 1] / n_odd for name, order in ranked.items()}
        recoveries.append(Recovery(kind, n_odd, n_stars, n, found))
    return recoveries


def mock_oddities(path: str | Path, catalog: Catalog) -> Oddities:
    """The oddities of a mock sky, from its ``truth.parquet`` (`xpmodel.mock.write_mock`).

    Hα in emission; and a second light: on the main sequence mostly that of a cooler companion,
    which may be faint; at other stages that of another star on the same line of sight.

    Raises
    ------
    InputError
        When the file is no such table, or has none of the catalog's stars, or no odd ones.
    """
    path = Path(path)
    names = ["source_id", "emission", "second_light", "stage"]
    reader = open_table(path)
    table = reader.read(names)
    ids, valid = integer_ids(table.column("source_id"))
    if not valid.all():
        raise InputError(f"{path}: {(~valid).sum()} rows without an integer source_id")
    emission, second_light = (
        floats(table.column(name).combine_chunks()) > 0 for name in ("emission", "second_light")
    )
    main_sequence = np.array(table.column("stage").to_pylist(), dtype=object) == "main sequence"
    place = rows_with(ids, catalog.source_id)
    known = place >= 0
    if not known.any():
        raise InputError(f"{path}: has none of the stars of {catalog.path}; give their own truth")
    marks = {
        "emission": emission,
        "second light, main sequence": second_light & main_sequence,
        "second light, other stages": second_light & ~main_sequence,
    }
    kinds = {name: mark[place] & known for name, mark in marks.items()}
    note = f"{path.name}: knows {known.sum()} of {len(catalog)} stars"
    return Oddities(_with_any(kinds, path), known, [note, *reader.remarks])


def known_oddities(paths: Sequence[str | Path], catalog: Catalog) -> Oddities:
    """Stars that one knows to be odd, by their ids; all others count as usual.

    Parameters
    ----------
    paths : sequence of path
        Each a table with ``source_id`` (of any format of `xpmodel.read_spectra`, spectra among
        them), a ``.txt`` list of ids, a folder of such tables, or a folder of such folders. A
        folder, or a single file, is a kind named after it.
    catalog : Catalog

    Raises
    ------
    InputError
        When a file has no ids, or the catalog has none of the stars.
    """
    kinds: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for path in map(Path, paths):
        inner = sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []
        for kind in inner or [path]:
            parts = [_ids_in(file, notes) for file in expand_paths(kind)]
            ids = np.unique(np.concatenate(parts))
            name = kind.name if kind.is_dir() else kind.stem
            mask = np.isin(catalog.source_id, ids)
            kinds[name] = kinds.get(name, False) | mask
            notes.append(f"{name}: {mask.sum()} of {len(ids)} stars are in the catalog")
    named = ", ".join(map(str, paths))
    return Oddities(_with_any(kinds, named), np.ones(len(catalog), bool), notes)


def recovery_table(catalog: Catalog, recoveries: Sequence[Recovery]) -> Table:
    """The curves, below each other.

    Returns
    -------
    astropy.table.Table
        ``kind``, ``n_odd``, ``n``, what is expected at ``random``, what the ``score`` and its
        parts find.
    """
    names = list(recoveries[0].found)
    lengths = [len(r.n) for r in recoveries]
    columns = [
        ("kind", np.repeat([r.kind for r in recoveries], lengths), "", "kind of oddity"),
        ("n_odd", np.repeat([r.n_odd for r in recoveries], lengths), "", "stars of this kind"),
        ("n", np.concatenate([r.n for r in recoveries]), "", "stars looked at"),
        ("random", np.concatenate([r.random for r in recoveries]), "", "expected at random"),
    ]
    for name in names:
        found = np.concatenate([r.found[name] for r in recoveries])
        columns.append((name, found, "", f"part of the odd ones that {name} finds"))
    ranked = f"{recoveries[0].n_stars} of {len(catalog)}"
    return make_table(columns, provenance(catalog, stars=ranked))


def short_table(recoveries: Sequence[Recovery]) -> Table:
    """The curves where as many stars are looked at as are odd, and three and ten times as many."""
    rows = [
        (r, i)
        for r in recoveries
        for times in TIMES
        for i in [int(np.searchsorted(r.n, min(times * r.n_odd, r.n_stars)))]
    ]
    columns: list[TableColumn] = [
        ("kind", [r.kind for r, _ in rows], "", ""),
        ("n_odd", [r.n_odd for r, _ in rows], "", ""),
        ("n", [r.n[i] for r, i in rows], "", ""),
        ("random", [r.random[i] for r, i in rows], "", ""),
    ]
    columns += [(n, [r.found[n][i] for r, i in rows], "", "") for n in recoveries[0].found]
    return make_table(columns)


def _with_any(kinds: dict[str, np.ndarray], source: str | Path) -> dict[str, np.ndarray]:
    """The kinds that have stars, and all together where there are several."""
    kinds = {name: mask for name, mask in kinds.items() if mask.any()}
    if not kinds:
        raise InputError(f"{source}: none of the catalog's stars is odd by this; give others")
    if len(kinds) > 1:
        kinds[ANY] = np.logical_or.reduce(list(kinds.values()))
    return kinds


def _ids_in(path: Path, notes: list[str]) -> np.ndarray:
    """The ids in a file; what is to be said of rows without one goes to the notes."""
    if path.suffix.lower() != ".txt":
        table = read_labels(path)
        notes += table.remarks
        if table.n_without_id:
            notes.append(f"{path.name}: {table.without_id}")
        return table.source_id
    try:
        if path.stat().st_size > MAX_TEXT:
            raise InputError(f"{path}: longer than {MAX_TEXT:,} bytes; give it as a table")
        ids, bad = parse_ids(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if bad or not len(ids):
        what = f"{bad[0]!r} is no source_id" if bad else "no ids"
        raise InputError(f"{path}: {what}; a list has one id a line")
    return ids
