"""Settings that all threads of a process share: changed by one thread at a time, and put back.

Of two threads that changed one at once, the first to leave would take the setting away from the
other, and the last would put back what the first had set, for good.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

# One for all of them: a thread that holds it may import GaiaXPy, which changes several.
_changing = threading.RLock()


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Let no warning through meanwhile, and take filters away that were set meanwhile.

    All threads have one list of filters, but in free-threaded Python.
    """
    with _changing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def warnings_put_back() -> Iterator[None]:
    """Put the filters of warnings back, whatever threads that end meanwhile make of them.

    For other packages' threads, each of which sets filters and puts back what it found.
    """
    with _changing, warnings.catch_warnings():
        yield


@contextmanager
def matplotlib_settings(settings: Mapping[RcKeyType, Any] | None = None) -> Iterator[None]:
    """Matplotlib's defaults with these settings meanwhile, whatever was set before or is by others.

    Matplotlib reads hundreds of settings while a figure is made and while it is written, some of
    them (``pdf.fonttype``, and ``text.usetex`` for the labels of ticks) from nowhere else.

    Parameters
    ----------
    settings : mapping, optional
        Of str, as of `matplotlib.rcParams`. Default: what is set stays set.
    """
    import matplotlib

    with _changing, matplotlib.rc_context():
        if settings is not None:
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(settings)
        yield
