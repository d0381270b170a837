"""Files of spectra that a visitor gives: their sizes checked, then read and encoded."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.own.stars import OwnStars, encode_own, row_limit
from xpmodel.spectra.photometry import PhotometryTable
from xpmodel.spectra.spectra import NoUsableRows, Spectra, iter_spectra, join_spectra
from xpmodel.tables.packed import given_name
from xpmodel.tables.sizes import unpacked_bytes

MAX_BYTES = 50 * 2**20
# What a file may grow to when it is unpacked, as a multiple of the bytes that it may have. Archive
# rows of text shrink to about 0.4 by gzip.
UNPACKED = 8
CHUNK_ROWS = 1024


def read_own(
    path: str | Path,
    model: Model,
    *,
    name: str | None = None,
    photometry: str | Path | PhotometryTable | None = None,
    max_bytes: int = MAX_BYTES,
) -> OwnStars:
    """Read a file of XP spectra and encode it.

    Parameters
    ----------
    path : path
        One file, in any format of `xpmodel.read_spectra`, told by its content.
    model : Model
    name : str, optional
        What to call the file in errors and in the report, where it lies under another name; see
        `given_name`.
    photometry : path or PhotometryTable, optional
        G by source_id, as for `xpmodel.read_spectra`.
    max_bytes : int
        Of the file. Unpacked it may have 8 times as many.

    Returns
    -------
    OwnStars
        With no stars if no row is usable: `OwnStars.report` says of each row why.

    Raises
    ------
    InputError
        When the file is no table of spectra, has no rows, more than 100,000 rows (10,000 with
        correlations), or is larger than `max_bytes`.
    """
    path = Path(path)
    shown = str(path) if name is None else given_name(name)
    with renaming(path, shown):
        if not path.is_file():
            raise InputError(f"{path}: no such file; check the path")
        _check_size(path, max_bytes)
        spectra = read_usable([path], photometry=photometry)
    report = replace(
        spectra.report,
        left_out=spectra.report.left_out.assign(file=shown),
        remarks=[remark.replace(str(path), shown) for remark in spectra.report.remarks],
    )
    return encode_own(Path(shown).name, replace(spectra, report=report), model)


def read_own_bytes(
    name: str,
    content: bytes,
    model: Model,
    *,
    photometry: str | Path | PhotometryTable | None = None,
    max_bytes: int = MAX_BYTES,
) -> OwnStars:
    """Read a file as a browser sends it: its name and its content.

    The name is only shown. The content lies in a temporary folder, under a name of ours, while
    it is read; its format is told by its first bytes.

    Parameters, result and errors are those of `read_own`.
    """
    if len(content) > max_bytes:  # before it takes up the disk
        raise _too_large(given_name(name), len(content), max_bytes)
    with tempfile.TemporaryDirectory(prefix="xpmodel-own-") as folder:
        path = Path(folder) / "given"
        path.write_bytes(content)
        return read_own(path, model, name=name, photometry=photometry, max_bytes=max_bytes)


def read_usable(
    files: list[Path], *, photometry: str | Path | PhotometryTable | None = None
) -> Spectra:
    """Read spectra with all that their files have: correlations, labels.

    Returns
    -------
    Spectra
        With no stars, but the report, if no row is usable.

    Raises
    ------
    InputError
        When a file cannot be used, has no rows, or more than 100,000 (10,000 with correlations).
    """
    chunks, n_rows = [], 0
    try:
        for chunk, _ in iter_spectra(
            files, photometry=photometry, correlations=None, labels=True, chunk_rows=CHUNK_ROWS
        ):
            n_rows += chunk.report.n_read
            limit = row_limit(chunk.correlations is not None)
            if n_rows > limit:
                kind = "rows" if chunk.correlations is None else "rows with correlations"
                raise InputError(
                    f"{files[0]}: more than {limit:,} {kind}; make a catalog of it "
                    "with 'xpmodel encode'"
                )
            chunks.append(chunk)
    except NoUsableRows:
        if not n_rows:
            raise
    return join_spectra(chunks)


@contextlib.contextmanager
def renaming(path: Path, name: str) -> Iterator[None]:
    """Put a name in the place of a path in the InputErrors of a block."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(str(path), name)) from None


def _check_size(path: Path, max_bytes: int) -> None:
    """Refuse what is too large, packed or unpacked, before any of it is parsed."""
    size = path.stat().st_size
    if size > max_bytes:
        raise _too_large(path, size, max_bytes)
    limit = UNPACKED * max_bytes
    if unpacked_bytes(path, limit) > limit:
        raise InputError(
            f"{path}: unpacks to more than {limit / 2**20:,.0f} MB; give it in parts, or make "
            "a catalog of it with 'xpmodel encode'"
        )


def _too_large(name: str | Path, size: int, max_bytes: int) -> InputError:
    return InputError(
        f"{name}: has {size / 2**20:,.1f} MB, more than {max_bytes / 2**20:,.4g}; give it in "
        "parts, or make a catalog of it with 'xpmodel encode'"
    )
