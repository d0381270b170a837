"""Tracks through label space: the sequences of bins of Laroche & Speagle (2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.label_relations import gb_teff, ms_logg
from xpmodel.errors import InputError
from xpmodel.tracks.bins import CONDITIONS, Bin, check_columns

VARIANTS = ("paper", "released")

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

# The half widths of the bins.
MS_TEFF, KIEL_LOGG = 10.0, 0.2
GB_TEFF = {"paper": 100.0, "released": 0.2}
FAMILY_TEFF, FAMILY_M_H = 100.0, 0.2
GRID_M_H, GRID_ALPHA = 0.1, 0.2
FIXED_M_H, FIXED_ALPHA = 0.2, 0.05
# How far from the ends of a sequence the grids over it start [dex].
GRID_MARGIN = 0.2
# Percentiles that count as a sequence's ends.
GRID_ENDS = {"paper": (0.5, 99.5), "released": (0.0, 100.0)}
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
        ``paper``, ``released``, or ``own``.
    """

    name: str
    title: str
    axes: tuple[str, str]
    bins: tuple[Bin, ...]
    variant: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The catalog's columns that the bins need, each once."""
        return tuple(dict.fromkeys(column for b in self.bins for column in b.columns))


def define(
    name: str,
    catalog: Catalog,
    *,
    variant: str = "paper",
    m_h: float | None = None,
    mask: np.ndarray | None = None,
) -> tuple[TrackDefinition, ...]:
    """The bins of a track of Laroche & Speagle (2024).

    ``main_sequence`` : 15 temperatures from 5000 to 6300 K, ± 10 K, on Eq. 11 ± 0.2 dex (the
    widths of the released code, in both variants).

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
    whole grid, so in the variant ``paper`` they are the 0.5 and 99.5 percentiles.

    ``fixed_m_h`` : eight [α/M] from 0 to 0.4 ± 0.05 dex at one [M/H] ± 0.2 dex.

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
        ``paper`` or ``released``.
    m_h : float, optional
        The metallicity of ``fixed_m_h`` [dex], and of no other track. Default −0.4.
    mask : ndarray, (N,) bool, optional
        The stars over which the grids of the α sequences are laid. Default: all.

    Returns
    -------
    tuple of TrackDefinition
        One, or one for each metallicity of a family.

    Raises
    ------
    InputError
        When the name, the variant or the metallicity cannot be used, the catalog lacks a column,
        or has no star of an α sequence.
    """
    check_options(name, variant, m_h)
    if name.startswith("m_h_"):
        definitions = _family(name, variant)
    else:
        bins = _bins(name, catalog, variant, DEFAULT_M_H if m_h is None else float(m_h), mask)
        kiel = name in ("main_sequence", "giant_branch")
        axes = ("teff", "logg") if kiel else ("m_h", "alpha_m")
        definitions = (TrackDefinition(name, TRACKS[name], axes, bins, variant),)
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


def _bins(
    name: str, catalog: Catalog, variant: str, m_h: float, mask: np.ndarray | None
) -> tuple[Bin, ...]:
    """The bins of one track that is no family."""
    if name == "main_sequence":
        return _main_sequence()
    if name == "giant_branch":
        return _giant_branch(variant)
    if name == "fixed_m_h":
        return tuple(
            Bin((("m_h", m_h, FIXED_M_H), ("alpha_m", float(alpha), FIXED_ALPHA)))
            for alpha in np.linspace(0.0, 0.4, 8)
        )
    if name == "gaia_enceladus":
        return (Bin((), ("gaia_enceladus_parallax" if variant == "released" else name,)),)
    return _alpha_column(name, catalog, variant, mask)


def _main_sequence() -> tuple[Bin, ...]:
    return tuple(
        Bin((("teff", float(teff), MS_TEFF), ("logg", float(ms_logg(teff)), KIEL_LOGG)))
        for teff in np.linspace(5000.0, 6300.0, 15)
    )


def _giant_branch(variant: str) -> tuple[Bin, ...]:
    logg = np.linspace(0.0, 3.65, 20)
    line = {"paper": gb_teff(logg), "released": 5200.0 - 441.86 * (3.65 - logg)}[variant]
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
    name: str, catalog: Catalog, variant: str, mask: np.ndarray | None
) -> tuple[Bin, ...]:
    """The drawn column of the 8 × 8 grid over one α sequence of a catalog's stars."""
    sequence = CONDITIONS[name]
    check_columns(catalog, (*sequence.columns, "m_h", "alpha_m"), f"the track {name}")
    stars = sequence.passes(catalog)
    stars &= np.isfinite(catalog["m_h"]) & np.isfinite(catalog["alpha_m"])
    if mask is not None:
        stars &= mask
    if not stars.any():
        raise InputError(f"{catalog.path}: no star chosen is of the {TRACKS[name]}")
    ends = {
        column: np.percentile(catalog[column][stars].astype(np.float64), GRID_ENDS[variant])
        for column in ("m_h", "alpha_m")
    }
    lowest, highest = ends["alpha_m"]
    alpha = lowest + GRID_MARGIN if name == "high_alpha" else highest - GRID_MARGIN
    low, high = ends["m_h"]
    return tuple(
        Bin((("m_h", m_h, GRID_M_H), ("alpha_m", float(alpha), GRID_ALPHA)), (name,))
        for m_h in np.linspace(low + GRID_MARGIN, high - GRID_MARGIN, 8).tolist()
    )
