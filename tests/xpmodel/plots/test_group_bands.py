"""Medians of many spectra against NumPy's percentiles of each star's own."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.support.mock import Mock
from xpmodel import Catalog, InputError, Model, Wavelengths, load_model, open_catalog
from xpmodel.plots import group_bands
from xpmodel.plots.group_bands import Band, group_band, ratio
from xpmodel.plots.modes import MODES, Projection, scale_at_1kpc

G_FLUX = 4321.0


@pytest.fixture(scope="module")
def catalog(mock: Mock) -> Catalog:
    """The mock has no parallax: some are made up, of which a tenth cannot be used."""
    catalog = open_catalog(mock.catalog)
    rng = np.random.default_rng(2)
    parallax = rng.normal(2.0, 1.0, len(catalog)).astype(np.float32)
    parallax[::17] = np.nan
    catalog._loaded["parallax"] = parallax
    catalog.__dict__["numeric"] = [*catalog.numeric, "parallax"]
    return catalog


@pytest.fixture(scope="module")
def model(mock: Mock) -> Model:
    return load_model(mock.model, "cpu")


@pytest.fixture(scope="module")
def wavelengths() -> Wavelengths:
    return Wavelengths(np.arange(400.0, 900.0, 13.0))


def by_hand(catalog, model, projection, rows, kind) -> np.ndarray:
    """Each star's spectrum as it is shown, (n, L) float64."""
    if kind == "observed":
        spectra = catalog.spectra[rows]
        coefficients = spectra.coefficients.astype(float) / spectra.g_flux[:, None]
    else:
        z = np.stack([catalog[name][rows] for name in catalog.latents], axis=1)
        coefficients = model.decode(z)[0].astype(float)
    scale = G_FLUX
    if projection.mode == "flux_1kpc":
        scale = scale_at_1kpc(catalog["phot_g_mean_flux"][rows], catalog["parallax"][rows])
    return projection.values(coefficients, scale)


@pytest.mark.parametrize("kind", ["observed", "decoded"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_percentiles(kind, mode, n, catalog, model, wavelengths, monkeypatch):
    # A few blocks of wavelengths and of stars, the last of each not full.
    monkeypatch.setattr(group_bands, "ROWS", 300)
    monkeypatch.setattr(group_bands, "VALUES", 7 * n)
    projection = Projection(mode, wavelengths, model)
    usable = catalog["parallax"] > 0 if mode == "flux_1kpc" else np.ones(len(catalog), bool)
    rows = np.flatnonzero(usable)[:n]
    mask = np.zeros(len(catalog), bool)
    mask[rows] = True
    band = group_band(catalog, mask, projection, kind=kind, model=model, g_flux=G_FLUX)
    each = by_hand(catalog, model, projection, rows, kind)
    size = np.nanmax(np.abs(each))
    for q, found in ((16, band.low), (50, band.median), (84, band.high)):
        wanted = np.nanpercentile(each, q, axis=0)
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=3e-6 * size)
    np.testing.assert_array_equal(band.x, projection.x)
    assert (band.n_used, band.n_stars, band.n_left_out, band.seed) == (n, n, 0, None)
    if n == 1:
        assert np.isnan(band.error).all()
    else:
        ordered = np.sort(each, axis=0)
        ends = (n - 1) / 2 + np.array([-1, 1]) * np.sqrt(n) / 2
        low, high = (
            [np.interp(end, np.arange(n), column) for column in ordered.T]
            for end in ends.clip(0, n - 1)
        )
        known = np.isfinite(each).all(axis=0)
        wanted = (np.array(high) - low) / 2
        np.testing.assert_allclose(band.error[known], wanted[known], rtol=2e-3, atol=6e-6 * size)


def test_the_error_of_a_median_is_its_scatter():
    """Medians of 400 normal values scatter by √(π/2) / 20."""
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=(300, 400)).astype(np.float32))
    ordered, counts = group_bands._sorted(values.clone())
    found = group_bands._of_ranks(ordered, counts)
    assert found[1].std() == pytest.approx(np.sqrt(np.pi / 2) / 20, rel=0.1)
    assert found[3].mean() == pytest.approx(np.sqrt(np.pi / 2) / 20, rel=0.1)


