"""The look of the figures that go to paper, and how they are written."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure, SubFigure

from xpmodel._atomic import replacing
from xpmodel._process_wide import matplotlib_settings
from xpmodel.columns import column_of, is_latent, symbol
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

# Okabe & Ito's colors, which color-blind people tell apart.
BLUE, RED, GREEN, PINK, SKY, ORANGE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00",
)  # fmt: skip
COLORS = (BLUE, RED, GREEN, PINK, SKY, ORANGE)
WIDTH = 7.1  # inches: two columns of a journal
# Endings of figures, and the MIME type of each.
FORMATS = {".pdf": "application/pdf", ".png": "image/png"}
STYLE: dict[RcKeyType, Any] = {
    "text.usetex": False,
    "pdf.fonttype": 42,
    "font.size": 8,
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "legend.frameon": False,
    "savefig.dpi": 300,
}


def write_figure(path: str | Path, make: Callable[[], Figure], *, tight: bool = False) -> Path:
    """Draw a figure in our own style and write it; the same figure gives the same file.

    Threads draw one after another, since Matplotlib's settings are one for all of them.

    Parameters
    ----------
    path : path
        Ends in ``.pdf`` (vectors, embedded fonts) or ``.png``.
    make : callable
        Draws the figure, once the style is set.
    tight : bool
        Cut the page to what is drawn.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        When the ending is another one, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: a figure's name must end in {' or '.join(FORMATS)}")
    # Without the date the same figure gives the same file.
    metadata = {"CreationDate": None} if path.suffix == ".pdf" else {}
    box = "tight" if tight else None
    with own_style(), replacing(path) as temporary:
        make().savefig(temporary, format=path.suffix[1:], bbox_inches=box, metadata=metadata)
    return path


def own_style() -> AbstractContextManager[None]:
    """Our own style, whatever was set: GaiaXPy, for one, switches LaTeX on for all figures."""
    return matplotlib_settings(STYLE)


def foot(figure: Figure | SubFigure, note: str, width: float = WIDTH) -> None:
    """Write what a figure is about below it, small, in lines of its width [inches]."""
    lines = textwrap.wrap(note, int(width * 20))  # characters of 6 points
    figure.supxlabel(plain("\n".join(lines)), fontsize=6, color="0.3")


def axis_label(column: str) -> str:
    """A catalog's column with its unit, as an axis of a figure says it."""
    if is_latent(column):
        return f"$z_{{{column[1:]}}}$"
    known = column_of(column)
    written = known.math or plain(symbol(column))
    return f"{written} [{known.unit}]" if known.unit else written


def plain(text: str) -> str:
    """A name from elsewhere, in which a dollar sign does not begin a formula."""
    return text.replace("$", r"\$")
