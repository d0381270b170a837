"""Gaia XP spectra as the archive serves them: 55 BP and 55 RP coefficients a star.

Rows that cannot be used are left out, and a report says which and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.spectra.bands import N_BAND
from xpmodel.spectra.file_layouts import correlation_matrices, read_vectors, relevant_bases
from xpmodel.spectra.file_rows import FileRows, read_file_rows
from xpmodel.spectra.photometry import PhotometryTable, synthetic_g_flux
from xpmodel.spectra.report import (
    BAD_CORRELATIONS,
    BAD_ERROR,
    BAD_FLUX,
    FROM_FILE,
    FROM_PHOTOMETRY,
    MISSING_BAND,
    NAN_COEFFICIENT,
    NO_MATCH,
    NOT_AN_ID,
    NOT_NUMBERS,
    REPEATED,
    SYNTHETIC,
    WRONG_NUMBER,
    Report,
    left_out_rows,
    no_rows,
)
from xpmodel.spectra.used_ids import UsedIds
from xpmodel.tables.reader import expand_paths

Paths = str | Path | Iterable[str | Path]


class NoUsableRows(InputError):
    """All files were read, and no row of them can be used."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Spectra:
    """XP spectra of N stars.

    Attributes
    ----------
    source_id : ndarray, (N,) int64
    coefficients, errors : ndarray, (N, 110)
        BP then RP, with their standard deviations. float32 where the file holds float32, else
        float64.
    g_flux : ndarray, (N,) float64
        G flux [e-/s], positive.
    g_flux_source : str
        "file", "photometry" or "synthetic"; joined by " + " where stars differ.
    correlations : ndarray, (N, 2, 55, 55) float64, or None if not asked for
        Of the coefficients of BP and of RP; NaN for a star whose correlations are missing.
    n_relevant_bases : ndarray, (N, 2) int16, or None if the files have them not
        How many of the coefficients of BP and of RP stand above their noise, as the archive says
        (De Angeli et al. 2023, Sect. 3.3.3); 0 where it is not known.
    report : Report
        What became of the rows read.
    labels : pyarrow.Table, or None if not asked for or if there are none
        N rows of those of the catalog's label columns that the files have; null where missing.
    """

    source_id: np.ndarray
    coefficients: np.ndarray
    errors: np.ndarray
    g_flux: np.ndarray
    g_flux_source: str
    correlations: np.ndarray | None = None
    n_relevant_bases: np.ndarray | None = None
    report: Report = field(default_factory=Report)
    labels: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.source_id)

    @property
    def correlated(self) -> np.ndarray:
        """Stars whose correlations are known, (N,) bool."""
        if self.correlations is None:
            return np.zeros(len(self), bool)
        return np.isfinite(self.correlations).all(axis=(1, 2, 3))

    @property
    def truncatable(self) -> np.ndarray:
        """Stars whose numbers of relevant bases are known, of both bands, (N,) bool."""
        if self.n_relevant_bases is None:
            return np.zeros(len(self), bool)
        return np.all(self.n_relevant_bases > 0, axis=1)

    def truncated(self) -> Spectra:
        """The same with the coefficients alone that stand above their noise.

        What follows behind `n_relevant_bases` in each band is 0, and so are its errors: the
        wiggles that they draw are noise, and are easily read as lines. The flux and its error are
        those of ``gaiaxpy.calibrate(…, truncation=True)``. A star whose numbers are not known stays
        as it is. For looking at: models take spectra whole.
        """
        if self.n_relevant_bases is None:
            return self
        given = np.where(self.truncatable[:, None], self.n_relevant_bases, N_BAND)
        kept = (np.arange(N_BAND) < given[:, :, None]).reshape(len(self), -1)
        return replace(
            self,
            coefficients=np.where(kept, self.coefficients, 0),
            errors=np.where(kept, self.errors, 0),
        )

    def __getitem__(self, rows: int | slice | np.ndarray) -> Spectra:
        """Select stars by number, slice, mask or indices; the report stays that of the reading."""
        rows = np.atleast_1d(np.arange(len(self))[rows])
        return Spectra(
            source_id=self.source_id[rows],
            coefficients=self.coefficients[rows],
            errors=self.errors[rows],
            g_flux=self.g_flux[rows],
            g_flux_source=self.g_flux_source,
            correlations=None if self.correlations is None else self.correlations[rows],
            n_relevant_bases=(
                None if self.n_relevant_bases is None else self.n_relevant_bases[rows]
            ),
            report=self.report,
            labels=None if self.labels is None else self.labels.take(pa.array(rows)),
        )


def read_spectra(
    paths: Paths,
    *,
    photometry: str | Path | PhotometryTable | None = None,
    correlations: bool | None = False,
    labels: bool = False,
) -> Spectra:
    """Read XP spectra whole.

    Parameters are those of `iter_spectra`, and so are the errors raised.

    Returns
    -------
    Spectra
        Of all files, in their order.
    """
    chunks = iter_spectra(paths, photometry=photometry, correlations=correlations, labels=labels)
    return join_spectra([chunk for chunk, _ in chunks])


