"""Evaluation of a model's reconstructions against its rivals', on held-out stars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xpmodel.catalog.catalog import Catalog, check_model
from xpmodel.catalog.checks import split_of
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.spectra.spectra import Spectra
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.reconstruction.label_cubic import COLOR_CUBIC, label_cubic
from xpmodel.studies.reconstruction.residuals import ZGR_GRID, Residuals, residuals_of
from xpmodel.studies.reconstruction.rivals import (
    COLOR_MEAN,
    LABEL_MEAN,
    MODEL,
    Reconstruction,
    label_means,
    of_model,
    principal_components,
)

# Stars whose covariances are propagated at once.
BATCH = 4096


@dataclass(frozen=True)
class HeldOut:
    """The stars that reconstructions are compared on.

    Attributes
    ----------
    train, test : ndarray of int64
        Rows of the catalog; `test` in the order of the split.
    spectra : Spectra
        Those of the test stars, in that order.
    note : str
        Which split it is.
    """

    train: np.ndarray
    test: np.ndarray
    spectra: Spectra
    note: str


@dataclass(frozen=True)
class Compared:
    """A reconstruction's residuals on its stars, and the model's on the same ones.

    Attributes
    ----------
    reconstruction : Reconstruction
    grid : ndarray, (L,)
        Wavelengths of ℛ(λ) [nm].
    own, model : Residuals
        Of M stars. For the model itself the two are the same.
    """

    reconstruction: Reconstruction
    grid: np.ndarray
    own: Residuals
    model: Residuals

    @property
    def name(self) -> str:
        """The reconstruction's."""
        return self.reconstruction.name


@dataclass(frozen=True)
class Evaluation:
    """All that is compared.

    Attributes
    ----------
    stars : HeldOut
    compared : list of Compared
        The model first.
    skipped : dict of str to str
        Why other reconstructions cannot be had, by name.
    """

    stars: HeldOut
    compared: list[Compared]
    skipped: dict[str, str]


def held_out(catalog: Catalog) -> HeldOut:
    """The test split of a catalog: that of its metadata, else the released one.

    Raises
    ------
    InputError
        When the catalog has no spectra, no errors above 0, or too few stars.
    """
    train, test = catalog.split
    spectra = catalog.spectra[test]
    bad = ~((spectra.errors > 0) & np.isfinite(spectra.coefficients)).all(axis=1)
    if bad.any():
        star = int(spectra.source_id[np.argmax(bad)])
        raise InputError(
            f"{catalog.path}: {bad.sum()} test stars without errors above 0 for all coefficients "
            f"(source_id {star} is one); residuals are in units of the errors"
        )
    fraction, seed = split_of(catalog.metadata, catalog.path)
    note = (
        f"test split of {len(test):,} of {len(catalog):,} stars "
        f"(fraction {fraction:g}, seed {seed})"
    )
    if "split" not in catalog.metadata:
        note += "; the catalog names no split, so the released one is taken"
    return HeldOut(train, test, spectra, note)


def built_in(
    catalog: Catalog, model: Model, stars: HeldOut, progress: Callable[[str], None] | None = None
) -> tuple[list[Reconstruction], dict[str, str]]:
    """The model's own reconstruction and those of the rivals that need no download.

    Returns
    -------
    reconstructions : list of Reconstruction
        The model, principal components, means of stars of like labels (and colors), and a cubic in
        labels and colors.
    skipped : dict of str to str
        Why one cannot be had.

    Raises
    ------
    InputError
        When the model is not the catalog's.
    """
    tell = progress or (lambda _: None)
    check_model(catalog, model.hash)
    z = np.stack([catalog[name][stars.test] for name in catalog.latents], axis=1)
    if not np.isfinite(z).all(axis=1).any():
        raise InputError(
            f"{catalog.path}: none of its {len(stars.test):,} test stars has latents that are "
            "finite; encode again"
        )
    found = [of_model(MODEL, model, stars.spectra, z)]
    tell("principal components")
    found += principal_components(catalog, stars.train, stars.spectra)
    skipped = {}
    of_labels: dict[str, Callable[..., Reconstruction]] = {
        LABEL_MEAN: label_means,
        COLOR_MEAN: partial(label_means, colors=True),
        COLOR_CUBIC: label_cubic,
    }
    for name, make in of_labels.items():
        tell(name)
        try:
            found.append(make(catalog, stars.train, stars.test, stars.spectra))
        except InputError as error:
            skipped[name] = str(error)
    return found, skipped


def compare(
    stars: HeldOut,
    reconstructions: Sequence[Reconstruction],
    correlations: np.ndarray | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Compared]:
    """Residuals of each reconstruction, and of the first one on the same stars.

    Stars that the first one has not (those without latents) are left out, and counted in the
    reconstruction's note.

    Parameters
    ----------
    stars : HeldOut
    reconstructions : sequence of Reconstruction
        The model's own first, of all test stars.
    correlations : ndarray, (T, 2, 55, 55), optional
        Of the test stars. Without them the errors count as independent.
    progress : callable, optional
        Called with the name before each.

    Raises
    ------
    InputError
        When the model has a reconstruction of none of a rival's stars.
    """
    model = reconstructions[0]
    whole: dict[bytes, Residuals] = {}
    compared = []
    for given in reconstructions:
        if progress is not None:
            progress(given.name)
        grid = ZGR_GRID if given.grid is None else given.grid
        wavelengths = Wavelengths(grid)
        if grid.tobytes() not in whole:
            whole[grid.tobytes()] = _residuals(stars, model, wavelengths, correlations)
        of_all = whole[grid.tobytes()]
        one = _of_places(given, model.places)
        shared = np.isin(model.places, one.places)
        own = of_all if one is model else _residuals(stars, one, wavelengths, correlations)
        compared.append(Compared(one, grid, own, _of_stars(of_all, shared)))
    return compared


def _of_places(one: Reconstruction, places: np.ndarray) -> Reconstruction:
    """The part of a reconstruction that is of some of the test stars."""
    kept = np.isin(one.places, places)
    if kept.all():
        return one
    if not kept.any():
        raise InputError(f"{one.name}: the model has latents of none of its stars")
    return replace(
        one,
        places=one.places[kept],
        coefficients=None if one.coefficients is None else one.coefficients[kept],
        flux=None if one.flux is None else one.flux[kept],
        note=f"{one.note}; {np.count_nonzero(~kept):,} without latents left out",
    )


def _residuals(
    stars: HeldOut,
    one: Reconstruction,
    wavelengths: Wavelengths,
    correlations: np.ndarray | None,
) -> Residuals:
    """Batch by batch; kept in float32."""
    parts = []
    for start in range(0, len(one.places), BATCH):
        rows = slice(start, start + BATCH)
        places = one.places[rows]
        parts.append(
            residuals_of(
                stars.spectra.coefficients[places].astype(np.float64),
                stars.spectra.errors[places].astype(np.float64),
                wavelengths,
                coefficients=None if one.coefficients is None else one.coefficients[rows],
                flux=None if one.flux is None else one.flux[rows],
                correlations=None if correlations is None else correlations[places],
            )
        )
    names = ("coefficient", "flux", "rmse_coefficient", "rmse_flux")
    return Residuals(
        *(np.concatenate([getattr(p, name) for p in parts]).astype(np.float32) for name in names)
    )


def _of_stars(residuals: Residuals, mask: np.ndarray) -> Residuals:
    if mask.all():
        return residuals
    return Residuals(
        residuals.coefficient[mask],
        residuals.flux[mask],
        residuals.rmse_coefficient[mask],
        residuals.rmse_flux[mask],
    )
