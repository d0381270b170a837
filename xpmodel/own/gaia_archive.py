"""XP spectra from the Gaia Archive by source_id."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xpmodel.catalog.catalog import LAST_GAIA_ID
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.own.gaia_request import NOT_REACHED
from xpmodel.own.given_files import read_usable, renaming
from xpmodel.own.stars import OwnStars, encode_own
from xpmodel.spectra.bands import N_COEFFICIENTS
from xpmodel.spectra.label_tables import LabelTable, read_labels
from xpmodel.spectra.photometry import PhotometryTable
from xpmodel.spectra.report import left_out_rows
from xpmodel.spectra.spectra import Spectra, join_spectra

SERVER = "https://gea.esac.esa.int/"
NAME = "Gaia Archive"
MAX_IDS = 500
# Of one request, 4 MB; the archive takes up to 5,000.
IDS_PER_REQUEST = 100
NO_SPECTRUM = "no XP spectrum in the archive"
OTHERWISE = "Or download the spectra from the Gaia Archive and give the file"

Load = Callable[[list[int], Path, float], None]
"""Told ids, an empty folder and a time limit [s], puts into the folder what the archive has of
them: files of spectra in ``spectra``, and ``gaia_source.csv`` if it can be had."""


def fetch_own(
    source_ids: Sequence[int] | np.ndarray,
    model: Model,
    *,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
    load: Load | None = None,
) -> OwnStars:
    """Fetch the spectra of some stars from the Gaia Archive, and encode them.

    Parameters and errors are those of `fetch_spectra`.

    Returns
    -------
    OwnStars
        In the order of the ids; none if the archive has no usable spectrum of them.
    """
    spectra = fetch_spectra(source_ids, timeout=timeout, progress=progress, load=load)
    return encode_own(NAME, spectra, model)


def fetch_spectra(
    source_ids: Sequence[int] | np.ndarray,
    *,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
    load: Load | None = None,
) -> Spectra:
    """Fetch XP spectra, with correlations, from the Gaia Archive (Gaia DR3).

    G flux, color, parallax and position come from ``gaia_source``; if that cannot be had, the G
    flux is synthesized from the spectrum, and `Spectra.g_flux_source` says so.

    Parameters
    ----------
    source_ids : sequence of int
        Of Gaia DR3, up to 500, each counting once.
    timeout : float
        Seconds for each 100 stars.
    progress : callable, optional
        Told the number of ids done and of all ids.
    load : callable, optional
        Asks the archive; see `Load`. Default: `load_from_archive`.

    Returns
    -------
    Spectra
        In the order of the ids. The report's rows are the ids given, numbered from 1; those
        without a spectrum, or with one that cannot be used, are listed there.

    Raises
    ------
    InputError
        When an id cannot be one of Gaia's, there are too many, or the archive cannot be reached,
        is too slow, or refuses.
    """
    ids = _checked(source_ids)
    parts: list[Spectra] = []
    for start in range(0, len(ids), IDS_PER_REQUEST):
        block = ids[start : start + IDS_PER_REQUEST]
        part = _fetch(block, timeout, load or load_from_archive)
        if part is not None:
            parts.append(part)
        if progress is not None:
            progress(start + len(block), len(ids))
    spectra = join_spectra(parts) if parts else _no_spectra()
    return _in_order(spectra, ids)


def load_from_archive(ids: list[int], folder: Path, timeout: float) -> None:
    """Ask the Gaia Archive through astroquery, in another process; see `xpmodel.own.gaia_request`.

    Raises
    ------
    InputError
        When the archive cannot be reached, is too slow, or answers something else.
    """
    request = {"ids": ids, "timeout": timeout, "server": SERVER}
    # By its path, and without the folder it lies in among those that modules come from.
    program = [sys.executable, "-P", str(Path(__file__).with_name("gaia_request.py"))]
    try:
        done = subprocess.run(
            program,
            input=json.dumps(request),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"the Gaia Archive has not answered within {timeout:g} s: is there a network? Try "
            f"again later, or with fewer ids. {OTHERWISE}"
        ) from None
    cause = "".join(done.stderr.strip().splitlines()[-1:])[:160]
    if done.returncode == NOT_REACHED:
        raise InputError(
            f"the Gaia Archive cannot be reached ({cause}): is there a network? {OTHERWISE}"
        )
    if done.returncode:
        raise InputError(f"the Gaia Archive refuses ({cause}): try again later. {OTHERWISE}")
    # Read as they are, under the limits of all files that somebody gives.
    for answer in [path for path in folder.glob("*.zip") if path.stat().st_size]:
        if not zipfile.is_zipfile(answer):
            raise InputError(
                "the Gaia Archive answers with something else than spectra: try again later. "
                f"{OTHERWISE}"
            )
        with zipfile.ZipFile(answer) as packed:
            is_empty = not packed.namelist()
        if not is_empty:
            (folder / "spectra").mkdir(exist_ok=True)
            answer.rename(folder / "spectra" / answer.name)


def _checked(source_ids: Sequence[int] | np.ndarray) -> list[int]:
    """The ids, each once, as Python's integers."""
    ids = np.asarray(source_ids).ravel()
    if not len(ids):
        raise InputError("no ids: give some of Gaia DR3")
    if ids.dtype.kind not in "iu":
        raise InputError(f"ids must be integers of int64, not {ids.dtype}; read them as int64")
    unique = list(dict.fromkeys(ids.tolist()))
    wrong = [str(i) for i in unique if not 0 < i <= LAST_GAIA_ID]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise InputError(
            f"{', '.join(wrong[:3])}{more}: no id of Gaia DR3 (mock stars have those above "
            f"{LAST_GAIA_ID:.1e}); take it out"
        )
    if len(unique) > MAX_IDS:
        raise InputError(f"{len(unique):,} ids are more than {MAX_IDS}: fetch them in parts")
    return unique


