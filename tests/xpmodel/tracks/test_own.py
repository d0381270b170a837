import numpy as np
import pytest

from xpmodel.errors import InputError
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.own import line_track, read_track


def write(folder, text, name="clump.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_read(tmp_path):
    text = "\ufeffteff , teff_width,logg_width,logg\r\n4800, 50,0.1,2.5\r\n\r\n4.9e3,50,.1,2.4\r\n"
    track = read_track(write(tmp_path, text))
    assert (track.name, track.title, track.axes) == ("clump", "clump", ("teff", "logg"))
    assert track.variant == "own"
    assert track.bins == (
        Bin((("teff", 4800.0, 50.0), ("logg", 2.5, 0.1))),
        Bin((("teff", 4900.0, 50.0), ("logg", 2.4, 0.1))),
    )


HEADER = "teff,teff_width,logg,logg_width\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty; it needs a header"),
        (HEADER, "0 rows of bins; a track has 1 to 2000"),
        (HEADER + "1,1,1,1\n" * 2001, "2001 rows of bins"),
        (HEADER + "5000,10,4.6,0.2\n\n5000,ten,4.6,.2\n", "line 4, column teff_width: 'ten' is no"),
        (HEADER + "5000,10,,0.2\n", "line 2, column logg: '' is no number"),
        (HEADER + "nan,10,4,0.2\n", "line 2, column teff: 'nan' is no number"),
        (HEADER + "5000,10,4,inf\n", "line 2, column logg_width: 'inf' is no number"),
        (HEADER + "5000,10,4,0\n", "line 2, column logg_width: 0 is not above 0"),
        (HEADER + "5000,-10,4,1\n", "line 2, column teff_width: -10 is not above 0"),
        (HEADER + "5000,10,4\n", "line 2 has 3 values, and the header 4 columns"),
        ("teff,logg,logg_width\n1,1,1\n", "column teff has no teff_width beside it"),
        ("teff_width,logg,logg_width\n1,1,1\n", "column teff_width has no teff beside it"),
        ("teff,teff,teff_width\n1,1,1\n", "two columns teff"),
        ("teff,,teff_width\n1,1,1\n", "column 2 has no name"),
        ("teff,teff_width\n1,1\n", "needs two or more columns to draw over"),
        (HEADER + "," * (1 << 20), "larger than 1 MB"),
        (b"\xff\xfe\x00", "not a CSV table"),
        (HEADER + '"' + "x" * 200_000, "not a CSV table"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_track(write(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'clump.csv'}: ")
    assert len(str(caught.value)) < 300


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="none.csv: cannot be read"):
        read_track(tmp_path / "none.csv")


def test_line():
    # In units of the widths the legs are 3 and 4 long: eight points are one apart.
    track = line_track("leg", ("z4", "z5"), [(0, 0), (3, 0), (3, 8)], (1, 2), 8)
    points = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 2), (3, 4), (3, 6), (3, 8)]
    np.testing.assert_allclose([[x for _, x, _ in b.centre] for b in track.bins], points)
    assert {tuple((c, w) for c, _, w in b.centre) for b in track.bins} == {(("z4", 1), ("z5", 2))}
    assert (track.name, track.axes, track.variant) == ("leg", ("z4", "z5"), "own")


def test_line_with_a_vertex_twice():
    once, twice = (
        line_track("leg", ("z4", "z5"), vertices, (1, 1), 5)
        for vertices in ([(0, 0), (1, 1), (2, 0)], [(0, 0), (1, 1), (1, 1), (2, 0)])
    )
    assert once.bins == twice.bins


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": [(0, 0)]}, "two or more vertices"),
        ({"vertices": [(0, 0), (1, np.nan)]}, "two or more vertices"),
        ({"vertices": [(0, 0), (1,)]}, "two or more vertices"),
        ({"vertices": [(0, 0), ("a", 1)]}, "two or more vertices"),
        ({"vertices": [(1, 1), (1, 1)]}, "has no length"),
        ({"widths": (1, 0)}, "two half widths above 0"),
        ({"widths": (1, np.inf)}, "two half widths above 0"),
        ({"widths": (1,)}, "two half widths above 0"),
        ({"columns": ("z4", "z4")}, "two different columns"),
        ({"n_points": 1}, "2 to 2000 points, not 1"),
        ({"n_points": 2001}, "2 to 2000 points"),
    ],
)
def test_bad_lines(change, message):
    line = {"vertices": [(0, 0), (1, 1)], "widths": (1, 1), "columns": ("z4", "z5"), "n_points": 3}
    line |= change
    with pytest.raises(InputError, match=f"the track 'leg': .*{message}"):
        line_track("leg", line["columns"], line["vertices"], line["widths"], line["n_points"])
