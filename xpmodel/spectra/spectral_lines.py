"""Spectral lines and bands that XP spectra show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line, blend or band head and its wavelength in air [nm]."""

    name: str
    wavelength: float


# Laroche & Speagle (2024), Fig. 11, with what their code marks as Mg (422.7, 430.8, 854.2)
# under its own names: Ca I, the G band of CH and Ca II.
LINES: tuple[Line, ...] = (
    Line("Hζ", 388.9),
    Line("Ca II K", 393.4),
    Line("Ca II H", 396.8),
    Line("Hδ", 410.2),
    Line("Ca I", 422.7),
    Line("CH G", 430.8),
    Line("Hγ", 434.0),
    Line("Hβ", 486.1),
    Line("Mg b", 517.0),
    Line("Na D", 589.3),
    Line("Hα", 656.3),
    Line("TiO", 705.0),
    Line("TiO", 758.0),
    Line("P12", 820.4),
    Line("TiO", 843.0),
    Line("Ca II", 849.8),
    Line("Ca II", 854.2),
    Line("Ca II", 866.2),
    Line("Pε", 954.6),
    Line("Pδ", 1005.0),
)
