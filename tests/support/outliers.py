"""Stars among which one is odd in each way."""

from __future__ import annotations

import numpy as np

N = 1500
PLANTED = {"misfit": 7, "isolation": 700, "width": 1400}


def star_columns() -> dict[str, np.ndarray]:
    """χ² that grows with brightness, and one star that is odd in each way."""
    rng = np.random.default_rng(3)
    g = rng.uniform(9, 18, N)
    chi2_obs = 10 ** (0.2 * (18 - g)) * rng.lognormal(0, 0.1, N)
    z = {f"z{i}": rng.normal(size=N) for i in (1, 2, 3, 4)}
    errors = {f"{name}_err": rng.lognormal(-2, 0.1, N) for name in z}
    faint = np.argsort(-g)[:3]
    row = dict(zip(PLANTED, faint, strict=True))
    for values in (g, chi2_obs, *z.values(), *errors.values()):
        for name, place in PLANTED.items():  # faint stars come where the odd ones are planted
            values[[place, row[name]]] = values[[row[name], place]]
    # Not large among all stars, but much for so faint a star.
    chi2_obs[PLANTED["misfit"]] = 4.0
    for name in z:
        z[name][PLANTED["isolation"]] = 6.0
    errors["z2_err"][PLANTED["width"]] = 1e-3
    return (
        {"phot_g_mean_mag": g, "chi2_obs": chi2_obs, "teff": rng.uniform(4e3, 6e3, N)} | z | errors
    )
