"""Latents of Gaia XP spectra: read, encode, decode, select."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from xpmodel._version import __version__
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.catalog import Catalog, open_catalog
    from xpmodel.checkpoint import import_model
    from xpmodel.encode import encode_files
    from xpmodel.export import write_stars
    from xpmodel.filters import Filter
    from xpmodel.measure import measure_all
    from xpmodel.model import Model, load_model
    from xpmodel.network import ScatterVAE
    from xpmodel.regions import Region
    from xpmodel.selection import Step, make_recipe, replay, replay_recipe
    from xpmodel.spectra import Spectra, read_spectra
    from xpmodel.wavelengths import Wavelengths

# Imported when first used (PEP 562): torch and pandas take seconds, `xpmodel --help` does not.
_HOMES = {
    "Catalog": "catalog",
    "Filter": "filters",
    "Model": "model",
    "Region": "regions",
    "ScatterVAE": "network",
    "Spectra": "spectra",
    "Step": "selection",
    "Wavelengths": "wavelengths",
    "encode_files": "encode",
    "import_model": "checkpoint",
    "load_model": "model",
    "measure_all": "measure",
    "make_recipe": "selection",
    "open_catalog": "catalog",
    "read_spectra": "spectra",
    "replay": "selection",
    "replay_recipe": "selection",
    "write_stars": "export",
}

__all__ = [
    "Catalog",
    "Filter",
    "InputError",
    "Model",
    "Region",
    "ScatterVAE",
    "Spectra",
    "Step",
    "Wavelengths",
    "__version__",
    "encode_files",
    "import_model",
    "load_model",
    "make_recipe",
    "measure_all",
    "open_catalog",
    "read_spectra",
    "replay",
    "replay_recipe",
    "write_stars",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'xpmodel' has no attribute {name!r}")
    return getattr(importlib.import_module(f"xpmodel.{_HOMES[name]}"), name)
