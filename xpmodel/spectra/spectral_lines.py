"""Spectral lines and bands that XP spectra show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpectralLine:
    """A line, blend or band head and its wavelength in air [nm]."""

    name: str
    wavelength: float


# Laroche & Speagle (2024), Fig. 11, with what their code marks as Mg (422.7, 430.8, 854.2)
# under its own names: Ca I, the G band of CH and Ca II.
LINES: tuple[SpectralLine, ...] = (
    SpectralLine("Hζ", 388.9),
    SpectralLine("Ca II K", 393.4),
    SpectralLine("Ca II H", 396.8),
    SpectralLine("Hδ", 410.2),
    SpectralLine("Ca I", 422.7),
    SpectralLine("CH G", 430.8),
    SpectralLine("Hγ", 434.0),
    SpectralLine("Hβ", 486.1),
    SpectralLine("Mg b", 517.0),
    SpectralLine("Na D", 589.3),
    SpectralLine("Hα", 656.3),
    SpectralLine("TiO", 705.0),
    SpectralLine("TiO", 758.0),
    SpectralLine("P12", 820.4),
    SpectralLine("TiO", 843.0),
    SpectralLine("Ca II", 849.8),
    SpectralLine("Ca II", 854.2),
    SpectralLine("Ca II", 866.2),
    SpectralLine("Pε", 954.6),
    SpectralLine("Pδ", 1005.0),
)
