"""What is measured on real stars, by measured labels, as numbers that two skies are compared by.

On a sky whose spectra have no α, classifiers and tracks still show something: α goes with other
labels, and measured labels have errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.named_cuts import cut_mask
from xpmodel.errors import InputError
from xpmodel.studies.alpha.classifiers import (
    Inputs,
    Sample,
    alpha_sample,
    classifier_inputs,
    judge,
)
from xpmodel.studies.alpha.equal_pairs import EQUAL, match_pairs
from xpmodel.studies.alpha.pair_ranking import order_pairs
from xpmodel.studies.alpha.scores import gain
from xpmodel.tracks.measured import Track, measure_all

CUT, VARIANT = "pristine", "paper"
# Classifiers that order pairs here.
PAIRED = ("labels", "latents", "labels + latents")
FROM_ALPHA = ("fixed_m_h", "high_alpha", "low_alpha")


class Number(TypedDict):
    """A measure, its value, and the standard error."""

    measure: str
    value: float
    error: float


def measured_as_real(
    catalog: Catalog, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> tuple[list[Number], dict[str, str]]:
    """Scores of the classifiers and lengths of the tracks of a catalog's pristine stars.

    Parameters
    ----------
    catalog : Catalog
    seed : int
        Of split and forests.
    tell : callable
        Called with what is done next.

    Returns
    -------
    numbers : list of Number
    skipped : dict of str to str
        Why others cannot be had, by name.
    """
    classified, skipped = _classified(catalog, seed, tell)
    tell("tracks by measured labels")
    moved, left_out = track_moves(catalog)
    return [*classified, *moved], skipped | left_out


def _classified(
    catalog: Catalog, seed: int, tell: Callable[[str], None]
) -> tuple[list[Number], dict[str, str]]:
    """The scores of ``xpmodel classify``: accuracies, gains over labels, pairs put in order."""
    try:
        sample = alpha_sample(catalog, CUT, VARIANT, seed)
    except InputError as error:
        return [], {"classify": str(error)}
    inputs, skipped = classifier_inputs(catalog, sample)
    verdicts = judge(sample, inputs, seed, lambda name: tell(f"forest on measured {name}"))
    truth = sample.is_high[sample.test]
    numbers = []
    for verdict in verdicts:
        right = verdict.called == truth
        numbers.append(_number(f"accuracy: {verdict.name}", right.mean(), right.std(), len(truth)))
    called = {verdict.name: verdict.called for verdict in verdicts}
    for after in ("latents", "labels + latents"):
        if {"labels", after} <= called.keys():
            value = gain(truth, called["labels"], called[after], seed)["accuracy"].value
            change = (called[after] == truth).astype(float) - (called["labels"] == truth)
            numbers.append(_number(f"gain: {after}", value, change.std(), len(truth)))
    ordered, left_out = _ordered(catalog, sample, inputs, seed, tell)
    return [*numbers, *ordered], skipped | left_out


def _ordered(
    catalog: Catalog, sample: Sample, inputs: list[Inputs], seed: int, tell: Callable[[str], None]
) -> tuple[list[Number], dict[str, str]]:
    """Part of the pairs of equal measured labels that each classifier puts in the right order."""
    columns = {name: catalog[name][sample.rows] for name in EQUAL}
    try:
        pairs = match_pairs(columns, sample.is_high, np.ones(len(sample.rows), bool))
    except InputError as error:
        return [], {"pairs": str(error)}
    chosen = {one.name: one.values for one in inputs if one.name in PAIRED}
    orders = order_pairs(pairs, chosen, seed, lambda name: tell(f"pairs by measured {name}"))
    return [
        _number(f"pairs: {o.name}", v := o.right.value, np.sqrt(v * (1 - v)), len(pairs))
        for o in orders
    ], {}


def _number(measure: str, value: float, spread: float, n: int) -> Number:
    return Number(measure=measure, value=float(value), error=float(spread / np.sqrt(n)))


def track_moves(catalog: Catalog) -> tuple[list[Number], dict[str, str]]:
    """How far latents move along the tracks of [α/M], and how far [M/H] drifts meanwhile.

    Distances are those between the ends of ``fixed_m_h``, and between the high- and the low-α
    track at their points nearest in [M/H], over the active latents, each in units of its
    standard deviation over the catalog. Their error is that of the points' means.

    Parameters
    ----------
    catalog : Catalog

    Returns
    -------
    numbers : list of Number
    skipped : dict of str to str
    """
    try:
        mask = cut_mask(catalog, CUT, VARIANT)
        measured = measure_all(catalog, VARIANT, mask=mask)
    except InputError as error:
        return [], {"tracks": str(error)}
    skipped = {name: why for name, why in measured.skipped.items() if name in FROM_ALPHA}
    tracks = {name: measured.tracks[name][0] for name in FROM_ALPHA if name in measured.tracks}
    spread = {z: float(np.nanstd(catalog[z])) for z in catalog.active}
    numbers: list[Number] = []
    if "fixed_m_h" in tracks:
        track = tracks["fixed_m_h"]
        filled = np.flatnonzero(~track.thin)
        if len(filled) > 1:
            ends = (track, int(filled[0])), (track, int(filled[-1]))
            numbers += _between(*ends, spread, "fixed [M/H], from low to high [α/M]")
        else:
            skipped["fixed_m_h"] = "fewer than two points have stars enough"
    if {"high_alpha", "low_alpha"} <= tracks.keys():
        high, low = tracks["high_alpha"], tracks["low_alpha"]
        apart = np.abs(high.mean["m_h"][:, None] - low.mean["m_h"][None])
        apart[high.thin[:, None] | low.thin[None]] = np.inf
        if np.isfinite(apart).any():
            place = np.unravel_index(np.nanargmin(apart), apart.shape)
            ends = (low, int(place[1])), (high, int(place[0]))
            numbers += _between(*ends, spread, "from the low- to the high-α track")
        else:
            skipped["α tracks"] = "no points have stars enough"
    return numbers, skipped


def _between(
    first: tuple[Track, int], second: tuple[Track, int], spread: dict[str, float], name: str
) -> list[Number]:
    """Distance in latents, and differences in [α/M] and [M/H], between two points of tracks."""

    def difference(column: str) -> tuple[float, float]:
        value = second[0].mean[column][second[1]] - first[0].mean[column][first[1]]
        errors = [t.std[column][p] / np.sqrt(t.n[p]) for t, p in (first, second)]
        return float(value), float(np.hypot(*errors))

    steps = np.array([difference(z) for z in spread]) / np.array(list(spread.values()))[:, None]
    length = float(np.hypot.reduce(steps[:, 0]))
    error = float(np.hypot.reduce(steps[:, 0] * steps[:, 1]) / length) if length else np.nan
    numbers = [Number(measure=f"{name}: move in latents [sd]", value=length, error=error)]
    for column, label in (("alpha_m", "[α/M]"), ("m_h", "[M/H]")):
        value, its_error = difference(column)
        numbers.append(
            Number(measure=f"{name}: change of {label} [dex]", value=value, error=its_error)
        )
    return numbers
