"""A visit's state as JSON: what a file to save and open holds, and what an address names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from xpapp.state.map_state import Coloring, MapState
from xpapp.state.track_names import choices
from xpapp.state.visit import MAX_MAPS, MAX_SETS, Visit
from xpmodel import Catalog, InputError
from xpmodel.plots.modes import MODES
from xpmodel.selection.filters import Filter
from xpmodel.selection.recipe import catalog_reference
from xpmodel.selection.star_sets import sets_from_json, sets_to_json
from xpmodel.tracks.bins import Bin, check_columns
from xpmodel.tracks.definitions import TrackDefinition
from xpmodel.tracks.own import MAX_POINTS

FORMAT = "xpmodel-visit"
# 2: the sets share their steps.
VERSION = 2
# Beyond these float32 holds no spectrum. NaN is beyond, too.
MAX_Z, MAX_G_MAG = 1e6, 100.0
# Of a file that is saved, and so of one that is opened: half a million ids.
MAX_BYTES = 16 * 2**20


def state_of(visit: Visit, sets: dict[str, Any] | None = None) -> dict[str, Any]:
    """What brings a visit back, as JSON can hold it.

    Parameters
    ----------
    visit : Visit
    sets : dict, optional
        Its sets as `sets_to_json` has them, where that is known already.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "catalog": catalog_reference(visit.catalog),
        "maps": [asdict(state) for state in visit.maps],
        "active_map": visit.active_map,
        "enlarged": visit.enlarged,
        "coloring": asdict(visit.coloring),
        "filter": visit.filter.to_json(),
        **(sets_to_json(visit.sets) if sets is None else sets),
        "active_set": visit.active_set,
        "operation": visit.operation,
        "tracks": list(visit.tracks),
        "own_tracks": [_track_to_json(definition) for definition in visit.own_tracks],
        "z": [float(v) for v in visit.cursor.z],
        "star": None
        if visit.cursor.star is None
        else str(int(visit.catalog.source_id[visit.cursor.star])),
        "g_mag": float(visit.cursor.g_mag),
        "lines": visit.cursor.lines,
        "truncated": visit.cursor.truncated,
        "mode": visit.cursor.mode,
        "locked": sorted(visit.cursor.locked),
    }


def restore(visit: Visit, content: dict[str, Any], source: str) -> tuple[str, ...]:
    """Bring a visit into a saved state: `read_state`, and what it returns."""
    return read_state(visit, content, source)()


def read_state(visit: Visit, content: dict[str, Any], source: str) -> Callable[[], tuple[str, ...]]:
    """Read a saved state, and find its stars: seconds of work, so in a thread.

    Parameters
    ----------
    visit : Visit
        Nothing of it is changed.
    source : str
        Where the state comes from, for messages.

    Returns
    -------
    callable
        Brings the visit into the state, but for what the catalog cannot show; returns what was
        left out, and why.

    Raises
    ------
    InputError
        When it is damaged or belongs to another catalog.
    """
    catalog = visit.catalog
    try:
        if str(content["catalog"]["sha256"]) != catalog.sha256:
            name = str(content["catalog"].get("name"))[:80]
            raise InputError(f"it belongs to another catalog ({name})")
        maps = tuple(MapState.from_json(m, catalog) for m in content["maps"])
        keys = [m.key for m in maps]
        if len(content["sets"]) > MAX_SETS:
            raise InputError(
                f"it has {len(content['sets']):,} sets, and a visit at most {MAX_SETS}"
            )
        sets = sets_from_json(content, catalog)
        names = [s.name for s in sets]
        for saved, star_set in zip(content["sets"], sets, strict=True):
            if saved["n_members"] != star_set.n_members:
                raise InputError(f"its set {star_set.name!r} has other stars than it says")
        if not 1 <= len(keys) == len(set(keys)) <= MAX_MAPS or len(set(names)) != len(names):
            raise InputError("its maps or sets are not told apart")
        z = tuple(float(v) for v in content["z"])
        g_mag = float(content["g_mag"])
        possible = all(abs(v) <= MAX_Z for v in z) and abs(g_mag) <= MAX_G_MAG
        if len(z) != len(catalog.latents) or not possible:
            raise InputError("its z does not fit the catalog's latents")
        if content["operation"] not in visit.param.operation.objects:
            raise InputError("the next outline's operation is unknown")
        left_out: list[str] = []
        drawable = choices(catalog)
        unknown = [name for name in map(str, content["tracks"]) if name not in drawable]
        left_out += [f"the track {name[:60]!r}, which this catalog has not" for name in unknown]
        given = [_track_from_json(track) for track in content["own_tracks"]]
        if sum(len(definition.bins) for definition in given) > MAX_POINTS:
            raise InputError(f"its own tracks have more than {MAX_POINTS} bins")
        own_tracks = tuple(_measurable(given, catalog, left_out))
        star = _row(visit, content["star"])
        if star is None and content["star"] is not None:
            left_out.append("the chosen star, which the catalog has not")
        changes = {
            "maps": maps,
            "active_map": content["active_map"] if content["active_map"] in keys else keys[0],
            "enlarged": content["enlarged"] if content["enlarged"] in keys else "",
            "coloring": Coloring.from_json(content["coloring"], catalog),
            "operation": str(content["operation"]),
            "tracks": tuple(name for name in map(str, content["tracks"]) if name in drawable),
            "own_tracks": own_tracks,
        }
        cursor = {
            "z": z,
            "star": star,
            "own_star": None,
            "g_mag": g_mag,
            "lines": bool(content["lines"]),
            "truncated": bool(content.get("truncated", False)),  # earlier files know nothing of it
            "mode": content.get("mode", "flux"),
            # Files of earlier versions know of no locks.
            "locked": frozenset(int(i) for i in content.get("locked", ())),
        }
        if cursor["mode"] not in MODES or not cursor["locked"] <= set(range(len(z))):
            raise InputError("its way to show spectra, or a locked latent, is unknown")
        active_set = content["active_set"] if content["active_set"] in names else names[0]
        shown_by = Filter.from_json(content["filter"])
        shown = shown_by.mask(catalog) if shown_by else None

        def bring_back() -> tuple[str, ...]:
            visit.bring_back(sets, active_set, shown_by, changes, cursor, shown)
            return tuple(left_out)

        return bring_back
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{source}: not a whole visit ({error})") from None


def _row(visit: Visit, source_id: object) -> int | None:
    if source_id is None:
        return None
    rows = (visit.catalog.source_id == int(str(source_id))).nonzero()[0]
    return int(rows[0]) if len(rows) else None


def _measurable(
    given: list[TrackDefinition], catalog: Catalog, left_out: list[str]
) -> Iterator[TrackDefinition]:
    """The tracks whose columns the catalog has; of the others it is said why they are left out."""
    for definition in given:
        try:
            check_columns(catalog, definition.columns, f"the track {definition.name}")
        except InputError as error:
            left_out.append(f"the track {definition.name[:60]!r} ({error})")
        else:
            yield definition


def _track_to_json(definition: TrackDefinition) -> dict[str, Any]:
    bins = [b.to_json() for b in definition.bins]
    return {"name": definition.name, "axes": list(definition.axes), "bins": bins}


def _track_from_json(content: dict[str, Any]) -> TrackDefinition:
    name, (x, y) = str(content["name"])[:80], (str(a) for a in content["axes"])
    if not content["bins"]:
        raise InputError(f"its track {name!r} has no bins")
    return TrackDefinition(name, name, (x, y), tuple(map(Bin.from_json, content["bins"])), "own")
