"""Measured tracks: means, their errors and spreads over the stars of each bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel import circular
from xpmodel._version import __version__
from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import column_of, describe, period, stellar_labels
from xpmodel.errors import InputError
from xpmodel.tracks.bins import CONDITIONS, Bin, check_columns, is_within
from xpmodel.tracks.definitions import (
    DEFAULT_VARIANT,
    TRACKS,
    TrackDefinition,
    check_options,
    define,
)

if TYPE_CHECKING:
    from astropy.table import Table

# A point that is the mean of fewer stars is marked as thin.
THIN = 10


@dataclass(frozen=True, kw_only=True)
class Track:
    """A track of a catalog: P points, each the mean over the stars of a bin.

    Attributes
    ----------
    definition : TrackDefinition
    catalog : str
        The catalog file's name.
    model : str or None
        Hash of the model that made its latents.
    thin_below : int
        How many stars a point needs.
    n : ndarray, (P,) int64
        Stars in each bin.
    thin : ndarray, (P,) bool
        Where they are too few to trust the mean. A point without stars stays, as NaN.
    mean, std : dict of str to ndarray, (P,) float64
        Mean and standard deviation (of the stars, 1/N) of labels, of other columns that the bins
        bound, and of latents (posterior means), over the stars with a finite value. NaN where
        there is none. Of a column with a period they are those of `xpmodel.circular`.
    error : dict of str to ndarray, (P,) float64
        Standard error of each mean, s / √n with s² the sample variance (1 / (n − 1)) of the n stars
        with a finite value: how far another sample of as many stars would move it. NaN for fewer
        than two stars.
    centre : dict of str to ndarray, (P,) float64
        The bins' centres in the columns that bound them; NaN where a bin has no bound.
    """

    definition: TrackDefinition
    catalog: str
    model: str | None
    thin_below: int
    n: np.ndarray
    thin: np.ndarray
    mean: dict[str, np.ndarray]
    std: dict[str, np.ndarray]
    error: dict[str, np.ndarray]
    centre: dict[str, np.ndarray]

    def to_table(self) -> Table:
        """The points as a table with units and descriptions, a row each.

        Returns
        -------
        astropy.table.Table
            ``n``, ``thin``, ``<column>_centre`` and ``_width`` of the bins, ``<column>_mean``,
            ``_std`` and ``_sem`` (the standard error of the mean) of labels and latents. Its
            metadata say what was measured.
        """
        return tracks_table([self])


@dataclass(frozen=True)
class Measured:
    """The tracks that a catalog has.

    Attributes
    ----------
    tracks : dict of str to tuple of Track
        By the names of `xpmodel.tracks.definitions.TRACKS`; a family has several.
    skipped : dict of str to str
        Why others cannot be measured, by name.
    """

    tracks: dict[str, tuple[Track, ...]]
    skipped: dict[str, str]


def measure(
    definition: TrackDefinition, catalog: Catalog, mask: np.ndarray | None = None, thin: int = THIN
) -> Track:
    """Take the means over the stars of each bin, as Laroche & Speagle (2024) draw them.

    Parameters
    ----------
    definition : TrackDefinition
    catalog : Catalog
    mask : ndarray, (N,) bool, optional
        The stars to use. Default: those of the track's own cut.
    thin : int
        Bins with fewer stars are marked as thin.

    Returns
    -------
    Track

    Raises
    ------
    InputError
        When the catalog lacks a column that the bins need.
    """
    check_columns(catalog, definition.columns, f"the track {definition.name}")
    bins = definition.bins
    mask = definition.stars(catalog) if mask is None else mask
    rows, which = _members(bins, catalog, mask)
    n = np.bincount(which, minlength=len(bins))
    labels = [label for label in stellar_labels() if label in catalog.numeric]
    names = dict.fromkeys([*labels, *_bounded(bins), *catalog.latents])
    moments = {name: _moments(name, catalog[name][rows], which, len(bins)) for name in names}
    return Track(
        definition=definition,
        catalog=catalog.path.name,
        model=catalog.model_hash,
        thin_below=thin,
        n=n,
        thin=n < thin,
        mean={name: mean for name, (mean, _, _) in moments.items()},
        std={name: std for name, (_, std, _) in moments.items()},
        error={name: error for name, (_, _, error) in moments.items()},
        centre={column: _of_bins(bins, column, 1) for column in _bounded(bins)},
    )


def measure_all(
    catalog: Catalog,
    variant: str = DEFAULT_VARIANT,
    *,
    m_h: float | None = None,
    mask: np.ndarray | None = None,
    thin: int = THIN,
) -> Measured:
    """Measure every track of `xpmodel.tracks.definitions.TRACKS` that the catalog has columns for.

    Parameters
    ----------
    catalog : Catalog
    variant : str
        One of `xpmodel.tracks.definitions.VARIANTS`.
    m_h : float, optional
        The metallicity of ``fixed_m_h`` [dex]. Default −0.4.
    mask, thin
        As in `measure`.

    Raises
    ------
    InputError
        When the variant or the metallicity cannot be used.
    """
    check_options("fixed_m_h", variant, m_h)
    options = {name: partial(define, variant=variant, mask=mask) for name in TRACKS}
    options["fixed_m_h"] = partial(define, variant=variant, m_h=m_h, mask=mask)
    tracks, skipped = {}, {}
    for name, definitions in options.items():
        try:
            tracks[name] = tuple(
                measure(definition, catalog, mask, thin)
                for definition in definitions(name, catalog)
            )
        except InputError as error:
            skipped[name] = str(error)
    return Measured(tracks, skipped)


def tracks_table(tracks: Sequence[Track]) -> Table:
    """Tracks of one family below one another, with units and descriptions, a row a point.

    The columns are those of `Track.to_table`; where there are several tracks, ``track`` says
    which one a point belongs to.
    """
    from astropy.table import Table
    from astropy.units import Unit

    first = tracks[0]
    table = Table(meta=_metadata(tracks))
    if len(tracks) > 1:
        names = [track.definition.name for track in tracks for _ in track.n]
        table["track"] = names
        table["track"].description = "the track of the family"

    def add(name: str, parts: list[np.ndarray], description: str, unit: str = "") -> None:
        table[name] = np.concatenate(parts)
        table[name].description = description
        if unit:
            table[name].unit = Unit(unit, parse_strict="silent")

    add("n", [t.n for t in tracks], "stars in the bin")
    add("thin", [t.thin for t in tracks], f"fewer than {first.thin_below} stars")
    for column in first.centre:
        unit = column_of(column).unit
        add(f"{column}_centre", [t.centre[column] for t in tracks], f"bin's centre: {column}", unit)
        widths = [_of_bins(t.definition.bins, column, 2) for t in tracks]
        add(f"{column}_width", widths, f"bin's half width: {column}", unit)
    for name in first.mean:
        what, unit = describe(name).partition(" [")[0], column_of(name).unit
        add(f"{name}_mean", [t.mean[name] for t in tracks], f"mean of the stars: {what}", unit)
        spread = f"standard deviation of the stars: {what}"
        add(f"{name}_std", [t.std[name] for t in tracks], spread, unit)
        error = f"standard error of the mean: {what}"
        add(f"{name}_sem", [t.error[name] for t in tracks], error, unit)
    return table


def _metadata(tracks: Sequence[Track]) -> dict[str, Any]:
    first = tracks[0]
    conditions = dict.fromkeys(c for t in tracks for b in t.definition.bins for c in b.conditions)
    return {
        "titles": [track.definition.title for track in tracks],
        "axes": list(first.definition.axes),
        "variant": first.definition.variant,
        "cut": first.definition.cut,
        "notes": list(first.definition.notes),
        "conditions": list(conditions),
        "catalog": first.catalog,
        "model": first.model,
        "made_by": f"xpmodel {__version__}",
    }


def _members(
    bins: Sequence[Bin], catalog: Catalog, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the stars in the bins, bin by bin, and the bin of each: (M,) int64 both."""
    rows = _candidates(bins, catalog, mask)
    values = {column: catalog[column][rows].astype(np.float64) for column in _bounded(bins)}
    needed = dict.fromkeys(name for b in bins for name in b.conditions)
    passes = {name: CONDITIONS[name].passes(catalog)[rows] for name in needed}
    members = []
    for b in bins:
        tests = [is_within(column, values[column], x, width) for column, x, width in b.centre]
        tests += [passes[name] for name in b.conditions]
        members.append(rows[np.logical_and.reduce(tests)])
    which = np.repeat(np.arange(len(bins)), [len(part) for part in members])
    return np.concatenate(members), which


