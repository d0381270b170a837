"""A catalog: ids, latents and labels in Parquet, the spectra beside it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xpmodel._atomic import sha256_file
from xpmodel.catalog.checks import check_columns, check_ids, is_text, read_metadata, split_of
from xpmodel.catalog.derived_columns import DERIVED
from xpmodel.catalog.label_relations import giant_mask
from xpmodel.catalog.spectra_store import SpectraStore, spectra_path
from xpmodel.columns import is_latent, latent_columns
from xpmodel.errors import InputError
from xpmodel.spectra.train_test_split import train_test_rows

FORMAT = "xpmodel-catalog"
# Key of our JSON among the Parquet file's metadata.
METADATA_KEY = b"xpmodel"
# Mock stars have ids above this, which no Gaia source has.
LAST_GAIA_ID = 9_000_000_000_000_000_000
# A latent whose KL over the catalog is at most this [nat] follows the prior: inactive.
ACTIVE_KL = 0.01


def left_out_path(path: str | Path) -> Path:
    """Where the rows that an encoding left out are listed."""
    return Path(path).with_suffix(".left_out.csv")


class Catalog:
    """An opened catalog. Columns are read when first asked for, and kept.

    Parameters
    ----------
    path : path
        The Parquet file that ``xpmodel encode`` wrote.

    Attributes
    ----------
    path : Path
    metadata : dict
        How the catalog was made: model, sources, what was left out.
    columns : list of str
        Names of all columns.
    n_latents : int

    Raises
    ------
    InputError
        When the file is missing, damaged, or no catalog.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise InputError(f"{path}: a folder; give the catalog's Parquet file")
        try:
            self._bytes = pa.memory_map(str(self.path))
            self._file = pq.ParquetFile(self._bytes)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
        except pa.ArrowInvalid as error:
            raise InputError(f"{path}: not a whole Parquet file ({error})") from None
        self.columns = self._file.schema_arrow.names
        check_columns(self._file.schema_arrow, self.path)
        said = (self._file.metadata.metadata or {}).get(METADATA_KEY, b"{}")
        self.metadata: dict[str, Any] = read_metadata(said, self.path)
        check_ids(self.table(["source_id"]).column(0), self.path)
        self.n_latents = sum(map(is_latent, self.columns))
        self._loaded: dict[str, np.ndarray] = {}
        self._spans: dict[tuple[str, float, float], tuple[float, float]] = {}

    def __len__(self) -> int:
        return self._file.metadata.num_rows

    def __getitem__(self, name: str) -> np.ndarray:
        """One column of the file or derived from it, (N,).

        NaN where missing (flags with missing values become float64).
        """
        if name not in self._loaded:
            if name in self.derived:
                needs, compute = DERIVED[name]
                with np.errstate(all="ignore"):  # what cannot be computed is NaN
                    values = compute(*(self[column] for column in needs))
            else:
                column = self.table([name]).column(0)
                if pa.types.is_dictionary(column.type):  # whose gaps numpy would get filled
                    column = column.cast(column.type.value_type)
                elif pa.types.is_null(column.type):  # of which numpy would make objects
                    column = column.cast(pa.float32())
                values = column.to_numpy()
                if pa.types.is_floating(column.type):
                    values = np.ascontiguousarray(values, column.type.to_pandas_dtype())
            values.setflags(write=False)
            self._loaded[name] = values
        return self._loaded[name]

    def numbers(self, name: str) -> np.ndarray:
        """One column, (N,), that must be of numbers.

        Raises
        ------
        InputError
            When it is not there, or of text.
        """
        values = self[name]
        if values.dtype.kind not in "iuf":
            raise InputError(f"{self.path}: column {name!r} holds no numbers")
        return values

    def table(self, names: list[str] | None = None, mask: np.ndarray | None = None) -> pa.Table:
        """Columns as they are in the file (default: all that hold values), of some stars.

        Parameters
        ----------
        names : list of str, optional
        mask : ndarray, (N,) bool, optional

        Raises
        ------
        InputError
            When a column is not there.
        """
        names = self.filled if names is None else names
        for name in names:
            if name not in self.columns:
                known = ", ".join(self.columns)
                raise InputError(f"{self.path}: no column {name!r}; it has {known}")
        try:
            table = self._reader().read(columns=names)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{self.path}: damaged ({error}); make the catalog again") from None
        # To Parquet "teff" is also the beginning of "teff.raw", and its own order counts.
        table = table.select(names)
        return (table if mask is None else table.filter(pa.array(mask))).replace_schema_metadata()

    def _reader(self) -> pq.ParquetFile:
        """A reader for one call: two threads that share one make it fail, crash or hang.

        All readers read the bytes that were opened, though the name may be another file's by now.
        """
        return pq.ParquetFile(self._bytes, metadata=self._file.metadata)

    @property
    def source_id(self) -> np.ndarray:
        """Ids, (N,) int64."""
        return self["source_id"]

    @property
    def latents(self) -> list[str]:
        """Names of the latents' columns: ``z1 … zK``."""
        return latent_columns(self.n_latents)

    @cached_property
    def kl(self) -> np.ndarray:
        """Mean KL divergence from the prior of each latent over the catalog [nat], (K,).

        Stars whose spectrum the network cannot take, with latents NaN, do not count. Infinite
        where all standard deviations are 0: for the latents of an autoencoder.
        """
        # As `xpmodel.model.network.posterior_kl`, without PyTorch, whose import takes longer than
        # all that most commands do with a catalog.
        means = []
        for z in self.latents:
            mean, std = (self[name].astype(np.float64) for name in (z, f"{z}_err"))
            with np.errstate(divide="ignore", invalid="ignore"):
                kl = 0.5 * (mean**2 + std**2 - 1.0) - np.log(std)
            finite = kl[np.isfinite(kl)]
            if len(finite):
                means.append(finite.mean())
            else:
                means.append(np.inf if np.isposinf(kl).any() else np.nan)
        return np.array(means)

    @cached_property
    def active(self) -> list[str]:
        """Latents that carry information: those with a KL above 0.01 nat."""
        return [z for z, kl in zip(self.latents, self.kl, strict=True) if kl > ACTIVE_KL]

    @cached_property
    def filled(self) -> list[str]:
        """Columns that hold at least one value, by the null counts that Parquet keeps."""
        groups = [self._file.metadata.row_group(i) for i in range(self._file.num_row_groups)]

        def is_empty(chunk: pq.ColumnChunkMetaData) -> bool:
            stats = chunk.statistics
            return bool(stats and stats.has_null_count and stats.null_count == chunk.num_values)

        # Parquet counts the parts of a nested column, which a user may have added, one by one.
        parts = [self._file.schema.column(i).path for i in range(len(self._file.schema))]
        empty = {p for i, p in enumerate(parts) if all(is_empty(g.column(i)) for g in groups)}
        empty |= {field.name for field in self._file.schema_arrow if pa.types.is_null(field.type)}
        return [name for name in self.columns if name not in empty]

    @cached_property
    def derived(self) -> list[str]:
        """Columns that the file lacks and that follow from those it has."""
        filled = set(self.filled)
        return [n for n, (needs, _) in DERIVED.items() if n not in filled and filled >= set(needs)]

    @cached_property
    def numeric(self) -> list[str]:
        """Numeric columns with values, ids apart: what can be an axis or a color."""
        tests = (pa.types.is_floating, pa.types.is_integer)
        columns = [name for name in self._of_type(*tests) if name != "source_id"]
        return [*columns, *self.derived]

    @cached_property
    def categorical(self) -> list[str]:
        """Columns of text with values, such as a population."""
        return self._of_type(is_text)

    def _of_type(self, *tests: Callable[[pa.DataType], bool]) -> list[str]:
        schema = self._file.schema_arrow
        return [n for n in self.filled if any(test(schema.field(n).type) for test in tests)]

    @cached_property
    def n_mock(self) -> int:
        """Number of mock stars: no Gaia source has an id as large as theirs."""
        return int(np.count_nonzero(self.source_id > LAST_GAIA_ID))

    @property
    def model_hash(self) -> str | None:
        """Hash of the model that made the latents, if the catalog says it."""
        model = self.metadata.get("model")
        return model.get("hash") if isinstance(model, dict) else None

    @property
    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of training and of test stars, (M,) and (T,) int64.

        By the split that its metadata name, else the released one.

        Raises
        ------
        InputError
            When there are too few stars to be split.
        """
        fraction, seed = split_of(self.metadata, self.path)
        try:
            return train_test_rows(len(self), fraction, seed)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None

    @cached_property
    def placed(self) -> np.ndarray:
        """Whether the latents of a star that count are all finite, (N,) bool.

        The active ones count; all, where none is active.
        """
        return np.logical_and.reduce([np.isfinite(self[z]) for z in self.active or self.latents])

    @cached_property
    def sha256(self) -> str:
        """Sha256 of the Parquet file: what a selection's recipe refers to."""
        return sha256_file(self.path)

    def span(self, name: str, low: float = 0.1, high: float = 99.9) -> tuple[float, float]:
        """Percentiles of a column's finite values, found once."""
        key = (name, low, high)
        if key not in self._spans:
            values = self[name]
            values = values[np.isfinite(values)]
            ends = np.percentile(values, [low, high]) if len(values) else [np.nan, np.nan]
            self._spans[key] = (float(ends[0]), float(ends[1]))
        return self._spans[key]

    @cached_property
    def default_axes(self) -> tuple[str, str]:
        """The pair of active latents to look at first.

        Where labels exist, the pair in which a straight line separates dwarfs from giants
        best (`xpmodel.catalog.label_relations.giant_mask`; balanced accuracy of a linear
        discriminant); else the two latents with the largest KL.
        """
        order = np.argsort(-self.kl)
        by_kl = [self.latents[i] for i in order]
        candidates = self.active if len(self.active) >= 2 else by_kl[:2]
        if len(candidates) < 2:
            return (self.latents[0], self.latents[0])
        if {"teff", "logg"} <= set(self.columns):
            teff, logg = self["teff"], self["logg"]
            known = np.all(np.isfinite([teff, logg, *(self[z] for z in candidates)]), axis=0)
            giant = giant_mask(teff, logg)[known]
            if min(giant.sum(), (~giant).sum()) >= 10:
                pairs = itertools.combinations(candidates, 2)
                return max(pairs, key=lambda pair: self._separation(pair, known, giant))
        return tuple(sorted(by_kl[:2], key=self.latents.index))

    def _separation(self, pair: tuple[str, str], known: np.ndarray, giant: np.ndarray) -> float:
        """Balanced accuracy of Fisher's linear discriminant between dwarfs and giants.

        scikit-learn's takes a second to import, which the page's first visitor would wait for.
        """
        z = np.stack([self[name][known] for name in pair], axis=1).astype(np.float64)
        groups = (z[giant], z[~giant])
        within = sum(np.cov(g, rowvar=False) for g in groups)
        a, b = (g.mean(axis=0) for g in groups)
        normal = np.linalg.pinv(within) @ (a - b)
        score = (z - 0.5 * (a + b)) @ normal
        return 0.5 * ((score[giant] > 0).mean() + (score[~giant] <= 0).mean())

    @cached_property
    def spectra(self) -> SpectraStore:
        """The spectra beside the catalog, in its row order.

        Raises
        ------
        InputError
            When they are missing or belong to another catalog.
        """
        store = SpectraStore(spectra_path(self.path))
        if not np.array_equal(store.source_id, self.source_id):
            raise InputError(
                f"{store.path}: not the spectra of {self.path.name} (other stars, or in another "
                "order); encode again, or put the file back that was made with it"
            )
        return store

    @cached_property
    def has_spectra(self) -> bool:
        """Whether its own spectra lie beside it."""
        try:
            return len(self.spectra) == len(self)
        except InputError:
            return False


def check_model(catalog: Catalog, model_hash: str) -> None:
    """Refuse a model that did not make the catalog's latents, as far as the catalog says.

    Parameters
    ----------
    catalog : Catalog
    model_hash : str
        `xpmodel.Model.hash`.

    Raises
    ------
    InputError
        When the catalog names another one.
    """
    if catalog.model_hash not in (None, model_hash):
        raise InputError(
            f"{catalog.path}: was made by another model ({catalog.model_hash[:12]}…) than this "
            f"({model_hash[:12]}…); give the model that encoded it, or encode again with this one"
        )


def open_catalog(path: str | Path) -> Catalog:
    """Open a catalog that ``xpmodel encode`` wrote.

    Raises
    ------
    InputError
        When the file is missing, damaged, or no catalog.
    """
    return Catalog(path)
