"""Derived columns: against astropy, Gaia's rotation matrix and plain formulas."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord

from tests.support.catalogs import rewrite, write_catalog
from tests.support.loops import some
from xpmodel.catalog.catalog import open_catalog
from xpmodel.catalog.derived_columns import DERIVED, absolute_g
from xpmodel.catalog.positions import icrs_to_galactic
from xpmodel.columns import BY_NAME, DERIVED_COLUMNS, period
from xpmodel.errors import InputError

# ICRS to Galactic, as the Gaia EDR3 documentation prints it (section 4.1.7, Eq. 4.62).
GAIA = np.array(
    [
        [-0.0548755604162154, -0.8734370902348850, -0.4838350155487132],
        [+0.4941094278755837, -0.4448296299600112, +0.7469822444972189],
        [-0.8676661490190047, -0.1980763734312015, +0.4559837761750669],
    ]
)
N = 400


def vector(longitude, latitude) -> np.ndarray:  # (3, N)
    a, d = np.radians(longitude), np.radians(latitude)
    return np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])


def sky(seed: int = 0, n: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """All over the sky, and at and about both celestial and both Galactic poles."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    poles = np.array([[192.85948, 27.12825], [12.85948, -27.12825], [0, 90], [77, -90], [0, 0]])
    poles = np.concatenate([poles, poles - np.outer([1, -1, 1, -1, 1], [0, 1e-7])])
    return np.concatenate([ra, poles[:, 0]]), np.concatenate([dec, poles[:, 1]])


def test_galactic_coordinates_are_those_of_gaia():
    ra, dec = sky()
    longitude, latitude = icrs_to_galactic(ra, dec)
    assert longitude.dtype == latitude.dtype == np.float64
    assert (longitude >= 0).all() and (longitude < 360).all() and (np.abs(latitude) <= 90).all()
    x, y, z = GAIA @ vector(ra, dec)
    np.testing.assert_allclose(latitude, np.degrees(np.arctan2(z, np.hypot(x, y))), atol=1e-11)
    np.testing.assert_allclose(vector(longitude, latitude), [x, y, z], atol=1e-14 * 20)


def test_galactic_coordinates_are_those_of_astropy():
    """But for 0.03 arcsec: astropy goes by way of FK5, whose axes are not quite the ICRS's."""
    ra, dec = sky(1)
    wanted = SkyCoord(ra, dec, unit="deg").galactic
    found = SkyCoord(*icrs_to_galactic(ra, dec), unit="deg", frame="galactic")
    assert found.separation(wanted).deg.max() < 1e-5


def test_known_places():
    """The Galactic center, Sgr A* and the poles."""
    longitude, latitude = icrs_to_galactic(
        np.array([266.40499625, 266.41683708]), np.array([-28.93617242, -29.0078106])
    )
    offset = (longitude + 180) % 360 - 180
    np.testing.assert_allclose(offset, [0, 359.94423 - 360], atol=5e-5)
    np.testing.assert_allclose(latitude, [0, -0.04616], atol=5e-5)
    poles = icrs_to_galactic(np.array([192.85948, 12.85948]), np.array([27.12825, -27.12825]))[1]
    np.testing.assert_allclose(poles, [90, -90], atol=1e-9)


def test_longitudes_never_reach_a_whole_turn():
    """Close to l = 0 on both sides, where rounding could write 360."""
    rng = np.random.default_rng(2)
    for step in (1e-3, 1e-9, 1e-13, 1e-15):
        x, y, z = GAIA.T @ vector(rng.normal(size=500) * step, rng.uniform(-80, 80, 500))
        ra, dec = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
        longitude, _ = icrs_to_galactic(ra, dec)
        assert (longitude >= 0).all() and (longitude < 360).all()
        assert (np.minimum(longitude, 360 - longitude) < 5 * step + 1e-11).all()


def test_missing_positions():
    with np.errstate(all="raise"):
        found = icrs_to_galactic(np.array([np.nan, 10.0, np.nan]), np.array([5.0, np.nan, np.nan]))
    assert np.isnan(found).all()
    assert [len(v) for v in icrs_to_galactic(np.empty(0), np.empty(0))] == [0, 0]


def test_the_arguments_are_left_alone():
    ra, dec = sky(3, 10)
    before = ra.copy(), dec.copy()
    for values in (ra, dec):
        values.setflags(write=False)
    icrs_to_galactic(ra, dec)
    np.testing.assert_array_equal((ra, dec), before)


def test_absolute_magnitudes():
    g = np.float32([15, 10, 4.83, 12, np.nan, 12, 12, 12])
    parallax = np.float32([1, 10, 100, 0.25, 1, 0, -1, np.nan])
    with np.errstate(all="raise"):
        found = absolute_g(g, parallax)
    assert found.dtype == np.float32
    known = [m - 10 + 5 * math.log10(p) for m, p in zip(g[:4].tolist(), parallax[:4], strict=True)]
    np.testing.assert_allclose(found[:4], known, atol=2e-6)
    np.testing.assert_allclose(found[:3], [5, 5, 4.83], atol=2e-6)  # at 1 kpc, 100 pc and 10 pc
    assert np.isnan(found[4:]).all()


