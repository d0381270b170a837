"""What other packages do not promise to keep is still what it was; where not, an error says so.

A failure here with a new version of GaiaXPy says what that version has changed.
"""

import subprocess
import sys
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from gaiaxpy.calibrator import calibrator
from gaiaxpy.core import config

from xpmodel import _private_parts
from xpmodel._private_parts import calibrate_quietly, instrument_model, photometric_system
from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_BAND

VERSION = metadata.version("gaiaxpy")


def unit_spectra() -> pd.DataFrame:
    """The 110 spectra of one coefficient each."""
    rows = pd.DataFrame({"source_id": np.arange(1, 111)})
    for band, columns in (("bp", slice(0, 55)), ("rp", slice(55, None))):
        rows[f"{band}_n_parameters"] = 55
        rows[f"{band}_standard_deviation"] = 1.0
        rows[f"{band}_coefficients"] = list(np.eye(110)[:, columns])
        rows[f"{band}_coefficient_errors"] = [np.ones(55)] * 110
        rows[f"{band}_coefficient_correlations"] = [np.eye(55)] * 110
    return rows


def test_the_instrument_model_is_what_gaiaxpy_multiplies_with(capfd):
    flux, grid = calibrate_quietly(unit_spectra(), None)
    other_grid, design, merge = instrument_model(N_BAND)
    np.testing.assert_array_equal(grid, other_grid)
    assert (grid == np.arange(336.0, 1021.0, 2.0)).all()
    wanted = np.concatenate([design[xp] * merge[xp] for xp in ("bp", "rp")])
    np.testing.assert_allclose(flux, wanted, rtol=1e-12, atol=1e-40)
    assert capfd.readouterr() == ("", "")


def test_a_grid_of_ones_own():
    flux, grid = calibrate_quietly(unit_spectra(), np.array([400.0, 500.0, 900.0]))
    assert flux.shape == (110, 3) and grid.tolist() == [400, 500, 900]


def test_the_matrices_of_a_photometric_system():
    bands, zero_points, design, merge = photometric_system("Gaia_DR3_Vega", N_BAND)
    assert bands == ["G", "BP", "RP"]
    assert zero_points.shape == merge["bp"].shape == merge["rp"].shape == (3,)
    assert design["bp"].shape == design["rp"].shape == (55, 3)
    # What GaiaXPy itself makes of them is in test_photometry.


@pytest.mark.slow
def test_the_import_leaves_the_process_as_it_was():
    code = """
import warnings, matplotlib
before = warnings.filters[:], dict(matplotlib.rcParams)
from xpmodel._private_parts import gaiaxpy
gaiaxpy()
assert (warnings.filters[:], dict(matplotlib.rcParams)) == before
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def calibrate_without_quiet(input_object, sampling=None, save_file=True):
    """As `gaiaxpy.calibrate` of another version might be."""


def calibrate_to_a_list(input_object, sampling=None, *, save_file=True, disable_info=False):
    return [1.0], np.arange(3.0)


def calibrate_fewer(input_object, sampling=None, *, save_file=True, disable_info=False):
    return pd.DataFrame({"flux": [np.zeros(3)]}), np.arange(3.0)


@pytest.mark.parametrize(
    ("now", "how"),
    [
        (calibrate_without_quiet, r"it takes input_object, sampling, save_file"),
        (calibrate_to_a_list, r"list indices must be integers"),
        (calibrate_fewer, r"its flux is \(1, 3\) instead of 110 × 3 finite numbers"),
        (None, r"cannot import name '_calibrate'"),
    ],
)
def test_another_calibrator(monkeypatch, now, how):
    if now is None:
        monkeypatch.delattr(calibrator, "_calibrate")
    else:
        monkeypatch.setattr(calibrator, "_calibrate", now)
    with pytest.raises(InputError) as error:
        calibrate_quietly(unit_spectra(), None)
    error.match(rf"^GaiaXPy {VERSION} changed calibrator\.calibrator\._calibrate: {how}")
    error.match(r"; xpmodel was written for 2\.1\.5: pip install gaiaxpy==2\.1\.5$")


@pytest.mark.parametrize(
    ("now", "how"),
    [
        (None, "cannot import name 'load_xpsampling_from_xml'"),
        (lambda: {"bp": np.zeros((55, 343))}, "'rp'"),
        (lambda: dict.fromkeys(("bp", "rp"), np.zeros((40, 343))), r".* is \(40, 343\) instead of"),
        (lambda: dict.fromkeys(("bp", "rp"), np.full((55, 343), np.nan)), ".* finite numbers"),
    ],
)
def test_another_instrument_model(monkeypatch, now, how):
    if now is None:
        monkeypatch.delattr(config, "load_xpsampling_from_xml")
    else:
        monkeypatch.setattr(config, "load_xpsampling_from_xml", now)
    with pytest.raises(
        InputError, match=rf"GaiaXPy {VERSION} changed load_.* of core\.config: {how}"
    ):
        instrument_model(N_BAND)


def test_another_photometric_system(monkeypatch):
    system = type(_private_parts.gaiaxpy().PhotometricSystem["Gaia_DR3_Vega"].value)
    monkeypatch.delattr(system.__base__, "load_xpmerge_from_xml")
    told = f"GaiaXPy {VERSION} changed the matrices of a PhotometricSystem: .*load_xpmerge_from_xml"
    with pytest.raises(InputError, match=told):
        photometric_system("Gaia_DR3_Vega", N_BAND)
    with pytest.raises(InputError, match="changed the matrices of a PhotometricSystem: 'Gaia_DR9'"):
        photometric_system("Gaia_DR9", N_BAND)
