"""Reconstructions out of files: a table of one's own, and those that published models come in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from xpmodel.catalog.ids import rows_with
from xpmodel.errors import InputError
from xpmodel.spectra.bands import BANDS, N_BAND, N_COEFFICIENTS
from xpmodel.spectra.spectra import Spectra
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.reconstruction.residuals import FIRST, FIRST_COLUMNS, ZGR_GRID
from xpmodel.studies.reconstruction.rivals import Reconstruction
from xpmodel.tables.cells import floats
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.numpy_files import read_array, read_arrays
from xpmodel.tables.origin import Origin
from xpmodel.tables.reader import open_table

LISTS = ("coefficients", "coefficients_per_g_flux", "flux")
# Unit of the fluxes of Zhang, Green & Rix (2023) [W m⁻² nm⁻¹], and the flags that pass their cut.
ZGR_UNIT = 1e-18
ZGR_FLAGS = 8
# How many coefficients a star may have: the first of either band, or all.
EITHER = f"{2 * FIRST} or {N_COEFFICIENTS}"


def read_rival(name: str, path: str | Path, spectra: Spectra) -> Reconstruction:
    """A table of reconstructed spectra, matched to the test stars by ``source_id``.

    Parameters
    ----------
    name : str
    path : path
        Any table that `xpmodel.tables.reader.open_table` reads, with identifiers (see
        `xpmodel.tables.id_column`) and one of

        - ``coefficients``: lists of 110 (55 BP, 55 RP) or of 64 (the first 32 of either), in
          archive units, or ``coefficients_per_g_flux``: the same per unit of G flux;
        - ``bp_coeff_0`` … and ``rp_coeff_0`` …: a column each, at least 32 of either band;
        - ``flux``: lists of 61, or ``flux_392``, ``flux_402.5`` …: fluxes [W m⁻² nm⁻¹] at 392 to
          992 nm in steps of 10, or at the wavelengths [nm] that the columns' names say.
    spectra : Spectra
        The test stars.

    Returns
    -------
    Reconstruction
        Of the stars that the table has, each with finite numbers; its note says of how many.

    Raises
    ------
    InputError
        When the table has none of these columns, an id twice, or none of the stars.
    """
    path = Path(path)
    reader = open_table(path)
    id_column = IdColumn(reader)
    lower = {name.strip().lower(): name.strip() for name in reader.columns}
    kind = next((k for k in LISTS if k in lower), None)
    flat = _flat_columns(lower, path) if kind is None else {}
    chosen = [lower[kind]] if kind else list(flat)
    table = reader.read([*id_column.names, *chosen])
    ids, valid = id_column.read(table, Origin.of(path, 0, len(table)))
    if kind:
        values = _lists(table[chosen[0]], path, kind)
    else:
        values = np.stack([floats(table[name].combine_chunks()) for name in chosen], axis=1)
    columns = np.empty(0, np.int64)
    if kind in LISTS[:2]:
        columns = _positions(values.shape[1], path)
    elif flat:
        columns = np.array(list(flat.values()))
    finite = valid & np.isfinite(values).all(axis=1)
    id_column.check_any()
    places, rows = _match(ids, finite, spectra, path)
    values = values[rows].astype(np.float64)
    note = f"{path.name}: {len(places):,} of {len(spectra):,} test stars"
    note = "; ".join([note, *reader.remarks])
    if id_column.n_without:
        note += f"; {id_column.without}"
    if kind == "flux" or columns.dtype.kind == "f":
        grid = ZGR_GRID if kind else columns
        order = np.argsort(grid)
        try:
            Wavelengths(grid[order])
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        return Reconstruction(name, places, flux=values[:, order], grid=grid[order], note=note)
    if kind == "coefficients_per_g_flux":
        values *= spectra.g_flux[places, None]
    return Reconstruction(name, places, _spread(values, columns), note=note)


def read_lb23(name: str, path: str | Path, spectra: Spectra) -> Reconstruction:
    """Reconstructions by Leung & Bovy (2023), as released with Laroche & Speagle (2024).

    ``lb23_xp_est_labels.npy`` (label-dependent) and ``lb23_xp_est_no_labels.npy``
    (label-independent): an array (T, 64) or (T, 110) of the T test stars in the order of the
    released split. That model works on coefficients per unit G flux, which is how the numbers
    are taken; a file in other units is refused.

    Parameters
    ----------
    name : str
    path : path
    spectra : Spectra
        The test stars, in the order of the split.

    Raises
    ------
    InputError
        When the file is no such array, or of another number of stars.
    """
    values = read_array(path)
    if values.ndim != 2:
        raise InputError(f"{path}: has shape {values.shape}, expected (stars, {EITHER})")
    columns = _positions(values.shape[1], path)
    if len(values) != len(spectra):
        raise InputError(
            f"{path}: {len(values)} stars, but the test split has {len(spectra)}; it is of the "
            "released catalog's test stars, in their order"
        )
    g_flux = spectra.g_flux[:, None]
    ratio = np.nanmedian(values[:, 0] * g_flux[:, 0] / spectra.coefficients[:, 0])
    if not 0.2 < ratio < 5:
        raise InputError(
            f"{path}: its first coefficient is {ratio:.3g} times the observed one: expected "
            "coefficients per unit G flux"
        )
    places = np.flatnonzero(np.isfinite(values).all(axis=1))
    note = f"{Path(path).name}: {len(places):,} of {len(spectra):,} test stars, by their order"
    values = values[places] * g_flux[places]
    return Reconstruction(name, places, _spread(values, columns), note=note)


def read_zgr23(name: str, path: str | Path, spectra: Spectra) -> Reconstruction:
    """Spectra by Zhang, Green & Rix (2023), with their quality cut.

    An ``.npz`` file as the released script writes it (``zhang_stellar_params_xmatch.npz``):
    ``source_ids`` (M,), ``quality_flags`` (M,) and ``stellar_params`` (M, 5), to which ``flux``
    (M, 61) must be added. The script saves no spectra; they are what the authors' own model makes
    of the parameters, at 392 to 992 nm in steps of 10 [10⁻¹⁸ W m⁻² nm⁻¹].

    Stars with quality_flags < 8 count, as in the paper. The script leaves stars that it found no
    match of at quality 0, which passes that cut, with all five parameters 0: they are left out.
    A file without ``stellar_params`` must hold matched stars alone.

    Raises
    ------
    InputError
        When the file lacks ids, flags or fluxes, or has none of the stars.
    """
    arrays = read_arrays(
        path, ("source_ids", "quality_flags", "flux"), optional=("stellar_params",)
    )
    ids, flags, flux = (arrays[key] for key in ("source_ids", "quality_flags", "flux"))
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise InputError(f"{path}: source_ids is {ids.dtype} {ids.shape}, expected whole numbers")
    if flags.shape != ids.shape or flux.shape != (len(ids), len(ZGR_GRID)):
        raise InputError(
            f"{path}: quality_flags has shape {flags.shape} and flux {flux.shape}, expected "
            f"({len(ids)},) and ({len(ids)}, {len(ZGR_GRID)})"
        )
    good = (flags < ZGR_FLAGS) & np.isfinite(flux).all(axis=1)
    if (parameters := arrays.get("stellar_params")) is not None:
        if parameters.ndim != 2 or len(parameters) != len(ids):
            raise InputError(
                f"{path}: stellar_params has shape {parameters.shape}, expected ({len(ids)}, 5)"
            )
        good &= (parameters != 0).any(axis=1)
    places, rows = _match(ids.astype(np.int64), good, spectra, Path(path))
    note = (
        f"{Path(path).name}: {len(places):,} of {len(spectra):,} test stars match with "
        f"quality_flags < {ZGR_FLAGS}"
    )
    flux = flux[rows].astype(np.float64) * ZGR_UNIT
    return Reconstruction(name, places, flux=flux, grid=ZGR_GRID, note=note)


def read_correlations(path: str | Path, n_stars: int) -> np.ndarray:
    """Correlations within BP and RP of the test stars (``xp_corrs.npz``), (T, 2, 55, 55) float32.

    The file holds ``bp_corrs`` and ``rp_corrs`` of the test stars in the order of the split: as
    the archive has them, lower triangles row by row (T, 1485), which is what the released script
    writes, or whole matrices (T, 55, 55).

    Raises
    ------
    InputError
        When the file is something else, or of another number of stars.
    """
    matrices = np.empty((n_stars, 2, N_BAND, N_BAND), np.float32)
    i, j = np.tril_indices(N_BAND, k=-1)
    diagonal = np.arange(N_BAND)
    packed, whole = (n_stars, len(i)), (n_stars, N_BAND, N_BAND)
    for band, key in enumerate(("bp_corrs", "rp_corrs")):
        # One band at a time: as whole matrices those of the published split are 0.6 GB each.
        values = read_arrays(path, (key,))[key]
        if values.shape == whole:
            matrices[:, band] = values
        elif values.shape == packed:
            for rows in np.array_split(np.arange(n_stars), max(1, n_stars // 1024)):
                matrices[rows[:, None], band, i, j] = values[rows]
                matrices[rows[:, None], band, j, i] = values[rows]
            matrices[:, band, diagonal, diagonal] = 1
        else:
            raise InputError(
                f"{path}: {key} has shape {values.shape}, expected {packed} or {whole}: of the "
                "test stars"
            )
    return matrices


def _match(
    ids: np.ndarray, usable: np.ndarray, spectra: Spectra, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Test stars that a file has (places, rising), and its rows of them."""
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(ids[rows], kind="stable")]
    known = ids[rows]
    if not len(known):
        raise InputError(f"{path}: no row has an id and finite numbers")
    twice = np.flatnonzero(known[1:] == known[:-1])
    if len(twice):
        raise InputError(f"{path}: source_id {known[twice[0]]} stands in it twice; keep one row")
    place = rows_with(known, spectra.source_id)
    found = np.flatnonzero(place >= 0)
    if not len(found):
        raise InputError(f"{path}: has none of the {len(spectra)} test stars")
    return found, rows[place[found]]


