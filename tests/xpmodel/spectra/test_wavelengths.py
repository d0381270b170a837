"""Flux against wavelength: equal to gaiaxpy.calibrate, and to explicit loops."""

import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.loops import some
from tests.support.wavelengths import GRID, random_correlations, random_stars
from xpmodel.errors import InputError
from xpmodel.spectra.spectra import Spectra, read_spectra
from xpmodel.spectra.wavelengths import COVARIANCE_BATCH, Wavelengths


def calibrate(data, grid=None) -> tuple[np.ndarray, pd.DataFrame]:
    """gaiaxpy.calibrate as anyone calls it, without its printing: wavelengths and spectra."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import gaiaxpy

        sampling = {} if grid is None else {"sampling": np.array(grid)}
        spectra, positions = gaiaxpy.calibrate(data, save_file=False, **sampling)
    return positions, spectra


def gaiaxpy_rows(stars: Spectra) -> pd.DataFrame:
    """Stars in the columns of the archive; correlations column by column, as there."""
    lower = np.tril_indices(55, k=-1)
    rows = pd.DataFrame({"source_id": stars.source_id})
    for band, name in enumerate(("bp", "rp")):
        columns = slice(55 * band, 55 * (band + 1))
        rows[f"{name}_n_parameters"] = 55
        rows[f"{name}_standard_deviation"] = 1.0
        rows[f"{name}_coefficients"] = list(stars.coefficients[:, columns])
        rows[f"{name}_coefficient_errors"] = list(stars.errors[:, columns])
        rows[f"{name}_coefficient_correlations"] = [m[band][lower] for m in stars.correlations]
    return rows


def check_against_gaiaxpy(stars: Spectra, data, grid=None) -> None:
    wavelengths = Wavelengths(grid)
    positions, theirs = calibrate(data, grid)
    np.testing.assert_array_equal(wavelengths.grid, positions)
    np.testing.assert_array_equal(stars.source_id, theirs["source_id"].astype("int64"))
    values = [s.astype(np.float64) for s in (stars.coefficients, stars.errors)]
    found = wavelengths.flux(values[0]), wavelengths.error(values[1], stars.correlations)
    for ours, name in zip(found, ("flux", "flux_error"), strict=True):
        wanted = np.stack(theirs[name])
        largest = np.abs(np.stack(theirs["flux"])).max(1, keepdims=True)
        assert ours.dtype == np.float64 and ours.shape == wanted.shape
        assert (np.abs(ours - wanted) / largest).max() < 1e-10
        # Errors are far smaller than fluxes, so they are held to their own size too.
        assert (np.abs(ours - wanted) / np.abs(wanted).max(1, keepdims=True)).max() < 1e-10


@pytest.fixture(scope="module")
def wavelengths() -> Wavelengths:
    return Wavelengths()


def test_the_default_grid(wavelengths):
    np.testing.assert_array_equal(wavelengths.grid, np.arange(336, 1021, 2))
    assert len(wavelengths) == 343 and wavelengths.matrix.shape == (110, 343)
    assert Wavelengths().matrix is wavelengths.matrix
    with pytest.raises(ValueError, match="read-only"):
        wavelengths.matrix[0, 0] = 1


@pytest.mark.parametrize("grid", [None, GRID])
def test_random_spectra_equal_gaiaxpy(grid):
    stars = random_stars()
    check_against_gaiaxpy(stars, gaiaxpy_rows(stars), grid)


@pytest.mark.parametrize("grid", [None, GRID])
def test_archive_rows_equal_gaiaxpy(shared, grid):
    path = shared / "real_xp" / "XP_CONTINUOUS_RAW.csv"
    check_against_gaiaxpy(read_spectra(path, correlations=True), path, grid)


@pytest.mark.slow
def test_archive_downloads_of_single_sources_equal_gaiaxpy(shared):
    paths = sorted(some((shared / "real_xp" / "per_source").glob("*/*.csv")))
    assert len(paths) == 20
    for path in paths:
        check_against_gaiaxpy(read_spectra(path, correlations=True), path)


def test_independent_errors_by_loops():
    wavelengths = Wavelengths(GRID)
    errors = random_stars(3).errors
    wanted = np.zeros((3, len(GRID)))
    for star in range(3):
        for place in range(len(GRID)):
            total = 0.0
            for i in range(110):
                total += (errors[star, i] * wavelengths.matrix[i, place]) ** 2
            wanted[star, place] = total**0.5
    np.testing.assert_allclose(wavelengths.error(errors), wanted, rtol=1e-12)
    identity = np.broadcast_to(np.eye(55), (3, 2, 55, 55)).copy()
    np.testing.assert_allclose(wavelengths.error(errors, identity), wanted, rtol=1e-12)


def test_correlated_errors_by_loops():
    wavelengths = Wavelengths(GRID)
    stars = random_stars(2)
    wanted = np.zeros((2, len(GRID)))
    for star in range(2):
        for place in range(len(GRID)):
            scaled = (stars.errors[star] * wavelengths.matrix[:, place]).reshape(2, 55)
            parts = zip(scaled, stars.correlations[star], strict=True)
            wanted[star, place] = sum(v @ rho @ v for v, rho in parts) ** 0.5
    found = wavelengths.error(stars.errors, stars.correlations)
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_a_star_without_correlations_counts_as_independent(wavelengths):
    stars = random_stars(4)
    correlations = stars.correlations.copy()
    correlations[1] = np.nan
    correlations[2, 1, 10, 20] = np.nan
    found = wavelengths.error(stars.errors, correlations)
    full = wavelengths.error(stars.errors, stars.correlations)
    alone = wavelengths.error(stars.errors)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[[0, 3]], full[[0, 3]], rtol=1e-12)
    np.testing.assert_allclose(found[[1, 2]], alone[[1, 2]], rtol=1e-12)
    assert np.abs(full - alone).max() > 0.1 * alone.max()


def test_more_stars_than_are_propagated_at_once():
    wavelengths = Wavelengths(GRID)
    n = COVARIANCE_BATCH + 3
    stars = random_stars(3)
    rows = np.arange(n) % 3
    found = wavelengths.error(stars.errors[rows], stars.correlations[rows])
    wanted = wavelengths.error(stars.errors, stars.correlations)
    np.testing.assert_allclose(found, wanted[rows], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_errors_that_cancel_are_no_nan(wavelengths, dtype):
    """Fully correlated errors of both signs: the variance is nearly 0, and must not be below."""
    rng = np.random.default_rng(5)
    matrix = wavelengths.matrix[:55]
    bp = np.linalg.svd(matrix, full_matrices=False)[0][:, -1]  # almost no flux anywhere
    errors = np.concatenate([np.abs(bp), np.full(55, 1e-12)])
    signs = np.where(bp < 0, -1.0, 1.0)
    rho = np.stack([np.outer(signs, signs), np.eye(55)])
    values = (errors * rng.uniform(0.5, 2, (20, 1))).astype(dtype)
    found = wavelengths.error(values, np.broadcast_to(rho, (20, 2, 55, 55)).astype(dtype))
    assert np.isfinite(found).all() and (found >= 0).all()


def test_single_precision(wavelengths):
    stars = random_stars()
    pairs = [
        (wavelengths.flux(stars.coefficients), wavelengths.flux(stars.coefficients.astype("f4"))),
        (wavelengths.error(stars.errors), wavelengths.error(stars.errors.astype("f4"))),
        (
            wavelengths.error(stars.errors, stars.correlations),
            wavelengths.error(stars.errors.astype("f4"), stars.correlations.astype("f4")),
        ),
    ]
    for double, single in pairs:
        assert single.dtype == np.float32
        largest = np.abs(double).max(1, keepdims=True)
        assert (np.abs(single - double) / largest).max() < 3e-6


def test_errors_too_small_for_a_square_in_single_precision(wavelengths):
    """Squares of fluxes, about 1e-40 and less, are below what float32 holds."""
    errors = np.full((1, 110), 1e-6, np.float32)
    found = wavelengths.error(errors)
    np.testing.assert_allclose(found, wavelengths.error(errors.astype("f8")), rtol=1e-5)
    assert (found > 0).all()


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (0,)])
def test_the_shape_is_kept(shape):
    wavelengths = Wavelengths(GRID)
    rng = np.random.default_rng(6)
    values = rng.uniform(1, 2, (*shape, 110))
    rho = random_correlations(rng, int(np.prod(shape))).reshape(*shape, 2, 55, 55)
    for found in (
        wavelengths.flux(values),
        wavelengths.error(values),
        wavelengths.error(values, rho),
    ):
        assert found.shape == (*shape, len(GRID))
    wanted = wavelengths.error(values.reshape(-1, 110), rho.reshape(-1, 2, 55, 55))
    found = wavelengths.error(values, rho).reshape(-1, len(GRID))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tensor_gives_a_tensor(dtype):
    wavelengths = Wavelengths(GRID)
    stars = random_stars(3)
    kind = torch.zeros(0, dtype=dtype).numpy().dtype
    coefficients, errors = (v.astype(kind) for v in (stars.coefficients, stars.errors))
    for found, wanted in (
        (wavelengths.flux(torch.tensor(coefficients)), wavelengths.flux(coefficients)),
        (wavelengths.error(torch.tensor(errors)), wavelengths.error(errors)),
        (
            wavelengths.error(torch.tensor(errors), torch.tensor(stars.correlations)),
            wavelengths.error(errors, stars.correlations),
        ),
    ):
        assert isinstance(found, torch.Tensor) and found.dtype == dtype
        np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.mark.cuda
def test_a_gpu_gives_the_numbers_of_the_cpu(wavelengths):
    stars = random_stars()
    flux = wavelengths.flux(torch.tensor(stars.coefficients, device="cuda"))
    error = wavelengths.error(torch.tensor(stars.errors, device="cuda"), stars.correlations)
    assert flux.device.type == error.device.type == "cuda"
    wanted = wavelengths.flux(stars.coefficients)
    assert np.abs(flux.cpu().numpy() - wanted).max() < 1e-12 * np.abs(wanted).max()
    np.testing.assert_allclose(
        error.cpu().numpy(), wavelengths.error(stars.errors, stars.correlations), rtol=1e-10
    )


def test_whole_numbers_and_arrays_that_may_not_be_written():
    wavelengths = Wavelengths(GRID)
    whole = np.arange(110)
    wanted = wavelengths.flux(whole.astype(float))
    np.testing.assert_array_equal(wavelengths.flux(whole), wanted)
    assert wavelengths.flux(whole.tolist()).dtype == np.float64
    frozen = whole.astype(float)
    frozen.setflags(write=False)
    np.testing.assert_array_equal(wavelengths.flux(frozen), wanted)
    rho = np.broadcast_to(np.eye(55), (2, 55, 55))
    np.testing.assert_allclose(
        wavelengths.error(frozen, rho), wavelengths.error(frozen), rtol=1e-12
    )


@pytest.mark.parametrize("shape", [(), (55,), (110, 3), (2, 55)])
def test_values_of_the_wrong_shape(shape):
    wavelengths = Wavelengths(GRID)
    for function in (wavelengths.flux, wavelengths.error):
        with pytest.raises(InputError, match="expected 110"):
            function(np.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 2, 55, 55), (2, 55, 55), (2, 2, 54, 54), (2, 1485)])
def test_correlations_of_the_wrong_shape(shape):
    with pytest.raises(InputError, match="correlations"):
        Wavelengths(GRID).error(np.ones((2, 110)), np.zeros(shape))


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ([], "increasing"),
        ([500], "increasing"),
        ([500, 400], "increasing"),
        ([400, 400], "increasing"),
        ([400, np.nan, 500], "increasing"),
        ([[400, 500]], "increasing"),
        (500, "increasing"),
        (["blue", "red"], "increasing"),
        ([329, 400], "runs from 329 to 400 nm"),
        ([400, 1051], "runs from 400 to 1051 nm"),
        ([400, np.inf], "covers 330 to 1050 nm"),
    ],
)
def test_bad_grids(grid, message):
    with pytest.raises(InputError, match=message):
        Wavelengths(grid)
