"""The commands about odd stars and about a model itself: ``xpmodel outliers``, ``inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpmodel.cli.options import out_option

if TYPE_CHECKING:
    from astropy.table import Table

    from xpmodel.catalog.catalog import Catalog
    from xpmodel.diagnostics.latent_use import LatentUse
    from xpmodel.diagnostics.outlier_recovery import Oddities
    from xpmodel.diagnostics.outliers import OutlierScores

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.

SHOWN = 10  # ranks that are printed


@click.command("outliers")
@click.argument("catalog", type=click.Path(path_type=Path))
@out_option()
@click.option(
    "--top", type=click.IntRange(min=1), default=1000, show_default=True, help="Stars to list."
)
@click.option("--all", "every", is_flag=True, help="List all stars that have a score.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="truth.parquet of a mock sky: how many of its oddities are found.",
)
@click.option(
    "--known",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Odd stars of CATALOG: a table with source_id (spectra, too), a .txt list of ids, a "
    "folder of tables, or of such folders, each a kind. Several may be given.",
)
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
def outliers_command(
    catalog: Path,
    out: Path | None,
    top: int,
    every: bool,
    truth: Path | None,
    known: tuple[Path, ...],
    figures: bool,
) -> None:
    """Rank the stars of CATALOG by how odd they are.

    The score adds three parts, each compared with stars of similar G magnitude: the χ² of the
    spectrum without the model's scatter, the distance to neighbours in latent space, and unusual
    posterior widths. What the catalog lacks is left out, and said.

    Writes outliers.ecsv (a ranked list), outliers.json (a recipe: "xpmodel select" returns the
    same stars, the page makes the same set), and a figure.

    With --truth or --known also recovery.ecsv and a figure: what part of the known oddities is
    among the n oddest stars, by the score, by each part alone, and by chance. The known stars
    must be in CATALOG: encode them together with usual ones ("xpmodel encode stars.fits
    odd/symbiotic odd/nebulae …"), and name their spectra here again ("--known odd").
    """
    from xpmodel._atomic import replacing
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import echo_unplaced, result_folder
    from xpmodel.diagnostics.outliers import outlier_table, outliers_of
    from xpmodel.report.tables import lines_of, write_table
    from xpmodel.selection.recipe import make_recipe
    from xpmodel.selection.star_sources import Outliers
    from xpmodel.selection.steps import Step

    out = result_folder(catalog, out, "outliers")
    opened = open_catalog(catalog)
    oddities = _oddities(opened, truth, known)
    scores = outliers_of(opened)
    n = len(scores.ranked) if every else min(top, len(scores.ranked))
    table = outlier_table(opened, scores, n)
    for name, reason in scores.missing.items():
        click.echo(f"no {name}: {reason}")
    echo_unplaced(opened, "scored by the other parts alone")
    first = table[: min(SHOWN, n)]
    for line in lines_of(first, _digits(first)):
        click.echo(line)
    write_table(out / "outliers.ecsv", table)
    with replacing(out / "outliers.json") as path:
        path.write_text(make_recipe((Step("replace", Outliers(n)),), opened, n), encoding="utf-8")
    click.echo(f"{out / 'outliers.ecsv'}: {n} of {len(opened)} stars")
    click.echo(out / "outliers.json")
    if figures:
        from xpmodel.diagnostics.figures import write_outliers

        drawn = write_outliers(out / "outliers.pdf", opened, scores, n)
        click.echo(drawn or "no figure: no star has two latents, or a score and a G magnitude")
    if oddities:
        _recovery(opened, scores, oddities, out, figures)


def _oddities(catalog: Catalog, truth: Path | None, known: tuple[Path, ...]) -> list[Oddities]:
    from xpmodel.diagnostics.outlier_recovery import known_oddities, mock_oddities

    found = [mock_oddities(truth, catalog)] if truth is not None else []
    return found + ([known_oddities(known, catalog)] if known else [])


def _recovery(
    catalog: Catalog, scores: OutlierScores, oddities: list[Oddities], out: Path, figures: bool
) -> None:
    from xpmodel.diagnostics.outlier_recovery import measure_recovery, recovery_table, short_table
    from xpmodel.report.tables import lines_of, write_table

    for note in (note for one in oddities for note in one.notes):
        click.echo(note)
    recoveries = [recovery for one in oddities for recovery in measure_recovery(scores, one)]
    short = short_table(recoveries)
    click.echo("part of the known oddities that are among the n oddest stars:")
    for line in lines_of(short, dict.fromkeys(short.colnames[3:], ".3f")):
        click.echo(line)
    path = write_table(out / "recovery.ecsv", recovery_table(catalog, recoveries))
    click.echo(path)
    if figures:
        from xpmodel.diagnostics.figures import write_recovery

        click.echo(write_recovery(out / "recovery.pdf", catalog, recoveries))


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("catalog", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for tables and figures.")
@click.option("--seed", default=0, show_default=True, help="Of the draws from the prior.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
def inspect_command(
    model: Path, catalog: Path | None, out: Path | None, seed: int, figures: bool
) -> None:
    """Say what MODEL is and how it uses its latents: which carry information, how much, of what.

    From 10,000 decoded draws of the prior: the KL of each latent, how much the decoder moves with
    it, and the posterior width when these are encoded again. A latent with a KL of at most 0.01
    nat is collapsed: it follows the prior and carries nothing.

    With a CATALOG that MODEL made, the same over its stars, and the label that each latent
    follows: Spearman's rank correlation, of the posterior means.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.diagnostics.latent_use import (
        describe_model,
        use_of_catalog,
        use_of_prior,
        use_table,
    )
    from xpmodel.model.folder import load_model
    from xpmodel.report.tables import lines_of, write_table

    loaded = load_model(model)
    opened = None if catalog is None else open_catalog(catalog)
    of_stars = None
    if opened is not None:
        of_stars = use_of_catalog(loaded, opened, seed=seed)
    for line in [str(model), *describe_model(loaded)]:
        click.echo(line)
    use = use_of_prior(loaded, seed=seed)
    table = use_table(use, {"model": loaded.hash, "over": f"{use.n} prior draws", "seed": seed})
    click.echo(f"\nover {use.n:,} decoded draws of the prior (seed {seed}):")
    for line in lines_of(table, _digits(table)):
        click.echo(line)
    click.echo(_collapsed(use))
    if out is not None:
        click.echo(write_table(out / "prior.ecsv", table))
    if opened is not None and of_stars is not None:
        _inspect_catalog(of_stars, opened, out, seed, figures)


