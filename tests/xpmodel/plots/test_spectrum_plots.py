"""Spectra that are shown together, and the files that are made of them."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.support.mock import Mock
from xpmodel import Catalog, InputError, Model, Wavelengths, load_model, open_catalog
from xpmodel.plots.along_tracks import track_spectra
from xpmodel.plots.curves import decoded_curve, observed_curve
from xpmodel.plots.group_bands import group_band
from xpmodel.plots.modes import MODES, Projection
from xpmodel.plots.plot_files import FORMATS, make_figure, to_table, write_plot
from xpmodel.plots.spectrum_plots import Group, Plot, point_plot, sets_plot, track_plot
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition
from xpmodel.tracks.measured import measure

G_FLUX = 1234.0


@pytest.fixture(scope="module")
def catalog(mock: Mock) -> Catalog:
    return open_catalog(mock.catalog)


@pytest.fixture(scope="module")
def model(mock: Mock) -> Model:
    return load_model(mock.model, "cpu")


@pytest.fixture(scope="module")
def wavelengths() -> Wavelengths:
    return Wavelengths(np.arange(380.0, 1000.0, 7.0))


@pytest.fixture(scope="module")
def groups(catalog) -> list[Group]:
    high = catalog["z1"] > 0.3
    return [Group("A: high α", "#d55e00", high), Group("B: “rest”", "#0072b2", ~high)]


@pytest.fixture(scope="module")
def sets(catalog, model, wavelengths, groups) -> Plot:
    projection = Projection("flux", wavelengths, model)
    return sets_plot(catalog, model, projection, groups, ("observed", "decoded"), G_FLUX)


@pytest.fixture(scope="module")
def track(catalog):
    """Three bins in Teff, the last of them without stars."""
    bins = tuple(Bin((("teff", teff, 150.0),)) for teff in (4700.0, 5600.0, 99_000.0))
    return measure(TrackDefinition("t", "Tefftrack", ("teff", "logg"), bins, "own"), catalog)


def test_a_points_plot(catalog, model, wavelengths):
    projection = Projection("flux", wavelengths, model)
    z = [float(catalog[name][3]) for name in catalog.latents]
    decoded = decoded_curve(model, projection, z, G_FLUX)
    observed = observed_curve(catalog.spectra[3], projection, 0, G_FLUX)
    plot = point_plot(catalog, projection, decoded, observed, {"z": z})
    assert [s.label for s in plot.series] == ["decoded", "observed"]
    np.testing.assert_array_equal(plot.series[0].high, decoded.value + decoded.error)
    wanted = (observed.value - decoded.value) / observed.error
    np.testing.assert_array_equal(plot.residuals[0].value, wanted)
    assert plot.meta["z"] == z and plot.meta["model"] == catalog.model_hash
    assert not point_plot(catalog, projection, decoded, None, {}).residuals


def test_two_sets(sets, catalog, model, wavelengths, groups):
    projection = Projection("flux", wavelengths, model)
    assert len(sets.series) == 4 and len(sets.residuals) == 2
    bands = {}
    for series, (group, kind) in zip(
        sets.series,
        [(g, k) for g in groups for k in ("observed", "decoded")],
        strict=True,
    ):
        band = bands[group.name, kind] = group_band(
            catalog, group.mask, projection, kind=kind, model=model, g_flux=G_FLUX
        )
        assert series.label == f"{group.name}, {kind}"
        np.testing.assert_array_equal(series.value, band.median)
        np.testing.assert_array_equal(series.low, band.low)
    for line, kind in zip(sets.residuals, ("observed", "decoded"), strict=True):
        a, b = (bands[g.name, kind] for g in groups)
        np.testing.assert_allclose(line.value, a.median / b.median)
        np.testing.assert_allclose(line.high - line.value, line.error, rtol=1e-6)
    n = [int(g.mask.sum()) for g in groups]
    assert f"{n[0]:,} stars" in sets.notes[0] and f"{n[1]:,} stars" in sets.notes[2]


def test_one_set(catalog, model, wavelengths, groups):
    projection = Projection("coefficients", wavelengths, model)
    told: list[float] = []
    plot = sets_plot(
        catalog, model, projection, groups[:1], ("decoded",), 1.0, progress=told.append
    )
    assert len(plot.series) == 1 and not plot.residuals
    assert told == sorted(told) and told[-1] == 1.0


def test_along_a_track(track, catalog, model, wavelengths):
    projection = Projection("flux", wavelengths, model)
    found = track_spectra(track, catalog, model, projection, g_flux=G_FLUX)
    assert found.decoded.shape == (3, len(wavelengths)) and np.isnan(found.decoded[2]).all()
    assert found.observed[2] is None
    for i, teff in enumerate((4700.0, 5600.0)):
        stars = np.abs(catalog["teff"] - teff) < 150
        assert track.n[i] == stars.sum() > 0
        z = [float(np.mean(catalog[n][stars].astype(float))) for n in catalog.latents]
        wanted = decoded_curve(model, projection, z, G_FLUX).value
        np.testing.assert_allclose(found.decoded[i], wanted, rtol=1e-3)
        spectra = catalog.spectra[stars]
        per_flux = spectra.coefficients.astype(float) / spectra.g_flux[:, None]
        median = np.median(projection.values(per_flux, G_FLUX), axis=0)
        np.testing.assert_allclose(found.observed[i].median, median, rtol=1e-3)
        np.testing.assert_allclose(
            found.residual[i], found.observed[i].median / found.decoded[i] - 1
        )
    plot = track_plot(catalog, model, projection, track, G_FLUX)
    assert [s.label for s in plot.series] == ["Teff 4700, decoded", "Teff 5600, decoded"]
    assert len({s.color for s in plot.series}) == 2
    np.testing.assert_allclose(plot.residuals[1].value, 100 * found.residual[1])
    assert "1 bins without stars" in plot.notes[0]


def test_a_track_at_1kpc_or_empty(track, catalog, model, wavelengths):
    with pytest.raises(InputError, match="no parallax"):
        track_spectra(track, catalog, model, Projection("flux_1kpc", wavelengths))
    bins = (Bin((("teff", 99_000.0, 1.0),)),)
    empty = measure(TrackDefinition("e", "Empty", ("teff", "logg"), bins, "own"), catalog)
    with pytest.raises(InputError, match="Empty: none of its bins holds a star"):
        track_spectra(empty, catalog, model, Projection("flux", wavelengths))


@pytest.mark.parametrize("mode", MODES)
def test_tables(mode, catalog, model, wavelengths, groups, tmp_path):
    if mode == "flux_1kpc":
        pytest.skip("the mock has no parallax")
    projection = Projection(mode, wavelengths, model)
    plot = sets_plot(catalog, model, projection, groups, ("decoded",), G_FLUX, limit=100, seed=3)
    write_plot(tmp_path / "s.ecsv", plot)
    write_plot(tmp_path / "s.fits", plot)
    ecsv, binary = Table.read(tmp_path / "s.ecsv"), Table.read(tmp_path / "s.fits")
    x = "coefficient" if mode == "coefficients" else "wavelength"
    for table in (ecsv, binary):
        np.testing.assert_array_equal(table[x], projection.x)
        assert str(table[x].unit) == ("None" if mode == "coefficients" else "nm")
        assert len(table.colnames) == 1 + 2 * 4 + 4
    name = "A: high α, decoded"
    np.testing.assert_array_equal(ecsv[name], plot.series[0].value)
    np.testing.assert_array_equal(ecsv[f"{name}, error"], plot.series[0].error)
    assert (ecsv[name].unit or "") == MODES[mode].unit
    np.testing.assert_array_equal(binary["A_high_alpha_decoded"], plot.series[0].value)
    assert ecsv.meta["seed"] == 3 and ecsv.meta["limit"] == 100 and ecsv.meta["mode"] == mode
    with fits.open(tmp_path / "s.fits") as hdus:
        cards = "".join(hdus[1].header["COMMENT"])
    # Behind it astropy keeps the columns' descriptions.
    assert json.JSONDecoder().raw_decode(cards)[0]["mode"] == mode


def test_two_lines_of_one_name_in_ascii(sets):
    doubled = Plot("flux", (sets.series[0], sets.series[0]))
    assert to_table(doubled, ascii_names=True).colnames[1:6:4] == [
        "A_high_alpha_observed",
        "A_high_alpha_observed_",
    ]


def test_a_figure_shows_the_lines(sets):
    figure = make_figure(sets, lines=True)
    above, below = figure.axes
    drawn = above.get_lines()[: len(sets.series)]
    for line, series in zip(drawn, sets.series, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), series.value)
        assert line.get_linestyle() == ("--" if "decoded" in series.label else "-")
    assert below.get_ylabel() == "A / B" and below.get_xlabel() == "wavelength [nm]"
    assert "Mg b" in [text.get_text() for text in above.texts]
    shown = [text.get_text() for text in above.get_legend().get_texts()]
    assert shown == [series.label for series in sets.series]


def test_a_sequence_has_a_bar(track, catalog, model, wavelengths):
    plot = track_plot(catalog, model, Projection("flux", wavelengths, model), track, G_FLUX)
    many = Plot("flux", plot.series * 6, (), "", (), {})
    assert len(make_figure(many).axes) == 2  # the plot and its bar
    assert make_figure(plot).axes[0].get_legend() is not None


@pytest.mark.parametrize("ending", FORMATS)
def test_files_are_what_their_names_say(ending, sets, tmp_path):
    path = tmp_path / f"spectra{ending}"
    write_plot(path, sets)
    begin = {".pdf": b"%PDF", ".png": b"\x89PNG", ".fits": b"SIMPLE", ".ecsv": b"# %ECSV"}
    assert path.read_bytes().startswith(begin[ending])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_bad_names(sets, tmp_path):
    with pytest.raises(InputError, match=r"must end in .ecsv, .fits, .pdf or .png"):
        write_plot(tmp_path / "spectra.txt", sets)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_plot(tmp_path / "file" / "spectra.png", sets)