def _fetch(ids: list[int], timeout: float, load: Load) -> Spectra | None:
    """What the archive has of some stars; None if nothing."""
    with tempfile.TemporaryDirectory(prefix="xpmodel-gaia-") as name:
        folder = Path(name)
        load(ids, folder, timeout)
        files = [path for path in sorted(folder.glob("spectra/**/*")) if path.is_file()]
        if not files:
            return None
        g_flux, labels = _read_sources(folder / "gaia_source.csv")
        with renaming(folder, NAME):
            spectra = read_usable(files, photometry=g_flux)
    return replace(spectra, labels=labels and labels.lookup(spectra.source_id))


def _read_sources(path: Path) -> tuple[PhotometryTable | None, LabelTable | None]:
    """What the main table has of the stars; the spectra do without where it is not to be had."""
    if not path.is_file():
        return None, None
    try:
        return PhotometryTable.read(path), read_labels(path)
    except InputError:
        return None, None


def _no_spectra() -> Spectra:
    nothing = np.empty((0, N_COEFFICIENTS))
    return Spectra(
        source_id=np.empty(0, np.int64),
        coefficients=nothing,
        errors=nothing,
        g_flux=np.empty(0),
        g_flux_source="",
    )


def _in_order(spectra: Spectra, ids: list[int]) -> Spectra:
    """The stars in the order of the ids, with a report of the ids rather than of rows."""
    rows = {source_id: i for i, source_id in enumerate(spectra.source_id.tolist())}
    bad = spectra.report.left_out
    reasons = dict(zip(bad["source_id"][::-1], bad["reason"][::-1], strict=True))
    missing = [i for i in ids if i not in rows]
    left_out = left_out_rows(
        NAME,
        [ids.index(i) + 1 for i in missing],
        [str(i) for i in missing],
        [reasons.get(str(i), NO_SPECTRUM) for i in missing],
    )
    chosen = spectra[np.array([rows[i] for i in ids if i in rows], np.int64)]
    return replace(chosen, report=replace(spectra.report, n_read=len(ids), left_out=left_out))