def test_missing_values_do_not_count():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 100)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[5] = np.nan
    values[6, 1:] = np.nan
    ordered, counts = group_bands._sorted(torch.from_numpy(values.copy()))
    found = group_bands._of_ranks(ordered, counts)
    for row in range(40):
        known = values[row][np.isfinite(values[row])].astype(float)
        assert counts[row] == len(known)
        wanted = np.percentile(known, [16, 50, 84]) if len(known) else [np.nan] * 3
        np.testing.assert_allclose(found[:3, row], wanted, rtol=1e-6)
    assert np.isnan(found[3, [5, 6]]).all()


def test_a_draw_is_of_the_same_stars_each_time(catalog, model, wavelengths):
    projection = Projection("flux", wavelengths)
    mask = np.arange(len(catalog)) % 3 == 0
    options = {"model": model, "g_flux": G_FLUX, "limit": 50}
    rows = np.flatnonzero(mask)
    drawn = np.sort(np.random.default_rng(4).choice(rows, 50, replace=False))
    for kind in ("observed", "decoded"):
        band = group_band(catalog, mask, projection, kind=kind, seed=4, **options)
        each = by_hand(catalog, model, projection, drawn, kind)
        np.testing.assert_allclose(band.median, np.median(each, axis=0), rtol=1e-3)
        assert band.n_used == 50 and band.n_stars == len(rows) and band.seed == 4
        assert band.text == f"50 of {len(rows):,} stars (seed 4)"
        other = group_band(catalog, mask, projection, kind=kind, seed=5, **options)
        assert (other.median != band.median).any()
    whole = group_band(catalog, mask, projection, kind="decoded", model=model, limit=10**9)
    assert whole.seed is None and whole.text == f"{len(rows):,} stars"


def test_stars_without_a_parallax_are_counted(catalog, model, wavelengths):
    projection = Projection("flux_1kpc", wavelengths)
    mask = np.arange(len(catalog)) < 500
    n_good = int((catalog["parallax"][:500] > 0).sum())
    band = group_band(catalog, mask, projection, kind="observed")
    assert (band.n_used, band.n_stars, band.n_left_out) == (n_good, 500, 500 - n_good)
    why = "no G flux, or no parallax of 5 σ"
    assert band.text == f"{n_good} of 500 stars, {500 - n_good} left out ({why})"
    with pytest.raises(InputError, match="none of the 1 stars is one with latents and a positive"):
        group_band(catalog, np.arange(len(catalog)) == 0, projection, kind="observed")


def test_stars_at_1kpc_need_a_parallax_of_five_times_its_error(mock, wavelengths):
    catalog = open_catalog(mock.catalog)
    n = len(catalog)
    error = np.where(np.arange(n) % 4 == 0, 0.5, 0.1)
    error[1:9:4] = np.nan  # an error that is not known is no reason
    catalog._loaded |= {"parallax": np.full(n, 2.0), "parallax_error": error}
    catalog.__dict__["numeric"] = [*catalog.numeric, "parallax", "parallax_error"]
    mask = np.arange(n) < 400
    band = group_band(catalog, mask, Projection("flux_1kpc", wavelengths), kind="observed")
    assert (band.n_used, band.n_left_out) == (300, 100)
    flux = group_band(catalog, mask, Projection("flux", wavelengths), kind="observed")
    assert flux.n_used == 400


