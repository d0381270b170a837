"""Classifiers by slices of Teff: Laroche & Speagle (2024) claim α of stars below 5000 K."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.alpha.classifiers import Sample, Verdict
from xpmodel.studies.alpha.scores import Confusion, Estimate, gain

if TYPE_CHECKING:
    from astropy.table import Table

# [K]; the paper's claim is of those below 5000 K.
TEFF_SLICES = (
    (0.0, 5000.0),
    (5000.0, np.inf),
    (0.0, 4000.0),
    (4000.0, 4500.0),
    (4500.0, 5000.0),
    (5000.0, 5500.0),
    (5500.0, np.inf),
)
# Test stars of either sequence that a slice must have.
FEWEST = 20


@dataclass(frozen=True)
class SliceVerdict:
    """What a classifier calls the test stars of one slice.

    Attributes
    ----------
    low, high : float
        Ends of the slice [K].
    name : str
        What the classifier knows.
    n_high, n_low : int
        Test stars of either sequence.
    scores : dict of str to Estimate
    gain : Estimate or None
        Balanced accuracy less that of the classifier on labels, on the same stars.
    """

    low: float
    high: float
    name: str
    n_high: int
    n_low: int
    scores: dict[str, Estimate]
    gain: Estimate | None


def slice_name(low: float, high: float) -> str:
    """A slice as one prints it, such as "4000–4500 K"."""
    if low == 0:
        return f"< {high:.0f} K"
    return f"≥ {low:.0f} K" if np.isinf(high) else f"{low:.0f}–{high:.0f} K"


def by_teff(
    catalog: Catalog, sample: Sample, verdicts: Sequence[Verdict], seed: int = 0
) -> tuple[list[SliceVerdict], dict[str, str]]:
    """Scores of classifiers on the test stars of each slice of Teff.

    Parameters
    ----------
    catalog : Catalog
    sample : Sample
    verdicts : sequence of Verdict
        As from `xpmodel.studies.alpha.classifiers.judge`; of these forests, grown on all
        training stars, only the test stars are told apart.
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of SliceVerdict
    skipped : dict of str to str
        Slices with too few stars, and why.
    """
    teff = catalog["teff"][sample.rows[sample.test]].astype(np.float64)
    truth = sample.is_high[sample.test]
    labels = next((v for v in verdicts if v.name == "labels"), None)
    found, skipped = [], {}
    for low, high in TEFF_SLICES:
        inside = (teff >= low) & (teff < high)
        n_high, n_low = int((inside & truth).sum()), int((inside & ~truth).sum())
        if min(n_high, n_low) < FEWEST:
            skipped[slice_name(low, high)] = (
                f"{n_high} high- and {n_low} low-α test stars; needs {FEWEST} of either kind"
            )
            continue
        for verdict in verdicts:
            called = verdict.called[inside]
            scores = Confusion.of(truth[inside], called).scores(seed)
            more = None
            if labels is not None:
                gained = gain(truth[inside], labels.called[inside], called, seed)
                more = gained["balanced_accuracy"]
            found.append(SliceVerdict(low, high, verdict.name, n_high, n_low, scores, more))
    return found, skipped


def slices_table(found: Sequence[SliceVerdict], meta: dict[str, Any]) -> Table:
    """A row a slice and classifier."""
    columns: list[TableColumn] = [
        ("slice", [slice_name(one.low, one.high) for one in found], "", "of Teff"),
        ("teff_low", [one.low for one in found], "K", "low end of the slice"),
        ("teff_high", [one.high for one in found], "K", "high end of the slice"),
        ("classifier", [one.name for one in found], "", "what it knows of a star"),
        ("n_high", [one.n_high for one in found], "", "high-alpha test stars"),
        ("n_low", [one.n_low for one in found], "", "low-alpha test stars"),
    ]
    nothing = Estimate(np.nan, np.nan, np.nan)
    estimates = {
        "accuracy": [one.scores["accuracy"] for one in found],
        "balanced_accuracy": [one.scores["balanced_accuracy"] for one in found],
        "gain": [one.gain or nothing for one in found],
    }
    for name, values in estimates.items():
        what = "balanced accuracy less that of the labels" if name == "gain" else name
        columns.append((name, [v.value for v in values], "", what.replace("_", " ")))
        columns.append((f"{name}_p2", [v.low for v in values], "", "2.5 % of the bootstrap"))
        columns.append((f"{name}_p98", [v.high for v in values], "", "97.5 % of the bootstrap"))
    return make_table(columns, meta)
