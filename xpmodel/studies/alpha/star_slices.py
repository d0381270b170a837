"""The kinds of stars that questions about α are asked of, one by one."""

from __future__ import annotations

import numpy as np

from xpmodel.catalog.label_relations import giant_mask

ALL = "all stars"
CLAIMED = "Teff < 5000 K"


def kinds(teff: np.ndarray, logg: np.ndarray) -> dict[str, np.ndarray]:
    """Giants by Teff [K], and dwarfs, by labels of N stars: (N,) bool each; none is in two."""
    giant = giant_mask(teff, logg)
    return {
        "giants, Teff < 4500 K": giant & (teff < 4500),
        "giants, 4500 to 5000 K": giant & (teff >= 4500) & (teff < 5000),
        "giants, Teff ≥ 5000 K": giant & (teff >= 5000),
        "dwarfs": ~giant,
    }


def slices(teff: np.ndarray, logg: np.ndarray) -> dict[str, np.ndarray]:
    """All stars, those that Laroche & Speagle (2024) claim α for, and the `kinds`."""
    return {
        ALL: np.ones(len(teff), bool),
        CLAIMED: teff < 5000,
        **kinds(teff, logg),
    }
