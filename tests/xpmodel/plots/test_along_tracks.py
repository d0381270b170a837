"""Spectra along a track against those of each bin's stars, taken by hand."""

import numpy as np
import pytest

from tests.support.mock import Mock
from xpmodel import Catalog, Model, Wavelengths, load_model, open_catalog
from xpmodel.plots.along_tracks import track_spectra
from xpmodel.plots.modes import MODES, Projection
from xpmodel.plots.spectrum_plots import track_plot
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition
from xpmodel.tracks.measured import Track, measure

G_FLUX = 1234.0


@pytest.fixture
def catalog(mock: Mock) -> Catalog:
    return open_catalog(mock.catalog)


@pytest.fixture(scope="module")
def model(mock: Mock) -> Model:
    return load_model(mock.model, "cpu")


@pytest.fixture(scope="module")
def wavelengths() -> Wavelengths:
    return Wavelengths(np.arange(380.0, 1000.0, 20.0))


def track_of(catalog: Catalog, *boxes: tuple[float, float]) -> Track:
    """A track of bins in Teff, each a centre and a half width [K]."""
    bins = tuple(Bin((("teff", centre, width),)) for centre, width in boxes)
    return measure(TrackDefinition("t", "In Teff", ("teff", "logg"), bins, "own"), catalog)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "flux_1kpc"])
def test_every_mode(mode, catalog, model, wavelengths):
    projection = Projection(mode, wavelengths, model)
    track = track_of(catalog, (4700.0, 150.0), (5600.0, 150.0))
    found = track_spectra(track, catalog, model, projection, g_flux=G_FLUX)
    z = np.stack([track.mean[name] for name in catalog.latents], axis=1)
    wanted = projection.values(model.decode(z.astype(np.float32))[0], G_FLUX)
    np.testing.assert_array_equal(found.decoded, wanted)
    for bin_, band in zip(track.definition.bins, found.observed, strict=True):
        spectra = catalog.spectra[bin_.contains(catalog)]
        each = spectra.coefficients.astype(float) / spectra.g_flux[:, None]
        each = projection.values(each, G_FLUX)
        size = np.nanmax(np.abs(each))
        median = np.nanmedian(each, axis=0)
        np.testing.assert_allclose(band.median, median, rtol=2e-4, atol=3e-6 * size)
        assert band.n_used == len(spectra)


def test_a_bin_of_one_star_has_no_error(catalog, model, wavelengths):
    teff = np.sort(catalog["teff"][np.isfinite(catalog["teff"])].astype(np.float64))
    # Its neighbors are farther than half of the gap.
    hottest, width = teff[-1], (teff[-1] - teff[-2]) / 2
    track = track_of(catalog, (5600.0, 150.0), (hottest, width))
    projection = Projection("flux", wavelengths)
    found = track_spectra(track, catalog, model, projection)
    assert track.n[1] == found.observed[1].n_used == 1
    assert track.thin.tolist() == [False, True]
    assert np.isfinite(found.residual[1]).all()
    residuals = track_plot(catalog, model, projection, track, G_FLUX).residuals
    assert np.isfinite(residuals[0].error).all() and np.isnan(residuals[1].error).all()


def test_the_error_of_a_residual(catalog, model, wavelengths):
    """In percent of the decoded spectrum, which the scale leaves as it is."""
    track = track_of(catalog, (4700.0, 150.0), (5600.0, 150.0))
    projection = Projection("flux", wavelengths)
    found = track_spectra(track, catalog, model, projection, g_flux=1.0)
    plot = track_plot(catalog, model, projection, track, G_FLUX)
    for line, band, decoded in zip(plot.residuals, found.observed, found.decoded, strict=True):
        np.testing.assert_allclose(line.error, 100 * band.error / np.abs(decoded), rtol=1e-6)
        np.testing.assert_allclose(line.value, 100 * (band.median / decoded - 1), rtol=1e-6)


def test_a_catalog_without_spectra_is_decoded(catalog, model, wavelengths):
    track = track_of(catalog, (4700.0, 150.0), (5600.0, 150.0))
    catalog.__dict__["has_spectra"] = False
    projection = Projection("flux", wavelengths)
    found = track_spectra(track, catalog, model, projection, g_flux=G_FLUX)
    assert np.isfinite(found.decoded).all()
    assert found.observed == (None, None) and np.isnan(found.residual).all()
    assert not track_plot(catalog, model, projection, track, G_FLUX).residuals


def test_progress(catalog, model, wavelengths):
    told: list[float] = []
    track = track_of(catalog, (4700.0, 150.0), (99_000.0, 1.0), (5600.0, 150.0))
    track_spectra(track, catalog, model, Projection("flux", wavelengths), progress=told.append)
    assert told == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_the_stars_that_the_track_was_measured_of(catalog, model, wavelengths):
    mask = np.arange(len(catalog)) % 3 == 0
    bins = (Bin((("teff", 5600.0, 150.0),)),)
    definition = TrackDefinition("t", "In Teff", ("teff", "logg"), bins, "own")
    track = measure(definition, catalog, mask)
    projection = Projection("flux", wavelengths)
    found = track_spectra(track, catalog, model, projection, mask=mask)
    assert found.observed[0].n_used == track.n[0] < bins[0].contains(catalog).sum()
