"""What the page shows: the catalog and the model, opened once for all visits."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpmodel import Catalog, InputError, Model, Wavelengths, load_model, open_catalog
from xpmodel.catalog.catalog import spectra_path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_CATALOG = ROOT / "data/build/catalog.parquet"
# Of these the one that made the catalog.
DEFAULT_MODELS = (ROOT / "data/build/model", ROOT / "data/demo_model")


@dataclass(frozen=True)
class Sources:
    """Where catalog and model lie, as `panel serve app` was told.

    Attributes
    ----------
    catalog : Path
    model : Path, optional
        Without it, that of the default models which made the catalog.
    samp : bool
        Whether visitors may reach the SAMP hub of the server's machine.
    """

    catalog: Path
    model: Path | None = None
    samp: bool = False

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Sources:
        """From ``--catalog``, ``--model``, else XPMODEL_CATALOG, XPMODEL_MODEL, else data/.

        ``--samp`` lets visitors reach the SAMP hub of this machine.

        Raises
        ------
        InputError
            When there are other arguments.
        """
        parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
        parser.add_argument("--catalog", default=environment.get("XPMODEL_CATALOG"))
        parser.add_argument("--model", default=environment.get("XPMODEL_MODEL"))
        parser.add_argument("--samp", action="store_true")
        try:
            options, unknown = parser.parse_known_args(arguments)
        except argparse.ArgumentError as error:
            raise InputError(f"panel serve app --args: {error}") from None
        if unknown:
            raise InputError(
                f"panel serve app --args: {unknown[0]} is unknown; it takes --catalog, --model and "
                "--samp"
            )
        model = Path(options.model) if options.model else None
        return cls(Path(options.catalog or DEFAULT_CATALOG), model, options.samp)


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
    folder = sources.model
    try:
        folder = folder or _default_model(catalog)
        model = _open_model(folder)
    except InputError as error:
        problems.append(f"{error}. Without a model nothing is decoded.")
    if catalog is not None and model is not None and catalog.model_hash != model.hash:
        problems.append(
            f"{catalog.path.name} was made by another model "
            f"({(catalog.model_hash or 'unknown')[:12]}…) than the one in {folder} "
            f"({model.hash[:12]}…), so nothing is decoded. Name its own model with --model, or "
            "encode the spectra again with this one."
        )
        model = None
    return Opened(catalog, model, tuple(problems))


def _default_model(catalog: Catalog | None) -> Path:
    """Of the default models the one that made the catalog, else the first that is there."""
    there = [folder for folder in DEFAULT_MODELS if (folder / "model.json").exists()]
    for folder in there:
        if catalog is not None and _open_model(folder).hash == catalog.model_hash:
            return folder
    return (there or DEFAULT_MODELS)[0]


def _open_model(folder: Path) -> Model:
    return _model(folder, _stamps(folder / "model.json", folder / "model.safetensors"))


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