def _inspect_catalog(
    use: LatentUse, catalog: Catalog, out: Path | None, seed: int, figures: bool
) -> None:
    from xpmodel.diagnostics.latent_use import follow_labels, following_table, use_table
    from xpmodel.report.tables import lines_of, provenance, write_table

    table = use_table(use, provenance(catalog, over=f"{use.n} of {use.n_of} stars", seed=seed))
    mock = f", {catalog.n_mock:,} of them mock" if catalog.n_mock else ""
    click.echo(
        f"\nover {use.n:,} of {use.n_of:,} stars of {catalog.path.name}{mock} "
        f"(sensitivity: {use.n_differentiated:,} of them, seed {seed}):"
    )
    for line in lines_of(table, _digits(table)):
        click.echo(line)
    click.echo(_collapsed(use))
    following = follow_labels(catalog)
    labels = following_table(catalog, following)
    if "follows" not in labels.colnames:
        click.echo(f"{catalog.path.name} has no stellar labels that a latent could follow")
    if following.labels:
        click.echo("\nSpearman's rank correlation of each latent's posterior mean:")
        for line in lines_of(labels, _digits(labels)):
            click.echo(line)
    if out is None:
        return
    click.echo(write_table(out / "latents.ecsv", table))
    if following.labels:
        click.echo(write_table(out / "labels.ecsv", labels))
    if figures:
        from xpmodel.diagnostics.figures import write_correlations, write_widths

        if use.width.any():
            click.echo(write_widths(out / "widths.pdf", catalog, use))
        if following.labels:
            click.echo(write_correlations(out / "labels.pdf", catalog, following, use))


def _collapsed(use: LatentUse) -> str:
    if not use.width.any():
        return (
            "no posterior widths (an autoencoder): the KL tells no latent as collapsed; see the "
            "sensitivities"
        )
    collapsed = [z for z, active in zip(use.latents, use.active, strict=True) if not active]
    return f"collapsed latents: {', '.join(collapsed) or 'none'}"


def _digits(table: Table) -> dict[str, str]:
    """How numbers with a fraction are printed."""
    return {name: ".3g" for name in table.colnames if table[name].dtype.kind == "f"}
