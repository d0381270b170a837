"""The public names of xpmodel: this list is the only one; `xpmodel/__init__.py` loads from it."""

from .catalog.catalog import Catalog as Catalog
from .catalog.catalog import open_catalog as open_catalog
from .catalog.encode import encode_files as encode_files
from .errors import InputError as InputError
from .export.stars import write_stars as write_stars
from .latent.nearby_stars import Surroundings as Surroundings
from .latent.nearby_stars import place_in_map as place_in_map
from .latent.neighbours import Neighbours as Neighbours
from .latent.neighbours import neighbours_of as neighbours_of
from .latent.steering import fit_labels as fit_labels
from .latent.steering import steer as steer
from .model.folder import load_model as load_model
from .model.import_released import import_model as import_model
from .model.latent_noise import latent_covariance as latent_covariance
from .model.model import Model as Model
from .model.network import ScatterVAE as ScatterVAE
from .own.gaia_archive import fetch_own as fetch_own
from .own.given_files import read_own as read_own
from .plots.counterfactual import counterfactual as counterfactual
from .plots.curves import Curve as Curve
from .plots.curves import decoded_curve as decoded_curve
from .plots.curves import decoded_gradient as decoded_gradient
from .plots.curves import observed_curve as observed_curve
from .plots.curves import residual as residual
from .plots.decoded_bands import decoded_band as decoded_band
from .plots.group_bands import group_band as group_band
from .plots.group_bands import ratio as ratio
from .plots.modes import Projection as Projection
from .plots.plot_files import write_plot as write_plot
from .plots.spectrum_plots import track_plot as track_plot
from .selection.filters import Filter as Filter
from .selection.recipe import make_recipe as make_recipe
from .selection.recipe import replay_recipe as replay_recipe
from .selection.regions import Region as Region
from .selection.steps import Step as Step
from .selection.steps import replay as replay
from .spectra.spectra import Spectra as Spectra
from .spectra.spectra import read_spectra as read_spectra
from .spectra.wavelengths import Wavelengths as Wavelengths
from .tracks.measured import measure_all as measure_all

__version__: str
