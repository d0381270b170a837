"""Build a catalog from the file of a published one: its spectra, labels and split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from xpmodel._version import __version__
from xpmodel.catalog.catalog import Catalog, open_catalog
from xpmodel.catalog.encode import Encoding, encode_files
from xpmodel.catalog.named_cuts import CUTS, gaia_enceladus_columns, needed_columns
from xpmodel.errors import InputError
from xpmodel.model.model import Model
from xpmodel.spectra.photometry import GColumns
from xpmodel.spectra.train_test_split import SEED, TEST_FRACTION
from xpmodel.tables.reader import open_table

# What a catalog is for, and the columns that it takes beside spectra and G flux.
USES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("label space (Kiel diagram, dwarfs and giants)", ("teff", "logg")),
    ("metallicity tracks", ("m_h",)),
    ("α tracks", ("m_h", "alpha_m")),
    ("the α split", ("fe_h", "mg_fe")),
    ("the color-magnitude diagram", ("bp_rp",)),
    ("reddening", ("sfd_ebv",)),
    ("2MASS colors", ("j", "h", "k")),
    ("absolute magnitudes", ("parallax", "parallax_error")),
    ("the Gaia-Enceladus overlay", gaia_enceladus_columns(parallax=False)),
    *((f"the cut {name!r}", needed_columns(name)) for name in CUTS["released"]),
)


def build_catalog(
    source: str | Path,
    model: Model,
    out: str | Path,
    progress: Callable[[int, float], None] | None = None,
) -> Encoding:
    """Make a catalog of a file that holds spectra, G fluxes and labels of the same stars.

    As `xpmodel.encode_files`, and the catalog's metadata say how its stars split into those for
    training and those for tests: ``train_test_rows(len(catalog), **catalog.metadata["split"])``.

    Parameters
    ----------
    source : path
        ``xp_apogee_cat.h5`` of Laroche & Speagle (2024), or another table with ``ids``,
        ``coeffs``, ``coeff_errs`` and ``phot_g_mean_flux`` (or the archive's names of these),
        and any of the catalog's label columns.
    model : Model
    out : path
        The catalog, ``….parquet``.
    progress : callable, optional
        Called with the stars encoded and the fraction of the input read.

    Returns
    -------
    Encoding
        Its notes say what cannot be done for lack of a column.

    Raises
    ------
    InputError
        When the file cannot be used, or has no identifiers, coefficients, errors or G flux.
    """
    if not GColumns(open_table(source)).names:
        raise InputError(
            f"{source}: no column 'phot_g_mean_flux' or 'phot_g_mean_mag'; a catalog is built "
            "with the G flux that its file gives"
        )
    encoding = encode_files(
        source,
        model,
        out,
        metadata={
            "made_by": f"xpmodel {__version__} build",
            "split": {"test_fraction": TEST_FRACTION, "seed": SEED},
        },
        progress=progress,
    )
    notes = [*encoding.notes, *missing_uses(open_catalog(out))]
    if n := len(encoding.report.left_out):
        notes.append(
            f"the split is over the {encoding.n_stars} stars kept: without the {n} left out it is "
            "not, star by star, that of the whole file"
        )
    return replace(encoding, notes=notes)


def missing_uses(catalog: Catalog) -> list[str]:
    """What cannot be done with a catalog for lack of a column, a sentence each."""
    lacking = (
        (use, [name for name in columns if name not in catalog.filled]) for use, columns in USES
    )
    return [f"without {', '.join(names)}: not {use}" for use, names in lacking if names]