def columns(seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    ra, dec = sky(seed, N - 10)
    ra[:5] = np.nan
    values = {"ra": ra, "dec": dec, "phot_g_mean_mag": rng.uniform(8, 17, N)}
    values |= {name: rng.uniform(5, 14, N) for name in ("j", "h", "k")}
    values["parallax"] = rng.normal(0.5, 0.5, N)
    return values


def test_derived_columns_of_a_catalog(tmp_path):
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", N, **columns()))
    assert catalog.derived == ["l", "b", "abs_g_mag", "j_h", "j_k"] == list(DERIVED)
    assert set(catalog.derived) < set(catalog.numeric)
    assert not set(catalog.derived) & {*catalog.columns, *catalog.filled, *catalog.categorical}
    ra, dec, g, parallax, j, h, k = (
        catalog[name].astype(float)
        for name in ("ra", "dec", "phot_g_mean_mag", "parallax", "j", "h", "k")
    )
    x, y, z = GAIA @ vector(ra, dec)
    np.testing.assert_allclose(vector(catalog["l"], catalog["b"]), [x, y, z], atol=1e-13)
    assert np.isnan(catalog["l"]).sum() == np.isnan(catalog["b"]).sum() == 5
    distance = np.where(parallax > 0, 1000 / np.where(parallax > 0, parallax, 1), np.nan)  # pc
    wanted = g - 5 * np.log10(distance / 10)
    np.testing.assert_allclose(catalog["abs_g_mag"], wanted, atol=1e-5)
    assert 0 < np.isnan(catalog["abs_g_mag"]).sum() < N
    np.testing.assert_allclose(catalog["j_h"], j - h, atol=1e-5)
    np.testing.assert_allclose(catalog["j_k"], j - k, atol=1e-5)
    for name in some(catalog.derived):
        kind = np.float64 if name in ("l", "b") else np.float32
        assert catalog[name].dtype == kind and len(catalog[name]) == N
        assert catalog[name] is catalog[name]
        with pytest.raises(ValueError, match="read-only"):
            catalog[name][0] = 1
    low, high = catalog.span("l", 0, 100)
    assert 0 <= low < high < 360


@pytest.mark.parametrize("missing", ["ra", "dec", "phot_g_mean_mag", "parallax", "j", "h", "k"])
def test_what_cannot_be_derived(tmp_path, missing):
    """A column needed is all empty, as the schema writes one that nobody gave, or not there."""
    needs = {"ra": "l b", "dec": "l b", "phot_g_mean_mag": "abs_g_mag", "parallax": "abs_g_mag"}
    needs |= {"j": "j_h j_k", "h": "j_h", "k": "j_k"}
    lost = set(needs[missing].split())
    values = columns()
    del values[missing]
    path = write_catalog(tmp_path / "a.parquet", N, **values)
    for _ in range(2):
        catalog = open_catalog(path)
        assert set(catalog.derived) == set(DERIVED) - lost
        assert not lost & set(catalog.numeric)
        for name in lost:
            with pytest.raises(InputError, match=f"no column '{name}'"):
                catalog[name]
        rewrite(path, lambda table: table.drop_columns([missing]) if missing in table.column_names
                else table)  # fmt: skip


def test_a_column_of_the_file_comes_first(tmp_path):
    """A file's own l is taken as it is; one without values is derived all the same."""
    path = write_catalog(tmp_path / "a.parquet", N, **columns())
    own = np.arange(N, dtype=np.float32)

    def add(table: pa.Table) -> pa.Table:
        table = table.append_column("l", pa.array(own))
        return table.append_column("b", pa.nulls(N, pa.float64()))

    catalog = open_catalog(rewrite(path, add))
    assert catalog.derived == ["b", "abs_g_mag", "j_h", "j_k"]
    np.testing.assert_array_equal(catalog["l"], own)
    assert catalog.numeric.count("l") == catalog.numeric.count("b") == 1
    assert np.isfinite(catalog["b"]).sum() == N - 5


def test_the_file_does_not_change(tmp_path):
    path = write_catalog(tmp_path / "a.parquet", N, **columns())
    catalog = open_catalog(path)
    before = path.read_bytes()
    catalog["l"], catalog["abs_g_mag"]
    assert path.read_bytes() == before
    assert "l" not in pq.read_schema(path).names and "l" not in catalog.table().column_names
    with pytest.raises(InputError, match="no column 'l'"):
        catalog.table(["l"])


def test_every_derived_column_is_described():
    assert [column.name for column in DERIVED_COLUMNS] == list(DERIVED)
    assert all(BY_NAME[name].description for name in some(DERIVED))
    assert {name: period(name) for name in ("ra", "l", "dec", "b", "z1", "mine")} == {
        "ra": 360.0, "l": 360.0, "dec": None, "b": None, "z1": None, "mine": None
    }  # fmt: skip
