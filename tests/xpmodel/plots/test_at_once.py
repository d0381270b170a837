"""Figures that threads draw at once, while another one brings GaiaXPy, which switches LaTeX on.

In a process of its own: here GaiaXPy may have been imported before.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from matplotlib.figure import Figure

from xpmodel._private_parts import gaiaxpy
from xpmodel.report.figure_style import write_figure

folder = Path(sys.argv[1])
begin = Barrier(7, timeout=60)

def draw(number):
    figure = Figure(figsize=(3 + 0.1 * number, 2))
    axes = figure.subplots()
    axes.semilogy(range(1, 50), label=f"line {number}")
    axes.set_xlabel(r"$\\alpha_{%d}$" % number)
    axes.legend()
    return figure

def write(number, folder):
    for ending in ("pdf", "png"):
        path = folder / f"{number}.{ending}"
        write_figure(path, lambda: draw(number), tight=number % 2 == 0)

def visit(number):
    begin.wait()
    if number == 6:
        gaiaxpy()
    else:
        write(number, folder / "at_once")

with ThreadPoolExecutor(7) as threads:
    list(threads.map(visit, range(7)))
for number in range(6):
    write(number, folder / "alone")
"""


@pytest.mark.slow
def test_figures_drawn_at_once_are_those_drawn_alone(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    paths = sorted((tmp_path / "at_once").iterdir())
    assert len(paths) == 12
    for path in paths:
        assert path.read_bytes() == (tmp_path / "alone" / path.name).read_bytes(), path.name
