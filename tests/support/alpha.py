"""Stars of two α sequences whose latents follow, or do not follow, their α."""

from __future__ import annotations

import numpy as np

from xpmodel.catalog.label_relations import alpha_split


def alpha_columns(n: int = 3000, seed: int = 0, *, signal: bool = True) -> dict[str, np.ndarray]:
    """Labels, flags and latents; z1 follows [Mg/Fe] if there is a signal, z2 is inactive."""
    rng = np.random.default_rng(seed)
    high = rng.random(n) < 0.35
    fe_h = np.where(high, rng.normal(-0.35, 0.2, n), rng.normal(-0.1, 0.2, n))
    mg_fe = alpha_split(fe_h) + np.where(high, 0.08, -0.08) + rng.normal(0, 0.01, n)
    teff = rng.uniform(4200, 5600, n)
    columns = {
        "teff": teff,
        "logg": 2.5 + (teff - 4800) / 1000 + rng.normal(0, 0.1, n),
        "m_h": fe_h + 0.5 * np.clip(mg_fe, 0, None),
        "fe_h": fe_h,
        "mg_fe": mg_fe,
        "alpha_m": mg_fe,
        "j": rng.uniform(8, 12, n),
        "bp_rp": rng.uniform(0.5, 2, n),
        "phot_g_mean_mag": rng.uniform(9, 16, n),
        "starflag": np.zeros(n),
        "aspcapflag": np.zeros(n),
    }
    columns["h"] = columns["j"] - 0.5
    columns["k"] = columns["j"] - 0.6
    columns |= {"teff_err": np.full(n, 20.0), "logg_err": np.full(n, 0.05)}
    columns["m_h_err"] = np.full(n, 0.01)
    columns["z1"] = 8 * mg_fe if signal else rng.normal(0, 1, n)
    columns["z1"] = columns["z1"] + rng.normal(0, 0.2, n)
    columns["z2"] = np.zeros(n)
    columns["z3"] = (teff - 4900) / 400
    return columns
