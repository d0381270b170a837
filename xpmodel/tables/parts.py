"""Which of the tables in a file are read: one rule for FITS, VOTable, HDF5 and archives.

All tables with the same columns (whatever their order and case) are read as one, in the order of
the file. Where there are several such groups, those come first that hold XP coefficients, then
those with a column of ids; of what is not read the reader says so. Two groups that are alike in
that are not chosen between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.tables.arrow import CHUNK_BYTES, ChunkSource
from xpmodel.tables.id_names import likelihood

# A table of the archive with correlations as flat columns has 3,200.
MAX_COLUMNS = 20_000
SHOWN = 3  # tables that are named

COEFFICIENTS = ("bp_coefficients", "bp_coeff_0", "coeffs")
"""Columns of which each table of XP spectra has one."""

# DataLink's other products: by the beginning of their file's name, and by columns of theirs.
PRODUCT_NAME = re.compile(
    r"(XP_SAMPLED|XP_MEAN|RVS|RVS_EPOCH\w*|MCMC_\w+?|EPOCH_PHOTOMETRY)(_RAW|_COMBINED)?\b[-. ]"
)
PRODUCT_COLUMNS = (
    ("MCMC", {"log_pos", "log_lik"}),
    ("RVS", {"flux", "flux_error", "combined_transits"}),
    ("EPOCH_PHOTOMETRY", {"transit_id", "time"}),
    ("EPOCH_PHOTOMETRY", {"transit_id", "g_transit_time"}),
    ("XP_SAMPLED or RVS", {"wavelength", "flux", "flux_error"}),
    ("XP_SAMPLED or RVS", {"solution_id", "flux", "flux_error"}),
)


Columns = frozenset[tuple[str, int]]
"""Names of columns as they are compared, each with how many of that name come before it."""


@dataclass(frozen=True)
class Part:
    """One of the tables in a file.

    Attributes
    ----------
    name : str
        Where it is, such as ``HDU 2 (STARS)``; empty where a file is one table.
    columns : list of str
    n_rows : int or None
        None where only reading tells.
    source : callable
    remarks : list of str
        What a user should know of it; may grow while it is read.
    """

    name: str
    columns: list[str]
    n_rows: int | None
    source: ChunkSource
    remarks: list[str] = field(default_factory=list)

    def count(self) -> int:
        """Rows, read where they are not known."""
        if self.n_rows is not None:
            return self.n_rows
        return sum(len(table) for table, _ in self.source([0], 65_536)) if self.columns else 0


Groups = dict[Columns, list[Part]]
"""Tables by their columns."""


@dataclass(frozen=True)
class Choice:
    """What of a file is read.

    Attributes
    ----------
    parts : list of Part
        With the same columns.
    remarks : list of str
        About what is not read.
    """

    parts: list[Part]
    remarks: list[str]

    def source(self, positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        """Read the parts behind each other; see `xpmodel.tables.arrow.ChunkSource`."""
        wanted = _keys(self.parts[0].columns)
        if len(self.parts) == 1:
            yield from self.parts[0].source(positions, rows)
            return

        def each() -> Iterator[tuple[pa.Table, float]]:
            for n, part in enumerate(self.parts):
                there = _keys(part.columns)
                own = [there.index(wanted[i]) for i in positions]
                for table, fraction in part.source(own, rows):
                    numbered = table.rename_columns([str(i) for i in range(len(own))])
                    yield numbered, (n + fraction) / len(self.parts)

        yield from regroup(each(), rows)


def regroup(
    chunks: Iterator[tuple[pa.Table, float]], rows: int
) -> Iterator[tuple[pa.Table, float]]:
    """Join and cut chunks of one kind so that each has so many rows, if memory has room for it."""
    held: list[pa.Table] = []
    last = 0.0

    def flush() -> pa.Table:
        whole = pa.concat_tables(held)
        held.clear()
        return whole

    for table, fraction in chunks:
        if held and held[0].schema != table.schema:  # int32 in one table, int64 in the next
            yield flush(), last
        held.append(table)
        last = fraction
        if sum(map(len, held)) >= rows or sum(part.nbytes for part in held) > CHUNK_BYTES:
            whole = flush()
            ready = max(len(whole) // rows * rows, min(len(whole), rows))
            for start in range(0, ready, rows):
                yield whole.slice(start, min(rows, ready - start)), fraction
            if ready < len(whole):
                held.append(whole.slice(ready))
    if any(map(len, held)):
        yield flush(), last


def choose(shown: str, parts: Sequence[Part]) -> Choice:
    """Decide which tables of a file are read.

    Parameters
    ----------
    shown : str
        What the file is called.
    parts : sequence of Part
        At least one.

    Raises
    ------
    InputError
        When it cannot be told which are meant.
    """
    groups: Groups = {}
    for part in parts:
        if len(part.columns) > MAX_COLUMNS:
            raise InputError(
                f"{shown}: has {len(part.columns):,} columns, more than {MAX_COLUMNS:,}; save the "
                "ones that matter"
            )
        groups.setdefault(frozenset(_keys(part.columns)), []).append(part)
    best = _best(groups)
    if len(best) > 1:
        named = " or ".join(_named(groups[key], groups[key][0].columns) for key in best[:SHOWN])
        if not likelihood(groups[best[0]][0].columns):
            raise InputError(
                f"{shown}: none of its {len(parts)} tables has a column source_id: {named}"
            )
        raise InputError(
            f"{shown}: which of its {len(parts)} tables is meant? They have different columns: "
            f"{named}; save one alone"
        )
    chosen = groups.pop(best[0])
    remarks = []
    if groups:
        unread = "; ".join(_named(group) for group in groups.values())
        remarks.append(f"{shown}: read {_named(chosen)}; not read, of other columns: {unread}")
    return Choice(chosen, remarks)


def _best(groups: Groups) -> list[Columns]:
    """The groups, by their columns, of which none is worth more than the others."""

    def worth(key: Columns) -> tuple[int, int, int]:
        has_rows = any(part.n_rows != 0 for part in groups[key])
        names = groups[key][0].columns
        has_id = likelihood(names)
        coefficients = not set(COEFFICIENTS).isdisjoint(map(plain, names))
        is_other = product("", names) is not None
        useful = has_id if has_rows else 0
        return (useful if coefficients else 0, 0 if is_other else useful, has_id)

    most = max(map(worth, groups))
    return [key for key in groups if worth(key) == most]


def _named(group: list[Part], columns: list[str] | None = None) -> str:
    """A group of tables with their rows, as it is told to a user."""
    names = ", ".join(part.name or "the table" for part in group[:SHOWN])
    more = f" and {len(group) - SHOWN} more" if len(group) > SHOWN else ""
    n_rows = sum(part.count() for part in group)
    text = f"{names}{more} ({n_rows:,} row{'' if n_rows == 1 else 's'}"
    return text + (f": {some(columns)})" if columns else ")")


def product(name: str, columns: Sequence[str]) -> str | None:
    """Which of DataLink's other products a table is; None: none, or XP coefficients.

    Parameters
    ----------
    name : str
        Of its file, which tells RVS spectra from sampled XP spectra.
    columns : sequence of str
    """
    known = set(map(plain, columns))
    if known & set(COEFFICIENTS):
        return None
    by_columns = next((kind for kind, needed in PRODUCT_COLUMNS if needed <= known), None)
    if by_columns is not None and (match := PRODUCT_NAME.match(name)):
        return match[1]
    return by_columns


def _keys(columns: Sequence[str]) -> list[tuple[str, int]]:
    """Each column's name, and how many of that name come before it."""
    seen: Counter[str] = Counter()
    keys = []
    for name in map(plain, columns):
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def plain(column: str) -> str:
    """A column's name as it is compared: FITS files are often upper case."""
    return column.strip().lower()


def some(columns: Sequence[str]) -> str:
    """The first of many columns."""
    shown = ", ".join(name[:80] for name in columns[:8])
    return shown if len(columns) <= 8 else f"{shown} and {len(columns) - 8} more"
