"""Print how well the released model describes real stars.

    python -m tests.first_light [SHARED]

SHARED is a folder with ``published/`` (weights, an estimate of their normalization) and
``real_xp/`` (1,400 stars with photometry; 20 symbiotic stars and planetary nebulae).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from xpmodel import Wavelengths, encode_files, import_model, open_catalog, read_spectra

WAVELENGTHS = (456, 536, 636, 736, 836, 936, 996)


def main(shared: Path) -> None:
    """Encode the real stars and print the numbers of the README."""
    published, real = shared / "published", shared / "real_xp"
    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    with tempfile.TemporaryDirectory() as folder:
        encoding = encode_files(
            real / "xp_continuous_1400.fits",
            model,
            Path(folder) / "stars.parquet",
            photometry=real / "photometry_1400.csv",
        )
        catalog = open_catalog(encoding.path)
        spectra = catalog.spectra[:]
    z = np.stack([catalog[name] for name in catalog.latents], axis=1)
    coefficients, _ = model.decode(z)
    grid = Wavelengths()
    observed = grid.flux(spectra.coefficients.astype(np.float64))
    decoded = grid.flux(coefficients.astype(np.float64) * spectra.g_flux[:, None])

    print(f"{len(catalog)} stars; KL of each latent [nat]:")
    for name, kl in zip(catalog.latents, catalog.kl, strict=True):
        print(f"  {name} {kl:8.2g}{'' if name in catalog.active else '  inactive'}")

    color, g_mag = catalog["bp_rp"], catalog["phot_g_mean_mag"]
    usual = (color > 0.65) & (color < 2.5) & (g_mag > 8) & (g_mag < 15)
    print(f"median |Δf/f| of the {usual.sum()} stars with 0.65 < BP−RP < 2.5, 8 < G < 15:")
    for wavelength in WAVELENGTHS:
        i = int(np.argmin(np.abs(grid.grid - wavelength)))
        error = np.median(np.abs(decoded[usual, i] / observed[usual, i] - 1))
        print(f"  {wavelength} nm  {100 * error:.2f} %")

    odd = read_spectra([real / "per_source/symbiotic", real / "per_source/planetary_nebula"])
    scored = model.score(odd)
    active = [catalog.latents.index(name) for name in catalog.active]
    scale = z[:, active].std(axis=0)
    own = nearest(z[usual][:, active] / scale, z[usual][:, active] / scale, skip_self=True)
    distance = nearest(scored.mean[:, active] / scale, z[usual][:, active] / scale)
    chi2_limit = np.percentile(catalog["chi2_obs"][usual], 99)
    distance_limit = np.percentile(own, 99)
    by_chi2, by_distance = scored.chi2_obs > chi2_limit, distance > distance_limit
    print(
        f"of {len(odd)} symbiotic stars and planetary nebulae, beyond the 99th percentile of these"
    )
    print(f"  in chi2_obs (> {chi2_limit:.1f}): {by_chi2.sum()}")
    print(f"  in distance to the nearest of them in latent space: {by_distance.sum()}")
    print(f"  in one or the other: {(by_chi2 | by_distance).sum()}")


def nearest(points: np.ndarray, others: np.ndarray, *, skip_self: bool = False) -> np.ndarray:
    """Distance of each point (N, k) to the nearest of others (M, k)."""
    distance = np.linalg.norm(points[:, None] - others[None], axis=2)
    if skip_self:
        np.fill_diagonal(distance, np.inf)
    return distance.min(axis=1)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
