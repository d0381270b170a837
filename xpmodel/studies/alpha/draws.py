"""Classifiers over draws of the latents, and over forests.

Laroche & Speagle (2024) classify one random draw of each star's posterior, by one forest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.alpha.classifiers import Inputs, Sample, Verdict, judge, latent_draw
from xpmodel.studies.alpha.scores import SCORES

if TYPE_CHECKING:
    from astropy.table import Table


def over_draws(
    catalog: Catalog,
    sample: Sample,
    n: int,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[tuple[str, Verdict]]:
    """Classifiers on n draws of the active latents, and n forests on their means.

    How much scores vary over draws says what one draw is worth; that n forests of other seeds
    vary on the same means says how much of it is the forests' own.

    Parameters
    ----------
    catalog : Catalog
    sample : Sample
    n : int
        Draws, and forests.
    seed : int
        Of the first draw and the first forest; the others follow.
    progress : callable, optional
        Called with the name before each.

    Returns
    -------
    list of (str, Verdict)
        The kind (``draws`` or ``forests``) and the verdict.

    Raises
    ------
    InputError
        When no latent is active, or errors of latents are not finite.
    """
    latents = tuple(catalog.active)
    if not latents:
        raise InputError(f"{catalog.path}: no latent is active, so none to draw")
    means = np.stack([catalog[z][sample.rows] for z in latents], axis=1).astype(np.float32)
    found = []
    for i in range(n):
        drawn = Inputs(f"draw {i + 1}", latents, latent_draw(catalog, sample, latents, seed + i))
        same = Inputs(f"forest {i + 1} on the means", latents, means)
        found.append(("draws", judge(sample, [drawn], seed, progress)[1]))
        found.append(("forests", judge(sample, [same], seed + i, progress)[1]))
    return found


def draws_table(found: Sequence[tuple[str, Verdict]], meta: dict[str, Any], seed: int = 0) -> Table:
    """A row a draw or forest, and a row each for their means and standard deviations."""
    scores = [verdict.confusion.scores(seed) for _, verdict in found]
    values = np.array([[one[name].value for name in SCORES] for one in scores])
    kinds = np.array([kind for kind, _ in found])
    names, rows = [verdict.name for _, verdict in found], [*values]
    for kind in sorted(set(kinds.tolist())):
        of_kind = values[kinds == kind]
        spread = of_kind.std(axis=0, ddof=1) if len(of_kind) > 1 else np.full(len(SCORES), np.nan)
        names += [f"mean over {kind}", f"standard deviation over {kind}"]
        rows += [of_kind.mean(axis=0), spread]
    columns: list[TableColumn] = [("classifier", names, "", "a draw, a forest, or over them")]
    columns += [
        (name, [row[i] for row in rows], "", name.replace("_", " "))
        for i, name in enumerate(SCORES)
    ]
    return make_table(columns, meta)
