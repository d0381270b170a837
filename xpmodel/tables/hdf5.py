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
from xpmodel.tables.arrow import CHUNK_BYTES, TooLarge, numbered_table, rows_at_once, to_arrow
from xpmodel.tables.packed import Content
from xpmodel.tables.parts import Part

if TYPE_CHECKING:
    from h5py import Dataset, File

CACHE = 1 << 20  # bytes of a dataset's chunks that HDF5 keeps unpacked, unless one needs more
CHUNK_LIMIT = CHUNK_BYTES  # HDF5 unpacks a chunk whole, whatever part of it is asked for
MAX_TABLES = 10_000
LONG_TEXT = 16 << 20  # bytes that a text of varying length is taken to have: rows may share one


def open_hdf5(content: Content) -> list[Part]:
    """Find the tables of an HDF5 file: their column names, and their rows."""
    with _opened(content.on_disk(), CACHE) as file:
        return [_part(table, content) for table in _tables(file, content.shown)]


def _part(table: Dataset, content: Content) -> Part:
    _check_storage(table, content.shown)
    # A chunk that two of ours share stays in the cache: each is unpacked once.
    cache = max(CACHE, _chunk_bytes(table))
    if cache > CHUNK_LIMIT:
        raise InputError(
            f"{content.shown}: stored in chunks of {cache >> 20} MB, more than "
            f"{CHUNK_LIMIT >> 20}; store it in smaller ones (h5repack -l CHUNK=8192)"
        )
    place, columns = table.name, list(table.dtype.names)

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        names = [columns[i] for i in positions]
        # astropy keeps the mask of a column beside it.
        masks = {name: f"{name}.mask" for name in names if f"{name}.mask" in columns}
        wanted = list({*names, *masks.values()})
        with _opened(content.on_disk(), cache) as file:
            dataset = file[place]
            fields = dataset.fields(wanted)
            file_bytes = content.on_disk().stat().st_size
            step = rows_at_once(rows, _row_bytes(dataset, wanted, file_bytes))
            for start in range(0, len(dataset), step):
                data = fields[start : start + step]
                arrays = [
                    to_arrow(data[name], data[masks[name]] if name in masks else None)
                    for name in names
                ]
                yield numbered_table(arrays), (start + len(data)) / len(dataset)

    return Part(place, columns, len(table), chunks)


@contextmanager
def _opened(path: Path, cache: int) -> Iterator[File]:
    """Open a file; what HDF5 cannot read is an OSError."""
    import h5py

    try:
        with h5py.File(path, "r", rdcc_nbytes=cache) as file:
            yield file
    except (InputError, TooLarge):
        raise
    except Exception as error:  # a damaged file makes h5py raise all kinds
        raise OSError(str(error)) from error


def _tables(file: File, shown: str) -> list[Dataset]:
    import h5py

    found: list[Dataset] = []
    others: list[str] = []

    def visit(name: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if item.ndim == 1 and item.dtype.names:
            found.append(item)
        else:
            others.append(name)
        if len(found) > MAX_TABLES:
            raise InputError(f"{shown}: has more than {MAX_TABLES:,} tables; save one alone")

    # Soft and external links may lead out of the file; the visit follows neither, and takes what
    # has several names once.
    file.visititems(visit)
    if not found:
        named = f"it has {', '.join(name[:80] for name in others[:5])}" if others else "it is empty"
        raise InputError(
            f"{shown}: no table in this HDF5 file (a compound dataset; {named}); give another"
        )
    return found


def _check_storage(table: Dataset, shown: str) -> None:
    """Refuse what lies elsewhere, cannot be unpacked, or was never written."""
    import h5py

    if table.external or table.is_virtual:
        raise InputError(f"{shown}: its data lie in another file; save it with the data inside")
    filters = table.id.get_create_plist()
    for i in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            raise InputError(
                f"{shown}: compressed with {name.decode('utf-8', 'replace') or code}, which h5py "
                "cannot unpack here; save it with gzip or uncompressed"
            )
    # Rows that no bytes stand for would be made up, as many as the file likes.
    if table.chunks:
        written = table.id.get_num_chunks() * table.chunks[0]
    else:
        written = table.id.get_storage_size() // table.dtype.itemsize
    if written < len(table):
        raise InputError(
            f"{shown}: holds only {written:,} of the {len(table):,} rows that {table.name} says it "
            "has; save it again"
        )


def _row_bytes(dataset: Dataset, names: list[str], file_bytes: int) -> int:
    """What a row of some columns may take; a text of varying length lies elsewhere in the file."""
    kinds = [dataset.dtype[name] for name in names]
    return sum(k.itemsize + (min(file_bytes, LONG_TEXT) if k.hasobject else 0) for k in kinds)


def _chunk_bytes(dataset: Dataset) -> int:
    return dataset.chunks[0] * dataset.dtype.itemsize if dataset.chunks else 0
