"""Maps of absolute magnitudes say where parallaxes are worth little."""

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpapp.maps.far_layer import CELLS, far_cells
from xpapp.state.map_state import MapState
from xpmodel import open_catalog


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    rng = np.random.default_rng(3)
    n = 5000
    parallax = rng.gamma(1.0, 1.0, n)
    parallax[::50] = np.nan
    columns = {"parallax": parallax, "parallax_error": rng.uniform(0.01, 0.5, n)}
    columns |= {"phot_g_mean_mag": rng.uniform(8, 17, n), "bp_rp": rng.uniform(0.1, 3, n)}
    path = tmp_path_factory.mktemp("far") / "stars.parquet"
    return open_catalog(write_catalog(path, n, **columns))


@pytest.mark.parametrize("scales", [("linear", "linear"), ("log", "linear")])
@pytest.mark.parametrize("filtered", [False, True])
def test_cells_are_hatched_where_most_stars_have_a_poor_parallax(catalog, scales, filtered):
    state = MapState("a", "bp_rp", "abs_g_mag", *scales)
    shown = np.arange(len(catalog)) % 3 > 0 if filtered else None
    ends = (-0.5, 0.3, 1.0, 9.0) if scales[0] == "log" else (0.5, 2.5, 1.0, 9.0)
    found = far_cells(catalog, state, shown, ends)
    x, y = catalog["bp_rp"].astype(float), catalog["abs_g_mag"].astype(float)
    x = np.log10(x) if scales[0] == "log" else x
    used = (x >= ends[0]) & (x <= ends[1]) & (y >= ends[2]) & (y <= ends[3])
    used &= True if shown is None else shown
    far = used & (catalog["parallax"] < 5 * catalog["parallax_error"])
    assert (found.n_far, found.n) == (far.sum(), used.sum()) and 0 < found.n_far < found.n
    bounds = [ends[:2], ends[2:]]
    n_far, x_edges, _ = np.histogram2d(x[far], y[far], CELLS, bounds)
    n, *_ = np.histogram2d(x[used], y[used], CELLS, bounds)
    np.testing.assert_array_equal(found.hatched, n_far > 0.5 * n)
    np.testing.assert_allclose(found.x, x_edges)
