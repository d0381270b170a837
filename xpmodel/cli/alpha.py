"""The command about the α-bimodality: ``xpmodel classify``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpmodel.cli.options import cut_option, out_option, variant_option
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

    from xpmodel.catalog.catalog import Catalog
    from xpmodel.model.model import Model
    from xpmodel.studies.alpha.classifiers import Inputs, Sample
    from xpmodel.studies.alpha.equal_pairs import Pairs

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("classify")
@click.argument("catalog", type=click.Path(path_type=Path))
@out_option()
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="The catalog's model folder, by which to write which wavelengths carry the difference. "
    "Default: the demo model, if it is that.",
)
@cut_option("pristine", "Stars to use.")
@variant_option("The cut as the paper has it, or as the code released with it.")
@click.option(
    "--equal",
    multiple=True,
    metavar="COLUMN=MOST",
    help="How far the stars of a pair may differ in a column: several may be given. "
    "Default: teff=50, logg=0.1, m_h=0.05. Add sfd_ebv=0.02 for pairs behind equal dust.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Grow the forest on coefficients on all training stars, not on 20,000 of them.",
)
@click.option(
    "--as-released",
    is_flag=True,
    help="Follow the released code: its cut, its scrambled rows of labels, a draw of the latents.",
)
@click.option(
    "--draws",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Also classify N draws of the latents, and N forests on their means: how scores spread.",
)
@click.option("--seed", default=0, show_default=True, help="Of split, forests and intervals.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
def classify_command(
    catalog: Path,
    out: Path | None,
    model: Path | None,
    cut: str,
    variant: str,
    equal: tuple[str, ...],
    full: bool,
    as_released: bool,
    draws: int,
    seed: int,
    figures: bool,
) -> None:
    """Tell high- from low-α stars of CATALOG, from labels, colors, latents and coefficients.

    Random forests on nine tenths of the stars, tested on the others, with 95 % bootstrap
    intervals; the same by slices of Teff; how far single latents part the sequences; and on
    pairs of a high- and a low-α star that are equal in other labels.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.alpha_parts import write_draws, write_marginals, write_slices
    from xpmodel.cli.output import catalog_model, result_folder
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import provenance, write_table
    from xpmodel.studies.alpha.classifiers import (
        alpha_sample,
        classifier_inputs,
        judge,
        released_inputs,
    )
    from xpmodel.studies.alpha.figures import classifiers_figure
    from xpmodel.studies.alpha.tables import verdicts_table

    within = _within(equal)
    opened = open_catalog(catalog)
    loaded = catalog_model(opened, model)
    out = result_folder(catalog, out, "classify")
    if as_released:
        variant = "released"
    sample = alpha_sample(opened, cut, variant, seed)
    click.echo(_sample_line(opened, sample))
    if as_released:
        click.echo(
            "as released: label rows mix three stars, the latents are one random draw; the "
            "published figures can only come from the paper's own catalog"
        )
        inputs, skipped = released_inputs(opened, sample, seed)
    else:
        inputs, skipped = classifier_inputs(opened, sample, full=full)
    with _steps(len(inputs), "forests") as step:
        verdicts = judge(sample, inputs, seed, step)
    name = "classify_as_released" if as_released else "classify"
    meta = provenance(
        opened, cut=cut, variant=variant, seed=seed, n_stars=len(sample.rows), released=as_released
    )
    table = verdicts_table(verdicts, sample, meta, seed=seed, published=as_released)
    _echo_verdicts(table)
    for one, reason in skipped.items():
        click.echo(f"no {one}: {reason}")
    for verdict in verdicts[1:]:
        if verdict.n_train < len(sample.train):
            click.echo(
                f"{verdict.name}: grown on {verdict.n_train:,} of {len(sample.train):,} "
                "(see --full)"
            )
    click.echo(write_table(out / f"{name}.ecsv", table))
    if figures:
        note = _note(opened, sample, as_released)
        figure = out / f"{name}.pdf"
        click.echo(write_figure(figure, lambda: classifiers_figure(verdicts, note, seed)))
    if not as_released:
        parts: dict[str, Any] = {"meta": meta, "seed": seed}
        drawn = parts | {"note": _sample_line(opened, sample) + ".", "figures": figures}
        write_slices(opened, sample, verdicts, out, **drawn)
        write_marginals(opened, sample, within, out, **drawn)
        if draws:
            with _steps(2 * draws, "draws") as step:
                write_draws(opened, sample, draws, out, **parts, step=step)
        _pairs(opened, loaded, sample, inputs, within, out, seed, figures)


