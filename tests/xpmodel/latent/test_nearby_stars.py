"""What is near a point, written out."""

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel import Catalog, InputError, open_catalog
from xpmodel.latent.nearby_stars import ManySurroundings, Surroundings, place_in_map
from xpmodel.latent.neighbours import Neighbours

N = 400
Z = (0.2, -0.3, 0.1, 0.4)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    rng = np.random.default_rng(8)
    teff = rng.normal(5000, 300, N)
    teff[::3] = np.nan
    path = tmp_path_factory.mktemp("around") / "s.parquet"
    return open_catalog(write_catalog(path, N, teff=teff, m_h=rng.normal(size=N)))


@pytest.fixture(scope="module")
def neighbours(catalog) -> Neighbours:
    return Neighbours(catalog)


def by_distance(catalog, z) -> tuple[np.ndarray, np.ndarray]:
    points = np.stack([catalog[n] for n in catalog.latents], axis=1).astype(float)
    away = np.linalg.norm((points - np.array(z)) / points.std(axis=0), axis=1)
    return np.argsort(away), np.sort(away)


def test_one_point(catalog, neighbours):
    near = Surroundings.of(catalog, neighbours, Z, 30)
    rows, away = by_distance(catalog, Z)
    np.testing.assert_array_equal(near.rows, rows[:30])
    np.testing.assert_allclose(near.distance, away[:30])
    assert near.median("teff") == pytest.approx(np.nanmedian(catalog["teff"][rows[:30]]))
    assert near.labels["teff"].n == np.isfinite(catalog["teff"][rows[:30]]).sum()
    own = [by_distance(catalog, [catalog[n][r] for n in catalog.latents])[1][1] for r in range(N)]
    assert near.nearness.share == pytest.approx(np.mean(np.array(own) >= away[0]))


def test_no_value_near(catalog, neighbours):
    row = next(r for r in by_distance(catalog, Z)[0] if np.isnan(catalog["teff"][r]))
    z = [float(catalog[n][row]) for n in catalog.latents]
    assert np.isnan(Surroundings.of(catalog, neighbours, z, 1).median("teff"))


def test_a_star_alone(tmp_path):
    catalog = open_catalog(write_catalog(tmp_path / "one.parquet", 1))
    z = [float(catalog[n][0]) for n in catalog.latents]
    with pytest.raises(InputError, match="no other star"):
        Surroundings.of(catalog, Neighbours(catalog), z, 5, exclude=0)


def test_many_points(catalog, neighbours):
    z = np.array([[float(catalog[n][r]) for n in catalog.latents] for r in (3, 9)] + [list(Z)])
    ids = np.array([catalog.source_id[3], 77, 78])
    many = ManySurroundings(catalog, neighbours, z, 20, ids)
    assert [many.itself(i) for i in range(3)] == [3, None, None]
    for i, exclude in enumerate((3, None, None)):
        one = Surroundings.of(catalog, neighbours, z[i], 20, exclude)
        np.testing.assert_array_equal(many.rows[i], one.rows)
        assert many.median("teff")[i] == pytest.approx(one.median("teff"))
        assert many.nearness(i).share == one.nearness.share
    assert many.rows[1, 0] == 9  # a star of another id at the same place


def test_a_place_among_latents(catalog):
    assert place_in_map(catalog, ("z3", "z1"), (5.0, 6.0), Z) == (6.0, Z[1], 5.0, Z[3])


def test_a_place_among_labels(catalog):
    teff, m_h = catalog["teff"].astype(float), catalog["m_h"].astype(float)
    known = np.isfinite(teff)
    spread = teff[known].std(), m_h[known].std()
    away = ((teff - 5100) / spread[0]) ** 2 + ((m_h - 0.3) / spread[1]) ** 2
    rows = np.argsort(np.where(known, away, np.inf))[:50]
    found = place_in_map(catalog, ("teff", "m_h"), (5100.0, 0.3), Z)
    assert found == pytest.approx([np.median(catalog[n][rows]) for n in catalog.latents])
    mixed = place_in_map(catalog, ("teff", "z2"), (5100.0, 0.3), Z)
    assert mixed[1] == 0.3 and mixed[0] != Z[0]


def test_places_without_stars(catalog, tmp_path):
    with pytest.raises(InputError, match="no values"):
        place_in_map(catalog, ("teff", "m_h"), (np.nan, 0.0), Z)
    empty = open_catalog(write_catalog(tmp_path / "e.parquet", 5, teff=np.full(5, np.nan)))
    with pytest.raises(InputError, match="no star has teff and z1"):
        place_in_map(empty, ("teff", "z1"), (5000.0, 0.0), Z)