def join_spectra(parts: Sequence[Spectra]) -> Spectra:
    """Put the stars of one or more parts behind each other, and add up their reports.

    Correlations, numbers of relevant bases and labels that one part has and another lacks are NaN,
    0 and null there.
    """
    if len(parts) == 1:
        return parts[0]
    sources = {name for part in parts if len(part) for name in part.g_flux_source.split(" + ")}
    return Spectra(
        source_id=np.concatenate([part.source_id for part in parts]),
        coefficients=np.concatenate([part.coefficients for part in parts]),
        errors=np.concatenate([part.errors for part in parts]),
        g_flux=np.concatenate([part.g_flux for part in parts]),
        g_flux_source=" + ".join(sorted(sources)),
        correlations=_join_correlations(parts),
        n_relevant_bases=_join_relevant_bases(parts),
        report=Report.total(part.report for part in parts),
        labels=_join_labels(parts),
    )


def _join_correlations(parts: Sequence[Spectra]) -> np.ndarray | None:
    if all(part.correlations is None for part in parts):
        return None
    shape = (2, N_BAND, N_BAND)
    return np.concatenate(
        [
            np.full((len(part), *shape), np.nan) if part.correlations is None else part.correlations
            for part in parts
        ]
    )


def _join_relevant_bases(parts: Sequence[Spectra]) -> np.ndarray | None:
    if all(part.n_relevant_bases is None for part in parts):
        return None
    return np.concatenate(
        [
            np.zeros((len(part), 2), np.int16)
            if part.n_relevant_bases is None
            else part.n_relevant_bases
            for part in parts
        ]
    )


def _join_labels(parts: Sequence[Spectra]) -> pa.Table | None:
    """A label that one file has and another lacks is null for the stars of the latter."""
    found = [part.labels for part in parts if part.labels is not None]
    if not found:
        return None
    empty = found[0].schema.empty_table()
    tables = [
        empty.take(pa.nulls(len(part), pa.int64())) if part.labels is None else part.labels
        for part in parts
    ]
    return pa.concat_tables(tables, promote_options="default")


def iter_spectra(
    paths: Paths,
    *,
    photometry: str | Path | PhotometryTable | None = None,
    correlations: bool | None = False,
    labels: bool = False,
    chunk_rows: int = 8192,
) -> Iterator[tuple[Spectra, float]]:
    """Read XP spectra in chunks, so that memory does not grow with the number of stars.

    Only the ids already used are kept, 8 bytes a star: of rows with one source_id the first
    usable one counts, across files too.

    Parameters
    ----------
    paths : path or list of paths
        Files, folders or glob patterns, in any format of `xpmodel.tables.reader`. Either rows of
        the Gaia archive (`bp_coefficients`, `bp_coefficient_errors` and so on: vectors, or text
        as `xpmodel.tables.cells.number_lists` reads it), or a column for each number
        (`bp_coeff_0` to `rp_coeff_54`, `e_bp_coeff_0` to `e_rp_coeff_54`), or the columns of the
        catalog of Laroche & Speagle (2024): `ids`, and `coeffs` and `coeff_errs`, BP then RP in
        one vector.
    photometry : path or PhotometryTable, optional
        G by source_id, for stars whose file gives neither `phot_g_mean_flux` nor
        `phot_g_mean_mag`. Without it the G flux of files that lack both columns is synthesized
        from the coefficients.
    correlations : bool or None
        Read the correlations too (archive rows have them); None: of those files that have them.
    labels : bool
        Read the stellar labels that stand in the files, as `xpmodel.spectra.label_tables` finds
        them.
    chunk_rows : int
        Rows to read at a time.

    Yields
    ------
    Spectra
        The usable rows of a chunk, perhaps none, and its report.
    float
        The fraction of all bytes read so far, 0 to 1.

    Raises
    ------
    InputError
        If a file cannot be used or lacks a column; NoUsableRows if no row of any is usable.
    """
    files = expand_paths(paths)
    if photometry is not None and not isinstance(photometry, PhotometryTable):
        photometry = PhotometryTable.read(photometry)
    used = UsedIds()
    reports = []  # while nothing is usable
    held: list[Spectra] = []
    n_held, fraction = 0, 0.0
    passed: Counter[str] = Counter()
    for rows in read_file_rows(files, correlations, labels, chunk_rows, passed):
        chunk = _usable(rows, photometry, used)
        # Files of different layouts come together too, if they have few stars.
        if held and n_held + chunk.report.n_read > chunk_rows:
            yield join_spectra(held), fraction
            held, n_held = [], 0
        if not used.runs:
            reports.append(chunk.report)
        held.append(chunk)
        n_held, fraction = n_held + chunk.report.n_read, rows.fraction
        if n_held >= chunk_rows:
            yield join_spectra(held), fraction
            held, n_held = [], 0
    if held:
        last = join_spectra(held)
        last.report.remarks += _passed_over(passed)
        last.report.remarks += photometry.remarks if photometry is not None else ()
        yield last, fraction
    elif passed:
        raise InputError(
            f"{files[0]}: no XP coefficients: it holds another product of DataLink "
            f"({_kinds(passed)}); download XP_CONTINUOUS"
        )
    if not used.runs:
        raise _no_usable_rows(files, Report.total(reports), photometry)


