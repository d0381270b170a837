"""A visitor's own stars: a file of spectra, encoded, in memory.

They are looked at beside a catalog and never become part of it; `xpmodel.encode_files` makes
catalogs, of files of any size.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from xpmodel._atomic import replacing
from xpmodel.catalog.derived_columns import DERIVED
from xpmodel.catalog.positions import position_from_id
from xpmodel.columns import catalog_schema, latent_columns, noise_column, width_column
from xpmodel.errors import InputError
from xpmodel.export.text import FORMULA
from xpmodel.model.latent_noise import latent_covariance
from xpmodel.model.model import Encoded, Model
from xpmodel.spectra.photometry import g_mag_from_flux
from xpmodel.spectra.report import Report
from xpmodel.spectra.spectra import Spectra, join_spectra

# Rows of a file: more than 50 MB hold of any kind, unless they are packed. A star's correlations
# take 48 kB.
MAX_ROWS = 100_000
MAX_ROWS_CORRELATIONS = 10_000


def row_limit(with_correlations: bool) -> int:
    """How many stars a visitor may give."""
    return MAX_ROWS_CORRELATIONS if with_correlations else MAX_ROWS


@dataclass(frozen=True, eq=False)
class OwnStars:
    """N stars with their spectra and what the model says of them, in the order of their file.

    Attributes
    ----------
    name : str
        Where they are from: a file's name, or several.
    spectra : Spectra
        With labels and correlations where the file has them.
    encoded : Encoded
        mean, std, noise (N, K); chi2, chi2_obs, kl (N,).
    covariance : ndarray, (N, K, K) float64
        Of the latents by the errors of the spectra (`xpmodel.latent_covariance`).
    model_hash : str
        Of the model that encoded them.
    n_replaced : int
        Stars left away because a file that was added later has them too.
    """

    name: str
    spectra: Spectra
    encoded: Encoded
    covariance: np.ndarray
    model_hash: str
    n_replaced: int = 0

    def __len__(self) -> int:
        return len(self.spectra)

    def __str__(self) -> str:
        return "\n".join([f"{len(self)} stars of {self.name}", str(self.report), *self.notes])

    def __add__(self, later: OwnStars) -> OwnStars:
        """Add the stars of another file behind these; of a star in both the later one counts.

        Raises
        ------
        InputError
            When another model encoded them, so that their latents mean something else, or when
            both have more than 100,000 stars (10,000 if one has correlations).
        """
        if self.model_hash != later.model_hash:
            raise InputError(
                f"{later.name}: encoded by another model than {self.name}; read both again with one"
            )
        kept = ~np.isin(self.source_id, later.source_id)
        parts = [self.spectra[kept], later.spectra]
        plain = all(part.correlations is None for part in parts)
        if sum(map(len, parts)) > (limit := row_limit(not plain)):
            raise InputError(
                f"{later.name}: with those of {self.name} more than {limit:,} stars"
                f"{'' if plain else ', some with correlations'}; look at it alone, or make a "
                "catalog with 'xpmodel encode'"
            )
        encoded = {
            part.name: np.concatenate(
                [getattr(self.encoded, part.name)[kept], getattr(later.encoded, part.name)]
            )
            for part in fields(Encoded)
        }
        return OwnStars(
            " + ".join(dict.fromkeys([*self.name.split(" + "), later.name])),
            join_spectra(parts),
            Encoded(**encoded),
            np.concatenate([self.covariance[kept], later.covariance]),
            self.model_hash,
            self.n_replaced + later.n_replaced + int((~kept).sum()),
        )

    @property
    def source_id(self) -> np.ndarray:
        """Ids, (N,) int64."""
        return self.spectra.source_id

    @property
    def g_mag(self) -> np.ndarray:
        """G magnitude of the flux that the spectrum was divided by, (N,) float64."""
        return g_mag_from_flux(self.spectra.g_flux)

    @property
    def report(self) -> Report:
        """What became of the file's rows."""
        return self.spectra.report

    @property
    def n_latents(self) -> int:
        """K, the number of latents."""
        return self.encoded.mean.shape[1]

    @property
    def notes(self) -> list[str]:
        """What a user should know of them, a sentence each."""
        notes = [*self.report.remarks]
        if "synthetic" in self.spectra.g_flux_source:
            which = "some" if "+" in self.spectra.g_flux_source else f"{len(self)}"
            notes.append(f"G flux of {which} stars synthesized with GaiaXPy (Gaia_DR3_Vega)")
        if n := int((~self._placed & np.isfinite(self._columns["ra"])).sum()):
            notes.append(f"position of {n} stars from their source_id (to about an arcminute)")
        if self.n_replaced:
            notes.append(f"{self.n_replaced} stars replaced by those of a file added later")
        return notes

    def values(self, column: str) -> np.ndarray | None:
        """A column of the catalog for these stars, (N,) float64, NaN where missing.

        Latents and their errors, G, chi2, chi2_obs, kl and positions are there for every file,
        further labels where the file has them, and what `xpmodel.catalog.derived_columns` makes of
        these.

        Returns
        -------
        ndarray, or None
            None if the column is not known of any star, or is text.
        """
        if column in self._columns:
            return self._columns[column]
        needs, compute = DERIVED.get(column, ((), None))
        given = [self.values(name) for name in needs]
        if compute is None or any(values is None for values in given):
            return None
        return np.asarray(compute(*given), np.float64)

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        """The catalog's columns of numbers that are known of these stars."""
        encoded, names = self.encoded, latent_columns(self.n_latents)
        columns = dict(zip(names, encoded.mean.T, strict=True))
        columns |= dict(zip(map(width_column, names), encoded.std.T, strict=True))
        columns |= dict(zip(map(noise_column, names), encoded.noise.T, strict=True))
        columns |= {name: getattr(encoded, name) for name in ("chi2", "chi2_obs", "kl")}
        columns |= {"phot_g_mean_flux": self.spectra.g_flux, "phot_g_mean_mag": self.g_mag}
        columns |= dict(zip(("ra", "dec"), position_from_id(self.source_id), strict=True))
        labels = self._labels
        for name in ("ra", "dec"):  # half a position is none
            given = labels.pop(name, columns[name])
            columns[name] = np.where(self._placed, given, columns[name])
        mag = labels.pop("phot_g_mean_mag", self.g_mag)
        columns["phot_g_mean_mag"] = np.where(np.isnan(mag), self.g_mag, mag)
        columns = {name: np.asarray(v, np.float64) for name, v in (columns | labels).items()}
        for values in columns.values():
            values.setflags(write=False)
        return columns

    @property
    def _labels(self) -> dict[str, np.ndarray]:
        """The file's labels that are numbers and are there for one star at least."""
        table = self.spectra.labels
        if table is None:
            return {}
        return {
            name: table[name].cast(pa.float64(), safe=False).to_numpy()
            for name in table.column_names
            if table[name].null_count < len(table) and not pa.types.is_string(table[name].type)
        }

    @property
    def _placed(self) -> np.ndarray:
        """Stars, (N,) bool, of which the file has both coordinates."""
        labels, unknown = self._labels, np.full(len(self), np.nan)
        return np.isfinite(labels.get("ra", unknown) + labels.get("dec", unknown))

    def to_table(self) -> pa.Table:
        """The stars as rows of a catalog, with those of its columns that hold values.

        Behind them stand the covariances of each pair of latents, ``z1_z2_cov`` and so on: with
        the squares of ``z1_noise`` … they are the covariance matrix.
        """
        columns: dict[str, pa.Array | pa.ChunkedArray] = {"source_id": pa.array(self.source_id)}
        for name, values in self._columns.items():
            columns[name] = pa.array(values, from_pandas=True)
        if self.spectra.labels is not None and "population" in self.spectra.labels.column_names:
            columns["population"] = self.spectra.labels["population"]
        schema = catalog_schema(self.n_latents)
        kept = [
            field
            for field in schema
            if field.name in columns and columns[field.name].null_count < max(len(self), 1)
        ]
        pairs = list(itertools.combinations(range(self.n_latents), 2))
        for i, j in pairs if len(self) else ():
            field = pa.field(f"z{i + 1}_z{j + 1}_cov", pa.float32())
            columns[field.name] = pa.array(self.covariance[:, i, j], from_pandas=True)
            kept.append(field)
        return pa.table(
            {field.name: columns[field.name].cast(field.type, safe=False) for field in kept},
            schema=pa.schema(kept, {"model_hash": self.model_hash}),
        )

    def write(self, path: str | Path) -> None:
        """Write `to_table` as ``.parquet`` or ``.csv``; the file is there whole or not at all.

        In CSV missing values are empty cells, and text that a spreadsheet would run as a formula
        gets an apostrophe in front of it.

        Raises
        ------
        InputError
            When the name ends in something else, or the file cannot be written.
        """
        path, table = Path(path), self.to_table()
        if path.suffix not in (".parquet", ".csv"):
            raise InputError(f"{path}: the name must end in .parquet or .csv")
        with replacing(path) as temporary:
            if path.suffix == ".parquet":
                pq.write_table(table, temporary)
                return
            if "population" in table.column_names:
                text = table["population"]
                marked = pc.binary_join_element_wise("'", text, "")
                text = pc.if_else(pc.match_substring_regex(text, FORMULA), marked, text)
                place = table.column_names.index("population")
                table = table.set_column(place, "population", text)
            pa.csv.write_csv(table, temporary)


def encode_own(name: str, spectra: Spectra, model: Model) -> OwnStars:
    """Encode spectra that are in memory."""
    return OwnStars(
        name, spectra, model.score(spectra), latent_covariance(model, spectra), model.hash
    )