def _pairs(
    catalog: Catalog,
    model: Model | None,
    sample: Sample,
    inputs: list[Inputs],
    within: dict[str, float],
    out: Path,
    seed: int,
    figures: bool,
) -> None:
    """The part of ``classify`` on pairs of equal labels."""
    import numpy as np

    from xpmodel.report.tables import lines_of, provenance, write_table
    from xpmodel.studies.alpha.equal_pairs import match_pairs
    from xpmodel.studies.alpha.pair_ranking import order_pairs
    from xpmodel.studies.alpha.tables import orders_table

    lacking = [name for name in within if name not in catalog.numeric]
    if lacking:
        click.echo(f"no pairs: {catalog.path} has no column {', '.join(lacking)}")
        return
    columns = {name: catalog[name][sample.rows] for name in within}
    try:
        pairs = match_pairs(columns, sample.is_high, np.ones(len(sample.rows), bool), within)
    except InputError as error:
        click.echo(f"no pairs: {error}")
        return
    chosen = {one.name: one.values for one in inputs if one.n_train is None}
    with _steps(len(chosen), "pairs") as step:
        orders = order_pairs(pairs, chosen, seed, step)
    equal = ", ".join(f"{name} ± {most:g}" for name, most in within.items())
    click.echo(
        f"{len(pairs):,} pairs of {pairs.n_high:,} high- and {pairs.n_low:,} low-α stars, equal "
        f"within {equal}"
    )
    meta = provenance(catalog, equal=equal, cut=sample.cut, variant=sample.variant, seed=seed)
    table = orders_table(orders, len(pairs), meta)
    for line in lines_of(table, dict.fromkeys(("right", "right_p2", "right_p98"), ".3f")):
        click.echo(line)
    click.echo(write_table(out / "pairs.ecsv", table))
    if model is None:
        click.echo("without --model: not which wavelengths carry the difference")
        return
    _wavelengths(catalog, model, sample, pairs, out, meta, figures)


def _wavelengths(
    catalog: Catalog,
    model: Model,
    sample: Sample,
    pairs: Pairs,
    out: Path,
    meta: dict[str, Any],
    figures: bool,
) -> None:
    """The part of ``classify`` on the spectra of pairs, giants and dwarfs apart."""
    from dataclasses import replace

    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import title_of, write_table
    from xpmodel.studies.alpha.difference_spectra import FEWEST_PAIRS, alpha_spectra
    from xpmodel.studies.alpha.figures import spectra_figure
    from xpmodel.studies.alpha.tables import spectra_table
    from xpmodel.tracks.bins import CONDITIONS

    kinds = {}
    for kind, condition in (("giants", "giant"), ("dwarfs", "dwarf")):
        if not set(CONDITIONS[condition].columns) <= set(catalog.numeric):
            continue
        of_kind = CONDITIONS[condition].passes(catalog)[sample.rows]
        here = of_kind[pairs.high] & of_kind[pairs.low]
        if here.sum() < FEWEST_PAIRS:
            click.echo(f"{kind}: {here.sum()} pairs are too few for a mean difference")
            continue
        rows = sample.rows[pairs.high[here]], sample.rows[pairs.low[here]]
        kinds[kind] = alpha_spectra(catalog, model, replace(pairs, high=rows[0], low=rows[1]))
        table = spectra_table(kinds[kind], {**meta, "stars": kind})
        click.echo(write_table(out / f"alpha_spectrum_{kind}.ecsv", table))
    if kinds and figures:
        note = (
            f"{title_of(catalog)}: mean difference of high- and low-α stars of equal labels "
            f"({meta['equal']}), with standard errors; left: part of the flux, right: of flux over "
            "continuum."
        )
        click.echo(write_figure(out / "alpha_spectrum.pdf", lambda: spectra_figure(kinds, note)))


def _within(pairs: tuple[str, ...]) -> dict[str, float]:
    """Columns and differences out of ``COLUMN=MOST``."""
    from xpmodel.studies.alpha.equal_pairs import EQUAL, check_within

    within = {}
    for text in pairs:
        name, _, most = text.partition("=")
        try:
            within[name.strip()] = float(most)
        except ValueError:
            raise InputError(f"--equal {text}: must be COLUMN=MOST, such as m_h=0.05") from None
    return check_within(dict(EQUAL) | within)


@contextmanager
def _steps(n: int, what: str) -> Iterator[Callable[[str], None]]:
    """A bar of n steps, told before each of them."""
    from tqdm import tqdm

    with tqdm(total=n, desc=what, unit="", dynamic_ncols=True, delay=1.0) as bar:
        started = 0

        def step(name: str) -> None:
            nonlocal started
            bar.update(min(started, 1))
            started += 1
            bar.set_postfix_str(name)

        yield step
        bar.update(n - bar.n)


def _echo_verdicts(table: Table) -> None:
    """Scores with their intervals, a line a classifier."""
    from xpmodel.report.tables import lines_of, make_table

    published = "published_accuracy" in table.colnames
    names = ["accuracy", "balanced_accuracy", "recall_high", "recall_low"]
    names += ["precision_high", "precision_low"] + (["gain"] if "gain" in table.colnames else [])
    columns = [("classifier", list(table["classifier"]), "", "")]
    for name in names:
        texts = [
            f"{value:.3f} [{low:.3f}, {high:.3f}]"
            for value, low, high in zip(
                *(table[name + e] for e in ("", "_p2", "_p98")), strict=True
            )
        ]
        columns.append((name, texts, "", ""))
    if published:
        columns.append(("published", [f"{v:.2f}" for v in table["published_accuracy"]], "", ""))
    for line in lines_of(make_table(columns)):
        click.echo(line)


def _sample_line(catalog: Catalog, sample: Sample) -> str:
    from xpmodel.report.tables import title_of

    n, high = len(sample.rows), int(sample.is_high.sum())
    return (
        f"{title_of(catalog)}: {sample.n_cut:,} of {len(catalog):,} stars pass the cut "
        f"{sample.cut} ({sample.variant}), {n:,} with all values: {high:,} high-α "
        f"({high / n:.1%}); {len(sample.train):,} to grow on, {len(sample.test):,} to test"
    )


def _note(catalog: Catalog, sample: Sample, as_released: bool) -> str:
    note = f"{_sample_line(catalog, sample)}. Matrices in % of the test stars."
    return f"As released, with scrambled rows of labels. {note}" if as_released else note
