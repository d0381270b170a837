"""Tracks through label space: the sequences of bins of Laroche & Speagle (2024)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.label_relations import gb_teff, ms_logg
from xpmodel.catalog.named_cuts import cut_mask, needed_columns
from xpmodel.columns import symbol
from xpmodel.errors import InputError
from xpmodel.tracks.bins import CONDITIONS, Bin, check_columns

VARIANTS = ("paper", "released", "controlled")
DEFAULT_VARIANT = "controlled"

TRACKS: dict[str, str] = {
    "main_sequence": "Main sequence",
    "giant_branch": "Giant branch",
    "m_h_main_sequence": "Main sequence at fixed [M/H]",
    "m_h_giants": "Giants at fixed [M/H]",
    "high_alpha": "High-α sequence",
    "low_alpha": "Low-α sequence",
    "fixed_m_h": "[α/M] at fixed [M/H]",
    "gaia_enceladus": "Gaia-Enceladus",
}
"""What `define` knows: names, and a title each. The two ``m_h_`` ones are families."""

ALPHA_TRACKS = ("high_alpha", "low_alpha", "fixed_m_h")
"""The tracks in [α/M], which are of pristine stars unless others are chosen."""
ALPHA_CUT = "pristine"

# The half widths of the bins.
MS_TEFF, KIEL_LOGG = 10.0, 0.2
GB_TEFF = {"controlled": 100.0, "paper": 100.0, "released": 0.2}
FAMILY_TEFF, FAMILY_M_H = 100.0, 0.2
GRID_M_H, GRID_ALPHA = 0.1, 0.2
FIXED_M_H, FIXED_ALPHA = {"controlled": 0.03, "paper": 0.2, "released": 0.2}, 0.05
# How far from the ends of a sequence the grids over it start [dex], but for the variant
# `released` at most which part of its span, so that no grid turns round.
GRID_MARGIN, GRID_PART = 0.2, 1 / 3
# Percentiles that count as a sequence's ends.
GRID_ENDS = {"controlled": (0.5, 99.5), "paper": (0.5, 99.5), "released": (0.0, 100.0)}
DEFAULT_M_H = -0.4


@dataclass(frozen=True)
class TrackDefinition:
    """A sequence of bins in label space: what a track is, before a catalog is asked.

    Attributes
    ----------
    name : str
        Of one of `TRACKS`, with the metallicity behind it in a family, or of an own track.
    title : str
        As one would print it.
    axes : tuple of str
        The two columns over which it is drawn, horizontal and vertical.
    bins : tuple of Bin
        In the order of the track.
    variant : str
        One of `VARIANTS`, or ``own``.
    cut : str
        The named cut whose stars it is of, unless others are chosen.
    notes : tuple of str
        What is otherwise than its definition says, a line each.
    """

    name: str
    title: str
    axes: tuple[str, str]
    bins: tuple[Bin, ...]
    variant: str
    cut: str = "full"
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The catalog's columns that the bins need, each once."""
        return tuple(dict.fromkeys(column for b in self.bins for column in b.columns))

    def stars(self, catalog: Catalog) -> np.ndarray | None:
        """The stars of a catalog that pass the track's own cut, (N,) bool; None: all.

        Raises
        ------
        InputError
            When the catalog lacks a column that the cut needs.
        """
        if self.cut == "full":
            return None
        return cut_mask(catalog, self.cut, cut_variant(self.variant))


def cut_variant(variant: str) -> str:
    """Which variant of the named cuts goes with a variant of the tracks."""
    return "released" if variant == "released" else "paper"


