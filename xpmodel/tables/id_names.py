"""Which of a table's columns may hold identifiers of Gaia DR3, by their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xpmodel.errors import InputError

RELEASE = 3
"""The release of Gaia whose identifiers count; EDR3 has the same."""

# The part of a name that says a release, and what may be left of the name beside it:
# "gaia_dr3_source_id", "GaiaEDR3", "DR3Name" (VizieR), "source_id_dr2".
_RELEASE = re.compile(r"(?:^|_)(gaia_?)?e?dr([1-9])(?=_|$|source|name|id|designation)")
_OF_IDS = ("source_id", "sourceid", "source", "id", "ids", "name", "designation", "gaia_source_id")
# Names that say no release, a standing each: VizieR's "Source" and "designation" have other
# meanings elsewhere, and "ids" is what Laroche & Speagle (2024) call them.
_BARE = (("source_id", "sourceid", "gaia_source_id"), ("source",), ("ids",), ("designation",))
# allStar had DR2's identifiers as GAIA_SOURCE_ID before DR17, and VizieR's tables of DR2 have
# Source beside DR2Name.
_OF_APOGEE = re.compile(r"apogee_|aspcap|extratarg$|starflags?$|gaia_r_(est|lo|hi)$")
_OF_DR2 = ("dr2name", "dr2_name")


def choose_id_columns(columns: Iterable[str]) -> list[str]:
    """Choose by their names the columns that may hold identifiers of Gaia DR3.

    A name that says DR3 (or EDR3) comes before one that says no release.

    Parameters
    ----------
    columns : iterable of str
        A table's column names, in any letter case.

    Returns
    -------
    list of str
        Those of the highest standing; of these every row must have the same identifier. Empty
        if there is none.

    Raises
    ------
    InputError
        When only identifiers of another release are there; its message names no table.
    """
    names = {name: _plain(name) for name in dict.fromkeys(columns)}
    releases = {name: found for name in names if (found := _release(names[name]))}
    if named := [name for name, release in releases.items() if release == RELEASE]:
        return named
    plain = set(names.values())
    refused = {name: f"Gaia DR{release}" for name, release in releases.items()}
    bare = [[n for n in names if names[n] in standing] for standing in _BARE]
    if any(_OF_APOGEE.match(name) for name in plain):
        older = [n for n in bare[0] if names[n] == "gaia_source_id"]
        refused |= dict.fromkeys(older, "Gaia DR2 in APOGEE's tables")
    if plain & set(_OF_DR2):
        refused |= {n: "Gaia DR2, as those beside it" for n in names if names[n] == "source"}
    for candidates in bare:
        if allowed := [name for name in candidates if name not in refused]:
            return allowed
    if refused:
        name, whose = next(iter(refused.items()))
        raise InputError(
            f"no Gaia DR3 identifiers: column {name!r} has those of {whose}, which are others; "
            "match the stars to Gaia DR3 and give a column source_id or gaia_dr3_source_id"
        )
    return []


def _plain(name: str) -> str:
    """A name in lower case with its words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _release(name: str) -> int | None:
    """The release of Gaia that a column's name says, if it is one of identifiers."""
    found = _RELEASE.search(name)
    if found is None:
        return None
    rest = "_".join(filter(None, (name[: found.start()], name[found.end() :].strip("_"))))
    # "gaiadr3" alone will do, "dr3" may be anything's.
    if rest in _OF_IDS or (not rest and found[1]):
        return int(found[2])
    return None


def likelihood(columns: Iterable[str]) -> int:
    """How likely by its columns' names a table has identifiers of stars.

    Returns
    -------
    int
        2: a name says so, be they of DR3 or not; 1: a name that means other things too; 0: none.
    """
    plain = set(map(_plain, columns))
    if any(map(_release, plain)) or plain & {*_BARE[0], "ids"}:
        return 2
    return int(any(plain & set(standing) for standing in _BARE))
