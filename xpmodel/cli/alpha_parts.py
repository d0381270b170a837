"""Parts of ``xpmodel classify``: slices of Teff, draws of the latents, their marginals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.catalog.catalog import Catalog
    from xpmodel.studies.alpha.classifiers import Sample, Verdict

# Heavy modules are imported by the functions that need them, as in xpmodel.cli.main.

# What the marginals of the latents are told against.
BASELINES = ("teff", "logg", "m_h", "bp_rp")


def write_slices(
    catalog: Catalog,
    sample: Sample,
    verdicts: Sequence[Verdict],
    out: Path,
    meta: dict[str, Any],
    *,
    note: str,
    seed: int,
    figures: bool,
) -> None:
    """Scores by slices of Teff: a table, a figure, and the claim's own slice on the screen."""
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import write_table
    from xpmodel.studies.alpha.comparison_figures import slices_figure
    from xpmodel.studies.alpha.slices import TEFF_SLICES, by_teff, slice_name, slices_table

    if "teff" not in catalog.numeric:
        click.echo(f"no slices: {catalog.path} has no column teff")
        return
    found, skipped = by_teff(catalog, sample, verdicts, seed)
    for name, reason in skipped.items():
        click.echo(f"no slice {name}: {reason}")
    for one in found:
        if (one.low, one.high) in TEFF_SLICES[:2] and one.name != verdicts[0].name:
            gained = "" if one.gain is None else f", over the labels' {one.gain}"
            accuracy = one.scores["balanced_accuracy"]
            click.echo(
                f"Teff {slice_name(one.low, one.high)}, {one.name}: balanced {accuracy}{gained}"
            )
    if not found:
        return
    click.echo(write_table(out / "slices.ecsv", slices_table(found, meta)))
    if figures:
        click.echo(write_figure(out / "slices.pdf", lambda: slices_figure(found, note)))


def write_draws(
    catalog: Catalog,
    sample: Sample,
    n: int,
    out: Path,
    meta: dict[str, Any],
    *,
    seed: int,
    step: Callable[[str], None],
) -> None:
    """Spread of the scores over draws of the latents and over forests."""
    from xpmodel.report.tables import lines_of, write_table
    from xpmodel.studies.alpha.draws import draws_table, over_draws

    try:
        found = over_draws(catalog, sample, n, seed, step)
    except InputError as error:
        click.echo(f"no draws: {error}")
        return
    table = draws_table(found, {**meta, "draws": n}, seed)
    for line in lines_of(table[2 * n :], dict.fromkeys(table.colnames[1:], ".4f")):
        click.echo(line)
    click.echo(write_table(out / "draws.ecsv", table))


def write_marginals(
    catalog: Catalog,
    sample: Sample,
    within: dict[str, float],
    out: Path,
    meta: dict[str, Any],
    *,
    note: str,
    seed: int,
    figures: bool,
) -> None:
    """The latents' distributions in either sequence, of all stars and in pairs of equal labels."""
    import numpy as np

    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import lines_of, write_table
    from xpmodel.studies.alpha.comparison_figures import marginals_figure
    from xpmodel.studies.alpha.equal_pairs import match_pairs
    from xpmodel.studies.alpha.marginals import marginals, marginals_table

    pairs = None
    if set(within) <= set(catalog.numeric):
        labels = {name: catalog[name][sample.rows] for name in within}
        try:
            pairs = match_pairs(labels, sample.is_high, np.ones(len(sample.rows), bool), within)
        except InputError as error:
            click.echo(f"no marginals of equal labels: {error}")
    columns = {}
    for name in (*catalog.active, *BASELINES):
        values = catalog[name][sample.rows] if name in catalog.numeric else np.array([np.nan])
        if np.isfinite(values).all():
            columns[name] = values
        else:
            click.echo(f"no marginal of {name}: missing in the catalog, or of some stars")
    if not columns:
        return
    table = marginals_table(found := marginals(columns, sample.is_high, pairs, seed), meta)
    for line in lines_of(table, dict.fromkeys(table.colnames[4:], ".3f")):
        click.echo(line)
    click.echo(write_table(out / "marginals.ecsv", table))
    if figures:
        click.echo(write_figure(out / "marginals.pdf", lambda: marginals_figure(found, note)))