def define(
    name: str,
    catalog: Catalog,
    *,
    variant: str = DEFAULT_VARIANT,
    m_h: float | None = None,
    mask: np.ndarray | None = None,
) -> tuple[TrackDefinition, ...]:
    """The bins of a track of Laroche & Speagle (2024).

    The variant ``paper`` is as the paper has it, ``released`` as the code released with it;
    ``controlled`` is as ``paper``, but compares stars of different [α/M] at equal [M/H].

    The tracks in [α/M] (`ALPHA_TRACKS`) are of the pristine stars, as the paper's: where [α/M] has
    large errors, a sequence holds stars of the other one, and the high one comes to lie below the
    low one. In a catalog that lacks a column that the cut needs they are of all stars, and say so.

    ``main_sequence`` : 15 temperatures from 5000 to 6300 K, ± 10 K, on Eq. 11 ± 0.2 dex (the
    widths of the released code, in all variants).

    ``giant_branch`` : 20 gravities from 0 to 3.65 dex, ± 0.2 dex, on Eq. 12 ± 100 K. In the
    variant ``released`` on the released code's unrounded line, 5200 − 441.86 (3.65 − log g),
    ± 0.2 K: it uses the width of log g for Teff too, so that each point is the mean of a
    handful of stars and the track jumps about.

    ``m_h_main_sequence``, ``m_h_giants`` : families, a track for each of the nine metallicities
    linspace(−2.5, 0.5, 10)[1:] ± 0.2 dex, of dwarfs or giants by Eq. 10: eight temperatures
    ± 100 K, from 4400 to 6400 K or from 3200 to 5200 K.

    ``high_alpha``, ``low_alpha`` : eight metallicities ± 0.1 dex at one [α/M] ± 0.2 dex, of the
    stars on one side of the split of Patil et al. (2023). Of the paper's 8 × 8 grids over each
    sequence these are the columns that it draws: the high sequence at its lowest, the low one
    at its highest [α/M]. A grid ends 0.2 dex inside its sequence, whose ends are the extreme
    stars in the variant ``released``. No rule is printed, and one wild label would move the
    whole grid, so in the other variants they are the 0.5 and 99.5 percentiles. A sequence that
    spans less than 0.4 dex, as the pristine ones do in [α/M], would turn such a grid round, with
    its "lowest" column above its "highest": in the other variants a grid ends a third of the span
    inside where that is less than 0.2 dex, and says so.

    ``fixed_m_h`` : eight [α/M] from 0 to 0.4 ± 0.05 dex at one [M/H] ± 0.2 dex, or ± 0.03 dex
    in the variant ``controlled``: across 0.4 dex stars of more [α/M] have less [M/H], and the
    track follows both (`xpmodel.tracks.drift` says how much).

    ``gaia_enceladus`` : one bin, the action diamond of Lane et al. (2022); in the variant
    ``released`` with its cut in parallax.

    All bins are boxes around their centres: Eqs. 11 and 12 are taken at the centre, not at each
    star's own label.

    Parameters
    ----------
    name : str
        One of `TRACKS`.
    catalog : Catalog
        Where it will be measured: checked for the columns needed.
    variant : str
        One of `VARIANTS`.
    m_h : float, optional
        The metallicity of ``fixed_m_h`` [dex], and of no other track. Default −0.4.
    mask : ndarray, (N,) bool, optional
        The stars over which the grids of the α sequences are laid, instead of the pristine ones.

    Returns
    -------
    tuple of TrackDefinition
        One, or one for each metallicity of a family.

    Raises
    ------
    InputError
        When the name, the variant or the metallicity cannot be used, the catalog lacks a column,
        or has no stars of an α sequence, or all at one [M/H].
    """
    check_options(name, variant, m_h)
    if name.startswith("m_h_"):
        definitions = _family(name, variant)
    else:
        cut, notes = _own_cut(name, catalog, variant) if mask is None else ("full", ())
        kiel = name in ("main_sequence", "giant_branch")
        axes = ("teff", "logg") if kiel else ("m_h", "alpha_m")
        made = TrackDefinition(name, TRACKS[name], axes, (), variant, cut, notes)
        if name in ("high_alpha", "low_alpha"):
            bins, too_narrow = _alpha_column(made, catalog, mask)
            made = replace(made, notes=(*notes, *too_narrow))
        else:
            bins = _bins(name, variant, DEFAULT_M_H if m_h is None else float(m_h))
        definitions = (replace(made, bins=bins),)
    check_columns(catalog, definitions[0].columns, f"the track {name}")
    return definitions


def check_options(name: str, variant: str, m_h: float | None) -> None:
    """Refuse a name, a variant or a metallicity that `define` cannot use.

    Raises
    ------
    InputError
    """
    if name not in TRACKS:
        raise InputError(f"no track {name!r}; use one of {', '.join(TRACKS)}")
    if variant not in VARIANTS:
        raise InputError(f"no variant {variant!r} of the tracks; use one of {', '.join(VARIANTS)}")
    if m_h is not None and name != "fixed_m_h":
        raise InputError(f"the track {name} takes no [M/H]; only fixed_m_h does")
    if m_h is not None and not np.isfinite(m_h):
        raise InputError(f"[M/H] = {m_h} of the track fixed_m_h: must be a finite number")


def _own_cut(name: str, catalog: Catalog, variant: str) -> tuple[str, tuple[str, ...]]:
    """The cut whose stars a track is of, and why it is not the one that it should be."""
    if name not in ALPHA_TRACKS:
        return "full", ()
    needed = needed_columns(ALPHA_CUT, cut_variant(variant))
    if missing := [column for column in needed if column not in catalog.filled]:
        columns = f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        return "full", (f"of all stars: no values in {columns}, which the {ALPHA_CUT} cut needs",)
    return ALPHA_CUT, ()


