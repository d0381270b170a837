"""Sources of a selection beside outlines and filters: ids, track bins, nearest stars, outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import is_latent, latent_columns, width_column
from xpmodel.errors import InputError
from xpmodel.selection.region_probability import columns_of_errors, region_probability
from xpmodel.selection.regions import Region
from xpmodel.tracks.bins import Bin

MAX_NEAREST = 100_000


class Source(Protocol):
    """What names stars: a region, a filter, a track's bin, ids, other sets."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        ...

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars that it names, (N,) bool."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps of it."""
        ...


@dataclass(frozen=True)
class Ids:
    """Stars by their ids.

    Attributes
    ----------
    source_id : tuple of int
        Ids; those that a catalog does not have name no star there.
    """

    source_id: tuple[int, ...]
    needs = ()

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars with these ids, (N,) bool."""
        return np.isin(catalog.source_id, np.array(self.source_id, dtype=np.int64))

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps: ids as text, since other programs' numbers may not hold them."""
        return {"kind": "ids", "source_id": [str(i) for i in self.source_id]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Ids:
        """The ids that a recipe keeps.

        Raises
        ------
        InputError
            When one is no whole number of 64 bits.
        """
        if not isinstance(content["source_id"], list):
            raise InputError("the ids must be a list")
        ids = []
        for text in content["source_id"]:
            if not str(text).isdecimal() or int(text) >= 2**63:
                raise InputError(f"{str(text)[:40]!r} is no source_id")
            ids.append(int(text))
        return cls(tuple(ids))


@dataclass(frozen=True)
class TrackBin:
    """The stars of one bin of a track.

    Attributes
    ----------
    name : str
        Of the track and the bin, for a reader.
    bin : Bin
    """

    name: str
    bin: Bin

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return self.bin.columns

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars of the bin, (N,) bool."""
        return self.bin.contains(catalog)

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        return {"kind": "bin", "name": self.name, "bin": self.bin.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TrackBin:
        """The bin that a recipe keeps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        return cls(str(content["name"]), Bin.from_json(content["bin"]))


@dataclass(frozen=True)
class NearestStars:
    """The stars nearest to a point in latent space (`xpmodel.latent.neighbours.Neighbours`).

    Attributes
    ----------
    z : tuple of float, (K,)
    k : int
        How many: 1 to 100,000.
    exclude : int, optional
        The source_id of a star to leave out: the one that the point is.

    Raises
    ------
    InputError
        When z is not finite, or k out of its bounds.
    """

    z: tuple[float, ...]
    k: int
    exclude: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MAX_NEAREST:
            raise InputError(f"the nearest {self.k} stars: 1 to {MAX_NEAREST:,} can be asked for")
        if not self.z or not np.isfinite(self.z).all():
            raise InputError("the point whose nearest stars are wanted must be finite")

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return tuple(latent_columns(len(self.z)))

    def mask(self, catalog: Catalog) -> np.ndarray:
        """These stars, (N,) bool."""
        from xpmodel.latent.neighbours import (
            neighbours_of,  # imports PyTorch, which most do not need
        )

        row = None
        if self.exclude is not None:
            found = np.flatnonzero(catalog.source_id == self.exclude)
            row = int(found[0]) if len(found) else None
        mask = np.zeros(len(catalog), dtype=bool)
        mask[neighbours_of(catalog).nearest(self.z, self.k, row).rows] = True
        return mask

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        exclude = None if self.exclude is None else str(self.exclude)
        return {"kind": "nearest", "z": list(self.z), "k": self.k, "exclude": exclude}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> NearestStars:
        """The same from what a recipe keeps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        exclude = content.get("exclude")
        if exclude is not None:
            (exclude,) = Ids.from_json({"source_id": [exclude]}).source_id
        return cls(tuple(float(v) for v in content["z"]), int(content["k"]), exclude)


@dataclass(frozen=True)
class Outliers:
    """The oddest stars of the catalog (`xpmodel.diagnostics.outliers.score_outliers`).

    Attributes
    ----------
    k : int
        How many; all that have a score, where there are fewer.

    Raises
    ------
    InputError
        When k is below 1.
    """

    k: int
    needs = ()

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"the oddest {self.k} stars: at least 1 can be asked for")

    def mask(self, catalog: Catalog) -> np.ndarray:
        """These stars, (N,) bool."""
        from xpmodel.diagnostics.outliers import outliers_of

        mask = np.zeros(len(catalog), dtype=bool)
        mask[outliers_of(catalog).ranked[: self.k]] = True
        return mask

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        return {"kind": "outliers", "k": self.k}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Outliers:
        """The same from what a recipe keeps.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        return cls(int(content["k"]))


@dataclass(frozen=True)
class AllStars:
    """Every star of the catalog."""

    needs = ()

    def mask(self, catalog: Catalog) -> np.ndarray:
        """All, (N,) bool."""
        return np.ones(len(catalog), dtype=bool)

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        return {"kind": "all"}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> AllStars:
        """The same."""
        return cls()


@dataclass(frozen=True)
class Probable:
    """Stars that lie inside an outline with some probability, given their errors.

    Attributes
    ----------
    region : Region
        In two columns of which the catalog has the standard deviations.
    least : float
        The least probability, above 0 and at most 1.
    errors : tuple of str or None, (2,)
        The columns of the errors. None: the best that the catalog has
        (`xpmodel.selection.region_probability.columns_of_errors`).
    """

    region: Region
    least: float
    errors: tuple[str | None, str | None] = (None, None)

    @classmethod
    def by_errors_of(cls, catalog: Catalog, region: Region, least: float) -> Probable:
        """The same with the columns of errors named that the catalog has."""
        return cls(region, least, columns_of_errors(region, catalog))

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise InputError(f"a least probability is above 0 and at most 1, not {self.least}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalog's columns that it needs."""
        return (*self.region.needs, *(name for name in self.errors if name is not None))

    def probability(self, catalog: Catalog) -> np.ndarray:
        """Each star's probability to lie inside, (N,) float32; NaN where an error is unknown."""
        return region_probability(self.region, catalog, self.errors)

    def mask(self, catalog: Catalog) -> np.ndarray:
        """The stars of at least this probability, (N,) bool."""
        return self.probability(catalog) >= self.least

    def to_json(self) -> dict[str, Any]:
        """What a recipe keeps."""
        return {
            "kind": "probable",
            "least": float(self.least),
            "region": self.region.to_json(),
            "errors": list(self.errors),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Probable:
        """The same from what a recipe keeps.

        One without ``errors`` is of a version that knew no noise of latents: it took the widths
        of their posteriors, and so does this.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            When it is none.
        """
        region = Region.from_json(content["region"])
        given = content.get("errors", [width_column(n) if is_latent(n) else None
                                       for n in region.columns])  # fmt: skip
        if (
            not isinstance(given, list)
            or len(given) != 2
            or not all(name is None or isinstance(name, str) for name in given)
        ):
            raise InputError("the errors of a probability must be the names of two columns")
        return cls(region, float(content["least"]), (given[0], given[1]))