def test_ratio_by_hand():
    x = np.array([1.0, 2.0])
    alike = {"mode": "flux", "kind": "observed", "x": x, "low": x, "high": x}
    alike |= {"n_used": 5, "n_stars": 5, "n_left_out": 0, "seed": None}
    a = Band(median=np.array([6.0, 8.0]), error=np.array([0.6, 0.0]), **alike)
    b = Band(median=np.array([3.0, -4.0]), error=np.array([0.0, 0.4]), **alike)
    found = ratio(a, b)
    np.testing.assert_allclose(found.value, [2.0, -2.0])
    np.testing.assert_allclose(found.error, [0.2, 0.2])
    with pytest.raises(InputError, match="shown alike, not of flux and lambda2_flux"):
        ratio(a, dataclasses.replace(b, mode="lambda2_flux"))


def test_progress_and_bad_input(catalog, model, wavelengths):
    projection = Projection("flux", wavelengths)
    mask = np.ones(len(catalog), bool)
    told: list[float] = []
    group_band(catalog, mask, projection, kind="decoded", model=model, progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0
    with pytest.raises(InputError, match="'guessed' is unknown"):
        group_band(catalog, mask, projection, kind="guessed")
    with pytest.raises(InputError, match="need a model"):
        group_band(catalog, mask, projection, kind="decoded")
    with pytest.raises(InputError, match="none of the 0 stars"):
        group_band(catalog, ~mask, projection, kind="observed")


@pytest.mark.cuda
@pytest.mark.parametrize("mode", ["flux", "continuum_relative", "coefficients"])
def test_cuda_gives_the_same(mode, catalog, mock: Mock, wavelengths):
    mask = np.ones(len(catalog), bool)
    bands = []
    for device in ("cpu", "cuda"):
        model = load_model(mock.model, device)
        projection = Projection(mode, wavelengths, model)
        bands.append(group_band(catalog, mask, projection, kind="decoded", model=model))
    for name in ("low", "median", "high"):
        cpu, cuda = (getattr(band, name) for band in bands)
        np.testing.assert_allclose(cuda, cpu, rtol=1e-3, atol=1e-5 * np.nanmax(np.abs(cpu)))


def test_options_that_do_not_fit(catalog, model, wavelengths):
    projection = Projection("flux", wavelengths)
    mask = np.ones(len(catalog), bool)
    for wrong in (mask[:5], mask.astype(int)):
        with pytest.raises(InputError, match="the mask must be 4000 bool"):
            group_band(catalog, wrong, projection, kind="observed")
    for g_flux in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match="G flux must be a number above 0"):
            group_band(catalog, mask, projection, kind="observed", g_flux=g_flux)
    for limit in (0, -1):
        with pytest.raises(InputError, match="limit must be at least 1 star"):
            group_band(catalog, mask, projection, kind="observed", limit=limit)
    other = load_model("data/demo_model", "cpu")
    with pytest.raises(InputError, match="4 latents, the model 6: use the model"):
        group_band(catalog, mask, projection, kind="decoded", model=other)


def test_stars_without_a_g_flux_are_not_counted_as_used(mock, wavelengths):
    catalog = open_catalog(mock.catalog)
    flux = catalog["phot_g_mean_flux"].copy()
    flux[100:150] = np.nan
    catalog._loaded |= {"phot_g_mean_flux": flux, "parallax": np.full(len(flux), 2.0)}
    catalog.__dict__["numeric"] = [*catalog.numeric, "parallax"]
    mask = np.arange(len(flux)) < 500
    band = group_band(catalog, mask, Projection("flux_1kpc", wavelengths), kind="observed")
    assert (band.n_used, band.n_stars, band.n_left_out) == (450, 500, 50)


def test_pytorchs_sort_gives_the_same():
    """The order that a GPU makes, on a CPU."""
    values = np.random.default_rng(3).normal(size=(20, 101)).astype(np.float32)
    values[3, ::4] = values[4] = np.nan
    ordered, counts = group_bands._sorted(torch.from_numpy(values.copy()))
    found = group_bands._of_ranks(torch.from_numpy(values).sort(dim=1).values, counts)
    np.testing.assert_array_equal(found, group_bands._of_ranks(ordered, counts))