def _bins(name: str, variant: str, m_h: float) -> tuple[Bin, ...]:
    """The bins of one track that is no family, and that no catalog's stars are asked for."""
    if name == "main_sequence":
        return _main_sequence()
    if name == "giant_branch":
        return _giant_branch(variant)
    if name == "fixed_m_h":
        return tuple(
            Bin((("m_h", m_h, FIXED_M_H[variant]), ("alpha_m", float(alpha), FIXED_ALPHA)))
            for alpha in np.linspace(0.0, 0.4, 8)
        )
    return (Bin((), ("gaia_enceladus_parallax" if variant == "released" else name,)),)


def _main_sequence() -> tuple[Bin, ...]:
    return tuple(
        Bin((("teff", float(teff), MS_TEFF), ("logg", float(ms_logg(teff)), KIEL_LOGG)))
        for teff in np.linspace(5000.0, 6300.0, 15)
    )


def _giant_branch(variant: str) -> tuple[Bin, ...]:
    logg = np.linspace(0.0, 3.65, 20)
    line = 5200.0 - 441.86 * (3.65 - logg) if variant == "released" else gb_teff(logg)
    return tuple(
        Bin((("teff", float(x), GB_TEFF[variant]), ("logg", float(y), KIEL_LOGG)))
        for x, y in zip(line, logg, strict=True)
    )


def _family(name: str, variant: str) -> tuple[TrackDefinition, ...]:
    """A track for each of the fixed metallicities, of dwarfs or of giants."""
    giants = name == "m_h_giants"
    kind, condition = ("Giants", "giant") if giants else ("Main sequence", "dwarf")
    temperatures = np.linspace(*((3200.0, 5200.0) if giants else (4400.0, 6400.0)), 8)
    definitions = []
    for m_h in np.linspace(-2.5, 0.5, 10)[1:].tolist():
        bins = tuple(
            Bin((("m_h", m_h, FAMILY_M_H), ("teff", teff, FAMILY_TEFF)), (condition,))
            for teff in temperatures.tolist()
        )
        title = f"{kind} at [M/H] = {m_h:.2f}".replace("-", "−")
        definitions.append(
            TrackDefinition(f"{name}_{m_h:+.2f}", title, ("teff", "logg"), bins, variant)
        )
    return tuple(definitions)


def _alpha_column(
    definition: TrackDefinition, catalog: Catalog, mask: np.ndarray | None
) -> tuple[tuple[Bin, ...], list[str]]:
    """The drawn column of the 8 × 8 grid over one α sequence, and what is said of its span."""
    name, variant = definition.name, definition.variant
    sequence = CONDITIONS[name]
    check_columns(catalog, (*sequence.columns, "m_h", "alpha_m"), f"the track {name}")
    mask = definition.stars(catalog) if mask is None else mask
    stars = sequence.passes(catalog)
    stars &= np.isfinite(catalog["m_h"]) & np.isfinite(catalog["alpha_m"])
    if mask is not None:
        stars &= mask
    kind = "star" if definition.cut == "full" else f"{definition.cut} star"
    if not stars.any():
        raise InputError(f"{catalog.path}: no {kind} chosen is of the {TRACKS[name]}")
    grid: dict[str, tuple[float, float]] = {}
    notes: list[str] = []
    for column in ("m_h", "alpha_m"):
        values = catalog[column][stars].astype(np.float64)
        low, high = np.percentile(values, GRID_ENDS[variant]).tolist()
        margin = GRID_MARGIN
        if high - low < GRID_MARGIN / GRID_PART:
            if variant != "released":
                margin = GRID_PART * (high - low)
                ends = f"its grid ends {margin:.2f} dex inside it, not {GRID_MARGIN:g}"
            else:
                turned = high - low < 2 * GRID_MARGIN
                ends = "its grid is turned round: lowest is highest" if turned else ""
            if ends:
                notes.append(f"{symbol(column)} spans {high - low:.2f} dex only, so {ends}")
        grid[column] = (low + margin, high - margin)
    if grid["m_h"][0] == grid["m_h"][1] and variant != "released":
        raise InputError(
            f"{catalog.path}: the {TRACKS[name]} of {stars.sum()} {kind}s spans nothing in [M/H]: "
            "too narrow for a track"
        )
    alpha = grid["alpha_m"][0 if name == "high_alpha" else 1]
    bins = tuple(
        Bin((("m_h", m_h, GRID_M_H), ("alpha_m", alpha, GRID_ALPHA)), (name,))
        for m_h in np.linspace(*grid["m_h"], 8).tolist()
    )
    return bins, notes
