"""What the released code prints for reconstructions, unit slips included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xpmodel.evaluate import BATCH, Evaluation
from xpmodel.model import Model
from xpmodel.residuals import released_flux_errors, released_rmse
from xpmodel.wavelengths import Wavelengths

if TYPE_CHECKING:
    from astropy.table import Table


def add_released(table: Table, evaluation: Evaluation, model: Model) -> None:
    """Add to a summary the medians of RMSE(j) and RMSE(λ) as the released code takes them.

    ``rmse_j_released``: raw residuals over normalised errors, which scales with the G flux;
    ``rmse_lambda_released``: σ(λ) as the design matrix times the errors, which is no propagation
    of variances.

    Parameters
    ----------
    table : Table
        As from `xpmodel.evaluate_tables.summary_table`; changed.
    evaluation : Evaluation
    model : Model
    """
    spectra = evaluation.stars.spectra
    by_coefficient, by_wavelength = [], []
    for one in evaluation.compared:
        own = one.reconstruction
        wavelengths = Wavelengths(one.grid)
        parts_j, parts_l = [], []
        for start in range(0, len(own.places), BATCH):
            rows = slice(start, start + BATCH)
            places = own.places[rows]
            seen = spectra.coefficients[places].astype(np.float64)
            errors = spectra.errors[places].astype(np.float64)
            g_flux = spectra.g_flux[places]
            flux = None if own.flux is None else own.flux[rows]
            if own.coefficients is not None:
                parts_j.append(
                    released_rmse(seen, own.coefficients[rows], errors, model.sig, g_flux)
                )
                flux = wavelengths.flux(own.coefficients[rows]) if flux is None else flux
            residual = (wavelengths.flux(seen) - flux) / released_flux_errors(errors, wavelengths)
            parts_l.append(np.sqrt((residual**2).mean(axis=1)))
        by_coefficient.append(np.median(np.concatenate(parts_j)) if parts_j else np.nan)
        by_wavelength.append(np.median(np.concatenate(parts_l)))
    table["rmse_j_released"] = by_coefficient
    table["rmse_j_released"].description = "median RMSE(j) of raw residuals over normalised errors"
    table["rmse_lambda_released"] = by_wavelength
    table["rmse_lambda_released"].description = "median RMSE(lambda), errors by the design matrix"
