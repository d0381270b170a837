"""Latents of Gaia XP spectra: read, encode, decode, steer, select."""

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
    from xpmodel.gaia_archive import fetch_own
    from xpmodel.group_spectra import group_band, ratio
    from xpmodel.live import Curve, decoded_curve, decoded_gradient, observed_curve, residual
    from xpmodel.measure import measure_all
    from xpmodel.model import Model, load_model
    from xpmodel.neighbours import Neighbours, neighbours_of
    from xpmodel.network import ScatterVAE
    from xpmodel.own_stars import read_own
    from xpmodel.projection import Projection
    from xpmodel.regions import Region
    from xpmodel.selection import Step, make_recipe, replay, replay_recipe
    from xpmodel.spectra import Spectra, read_spectra
    from xpmodel.spectrum_export import write_plot
    from xpmodel.spectrum_plot import track_plot
    from xpmodel.steering import fit_labels, steer
    from xpmodel.surroundings import Surroundings, place_in_map
    from xpmodel.wavelengths import Wavelengths

# Imported when first used (PEP 562): torch and pandas take seconds, `xpmodel --help` does not.
_HOMES = {
    "Catalog": "catalog",
    "Curve": "live",
    "Filter": "filters",
    "Model": "model",
    "Neighbours": "neighbours",
    "Projection": "projection",
    "Region": "regions",
    "ScatterVAE": "network",
    "Spectra": "spectra",
    "Step": "selection",
    "Surroundings": "surroundings",
    "Wavelengths": "wavelengths",
    "decoded_curve": "live",
    "decoded_gradient": "live",
    "encode_files": "encode",
    "fetch_own": "gaia_archive",
    "fit_labels": "steering",
    "group_band": "group_spectra",
    "import_model": "checkpoint",
    "load_model": "model",
    "make_recipe": "selection",
    "measure_all": "measure",
    "neighbours_of": "neighbours",
    "observed_curve": "live",
    "open_catalog": "catalog",
    "place_in_map": "surroundings",
    "ratio": "group_spectra",
    "read_own": "own_stars",
    "read_spectra": "spectra",
    "replay": "selection",
    "replay_recipe": "selection",
    "residual": "live",
    "steer": "steering",
    "track_plot": "spectrum_plot",
    "write_plot": "spectrum_export",
    "write_stars": "export",
}

__all__ = [
    "Catalog",
    "Curve",
    "Filter",
    "InputError",
    "Model",
    "Neighbours",
    "Projection",
    "Region",
    "ScatterVAE",
    "Spectra",
    "Step",
    "Surroundings",
    "Wavelengths",
    "__version__",
    "decoded_curve",
    "decoded_gradient",
    "encode_files",
    "fetch_own",
    "fit_labels",
    "group_band",
    "import_model",
    "load_model",
    "make_recipe",
    "measure_all",
    "neighbours_of",
    "observed_curve",
    "open_catalog",
    "place_in_map",
    "ratio",
    "read_own",
    "read_spectra",
    "replay",
    "replay_recipe",
    "residual",
    "steer",
    "track_plot",
    "write_plot",
    "write_stars",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'xpmodel' has no attribute {name!r}")
    return getattr(importlib.import_module(f"xpmodel.{_HOMES[name]}"), name)
