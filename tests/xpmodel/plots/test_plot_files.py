"""Files of spectra by themselves: exact numbers, whole files, a style of our own."""

import dataclasses
import json

import matplotlib
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from xpmodel import InputError
from xpmodel.plots.plot_files import MAX_LEGEND, make_figure, to_table, write_plot
from xpmodel.plots.spectrum_plots import Plot, Series

X = np.arange(400.0, 900.0, 5.0)
# No float holds it, nor a number of JavaScript.
SOURCE_ID = str(2**53 + 1)
PARTS = ("value", "low", "high", "error")


def line(label: str, seed: int = 0, size: float = 1e-17, color: str = "#0072b2") -> Series:
    value = size * np.random.default_rng(seed).normal(3.0, 1.0, len(X))
    return Series(
        label, X, value, low=0.9 * value, high=1.1 * value, error=0.05 * value, color=color
    )


@pytest.fixture
def plot() -> Plot:
    """Two lines, and a residual in percent with a gap."""
    away = line("residual, 1", 2, 1.0)
    away.value[3] = np.nan
    meta = {"z": [0.1, -2.5], "source_id": SOURCE_ID, "model": "73e7"}
    notes = ("one: 20 of 300 stars (seed 7)",)
    label = "observed / decoded − 1 [%]"
    return Plot("flux", (line("one"), line("two", 1)), (away,), label, notes, meta)


@pytest.mark.parametrize("ending", [".ecsv", ".fits"])
def test_every_number_comes_back(ending, plot, tmp_path):
    path = tmp_path / f"spectra{ending}"
    write_plot(path, plot)
    read = Table.read(path)
    names = to_table(plot, ascii_names=ending == ".fits").colnames
    assert read.colnames == names
    wanted = [X, *(getattr(s, p) for s in (*plot.series, *plot.residuals) for p in PARTS)]
    for name, values in zip(names, wanted, strict=True):
        found = np.ma.filled(np.ma.asarray(read[name]), np.nan)
        np.testing.assert_array_equal(found, values)
    assert read["one"].unit == "W m-2 nm-1" and read["wavelength"].unit == "nm"
    assert read[names[-4]].unit.to("") == 0.01  # percent


def test_the_metadata_come_back(plot, tmp_path):
    for ending in (".ecsv", ".fits"):
        write_plot(tmp_path / f"s{ending}", plot)
    with fits.open(tmp_path / "s.fits") as hdus:
        cards = "".join(hdus[1].header["COMMENT"])
    for meta in (Table.read(tmp_path / "s.ecsv").meta, json.JSONDecoder().raw_decode(cards)[0]):
        assert meta["z"] == [0.1, -2.5] and meta["source_id"] == SOURCE_ID
        assert meta["mode"] == "flux" and meta["model"] == "73e7"
        assert meta["software"].startswith("xpmodel ")


def test_what_a_figure_shows(plot):
    figure = make_figure(plot)
    above, below = figure.axes
    assert above.get_xlim() == below.get_xlim() == (X[0], X[-1])
    assert above.get_ylabel() == "flux [W m⁻² nm⁻¹]"
    for axes, lines in ((above, plot.series), (below, plot.residuals)):
        for drawn, band, one in zip(axes.get_lines(), axes.collections, lines, strict=False):
            np.testing.assert_array_equal(drawn.get_ydata(), one.value)
            assert drawn.get_color() == one.color
            _, y = band.get_paths()[0].vertices.T
            assert one.low.min() == y.min() and one.high.max() == y.max()
    low, high = below.get_ylim()
    assert low < 0 < high  # where observed and decoded agree


def test_a_long_sequence_keeps_its_colors():
    colors = [f"#0000{i:02x}" for i in range(0, 250, 25)]
    lines = tuple(line(f"Teff {i}, decoded", i, color=c) for i, c in enumerate(colors))
    assert len(lines) > MAX_LEGEND
    axes, bar = make_figure(Plot("flux", lines)).axes
    assert axes.get_legend() is None
    assert [drawn.get_color() for drawn in axes.get_lines()] == colors
    assert [text.get_text() for text in bar.get_yticklabels()] == ["Teff 0", "Teff 9"]


def test_latex_stays_off_in_a_figure(plot, tmp_path):
    """GaiaXPy switches it on for all of matplotlib; few machines have it."""
    with matplotlib.rc_context({"text.usetex": True}):
        write_plot(tmp_path / "s.pdf", plot, lines=True)
        assert matplotlib.rcParams["text.usetex"]
    assert (tmp_path / "s.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("ending", [".ecsv", ".fits", ".pdf", ".png"])
def test_a_failure_leaves_the_old_file(ending, plot, tmp_path, monkeypatch):
    path = tmp_path / f"spectra{ending}"
    path.write_text("the old one")

    def fail(*args: object, **options: object) -> None:
        raise InputError("no")

    for name in ("to_table", "make_figure"):
        monkeypatch.setattr(f"xpmodel.plots.plot_files.{name}", fail)
    with pytest.raises(InputError, match="no"):
        write_plot(path, plot)
    assert path.read_text() == "the old one"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_figure_says_of_how_many_stars(plot):
    made_up = dataclasses.replace(plot, meta=plot.meta | {"n_mock": 1234})
    texts = [text.get_text() for text in make_figure(made_up).axes[-1].texts]
    assert texts == [f"{plot.notes[0]}\n1,234 stars of the catalog are mock stars"]


def test_a_dollar_sign_is_no_formula(tmp_path):
    plot = Plot("flux", (line(r"A: $\frac{, decoded"), line("$a$_b$")))
    write_plot(tmp_path / "s.png", plot)


def test_the_same_spectra_give_the_same_pdf(plot, tmp_path):
    for name in "ab":
        write_plot(tmp_path / f"{name}.pdf", plot)
    a, b = ((tmp_path / f"{name}.pdf").read_bytes() for name in "ab")
    assert a == b and b"CreationDate" not in a


def test_names_of_lines_do_not_overlap():
    axes = make_figure(Plot("flux", (line("one"),)), lines=True).axes[0]
    places = [text.get_position()[0] for text in axes.texts]
    assert len(places) > 10 and np.diff(places).min() >= 0.0129 * (X[-1] - X[0])


def test_notes_keep_their_blanks_in_fits(plot, tmp_path):
    notes = tuple(f"set {i}: 2,000 of 31,415 stars (seed 0), 12 left out" for i in range(30))
    write_plot(tmp_path / "s.fits", dataclasses.replace(plot, notes=notes))
    with fits.open(tmp_path / "s.fits") as hdus:
        cards = "".join(hdus[1].header["COMMENT"])
    assert json.JSONDecoder().raw_decode(cards)[0]["notes"] == list(notes)


def test_fits_names_differ_by_more_than_case():
    names = to_table(Plot("flux", (line("A"), line("a"))), ascii_names=True).colnames
    assert len({name.lower() for name in names}) == len(names) == 9


def test_nothing_to_write(tmp_path):
    with pytest.raises(InputError, match="there is no spectrum to write"):
        write_plot(tmp_path / "s.ecsv", Plot("flux", ()))
    assert not list(tmp_path.iterdir())
