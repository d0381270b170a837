"""The command that says which wavelengths latents and α follow: ``xpmodel attribute``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpmodel.cli.options import cut_option, out_option, variant_option
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.studies.alpha.attribution import Attribution

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("attribute")
@click.argument("catalog", type=click.Path(path_type=Path))
@out_option()
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="The catalog's model folder. Default: the demo model, if it is that.",
)
@click.option(
    "--null",
    "null_catalog",
    type=click.Path(path_type=Path),
    help="Catalog of a sky without α in its spectra (alpha_0 of xpmodel control).",
)
@click.option("--null-model", type=click.Path(path_type=Path), help="That catalog's model folder.")
@cut_option("pristine", "Stars to use.")
@variant_option("The cut as the paper has it, or as the code released with it.")
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Pairs to use at most, at random.",
)
@click.option("--shuffles", default=200, show_default=True, help="Of the null.")
@click.option("--seed", default=0, show_default=True, help="Of pairs and shuffles.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
def attribute_command(
    catalog: Path,
    out: Path | None,
    model: Path | None,
    null_catalog: Path | None,
    null_model: Path | None,
    cut: str,
    variant: str,
    pairs: int,
    shuffles: int,
    seed: int,
    figures: bool,
) -> None:
    """Say which wavelengths drive the latents of CATALOG, and a classifier of α on them.

    The encoder's slope by the flux at each wavelength, and integrated gradients of a logistic
    classifier of high- and low-α stars along pairs that are equal in Teff, log g, [M/H] and dust.
    Beside them the null: stars of pairs that change places, and a sky without α.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import catalog_model, result_folder, star_progress
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import provenance, title_of, write_table
    from xpmodel.studies.alpha.attribution import attribute
    from xpmodel.studies.alpha.attribution_report import (
        attribution_figure,
        attribution_table,
        lines_of_attribution,
    )

    if (null_catalog is None) != (null_model is None):
        raise InputError("--null and --null-model go together: a catalog and the model of it")

    def of(path: Path, folder: Path | None, name: str) -> Attribution:
        opened = open_catalog(path)
        loaded = catalog_model(opened, folder)
        if loaded is None:
            raise InputError(f"{path}: was not encoded by the demo model; give its own by --model")
        with star_progress() as progress:  # two stars a pair
            found = attribute(
                opened,
                loaded,
                cut,
                variant,
                n_pairs=pairs,
                shuffles=shuffles,
                seed=seed,
                progress=lambda done, n: progress(2 * done, done / n),
            )
        meta = provenance(opened, cut=cut, variant=variant, seed=seed, shuffles=shuffles)
        for line in lines_of_attribution(title_of(opened), found):
            click.echo(line)
        click.echo(write_table(folder_out / f"{name}.ecsv", attribution_table(found, meta)))
        return found

    folder_out = result_folder(catalog, out, "attribute")
    found = of(catalog, model, "attribution")
    null = None
    if null_catalog is None:
        click.echo("without --null: the null is that of stars that change places alone")
    else:
        null = of(null_catalog, null_model, "attribution_null")
    if figures:
        note = (
            f"{title_of(open_catalog(catalog))}: {found.n_pairs:,} of {found.n_found:,} pairs of a "
            f"high- and a low-α star of equal labels, cut {cut} ({variant}). Integrated gradients "
            "of a logistic classifier on latents that did not see the pair; below, the encoder's "
            "Jacobian, mean over these stars. Gray: 95 % where stars of pairs change places."
        )
        path = folder_out / "attribution.pdf"
        click.echo(write_figure(path, lambda: attribution_figure(found, null, note)))
