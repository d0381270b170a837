"""Figures in our own style, written whole, the same each time."""

import matplotlib
import pytest
from matplotlib.figure import Figure

from xpmodel import InputError
from xpmodel.report.figure_style import (
    FORMATS,
    STYLE,
    axis_label,
    foot,
    own_style,
    plain,
    write_figure,
)


def draw() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1], [1, 0], label=r"$x$")
    foot(figure, "Of 7 stars")
    return figure


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_figure_gives_the_same_file(tmp_path, suffix):
    first, second = (tmp_path / f"{name}{suffix}" for name in "ab")
    assert write_figure(first, draw) == first
    write_figure(second, draw)
    assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 1000
    assert first.read_bytes()[:4] in (b"%PDF", b"\x89PNG")


def test_other_endings_are_refused_before_anything_is_drawn(tmp_path):
    drawn = []
    with pytest.raises(InputError, match=r"must end in \.pdf or \.png"):
        write_figure(tmp_path / "a.jpg", lambda: drawn.append(1))
    assert drawn == [] and list(tmp_path.iterdir()) == []


def test_a_figure_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_text("old")

    def fail() -> Figure:
        raise ValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        write_figure(path, fail)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_our_style_is_ours_alone():
    with matplotlib.rc_context({"font.size": 30, "text.usetex": True}):
        with own_style():
            assert matplotlib.rcParams["font.size"] == STYLE["font.size"]
            assert not matplotlib.rcParams["text.usetex"]
            matplotlib.rcParams["font.size"] = 5
        assert matplotlib.rcParams["font.size"] == 30 and matplotlib.rcParams["text.usetex"]


def test_a_long_note_is_wrapped():
    figure = Figure(figsize=(3, 2))
    foot(figure, "word " * 100, width=3)
    lines = figure.get_supxlabel().splitlines()
    assert len(lines) > 5 and max(map(len, lines)) <= 60


def test_labels_of_axes():
    assert axis_label("z12") == "$z_{12}$"
    assert axis_label("logg") == r"log $g$ [dex]"
    assert axis_label("a$b$") == plain("a$b$") == r"a\$b\$"
