import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy_healpix import lonlat_to_healpix

from xpmodel.catalog.positions import (
    HEALPIX_LEVEL,
    ID_SHIFT,
    galactic_to_icrs,
    icrs_to_galactic,
    position_from_id,
)

ARCMINUTE = 1 / 60


def separation(ra, dec, ra0, dec0):
    """Angle [deg] between two places on the sky, exact for small ones too."""
    ra, dec, ra0, dec0 = map(np.radians, (ra, dec, ra0, dec0))
    a = np.sin((dec - dec0) / 2) ** 2 + np.cos(dec) * np.cos(dec0) * np.sin((ra - ra0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(a)))


def test_known_stars():
    """Gaia DR3's own positions of 18 Sco, Proxima Centauri and Sirius B."""
    ids = [4345775217221821312, 5853498713190525696, 2947050466531873024]
    ra = [243.9054, 217.3923, 101.2866]
    dec = [-8.3717, -62.6761, -16.7210]
    found = position_from_id(np.array(ids))
    assert (separation(*found, ra, dec) < ARCMINUTE).all()


def test_the_centre_lies_in_the_cell_that_the_id_names():
    ids = np.random.default_rng(0).integers(0, 12 * 4**HEALPIX_LEVEL << ID_SHIFT, 2000)
    ra, dec = position_from_id(ids)
    assert ra.dtype == dec.dtype == np.float64
    assert ((ra >= 0) & (ra < 360) & (np.abs(dec) <= 90)).all()
    cell = lonlat_to_healpix(ra * units.deg, dec * units.deg, 4096, order="nested")
    np.testing.assert_array_equal(cell, ids >> 35)


def test_the_bits_below_the_cell_do_not_matter():
    first = 123_456_789 << 35
    ra, dec = position_from_id(np.array([first, first + 2**35 - 1, first + 2**35]))
    assert ra[0] == ra[1] and dec[0] == dec[1]
    assert (ra[2], dec[2]) != (ra[0], dec[0])


def test_ids_that_no_gaia_source_has():
    cells = 12 * 4**12
    ids = np.array([9_000_000_000_000_000_000, 2**63 - 1, cells << 35, -1, (cells << 35) - 1, 0])
    for values in position_from_id(ids):
        np.testing.assert_array_equal(np.isnan(values), [True] * 4 + [False] * 2)


@pytest.mark.parametrize("ids", [[], np.empty(0, np.int64)])
def test_no_stars(ids):
    ra, dec = position_from_id(ids)
    assert ra.shape == dec.shape == (0,)


def test_galactic_positions_become_equatorial():
    """As the Gaia EDR3 documentation gives it; within 0.03 arcsec of astropy's; and back again."""
    rng = np.random.default_rng(0)
    gal_l, gal_b = rng.uniform(0, 360, 1000), np.degrees(np.arcsin(rng.uniform(-1, 1, 1000)))
    ra, dec = galactic_to_icrs(gal_l, gal_b)
    assert (ra >= 0).all() and (ra < 360).all()
    found = SkyCoord(ra, dec, unit="deg")
    assert found.separation(SkyCoord(gal_l, gal_b, unit="deg", frame="galactic")).deg.max() < 1e-5
    np.testing.assert_allclose(icrs_to_galactic(ra, dec), (gal_l, gal_b), atol=1e-10)
    # The north Galactic pole and the ascending node.
    pole, node = np.transpose(galactic_to_icrs(np.array([0, 32.93192]), np.array([90, 0])))
    np.testing.assert_allclose(pole, [192.85948, 27.12825], atol=1e-12)
    np.testing.assert_allclose(node, [282.85948, 0], atol=1e-12)
