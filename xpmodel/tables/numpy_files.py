"""NumPy's own files, ``.npy`` and ``.npz``: what their headers ask for is checked before it is."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from xpmodel.errors import InputError
from xpmodel.tables.archives import check_directory
from xpmodel.tables.packed import unpacked_limit

# What arrays of strangers may hold: the whole of the published catalog, twice.
MAX_NUMBERS = 400_000_000
HEADER_LIMIT = 1 << 16  # bytes; that of an array of numbers has 128


def read_array(path: str | Path) -> np.ndarray:
    """One array of numbers out of a ``.npy`` file, mapped from it; never an object.

    Raises
    ------
    InputError
        When the file is something else, or not as long as its header says.
    """
    path = Path(path)
    try:
        _check_is_file(path)
        with open(path, "rb") as stream:
            _check_header(stream, path.stat().st_size, path, "the array")
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise InputError(f"{path}: not a .npy file of numbers ({_cause(error)})") from None


def read_arrays(
    path: str | Path, keys: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Named arrays of numbers out of a ``.npz`` file; the optional ones where it has them.

    Raises
    ------
    InputError
        When the file is something else, lacks a key, or an array is larger than are read.
    """
    path = Path(path)
    try:
        _check_is_file(path)
        check_directory(path, str(path))
        with zipfile.ZipFile(path) as file:
            members = {info.filename.removesuffix(".npy"): info for info in file.infolist()}
            missing = [key for key in keys if key not in members]
            if missing:
                names = ", ".join(name[:80] for name in members) or "nothing"
                raise InputError(f"{path}: no {', '.join(missing)}; it has {names[:400]}")
            wanted = [*keys, *(key for key in optional if key in members)]
            limit = unpacked_limit(path.stat().st_size)
            arrays = {}
            for key in wanted:
                size = members[key].file_size
                if size > limit or size > 8 * MAX_NUMBERS + HEADER_LIMIT:
                    raise InputError(f"{path}: {key} has {size >> 20:,} MB, more than are read")
                with file.open(members[key]) as member:
                    _check_header(member, size, path, key)
                with file.open(members[key]) as member:
                    arrays[key] = npy.read_array(member, allow_pickle=False)
            return arrays
    except InputError:
        raise
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, NotImplementedError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        raise InputError(f"{path}: not a .npz file of numbers ({_cause(error)})") from None


def _check_is_file(path: Path) -> None:
    """A pipe would be waited for."""
    if not path.is_file():
        raise OSError("no such file")


def _check_header(stream: IO[bytes], size: int, path: Path, name: str) -> None:
    """Refuse an array that is not of numbers, too large, or not as long as its header says."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):  # later ones are of columns with names
        raise ValueError(f"version {version[0]}.{version[1]} of the format")
    field = stream.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(field, "little")
    if length > HEADER_LIMIT:
        raise ValueError(f"a header of {length:,} bytes")
    header = io.BytesIO(field + stream.read(length))
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(header)
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects, which could run code")
    if dtype.kind not in "iuf":
        raise InputError(f"{path}: {name} is {dtype}, expected numbers")
    n_numbers = math.prod(shape)
    if min(shape, default=0) < 0 or n_numbers > MAX_NUMBERS:
        raise InputError(f"{path}: {name} has {n_numbers:,} numbers, more than are read")
    there = size - npy.MAGIC_LEN - len(field) - length
    if n_numbers * dtype.itemsize != there:
        raise InputError(
            f"{path}: {name} should have {n_numbers * dtype.itemsize:,} bytes by its header, and "
            f"has {there:,}; save it again"
        )


def _cause(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
