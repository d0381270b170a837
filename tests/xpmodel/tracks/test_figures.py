import re
import zlib

import matplotlib
import numpy as np
import pytest

from tests.support.loops import some
from tests.support.tracks import catalog_of, star_columns
from xpmodel.tracks.figures import latent_planes, write_figures
from xpmodel.tracks.measured import Measured, measure, measure_all
from xpmodel.tracks.own import line_track


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("figures") / "stars.parquet", star_columns())


def streams(pdf: bytes) -> bytes:
    """The drawing commands: every compressed stream, unpacked."""
    found = re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    return b"".join(zlib.decompressobj().decompress(part) for part in found)


def check_page(path, lines: int = 50) -> None:
    """A PDF with TrueType fonts in it, with text and lines beside the image."""
    pdf = path.read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page ") + pdf.count(b"/Type /Page\n") == 1
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf
    commands = streams(pdf)
    assert len(re.findall(rb"\bTJ\b|\bTj\b", commands)) > 10, "text"
    assert len(re.findall(rb" l\n", commands)) >= lines, "lines"


@pytest.mark.slow
def test_figures(catalog, tmp_path):
    own = measure(
        line_track("mine", ("jr", "teff"), [(0, 4000), (900, 5000)], (200, 300), 5), catalog
    )
    mask = np.arange(len(catalog)) % 5 != 0
    measured = measure_all(catalog, mask=mask)
    written = write_figures(measured, catalog, tmp_path, own=[own], mask=mask)
    names = ["kiel", "m_h_main_sequence", "m_h_giants", "alpha", "alpha_latents", "mine"]
    assert [path.name for path in written] == [f"{name}.pdf" for name in names]
    assert sorted(tmp_path.iterdir()) == sorted(written)
    for path in written:
        check_page(path)


@pytest.mark.slow
def test_the_same_tracks_give_the_same_file(catalog, tmp_path):
    measured = Measured({"fixed_m_h": measure_all(catalog).tracks["fixed_m_h"]}, {})
    first, second = (
        [path.read_bytes() for path in write_figures(measured, catalog, tmp_path / name)]
        for name in "ab"
    )
    assert len(first) == 2 and first == second


def test_others_settings_do_no_harm(catalog, tmp_path):
    """Importing gaiaxpy switches LaTeX on, which not everyone has."""
    measured = Measured({"giant_branch": measure_all(catalog).tracks["giant_branch"]}, {})
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "pdf.fonttype": 3}):
        (path,) = write_figures(measured, catalog, tmp_path)
        assert matplotlib.rcParams["text.usetex"]
    check_page(path)


def test_a_name_is_no_formula(tmp_path):
    catalog = catalog_of(tmp_path / "$\\x$.parquet", star_columns(300))
    track = measure(
        line_track("$\\y$", ("m_h", "teff"), [(-1, 4000), (0, 5000)], (1, 999), 3), catalog
    )
    (path,) = write_figures(Measured({}, {}), catalog, tmp_path / "out", own=[track])
    check_page(path, lines=0)


@pytest.mark.slow
def test_without_labels_of_the_stars_behind(tmp_path):
    """Empty bins, no star in the mask: axes without density, and no error."""
    catalog = catalog_of(tmp_path / "stars.parquet", star_columns(300))
    nobody = np.zeros(len(catalog), bool)
    measured = measure_all(catalog, mask=nobody)
    assert set(measured.skipped) == {"high_alpha", "low_alpha"}
    for path in some(write_figures(measured, catalog, tmp_path / "out", mask=nobody)):
        assert path.read_bytes().startswith(b"%PDF")


def test_planes(tmp_path):
    def planes(spreads):
        rng = np.random.default_rng(0)
        columns = {f"z{i}": rng.normal(0, s, 500) for i, s in enumerate(spreads, 1)}
        return latent_planes(catalog_of(tmp_path / "stars.parquet", columns))

    assert planes([1, 0, 1, 2]) == [("z1", "z3"), ("z1", "z4"), ("z3", "z4")]
    # Of five active ones the one of smallest KL is left out; of one, the next is taken.
    assert len(planes([2, 3, 1, 2, 2])) == 6 and ("z3", "z4") not in planes([2, 3, 1, 2, 2])
    assert planes([1, 0.05, 0.001]) == [("z1", "z2")]
    assert planes([1]) == []
