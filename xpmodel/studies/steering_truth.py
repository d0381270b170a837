"""Steering against the truth of a mock sky: whether spectra change as they should.

A star of the mock is steered by one step in a label, and the change that the model decodes is
compared with what the generator of the mock makes of the same star when this label changes and all
else of its truth stays: temperature, gravity, abundances, dust, companions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.catalog.catalog import Catalog, check_model
from xpmodel.catalog.label_relations import dwarf_mask, giant_mask
from xpmodel.columns import column_of, parameters
from xpmodel.errors import InputError
from xpmodel.latent.local_fit import Direction, fit_labels
from xpmodel.latent.neighbours import neighbours_of
from xpmodel.mock.population import Stars, plain_stars
from xpmodel.mock.ridge import true_coefficients
from xpmodel.mock.truth import read_truth
from xpmodel.mock.write import TRUTH_COLUMNS
from xpmodel.model.model import Model
from xpmodel.report.tables import TableColumn, make_table
from xpmodel.spectra.wavelengths import Wavelengths

if TYPE_CHECKING:
    from astropy.table import Table

# Where spectra are compared [nm].
GRID = np.arange(400.0, 981.0, 2.0)
# A change is right if it is like the true one, and neither half nor twice of it.
LEAST_CORRELATION, FACTOR = 0.5, 2.0
# Below this temperature a giant is cool [K].
COOL = 4800.0
GROUPS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cool giants": lambda teff, logg: giant_mask(teff, logg) & (teff < COOL),
    "warm giants": lambda teff, logg: giant_mask(teff, logg) & (teff >= COOL),
    "dwarfs": dwarf_mask,
}
# What of a star's truth the generator is given.
TRUE = tuple(f.name for f in fields(Stars) if f.name in TRUTH_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """One step in a label from each of some stars.

    Attributes
    ----------
    group, name : str
    step : float
    rows : ndarray, (n,) int64
        Of the catalog.
    correlation, amplitude : ndarray, (n,)
        Of the decoded change with the true one, over wavelengths, each less its mean; and ratio of
        their root mean squares. NaN where there is no direction.
    labels_alone : ndarray, (n, 2)
        The same where the other labels are held, but neither color nor dust: the baseline.
    supported : ndarray, (n,) bool
    """

    group: str
    name: str
    step: float
    rows: np.ndarray
    correlation: np.ndarray
    amplitude: np.ndarray
    labels_alone: np.ndarray
    supported: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which changes correlate by 0.5 at least and are within a factor of 2, (n,) bool."""
        return (
            (self.correlation >= LEAST_CORRELATION)
            & (self.amplitude >= 1 / FACTOR)
            & (self.amplitude <= FACTOR)
        )