def _candidates(bins: Sequence[Bin], catalog: Catalog, mask: np.ndarray | None) -> np.ndarray:
    """Rows of stars within the range that the bins together span in each column, or at its ends.

    A quick test in the column's own precision, so that the exact ones have few stars to look at.
    Rounding keeps order, so none is lost.
    """
    possible = np.ones(len(catalog), bool) if mask is None else mask.copy()
    for column in _bounded(bins):
        centre, width = (_of_bins(bins, column, i) for i in (1, 2))
        if np.isnan(centre).any() or period(column) is not None:
            continue
        low, high = float((centre - width).min()), float((centre + width).max())
        values = catalog[column]
        with np.errstate(over="ignore"):  # to infinity, which keeps order, too
            possible &= (values >= low) & (values <= high)
    return np.flatnonzero(possible)


def _bounded(bins: Sequence[Bin]) -> list[str]:
    """Columns in which some bin has bounds, each once."""
    return list(dict.fromkeys(column for b in bins for column, *_ in b.centre))


def _of_bins(bins: Sequence[Bin], column: str, place: int) -> np.ndarray:
    """The centres (place 1) or half widths (2) of bins in a column, NaN where not bound, (P,)."""
    return np.array(
        [next((part[place] for part in b.centre if part[0] == column), np.nan) for b in bins],
        dtype=np.float64,
    )


def _moments(
    column: str, values: np.ndarray, which: np.ndarray, n_bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation and the mean's error of each bin's finite values, (P,) each."""
    values = values.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        values, which = values[finite], which[finite]
    count = np.bincount(which, minlength=n_bins)
    turn = period(column)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0: a bin without stars has no mean
        if turn is not None:
            mean, std = circular.means(values, which, n_bins, turn)
        else:
            mean = np.bincount(which, values, n_bins) / count
            std = np.sqrt(np.bincount(which, (values - mean[which]) ** 2, n_bins) / count)
        # The deviation of a sample is larger than that of its stars by √(n / (n − 1)).
        error = np.where(count > 1, std / np.sqrt(count - 1.0), np.nan)
    return mean, std, error
