"""Latents of Gaia XP spectra: read, encode, decode, select."""

from xpmodel._version import __version__
from xpmodel.catalog import Catalog, open_catalog
from xpmodel.encode import encode_files
from xpmodel.errors import InputError
from xpmodel.import_model import import_model
from xpmodel.model import Model, load_model
from xpmodel.network import ScatterVAE
from xpmodel.regions import Region
from xpmodel.selection import Step, make_recipe, replay, replay_recipe
from xpmodel.spectra import Spectra, read_spectra
from xpmodel.wavelengths import Wavelengths

__all__ = [
    "Catalog",
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
    "open_catalog",
    "read_spectra",
    "replay",
    "replay_recipe",
]
