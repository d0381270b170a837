"""Tracks and dividing lines that maps draw, measured once a catalog for all visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xpapp.state.track_names import ALPHA_LINE, KIEL_LINE, LINES, choices
from xpmodel import Catalog, InputError
from xpmodel.catalog.label_relations import alpha_split, divide_logg
from xpmodel.catalog.once import once_a_catalog
from xpmodel.columns import symbol
from xpmodel.tracks.definitions import TrackDefinition, define
from xpmodel.tracks.latent_threshold import COLOR, DIVISIONS, Split, color_splits, label_splits
from xpmodel.tracks.measured import Track, measure

# Okabe & Ito's colors again, in another order than the sets'.
COLORS = {
    "main_sequence": "#0072b2",
    "giant_branch": "#d55e00",
    "m_h_main_sequence": "#56b4e9",
    "m_h_giants": "#e69f00",
    "high_alpha": "#d55e00",
    "low_alpha": "#0072b2",
    "fixed_m_h": "#cc79a7",
    "gaia_enceladus": "#009e73",
}
OWN_COLOR = "#7f3c8d"
N_LINE = 200


@dataclass(frozen=True)
class DividingLine:
    """A curve in a map: ends or many points, and whether it is exact in these columns."""

    x: np.ndarray
    y: np.ndarray
    title: str
    exact: bool = True


@once_a_catalog(at_most=64)
def tracks(catalog: Catalog, name: str) -> tuple[Track, ...]:
    """The tracks of one name, over the stars of a catalog that they are of.

    Raises
    ------
    InputError
        When the catalog lacks a column that they need.
    """
    return tuple(measure(definition, catalog) for definition in define(name, catalog))


@once_a_catalog(at_most=64)
def own_track(catalog: Catalog, definition: TrackDefinition) -> Track:
    """A track of the visitor's own, over all stars of a catalog."""
    return measure(definition, catalog)


@once_a_catalog(at_most=1)
def splits(catalog: Catalog) -> dict[str, Split]:
    """The best single splits of the active latents, by what they divide."""
    return label_splits(catalog) if catalog.active else {}


@once_a_catalog(at_most=1)
def baselines(catalog: Catalog) -> dict[str, Split]:
    """The best splits by color alone, by what they divide."""
    return color_splits(catalog)


def beside(catalog: Catalog, name: str) -> str:
    """How well color alone divides what a split on a latent divides."""
    by_color = baselines(catalog).get(name)
    if by_color is None:
        return f"no {symbol(COLOR)} to compare with"
    return (
        f"{symbol(COLOR)} alone, at {by_color.threshold:.3g}, has {by_color.balanced_accuracy:.1%}"
    )


def remarks(catalog: Catalog, names: Sequence[str]) -> list[str]:
    """Of which stars some tracks are, where not of all, and what else is to be said of them."""
    found = []
    for name in names:
        if name in COLORS:
            definition = tracks(catalog, name)[0].definition
            stars = [f"{definition.cut} stars"] if definition.cut != "full" else []
            if said := [*stars, *definition.notes]:
                found.append(f"{definition.title}: {'; '.join(said)}")
    return found


def track_choices(catalog: Catalog, own: Sequence[TrackDefinition]) -> dict[str, str]:
    """Titles of single tracks, families one by one, under names for `chosen_track`."""
    found = {}
    for name in choices(catalog):
        if name in COLORS:
            for i, track in enumerate(tracks(catalog, name)):
                found[f"{name}/{i}"] = track.definition.title
    return found | {f"own/{i}": definition.title for i, definition in enumerate(own)}


def chosen_track(catalog: Catalog, own: Sequence[TrackDefinition], choice: str) -> Track:
    """The track of one of `track_choices`.

    Raises
    ------
    InputError
        When it is none any more.
    """
    name, index = choice.rsplit("/", 1)
    if name != "own":
        return tracks(catalog, name)[int(index)]
    if int(index) >= len(own):
        raise InputError("this track is forgotten: choose another one")
    return own_track(catalog, own[int(index)])


def lines(catalog: Catalog, name: str, columns: tuple[str, str]) -> list[DividingLine]:
    """The curves of a dividing line in a map of two columns, in these columns' units."""
    found = []
    wanted = {KIEL_LINE: "giant", ALPHA_LINE: "high_alpha"}[name]
    if name == KIEL_LINE and set(columns) == {"teff", "logg"}:
        teff = np.array([2000.0, 12_000.0])
        found.append(_line(columns, "teff", teff, divide_logg(teff), LINES[name]))
    planes = {("fe_h", "mg_fe"): True, ("m_h", "alpha_m"): False}
    for (x, y), exact in planes.items():
        if name == ALPHA_LINE and set(columns) == {x, y}:
            iron = np.linspace(*catalog.span(x), N_LINE)
            note = "" if exact else ", drawn in [M/H] and [α/M] for [Fe/H] and [Mg/Fe]"
            found.append(_line(columns, x, iron, alpha_split(iron), LINES[name] + note, exact))
    split = splits(catalog).get(wanted)
    if split is not None and split.latent in columns:
        first, second = DIVISIONS[wanted]
        other = columns[1 - columns.index(split.latent)]
        ends = np.array([-1e3, 1e3]) if other in catalog.latents else np.array(catalog.span(other))
        title = (
            f"{first} from {second}: best at {split.latent} = {split.threshold:.3g}, "
            f"{split.balanced_accuracy:.1%} balanced accuracy ({split.accuracy:.1%} of "
            f"{split.n:,} stars right); {beside(catalog, wanted)}"
        )
        at = np.full(2, split.threshold)
        found.append(_line(columns, split.latent, at, ends, title))
    return found


def _line(
    columns: tuple[str, str],
    along: str,
    values: np.ndarray,
    others: np.ndarray,
    title: str,
    exact: bool = True,
) -> DividingLine:
    """A line given by one column's values and the other's, turned as the map is."""
    x, y = (values, others) if columns[0] == along else (others, values)
    return DividingLine(x, y, title, exact)
