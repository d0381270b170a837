"""Settings of the page: its catalog and its model, opened once for all visits."""

from __future__ import annotations

import argparse
import functools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from xpmodel import Catalog, InputError, Model, Wavelengths, load_model, open_catalog
from xpmodel._folders import data_folder, demo_model
from xpmodel.catalog.spectra_store import spectra_path

T = TypeVar("T")
# Catalogs, or models, of different names.
MAX_OPENED = 2
# How long the states of visits are kept for their addresses, and how much of them.
VISIT_DAYS, VISIT_MEGABYTES = 90.0, 1000.0


def default_catalog() -> Path:
    """The catalog to show when none is named."""
    return data_folder() / "catalog.parquet"


def _default_models() -> tuple[Path, ...]:
    """Of these the one that made the catalog."""
    return data_folder() / "model", demo_model()


@dataclass(frozen=True)
class Settings:
    """Where catalog and model lie, as the server was told.

    Attributes
    ----------
    catalog : Path
    model : Path, optional
        Without it, that of the default models which made the catalog.
    samp : bool
        Whether visitors may reach the SAMP hub of the server's machine.
    visit_days, visit_megabytes : float
        How long the server keeps states of visits that nobody uses, and how much of all.
    """

    catalog: Path
    model: Path | None = None
    samp: bool = False
    visit_days: float = VISIT_DAYS
    visit_megabytes: float = VISIT_MEGABYTES

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
        """From what follows `panel serve app --args`: ``--catalog``, ``--model``, ``--samp``.

        ``--samp`` lets visitors reach the SAMP hub of this machine. For what is not named see
        `named`.

        Raises
        ------
        InputError
            When there are other arguments.
        """
        parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
        parser.add_argument("--catalog")
        parser.add_argument("--model")
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
        return cls.named(options.catalog, options.model, options.samp, environment)

    @classmethod
    def named(
        cls,
        catalog: str | Path | None,
        model: str | Path | None,
        samp: bool,
        environment: Mapping[str, str],
    ) -> Settings:
        """What is named, else by XPMODEL_CATALOG and XPMODEL_MODEL, else the project's own.

        XPMODEL_VISIT_DAYS and XPMODEL_VISIT_MEGABYTES say how long, and how much, the server keeps
        of visits.

        Raises
        ------
        InputError
            When one of these two is no positive number.
        """
        days = _positive(environment, "XPMODEL_VISIT_DAYS", VISIT_DAYS)
        megabytes = _positive(environment, "XPMODEL_VISIT_MEGABYTES", VISIT_MEGABYTES)
        catalog = catalog or environment.get("XPMODEL_CATALOG") or default_catalog()
        model = model or environment.get("XPMODEL_MODEL")
        return cls(Path(catalog), Path(model) if model else None, samp, days, megabytes)


def _positive(environment: Mapping[str, str], name: str, default: float) -> float:
    """A number of the environment."""
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(f"the environment's {name} is {text[:40]!r}, not a number above 0")
    return value


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


def open_data(settings: Settings) -> Opened:
    """Open catalog and model; what cannot be opened becomes a sentence for the page."""
    problems: list[str] = []
    catalog = model = None
    try:
        catalog = _catalogs.get(
            settings.catalog, _stamps(settings.catalog, spectra_path(settings.catalog))
        )
        if not np.isfinite([catalog[name] for name in catalog.latents]).all(axis=0).any():
            some = "no star has latents" if len(catalog) else "it has no stars"
            catalog = None
            raise InputError(f"{settings.catalog}: {some}, so there is nothing to show")
    except InputError as error:
        problems.append(str(error))
    folder = settings.model
    try:
        folder = folder or _default_model(catalog)
        model = open_model(folder)
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
    models = _default_models()
    there = [folder for folder in models if (folder / "model.json").exists()]
    for folder in there:
        if catalog is not None and open_model(folder).hash == catalog.model_hash:
            return folder
    return (there or models)[0]


def open_model(folder: Path) -> Model:
    """A model, read once for all visits.

    Raises
    ------
    InputError
        When the folder does not hold one.
    """
    return _models.get(folder, _stamps(folder / "model.json", folder / "model.safetensors"))


def _stamps(*paths: Path) -> tuple[object, ...]:
    """Tells a file from its successor under the same name."""
    stats = [path.stat() if path.exists() else None for path in paths]
    return tuple((s.st_mtime_ns, s.st_size) if s else None for s in stats)


class _Shared(Generic[T]):
    """Files opened once for all visits of this process; one that was made anew is opened anew.

    What it replaces goes with the last visit that shows it.
    """

    def __init__(self, open_file: Callable[[Path], T]) -> None:
        self._open_file = open_file
        self._opening = threading.Lock()
        self._opened: dict[Path, tuple[tuple[object, ...], T]] = {}

    def get(self, path: Path, stamps: tuple[object, ...]) -> T:
        with self._opening:
            if path not in self._opened or self._opened[path][0] != stamps:
                self._opened.pop(path, None)
                while len(self._opened) >= MAX_OPENED:
                    del self._opened[next(iter(self._opened))]
                self._opened[path] = (stamps, self._open_file(path))
            return self._opened[path][1]


_catalogs = _Shared(open_catalog)
_models = _Shared(load_model)


@functools.cache
def wavelengths() -> Wavelengths:
    """GaiaXPy's grid."""
    return Wavelengths()
