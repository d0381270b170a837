"""Figures in our own style, written whole, the same each time."""

from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from xpmodel import InputError
from xpmodel.report.figure_style import (
    COLORS,
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


def figure_of(number: int) -> Figure:
    """Text, ticks made while it is drawn, formulas, a legend: what takes its look from settings."""
    figure = Figure(figsize=(3, 2), layout="constrained")
    axes = figure.subplots()
    x = np.linspace(1, 100, 50)
    axes.plot(x, x ** (1 + number % 3), color=COLORS[number % len(COLORS)], label=r"$\lambda$")
    axes.set_yscale("log")
    axes.legend(title=f"No. {number}")
    foot(figure, "10,000 mock stars")
    return figure


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS)
def test_threads_at_once_write_what_each_writes_alone(tmp_path, suffix):
    def write(name: str, number: int) -> bytes:
        path = write_figure(tmp_path / f"{name}{suffix}", lambda: figure_of(number))
        return path.read_bytes()

    # Whatever was set before: GaiaXPy switches LaTeX on, which not everyone has.
    with matplotlib.rc_context({"text.usetex": True, "font.size": 20, "savefig.dpi": 40}):
        before = dict(matplotlib.rcParams)
        alone = [write(f"alone{i}", i) for i in range(8)]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda i: write(f"together{i}", i % 8), range(16)))
        assert dict(matplotlib.rcParams) == before
    assert len(set(alone)) == 8
    assert together == [*alone, *alone]


def test_a_long_note_is_wrapped():
    figure = Figure(figsize=(3, 2))
    foot(figure, "word " * 100, width=3)
    lines = figure.get_supxlabel().splitlines()
    assert len(lines) > 5 and max(map(len, lines)) <= 60


def test_labels_of_axes():
    assert axis_label("z12") == "$z_{12}$"
    assert axis_label("logg") == r"log $g$ [dex]"
    assert axis_label("a$b$") == plain("a$b$") == r"a\$b\$"