def steps_against_truth(
    catalog: Catalog,
    model: Model,
    truth: str | Path,
    n_stars: int = 100,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> list[Steps]:
    """Steer stars of a mock sky by one step in each label, and compare with the generator.

    Parameters
    ----------
    catalog : Catalog
        Of the mock sky.
    model : Model
        That made its latents.
    truth : path
        The sky's ``truth.parquet``.
    n_stars : int
        Of each group, drawn at random from all with latents; all, where there are fewer.
    seed : int
        Of the draw.
    progress : callable, optional
        Told how many of how many stars are done.

    Returns
    -------
    list of Steps
        For each group that has stars and each parameter of the atmosphere that the catalog has.

    Raises
    ------
    InputError
        When the model is not the catalog's, the truth is not that of its stars, or there is
        nothing to steer.
    """
    if n_stars < 1:
        raise InputError(f"{n_stars} stars of each group: give at least one")
    check_model(catalog, model.hash)
    true = read_truth(truth, catalog, TRUE)
    names = [name for name in parameters() if name in catalog.numeric and name in TRUE]
    rng = np.random.default_rng(seed)
    chosen = {}
    for group, mask in GROUPS.items():
        rows = np.flatnonzero(mask(true["teff"], true["logg"]) & catalog.placed)
        if len(rows):
            chosen[group] = np.sort(rng.choice(rows, min(n_stars, len(rows)), replace=False))
    if not names or not chosen:
        raise InputError(f"{catalog.path}: no star with latents and labels to steer by")
    total = sum(map(len, chosen.values()))
    results, done = [], 0
    for group, rows in chosen.items():
        ways: dict[str, list[list[Direction | None]]] = {name: [] for name in names}
        for row in rows:
            for name, found in _ways(catalog, _latents(catalog, int(row)), names).items():
                ways[name].append(found)
            done += 1
            if progress is not None:
                progress(done, total)
        results += [_compare(catalog, model, true, group, rows, n, ways[n]) for n in names]
    return results


def _latents(catalog: Catalog, rows: int | np.ndarray) -> np.ndarray:
    return np.stack([catalog[name][rows] for name in catalog.latents], axis=-1).astype(np.float64)


def _ways(catalog: Catalog, z: np.ndarray, names: list[str]) -> dict[str, list[Direction | None]]:
    """For each label the direction with all held, judged, and that with parameters alone held."""
    neighbours = neighbours_of(catalog)
    fits = [fit_labels(catalog, neighbours, z, names=n) for n in (None, parameters())]
    found: dict[str, list[Direction | None]] = {}
    for name in names:
        try:
            found[name] = [fits[0].direction(name), fits[1].way(name)]
        except InputError:  # the label has no fit here
            found[name] = [None, None]
    return found


def _compare(
    catalog: Catalog,
    model: Model,
    true: dict[str, np.ndarray],
    group: str,
    rows: np.ndarray,
    name: str,
    ways: list[list[Direction | None]],
) -> Steps:
    step = column_of(name).steer_step
    assert step is not None  # all parameters of the atmosphere of the mock have one
    wanted = true_change(true, rows, name, step)
    z = _latents(catalog, rows)
    found = []
    for which in (0, 1):
        nowhere = np.full(z.shape[1], np.nan)
        dz = np.stack([nowhere if one is None else one.dz for one in (way[which] for way in ways)])
        found.append(alikeness(_decoded_change(model, z, z + step * dz), wanted))
    (correlation, amplitude), alone = found
    supported = np.array([one is not None and one.supported for one, _ in ways])
    return Steps(
        group=group,
        name=name,
        step=step,
        rows=rows,
        correlation=correlation,
        amplitude=amplitude,
        labels_alone=np.stack(alone, axis=1),
        supported=supported,
    )


def generated(stars: Stars) -> np.ndarray:
    """Noise-free coefficients that the mock's generator gives stars, (N, 110) per unit G flux.

    The only place where this study touches the generator.
    """
    return true_coefficients(stars)


def true_change(
    true: dict[str, np.ndarray], rows: np.ndarray, name: str, step: float
) -> np.ndarray:
    """Change of the generated spectra with one label, all else equal, (n, L) of the mean flux."""
    stars = plain_stars(**{column: true[column][rows] for column in TRUE})
    before = generated(stars)
    after = generated(replace(stars, **{name: getattr(stars, name) + step}))
    return _change(before, after)


def _decoded_change(model: Model, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    known = np.isfinite(after).all(axis=1)
    change = np.full((len(before), len(GRID)), np.nan)
    if known.any():
        ends = [
            np.asarray(model.decode(z[known].astype(np.float32))[0], np.float64)
            for z in (before, after)
        ]
        change[known] = _change(*ends)
    return change


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Change of flux, as a part of the mean flux before, (n, L), of coefficients (n, 110)."""
    wavelengths = Wavelengths(GRID)
    start, end = (np.asarray(wavelengths.flux(c), np.float64) for c in (before, after))
    return (end - start) / start.mean(axis=1, keepdims=True)


def alikeness(change: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of changes, (n, L) each, and ratio of their sizes, their means removed.

    Returns
    -------
    correlation, amplitude : ndarray, (n,)
        NaN where either does not change.
    """
    change, wanted = (c - c.mean(axis=1, keepdims=True) for c in (change, wanted))
    size, its = (np.sqrt((c**2).sum(axis=1)) for c in (change, wanted))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (change * wanted).sum(axis=1) / (size * its), size / its


def steps_table(results: list[Steps], meta: dict[str, Any]) -> Table:
    """A row a group and label: medians of correlation and amplitude, and what support is worth."""

    def of(values: Callable[[Steps], np.ndarray], part: float = 50) -> list[float]:
        return [_percentile(values(one), part) for one in results]

    columns: list[TableColumn] = [
        ("group", [one.group for one in results], "", "by the true Teff and log g"),
        ("label", [one.name for one in results], "", "what is steered"),
        ("step", [one.step for one in results], "", "by how much, in the label's unit"),
        ("n", [len(one.rows) for one in results], "", "stars"),
        ("correlation", of(lambda o: o.correlation), "", "decoded with true change: median"),
        ("correlation_p16", of(lambda o: o.correlation, 16), "", "16th percentile"),
        ("amplitude", of(lambda o: o.amplitude), "", "decoded over true change: median"),
        ("amplitude_p84", of(lambda o: o.amplitude, 84), "", "84th percentile"),
        (
            "correlation_labels_alone",
            of(lambda o: o.labels_alone[:, 0]),
            "",
            "median where neither color nor dust is held",
        ),
        ("amplitude_labels_alone", of(lambda o: o.labels_alone[:, 1]), "", "the same"),
        (
            "right",
            [float(one.right.mean()) for one in results],
            "",
            f"part with correlation of {LEAST_CORRELATION:g} and amplitude within {FACTOR:g}",
        ),
        ("n_supported", [int(one.supported.sum()) for one in results], "", "called supported"),
        (
            "right_supported",
            [_part(one.right, one.supported) for one in results],
            "",
            "part of these that is right; NaN where there are none",
        ),
        (
            "correlation_supported",
            of(lambda o: o.correlation[o.supported]),
            "",
            "median over these",
        ),
        ("amplitude_supported", of(lambda o: o.amplitude[o.supported]), "", "median over these"),
        (
            "right_others",
            [_part(one.right, ~one.supported) for one in results],
            "",
            "part of those not called supported that is right",
        ),
    ]
    return make_table(columns, meta)


def _percentile(values: np.ndarray, part: float) -> float:
    values = values[np.isfinite(values)]
    return float(np.percentile(values, part)) if len(values) else float("nan")


def _part(right: np.ndarray, of: np.ndarray) -> float:
    return float(right[of].mean()) if of.any() else float("nan")
