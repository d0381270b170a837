"""RMSE of reconstructions as the released code computes it, unit slips included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xpmodel.model.model import Model
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.reconstruction.evaluate import BATCH, Evaluation
from xpmodel.studies.reconstruction.residuals import (
    coefficient_residuals,
    released_flux_errors,
    released_rmse,
)

if TYPE_CHECKING:
    from astropy.table import Table


def add_released(
    table: Table, evaluation: Evaluation, model: Model, correlations: np.ndarray | None = None
) -> None:
    """Add to a summary the medians of RMSE(j) and RMSE(λ) as the released code takes them.

    ``rmse_j_released``: residuals per G flux over normalized errors, so that each coefficient
    counts with its own scale;
    ``rmse_lambda_released``: σ(λ) as the design matrix times the errors, which is no propagation
    of variances.

    Parameters
    ----------
    table : Table
        As from `xpmodel.studies.reconstruction.tables.summary_table`; changed.
    evaluation : Evaluation
    model : Model
    correlations : ndarray, (T, 2, 55, 55), optional
        Of the test stars.
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
            flux = None if own.flux is None else own.flux[rows]
            if own.coefficients is not None:
                rho = None if correlations is None else correlations[places]
                residual = coefficient_residuals(seen, own.coefficients[rows], errors)
                parts_j.append(released_rmse(residual, model.sig, rho))
                flux = wavelengths.flux(own.coefficients[rows]) if flux is None else flux
            residual = (wavelengths.flux(seen) - flux) / released_flux_errors(errors, wavelengths)
            parts_l.append(np.sqrt((residual**2).mean(axis=1)))
        by_coefficient.append(np.median(np.concatenate(parts_j)) if parts_j else np.nan)
        by_wavelength.append(np.median(np.concatenate(parts_l)))
    table["rmse_j_released"] = by_coefficient
    table[
        "rmse_j_released"
    ].description = "median RMSE(j) of residuals per G flux over normalized errors"
    table["rmse_lambda_released"] = by_wavelength
    table["rmse_lambda_released"].description = "median RMSE(lambda), errors by the design matrix"