def _passed_over(passed: Counter[str]) -> list[str]:
    if not passed:
        return []
    return [f"passed over {passed.total()} files with other products of DataLink: {_kinds(passed)}"]


def _kinds(passed: Counter[str]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(passed.items()))


def _no_usable_rows(
    files: list[Path], report: Report, photometry: PhotometryTable | None
) -> NoUsableRows:
    why = ", ".join(f"{n} {reason}" for reason, n in report.counts.items()) or "no rows at all"
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    message = f"{files[0]}{more}: none of {report.n_read} rows is usable ({why})"
    examples = [f"{reason}, first in {where}" for reason, where in report.examples.items()]
    parts = [message, *examples[:3], *report.remarks]
    if photometry is not None:
        n = int((photometry.g_flux > 0).sum())
        parts += [f"{photometry.path} has the G flux of {n} stars", *photometry.remarks]
    return NoUsableRows("; ".join(parts))


def _usable(rows: FileRows, photometry: PhotometryTable | None, used: UsedIds) -> Spectra:
    """Take the usable ones of some rows."""
    try:
        return _spectra(rows, photometry, used)
    except pa.ArrowException as error:
        cause = " ".join(str(error).split())[:160]
        raise InputError(
            f"{rows.origin.files[0]}: a column holds values of the wrong kind ({cause}); "
            "coefficients must be vectors or text, the rest numbers"
        ) from error


def _spectra(rows: FileRows, photometry: PhotometryTable | None, used: UsedIds) -> Spectra:
    layout, table, origin = rows.layout, rows.table, rows.origin
    reason = np.full(len(table), "", object)

    def reject(bad: np.ndarray, why: str, details: np.ndarray | None = None) -> None:
        bad = bad & (reason == "")
        reason[bad] = why
        if details is not None:
            detailed = bad & (details != "")
            reason[detailed] = f"{why}: " + details[detailed]

    source_id, valid = layout.id.read(table, origin)
    reject(~valid, NOT_AN_ID)
    parts = [read_vectors(table, names, layout.size) for names in layout.coefficients]
    errors = [read_vectors(table, names, layout.size) for names in layout.errors]
    for part in parts + errors:
        reject(part.unreadable != "", NOT_NUMBERS, part.unreadable)
    for part in parts:
        # Where vectors have a fixed length, a band that is missing is full of NaN.
        bands = np.isnan(part.values).reshape(len(table), layout.size // N_BAND, N_BAND)
        blank = (part.lengths == layout.size) & bands.all(axis=2).any(axis=1)
        reject((part.lengths == 0) | blank, MISSING_BAND)
    for part in parts:
        reject(part.lengths != layout.size, WRONG_NUMBER)
    for part in parts:
        reject(~np.isfinite(part.values).all(axis=1), NAN_COEFFICIENT, part.wrong)
    for part in errors:
        reject(~(np.isfinite(part.values) & (part.values > 0)).all(axis=1), BAD_ERROR, part.wrong)
    coefficients = np.concatenate([part.values for part in parts], axis=1)

    flux, unread = layout.g.read(table)
    source = np.where(np.isnan(flux), "", FROM_FILE).astype(object)
    if photometry is not None:
        given, found = photometry.find(source_id)
        better = (source == "") & (given > 0)
        flux[better], source[better] = given[better], FROM_PHOTOMETRY
        if not layout.g.names:
            reject(~found, NO_MATCH)
    elif not layout.g.names:
        good = reason == ""
        flux[good], source[:] = synthetic_g_flux(coefficients[good]), SYNTHETIC
    reject(~(np.isfinite(flux) & (flux > 0)), BAD_FLUX, unread)
    matrices = None
    if layout.correlations:
        matrices, unreadable = correlation_matrices(table, layout.correlations)
        reject(unreadable != "", BAD_CORRELATIONS, unreadable)
    good = np.flatnonzero(reason == "")
    reason[good[~used.add(source_id[good])]] = REPEATED

    good, bad = reason == "", np.flatnonzero(reason != "")
    left_out = no_rows()
    if len(bad):
        names = layout.id.text(table, bad)
        paths = [str(origin.path(place)) for place in bad.tolist()]
        left_out = left_out_rows(paths, origin.row[bad], names, reason[bad])
    counts = Counter(source[good])
    return Spectra(
        source_id=source_id[good],
        coefficients=coefficients[good],
        errors=np.concatenate([part.values for part in errors], axis=1)[good],
        g_flux=flux[good],
        g_flux_source=" + ".join(sorted(counts)),
        correlations=None if matrices is None else matrices[good],
        n_relevant_bases=relevant_bases(table.filter(good), layout.relevant_bases),
        report=Report(len(table), left_out, dict(counts), rows.remarks),
        labels=(layout.labels.take(table.filter(good), origin[good]) if layout.labels else None),
    )
