"""Tables of the results on the α-bimodality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.alpha.classifiers import PUBLISHED, Sample, Verdict
from xpmodel.studies.alpha.difference_spectra import AlphaSpectrum
from xpmodel.studies.alpha.pair_ranking import Order
from xpmodel.studies.alpha.scores import SCORES, Estimate, gain

if TYPE_CHECKING:
    from astropy.table import Table

MEANING = {
    "accuracy": "part of the test stars called right",
    "balanced_accuracy": "mean of the two recalls; 0.5 by chance",
    "recall_high": "part of the high-alpha stars called so",
    "recall_low": "part of the low-alpha stars called so",
    "precision_high": "part of those called high-alpha that are",
    "precision_low": "part of those called low-alpha that are",
}
COUNTS = ("high_as_high", "high_as_low", "low_as_high", "low_as_low")


def verdicts_table(
    verdicts: Sequence[Verdict],
    sample: Sample,
    meta: dict[str, Any],
    *,
    seed: int = 0,
    published: bool = False,
) -> Table:
    """A row a classifier: confusion matrix, scores with intervals, gain in accuracy over labels.

    Parameters
    ----------
    verdicts : sequence of Verdict
    sample : Sample
    meta : dict
    seed : int
        Of the bootstrap.
    published : bool
        With the published accuracy and recalls beside (Laroche & Speagle 2024, Table 1).
    """
    scores = [verdict.confusion.scores(seed) for verdict in verdicts]
    columns: list[TableColumn] = [
        ("classifier", [v.name for v in verdicts], "", "what it knows of a star"),
        ("n_features", [v.n_features for v in verdicts], "", "numbers of a star that it takes"),
        ("n_train", [v.n_train for v in verdicts], "", "stars it was grown on"),
        ("n_test", [v.confusion.n for v in verdicts], "", "stars it was tested on"),
    ]
    for name in SCORES:
        columns += _estimates(name, [s[name] for s in scores], MEANING[name])
    truth = sample.is_high[sample.test]
    labels = next((v for v in verdicts if v.name == "labels"), None)
    if labels is not None:
        gains = [gain(truth, labels.called, v.called, seed)["accuracy"] for v in verdicts]
        columns += _estimates("gain", gains, "accuracy less that of the classifier on labels")
    for i, name in enumerate(COUNTS):
        counts = [int(v.confusion.counts.ravel()[i]) for v in verdicts]
        columns.append((name, counts, "", "test stars: what they are, as what they are called"))
    if published:
        for name in ("accuracy", "recall_high", "recall_low"):
            values = [PUBLISHED.get(v.name, {}).get(name, np.nan) for v in verdicts]
            columns.append((f"published_{name}", values, "", "Laroche & Speagle (2024), Table 1"))
    return make_table(columns, meta)


def orders_table(orders: Sequence[Order], n_pairs: int, meta: dict[str, Any]) -> Table:
    """A row a classifier: the part of the pairs that it puts in the right order."""
    columns: list[TableColumn] = [
        ("classifier", [o.name for o in orders], "", "what it knows of a star"),
        ("n_features", [o.n_features for o in orders], "", "numbers of a star that it takes"),
        ("n_pairs", np.full(len(orders), n_pairs), "", "pairs judged, each once"),
        *_estimates("right", [o.right for o in orders], "part in the right order; 0.5 by chance"),
    ]
    return make_table(columns, meta)


def spectra_table(spectra: dict[str, AlphaSpectrum], meta: dict[str, Any]) -> Table:
    """The differences of high- and low-α spectra, a row a wavelength."""
    first = next(iter(spectra.values()))
    columns: list[TableColumn] = [("wavelength", first.wavelength, "nm", "wavelength")]
    for mode, one in spectra.items():
        what = "of the mean flux" if mode == "flux" else "of flux over continuum"
        parts = {
            "decoded": "decoded spectra, high less low alpha, as a part",
            "decoded_error": "standard error of the same",
            "observed": "observed spectra, high less low alpha, as a part",
            "observed_error": "standard error of the same",
            "gradient": "gradient along the difference in z, as a part",
        }
        for part, description in parts.items():
            values = getattr(one, part)
            if values is not None:
                columns.append((f"{mode}_{part}", values, "", f"{description} {what}"))
    meta = {**meta, "n_pairs": first.n_pairs, "delta_z": first.delta_z.tolist()}
    return make_table(columns, meta)


def _estimates(name: str, estimates: Sequence[Estimate], description: str) -> list[TableColumn]:
    return [
        (name, [e.value for e in estimates], "", description),
        (f"{name}_p2", [e.low for e in estimates], "", "2.5 % of the bootstrap"),
        (f"{name}_p98", [e.high for e in estimates], "", "97.5 % of the bootstrap"),
    ]
