"""The bands of an XP spectrum: how many coefficients each has, and where they stand.

Gaia DR3 describes either band by 55 coefficients; a spectrum is one vector of BP's, then RP's.
"""

from __future__ import annotations

N_BAND = 55
"""Coefficients of one band. Correlations come as one matrix a band, (2, 55, 55)."""

BANDS = {"bp": slice(0, N_BAND), "rp": slice(N_BAND, 2 * N_BAND)}
"""Where each band's coefficients stand in the vector of all."""

N_COEFFICIENTS = BANDS["rp"].stop
"""Coefficients of a spectrum."""


def positions(between: str = "-") -> str:
    """Which coefficients are which band's, counted from 1, such as "1-55 BP, 56-110 RP"."""
    parts = (f"{b.start + 1}{between}{b.stop} {name.upper()}" for name, b in BANDS.items())
    return ", ".join(parts)
