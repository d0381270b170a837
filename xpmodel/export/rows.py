"""The rows and columns of an export, a chunk at a time, whatever the format.

`xpmodel.export.stars.write_stars` is the way in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from xpmodel._version import __version__
from xpmodel.catalog.catalog import LAST_GAIA_ID, Catalog
from xpmodel.columns import BY_NAME, describe
from xpmodel.errors import InputError
from xpmodel.export.formats import FORMATS, listed
from xpmodel.spectra.bands import BANDS, N_COEFFICIENTS

# Rows at a time. A multiple of 3, so that the base64 of a VOTable has no padding between chunks.
CHUNK_ROWS = 30_000
# Vectors of BP and RP in one, under the names of the catalog of Laroche & Speagle (2024).
VECTORS = {
    "coeffs": "XP coefficients, BP then RP",
    "coeff_errs": "standard deviations of the XP coefficients, BP then RP",
}
BASES = {
    f"{band}_n_relevant_bases": f"coefficients of {band.upper()} above their noise; 0: not known"
    for band in BANDS
}
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


class StarRows:
    """What is to be written: columns with their units, a chunk of rows at a time.

    Attributes
    ----------
    schema : pyarrow.Schema
        With ``unit`` and ``description`` among each field's metadata.
    meta : dict
        Where the stars are from.
    table : pyarrow.Table
        All columns but the coefficients.
    """

    def __init__(
        self,
        catalog: Catalog,
        rows: np.ndarray,
        table: pa.Table,
        coefficients: bool,
        truncated: bool,
        progress: Callable[[float], None] | None,
    ) -> None:
        self._spectra = catalog.spectra if coefficients else None
        self._truncated = truncated
        self._rows = rows
        self._progress = progress
        vectors = pa.list_(pa.float32(), N_COEFFICIENTS)
        fields = [*table.schema, *(pa.field(v, vectors) for v in VECTORS if coefficients)]
        self.schema = pa.schema([field.with_metadata(_about(field.name)) for field in fields])
        self.table = table
        self.meta = {
            "made_by": f"xpmodel {__version__}",
            "catalog": catalog.path.name,
            "catalog_sha256": catalog.sha256,
            "catalog_stars": len(catalog),
            "model_hash": catalog.model_hash or "unknown",
            "stars": len(rows),
            "mock_stars": int((catalog.source_id[rows] > LAST_GAIA_ID).sum()),
        }

    def __len__(self) -> int:
        return len(self._rows)

    def chunks(self) -> Iterator[pa.Table]:
        """The rows in order; at least one chunk, perhaps empty."""
        for start in range(0, max(len(self), 1), CHUNK_ROWS):
            chunk = self.table.slice(start, CHUNK_ROWS)
            columns = chunk.columns
            if self._spectra is not None:
                spectra = self._spectra[self._rows[start : start + CHUNK_ROWS]]
                spectra = spectra.truncated() if self._truncated else spectra
                columns += [
                    pa.FixedSizeListArray.from_arrays(
                        np.ascontiguousarray(v, np.float32).ravel(), v.shape[1]
                    )
                    for v in (spectra.coefficients, spectra.errors)
                ]
            yield pa.table(columns, schema=self.schema)
            if self._progress is not None:
                self._progress(min((start + CHUNK_ROWS) / max(len(self), 1), 1.0))


def _about(name: str) -> dict[str, str]:
    """The unit, in ASCII, and the description of a column."""
    if name in VECTORS:
        return {"unit": "electron s-1", "description": VECTORS[name]}
    if name in BASES:
        return {"description": BASES[name]}
    if name not in BY_NAME:
        return {"description": describe(name)} if describe(name) != name else {}
    column = BY_NAME[name]
    unit = column.unit.replace("e⁻", "electron").translate(SUPERSCRIPTS)
    return ({"unit": unit} if unit else {}) | {"description": column.description}


def with_extra(
    catalog: Catalog, table: pa.Table, rows: np.ndarray, extra: Mapping[str, np.ndarray]
) -> pa.Table:
    """Append columns of all the catalog's stars to a table of some of them.

    Raises
    ------
    InputError
        When a name is taken, or the values are not one for each star.
    """
    for name, values in extra.items():
        if name in table.column_names or name in VECTORS:
            raise InputError(f"extra column {name!r}: the stars have one of this name; rename it")
        if np.shape(values) != (len(catalog),):
            raise InputError(
                f"extra column {name!r}: its shape is {np.shape(values)}, but the catalog "
                f"{catalog.path} has {len(catalog)} stars"
            )
        try:
            table = table.append_column(name, pa.array(np.asarray(values)[rows]))
        except pa.ArrowException as error:
            raise InputError(f"extra column {name!r}: cannot be written ({error})") from None
    return table


def distinct_names(
    names: Iterable[str], plain: Callable[[str], str], key: Callable[[str], str] = str
) -> list[str]:
    """Names as a format can hold them, and numbers behind those that would be the same then.

    Parameters
    ----------
    names : iterable of str
    plain : callable
        What the format makes of a name.
    key : callable
        What two names must not have in common; `str.lower` where letter case does not count.
    """
    given: list[str] = []
    taken: set[str] = set()
    for text in names:
        name, n = plain(text), 1
        while key(name) in taken:
            n += 1
            name = f"{plain(text)}_{n}"
        taken.add(key(name))
        given.append(name)
    return given


def plain_columns(table: pa.Table, path: Path) -> pa.Table:
    """Columns as int64, float32, float64, bool or text, which every format can hold.

    Raises
    ------
    InputError
        When a column is none of these and cannot become text, or has no name.
    """
    only = listed(ending for ending, kind in FORMATS.items() if kind.any_type)
    for i, field in enumerate(table.schema):
        if not field.name.strip():
            raise InputError(
                f"{path}: column {i + 1} is named {field.name!r}, which only {only} can hold"
            )
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_integer(kind):
            plain = pa.int64()
        elif kind in (pa.float32(), pa.float64(), pa.bool_()):
            plain = kind
        else:
            plain = pa.float32() if kind in (pa.float16(), pa.null()) else pa.string()
        try:
            column = table.column(i).cast(plain)
        except pa.ArrowException:
            raise InputError(
                f"{path}: column {field.name!r} is {field.type}, which only {only} can hold"
            ) from None
        table = table.set_column(i, field.name, column)
    return table
