"""Two real stars that differ in one label and agree in the others."""

import itertools

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel import InputError, open_catalog
from xpmodel.latent.local_fit import fit_labels
from xpmodel.latent.neighbours import Neighbours
from xpmodel.latent.real_pairs import nearest_pair

N = 400
Z = (0.1, -0.2, 0.0, 0.1)
DZ = (0.0, 0.0, 0.8, 0.0)


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    rng = np.random.default_rng(4)
    z = rng.normal(size=(4, N))
    columns = {f"z{i + 1}": z[i] for i in range(4)}
    columns |= {
        "teff": 5000 + 300 * z[0] + 60 * rng.normal(size=N),
        "teff_err": rng.uniform(30, 300, N),
        "m_h": 0.3 * z[2] + 0.05 * rng.normal(size=N),
        "m_h_err": np.full(N, 0.05),
        "sfd_ebv": 0.3 + 0.1 * z[1] + 0.02 * rng.normal(size=N),
    }
    columns["teff"][::9] = np.nan
    columns["teff_err"][::7] = np.nan
    path = write_catalog(tmp_path_factory.mktemp("pairs") / "stars.parquet", N, **columns)
    catalog = open_catalog(path)
    return catalog, Neighbours(catalog)


def test_the_nearest_pair_by_trying_each(stars):
    catalog, neighbours = stars
    fit = fit_labels(catalog, neighbours, Z)
    held = {name: fit.labels[name] for name in ("teff", "sfd_ebv")}
    found = nearest_pair(catalog, neighbours, Z, DZ, fit.labels["m_h"], 0.24, held)
    sigma = {}
    for name, label in fit.labels.items():
        error = np.full(N, label.scatter)
        if f"{name}_err" in catalog.numeric:
            given = catalog[f"{name}_err"].astype(float)
            error = np.where(given > 0, np.minimum(given, label.scatter), label.scatter)
        sigma[name] = error
    points = np.stack([catalog[f"z{i}"] for i in (1, 2, 3, 4)], axis=1).astype(float)
    ends = np.array(Z), np.array(Z) + DZ
    away = [((points - end) ** 2 / neighbours.scale**2).sum(axis=1) for end in ends]
    best = (np.inf, 0, 0)
    values = {name: catalog[name].astype(float) for name in fit.labels}
    for i, j in itertools.permutations(range(N), 2):
        if away[0][i] + away[1][j] >= best[0]:
            continue
        fine = abs(values["m_h"][j] - values["m_h"][i] - 0.24) <= min(
            np.hypot(sigma["m_h"][i], sigma["m_h"][j]), 0.12
        )
        fine &= all(
            abs(values[n][j] - values[n][i]) <= np.hypot(sigma[n][i], sigma[n][j]) for n in held
        )
        if fine:
            best = (away[0][i] + away[1][j], i, j)
    assert found.rows == best[1:]
    assert sum(np.square(found.distance)) == pytest.approx(best[0], rel=1e-5)
    difference, error = found.difference["m_h"]
    assert difference == pytest.approx(0.24, abs=error)


def test_no_such_pair(stars):
    catalog, neighbours = stars
    fit = fit_labels(catalog, neighbours, Z)
    with pytest.raises(InputError, match=r"no two stars .* differ by \+9 in \[M/H\] and agree"):
        nearest_pair(catalog, neighbours, Z, DZ, fit.labels["m_h"], 9.0, {})
