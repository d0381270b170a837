"""The command that compares steering with a mock sky's truth: ``xpmodel steering``."""

from __future__ import annotations

from pathlib import Path

import click

from xpmodel.cli.options import out_option
from xpmodel.errors import InputError

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("steering")
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="The catalog's model folder. Default: the demo model, if it is that.",
)
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help="truth.parquet of the mock sky (mock --truth).",
)
@out_option()
@click.option("--stars", default=100, show_default=True, help="Stars of each group.")
@click.option("--seed", default=0, show_default=True, help="Of the draw of stars.")
def steering_command(
    catalog: Path, model: Path | None, truth: Path, out: Path | None, stars: int, seed: int
) -> None:
    """Compare steps of steering in CATALOG, a mock, with what its generator makes of them.

    One step in Teff, log g, [M/H] and [α/M] from cool giants, warm giants and dwarfs: correlation
    and amplitude of the decoded change of the spectrum against the true one, 400 to 980 nm, with
    color and dust held and without; and how often steps that are called supported are right.
    """
    from tqdm import tqdm

    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import catalog_model, echo_unplaced, result_folder
    from xpmodel.report.tables import lines_of, provenance, title_of, write_table
    from xpmodel.studies.steering_truth import steps_against_truth, steps_table

    opened = open_catalog(catalog)
    loaded = catalog_model(opened, model)
    if loaded is None:
        raise InputError(f"{catalog}: its model is not the demo model; name its folder by --model")
    echo_unplaced(opened, "left out")
    with tqdm(desc="stars", unit="", dynamic_ncols=True, delay=1.0) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        results = steps_against_truth(opened, loaded, truth, stars, seed, progress)
    table = steps_table(results, provenance(opened, stars=stars, seed=seed))
    click.echo(f"{title_of(opened)}: steps of steering against the truth, medians over stars")
    for line in lines_of(table, {name: ".2f" for name in table.colnames[4:] if name[0] != "n"}):
        click.echo(line)
    click.echo(write_table(result_folder(catalog, out, "steering") / "steering.ecsv", table))
