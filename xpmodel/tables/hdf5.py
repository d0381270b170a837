"""HDF5 files as chunks of Arrow columns: a table is one compound dataset, as astropy writes it.

`xpmodel.tables.reader.open_table` is the way in; it turns the OSError of a damaged file into an
InputError that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.tables.arrow import ChunkSource, numbered_table, to_arrow

if TYPE_CHECKING:
    from h5py import Dataset, File

TABLE = "__astropy_table__"
"""Where astropy puts a table that was given no other path."""

CACHE = 1 << 20  # bytes of a dataset's chunks that HDF5 keeps unpacked, unless one needs more
CHUNK_LIMIT = 512 << 20  # bytes; HDF5 unpacks a chunk whole, whatever part of it is asked for


def open_hdf5(path: Path, gzipped: bool) -> tuple[list[str], ChunkSource]:
    """Find the table of an HDF5 file: its column names, and its rows."""

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        names = [columns[i] for i in positions]
        # astropy keeps the mask of a column beside it.
        masks = {name: f"{name}.mask" for name in names if f"{name}.mask" in columns}
        with _dataset(path, cache) as dataset:
            fields = dataset.fields(list({*names, *masks.values()}))
            for start in range(0, len(dataset), rows):
                data = fields[start : start + rows]
                arrays = [
                    to_arrow(data[name], data[masks[name]] if name in masks else None)
                    for name in names
                ]
                yield numbered_table(arrays), (start + len(data)) / len(dataset)

    with _dataset(path, CACHE) as dataset:
        columns = list(dataset.dtype.names)
        # A chunk that two of ours share stays in the cache: each is unpacked once.
        cache = max(CACHE, _chunk_bytes(dataset))
        if cache > CHUNK_LIMIT:
            raise InputError(
                f"{path}: stored in chunks of {cache >> 20} MB, more than {CHUNK_LIMIT >> 20}; "
                "store it in smaller ones (h5repack -l CHUNK=8192)"
            )
    return columns, chunks


@contextmanager
def _dataset(path: Path, cache: int) -> Iterator[Dataset]:
    """Open the table of a file; what HDF5 cannot read is an OSError."""
    import h5py

    try:
        with h5py.File(path, "r", rdcc_nbytes=cache) as file:
            yield _only_table(file, path)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes h5py raise all kinds
        raise OSError(str(error)) from error


def _only_table(file: File, path: Path) -> Dataset:
    import h5py

    def is_table(item: object) -> bool:
        return isinstance(item, h5py.Dataset) and item.ndim == 1 and bool(item.dtype.names)

    # Soft and external links may lead out of the file; neither is followed, here or by the visit.
    links = file.id.links
    is_here = links.exists(TABLE.encode()) and (
        links.get_info(TABLE.encode()).type == h5py.h5l.TYPE_HARD
    )
    if is_here and is_table(file[TABLE]):
        table = file[TABLE]
    else:
        found: list[Dataset] = []
        file.visititems(lambda _, item: found.append(item) if is_table(item) else None)
        if not found:
            raise InputError(
                f"{path}: no table in this HDF5 file (a compound dataset); give another"
            )
        if len(found) > 1:
            names = ", ".join(item.name for item in found[:5])
            raise InputError(
                f"{path}: {len(found)} tables in this HDF5 file ({names}); save one alone"
            )
        (table,) = found
    if table.external or table.is_virtual:
        raise InputError(f"{path}: its data lie in another file; save it with the data inside")
    filters = table.id.get_create_plist()
    for i in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            raise InputError(
                f"{path}: compressed with {name.decode() or code}, which h5py cannot unpack here; "
                "save it with gzip or uncompressed"
            )
    return table


def _chunk_bytes(dataset: Dataset) -> int:
    return dataset.chunks[0] * dataset.dtype.itemsize if dataset.chunks else 0
