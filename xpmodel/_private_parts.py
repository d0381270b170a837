"""What other packages do not promise to keep and xpmodel uses all the same: here, nowhere else.

Each function says what it reaches, why there is no public way, and checks that it is still what it
was in the version that this was written for. Where it is not, an error names the package, its
version and what has changed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from xpmodel._process_wide import ignored_warnings, matplotlib_settings
from xpmodel.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

WRITTEN_FOR = {"gaiaxpy": "2.1.5"}
"""The versions of the packages that this was written for."""


class Changed(Exception):
    """How a private part differs from what it was."""


@contextmanager
def expecting(
    part: str, package: str, written_for: Mapping[str, str] = WRITTEN_FOR
) -> Iterator[None]:
    """Say in one line that a package has changed a part, or what comes from it.

    Parameters
    ----------
    part : str
        As the package names it.
    package : str
        As pip names it.
    written_for : mapping of str to str
        The version of each package in which the part is as expected.

    Raises
    ------
    InputError
        When the part is not there, cannot be used as expected, or `Changed` is raised.
    """
    try:
        yield
    except (Changed, ImportError, AttributeError, LookupError, TypeError, ValueError) as error:
        found = metadata.metadata(package)
        known = written_for[package]
        raise InputError(
            f"{found['Name']} {found['Version']} changed {part}: {error}; xpmodel was written for "
            f"{known}: pip install {package}=={known}"
        ) from error


def _expect(shape: tuple[int | None, ...], found: object, what: str) -> np.ndarray:
    """A finite array of a shape, None for any length."""
    array = np.asarray(found, np.float64)
    fits = len(array.shape) == len(shape) and all(
        n in (None, m) for n, m in zip(shape, array.shape, strict=True)
    )
    if not fits or not np.isfinite(array).all():
        wanted = " × ".join("n" if n is None else str(n) for n in shape)
        raise Changed(f"{what} is {array.shape} instead of {wanted} finite numbers")
    return array


@functools.cache
def gaiaxpy() -> ModuleType:
    """GaiaXPy, without what its import does to the whole process.

    GaiaXPy 2.1.5 switches LaTeX on for all of Matplotlib's figures, hides every RuntimeWarning, and
    warns of its own use of pandas; no setting of it prevents that.
    """
    with ignored_warnings(), matplotlib_settings():
        import gaiaxpy as module

    return module


def calibrate_quietly(
    rows: pd.DataFrame, sampling: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Flux (N, L) and grid [nm] (L,) of N spectra: `_calibrate` of gaiaxpy.calibrator.calibrator.

    It is the body of the public `gaiaxpy.calibrate`, which prints its progress and cannot be told
    not to.

    Parameters
    ----------
    rows : DataFrame
        N spectra as `gaiaxpy.calibrate` takes them.
    sampling : ndarray, (L,), or None
        Wavelengths [nm]; None: GaiaXPy's own grid.

    Raises
    ------
    InputError
        When GaiaXPy has changed it.
    """
    with expecting("calibrator.calibrator._calibrate", "gaiaxpy"):
        gaiaxpy()
        from gaiaxpy.calibrator.calibrator import _calibrate

        known = inspect.signature(_calibrate).parameters
        missing = [name for name in ("save_file", "disable_info") if name not in known]
        if missing or list(known)[:2] != ["input_object", "sampling"]:
            raise Changed(f"it takes {', '.join(known)}")
        with ignored_warnings():
            spectra, grid = _calibrate(rows, sampling, save_file=False, disable_info=True)
        grid = _expect((None if sampling is None else len(sampling),), grid, "its grid")
        flux = np.stack(spectra["flux"].to_numpy())
        return _expect((len(rows), len(grid)), flux, "its flux"), grid


def instrument_model(
    n_band: int,
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """GaiaXPy's linear map from coefficients to flux: two functions of gaiaxpy.core.config.

    No public function gives the matrix, only spectra that were multiplied with it.

    Parameters
    ----------
    n_band : int
        Coefficients that a band should have.

    Returns
    -------
    grid : ndarray, (L,)
        GaiaXPy's own grid [nm].
    design : dict of str to ndarray, (n_band, L)
        Flux of a unit coefficient of each band, ``bp`` and ``rp``.
    merge : dict of str to ndarray, (L,)
        Weight of each band where both are known.

    Raises
    ------
    InputError
        When GaiaXPy has changed it.
    """
    with expecting("load_xpmerge_from_xml or load_xpsampling_from_xml of core.config", "gaiaxpy"):
        gaiaxpy()
        from gaiaxpy.core.config import load_xpmerge_from_xml, load_xpsampling_from_xml

        grid, merge = load_xpmerge_from_xml()
        grid = _expect((None,), grid, "the grid")
        design = load_xpsampling_from_xml()
        return grid, *_by_band(design, merge, n_band, len(grid))


def photometric_system(
    name: str, n_band: int
) -> tuple[list[str], np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What GaiaXPy's synthetic photometry multiplies with: the value of a `PhotometricSystem`.

    The public `gaiaxpy.generate` computes magnitudes one star after another, in a thousand times
    the time; its matrix is not public.

    Parameters
    ----------
    name : str
        ``Gaia_DR3_Vega``, say.
    n_band : int
        Coefficients that a band should have.

    Returns
    -------
    bands : list of str
        B names.
    zero_points : ndarray, (B,)
        [mag]
    design : dict of str to ndarray, (n_band, B)
        Flux of a unit coefficient, for ``bp`` and ``rp``.
    merge : dict of str to ndarray, (B,)
        Weight of each of them.

    Raises
    ------
    InputError
        When GaiaXPy has changed it.
    """
    with expecting("the matrices of a PhotometricSystem", "gaiaxpy"):
        system = gaiaxpy().PhotometricSystem[name]
        bands = list(system.get_bands())
        zero_points = _expect((len(bands),), system.get_zero_points(), "zero points")
        design = system.value.load_xpsampling_from_xml()
        _, merge = system.value.load_xpmerge_from_xml()
        return bands, zero_points, *_by_band(design, merge, n_band, len(bands))


def _by_band(
    design: Mapping[str, object], merge: Mapping[str, object], n_band: int, n: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Matrices (n_band, n) and weights (n,) of both bands."""
    return (
        {xp: _expect((n_band, n), design[xp], f"the matrix of {xp}") for xp in ("bp", "rp")},
        {xp: _expect((n,), merge[xp], f"the weight of {xp}") for xp in ("bp", "rp")},
    )
