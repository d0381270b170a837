"""What the page shows: the catalog and the model, opened once for all visits."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpmodel import Catalog, InputError, Model, Wavelengths, load_model, open_catalog
from xpmodel.catalog import spectra_path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_CATALOG = ROOT / "data/build/catalog.parquet"
DEFAULT_MODEL = ROOT / "data/build/model"


@dataclass(frozen=True)
class Sources:
    """Where catalog and model lie, as `panel serve app` was told."""

    catalog: Path
    model: Path

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Sources:
        """From ``--catalog``, ``--model``, else XPMODEL_CATALOG, XPMODEL_MODEL, else data/build.

        Raises
        ------
        InputError
            When there are other arguments.
        """
        parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
        parser.add_argument("--catalog", default=environment.get("XPMODEL_CATALOG"))
        parser.add_argument("--model", default=environment.get("XPMODEL_MODEL"))
        try:
            options, unknown = parser.parse_known_args(arguments)
        except argparse.ArgumentError as error:
            raise InputError(f"panel serve app --args: {error}") from None
        if unknown:
            raise InputError(
                f"panel serve app --args: {unknown[0]} is unknown; it takes --catalog and --model"
            )
        return cls(Path(options.catalog or DEFAULT_CATALOG), Path(options.model or DEFAULT_MODEL))


@dataclass(frozen=True)
class Opened:
    """What could be opened, and what the visitor should know about the rest.

    Attributes
    ----------
    catalog : Catalog or None
    model : Model or None
        None where there is none, or it is not the one that made the catalog.
    problems : list of str
    """

    catalog: Catalog | None
    model: Model | None
    problems: tuple[str, ...]


def open_sources(sources: Sources) -> Opened:
    """Open catalog and model; what cannot be opened becomes a sentence for the page."""
    problems: list[str] = []
    catalog = model = None
    try:
        catalog = _catalog(sources.catalog, _stamps(sources.catalog, spectra_path(sources.catalog)))
    except InputError as error:
        problems.append(str(error))
    try:
        stamps = _stamps(sources.model / "model.json", sources.model / "model.safetensors")
        model = _model(sources.model, stamps)
    except InputError as error:
        problems.append(f"{error}. Without a model nothing is decoded.")
    if catalog is not None and model is not None and catalog.model_hash != model.hash:
        problems.append(
            f"{catalog.path.name} was made by another model "
            f"({(catalog.model_hash or 'unknown')[:12]}…) than the one in {sources.model} "
            f"({model.hash[:12]}…), so nothing is decoded. Name its own model with --model, or "
            "encode the spectra again with this one."
        )
        model = None
    return Opened(catalog, model, tuple(problems))


def _stamps(*paths: Path) -> tuple[object, ...]:
    """Tells a file from its successor under the same name."""
    stats = [path.stat() if path.exists() else None for path in paths]
    return tuple((s.st_mtime_ns, s.st_size) if s else None for s in stats)


# Shared by all visits of this process; a catalog that was made anew is opened anew.
@functools.lru_cache(maxsize=2)
def _catalog(path: Path, stamps: tuple[object, ...]) -> Catalog:
    return open_catalog(path)


@functools.lru_cache(maxsize=2)
def _model(path: Path, stamps: tuple[object, ...]) -> Model:
    return load_model(path)


@functools.cache
def wavelengths() -> Wavelengths:
    """GaiaXPy's grid."""
    return Wavelengths()