def _flat_columns(lower: dict[str, str], path: Path) -> Mapping[str, int | float]:
    """Columns of coefficients with their place, or of fluxes with their wavelength [nm]."""
    flux = {lower[n]: float(n[5:]) for n in lower if re.fullmatch(r"flux_\d+(\.\d+)?", n)}
    if flux:
        return flux
    places = {}
    for band, columns in BANDS.items():
        for j, place in enumerate(range(N_COEFFICIENTS)[columns]):
            if (column := lower.get(f"{band}_coeff_{j}")) is not None:
                places[column] = place
    if not set(FIRST_COLUMNS.tolist()) <= set(places.values()):
        raise InputError(
            f"{path}: neither {', '.join(LISTS)}, flux_392 …, nor bp_coeff_0 … and rp_coeff_0 … "
            f"({FIRST} or more of either): no reconstruction to compare"
        )
    return places


def _lists(column: pa.ChunkedArray, path: Path, name: str) -> np.ndarray:
    """A column of lists of equal length as an array, (N, M)."""
    values = column.combine_chunks()
    if not (pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type)):
        raise InputError(f"{path}: column {name} is {values.type}, expected lists of numbers")
    if values.null_count:
        raise InputError(f"{path}: column {name} has rows without a list; leave these out")
    flat = floats(values.flatten())
    width = len(flat) // max(len(values), 1)
    lengths = np.diff(values.offsets) if pa.types.is_list(values.type) else width
    if np.any(lengths != width) or (name == "flux" and width != len(ZGR_GRID)):
        expected = len(ZGR_GRID) if name == "flux" else EITHER
        raise InputError(f"{path}: column {name} must hold lists of {expected} numbers")
    return flat.reshape(len(values), width)


def _positions(n: int, path: str | Path) -> np.ndarray:
    """Which of the 110 coefficients n numbers are."""
    if n == N_COEFFICIENTS:
        return np.arange(N_COEFFICIENTS)
    if n == 2 * FIRST:
        return FIRST_COLUMNS
    raise InputError(
        f"{path}: {n} coefficients a star, expected {N_COEFFICIENTS}, or {2 * FIRST} ({FIRST} of "
        "either band)"
    )


def _spread(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Coefficients in their places among 110, the others NaN."""
    full = np.full((len(values), N_COEFFICIENTS), np.nan)
    full[:, columns] = values
    return full
