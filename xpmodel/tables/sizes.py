"""How large a file is when it is unpacked, before anything of it is parsed."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa

from xpmodel.tables.archives import check_directory
from xpmodel.tables.arrow import TooLarge
from xpmodel.tables.packed import BLOCK, UNPACKING_ERRORS, Content
from xpmodel.tables.parquet import opened_parquet


def unpacked_bytes(path: Path, limit: int) -> int:
    """About how many bytes a file makes unpacked; counting ends beyond a limit.

    What is damaged counts as far as it can be read: the reader will say what is wrong with it.
    HDF5 is read in chunks that `xpmodel.tables.hdf5` limits.
    """
    try:
        return _unpacked_bytes(path, limit)
    except TooLarge:
        return limit + 1
    except (*UNPACKING_ERRORS, pa.ArrowException, zipfile.BadZipFile, tarfile.TarError):
        return path.stat().st_size


def _unpacked_bytes(path: Path, limit: int) -> int:
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic == b"PAR1":
        with opened_parquet(path) as parquet:
            groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
        return sum(8 * g.column(i).num_values for g in groups for i in range(g.num_columns))
    if magic == b"PK\x03\x04":
        check_directory(path, str(path))
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist())
    content = Content(path, str(path))
    if content.packing is None:
        return path.stat().st_size
    total = 0
    with content.open() as stream:
        while total <= limit and (block := stream.read(BLOCK)):
            total += len(block)
    return total
