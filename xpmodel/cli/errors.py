"""The command that tests errors: ``xpmodel errors``."""

from __future__ import annotations

from pathlib import Path

import click

from xpmodel.cli.options import out_option
from xpmodel.errors import InputError

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.

FILE = click.Path(path_type=Path)


@click.command("errors")
@click.argument("catalog", type=FILE)
@click.option(
    "--model",
    type=FILE,
    help="The catalog's model folder. Default: the demo model, if it is that.",
)
@click.option("--truth", type=FILE, help="truth.parquet of a mock sky: noise-free spectra.")
@click.option(
    "--ensemble",
    multiple=True,
    type=FILE,
    metavar="MODEL",
    help="A model of another seed, for the bands of decoded spectra. Several may be given.",
)
@click.option(
    "--stars", default=2000, show_default=True, help="Stars to use, drawn of the test stars."
)
@click.option("--draws", default=20, show_default=True, help="Times that each is observed again.")
@click.option("--seed", default=0, show_default=True, help="Of the stars drawn and of the noise.")
@out_option()
def errors_command(
    catalog: Path,
    model: Path | None,
    truth: Path | None,
    ensemble: tuple[Path, ...],
    stars: int,
    draws: int,
    seed: int,
    out: Path | None,
) -> None:
    """Test the errors of latents, memberships, and decoded spectra of CATALOG.

    Stars are observed again and again with the noise that their spectra say. Prints how far their
    latents scatter over z_err (the posterior's width) and z_noise (noise through the encoder);
    whether a membership of p holds in p of the draws, by each; and how often bands of decoded
    spectra hold the noise-free (--truth) and the observed ones.
    """
    import numpy as np

    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import required_model, result_folder, star_progress
    from xpmodel.mock.truth import read_true_coefficients
    from xpmodel.model.folder import load_model
    from xpmodel.report.figure_style import write_figure
    from xpmodel.report.tables import lines_of, provenance, title_of, write_table
    from xpmodel.studies.latent_errors import repeated_noise as repeated
    from xpmodel.studies.latent_errors import tables
    from xpmodel.studies.latent_errors.coverage import band_coverage

    if stars < 1 or draws < 2:
        raise click.UsageError("--stars must be at least 1 and --draws at least 2")
    opened = open_catalog(catalog)
    loaded = required_model(opened, model)
    if "phot_g_mean_mag" not in opened.numeric:
        raise InputError(f"{catalog}: no phot_g_mean_mag, by which errors are compared")
    members = [load_model(path) for path in ensemble]
    rows = repeated.drawn_stars(opened, stars, seed)
    true = None if truth is None else read_true_coefficients(truth, opened)[rows]
    out = result_folder(catalog, out, "errors")
    base = "noise-free spectra" if true is not None else "observed spectra, which have noise"
    about = (
        f"{title_of(opened)}: {len(rows):,} of {len(opened):,} stars, of those for tests where "
        f"there are so many; noise of their errors, as independent, {draws} times on their {base} "
        f"(seed {seed})"
    )
    click.echo(about)
    meta = provenance(opened, stars=len(rows), draws=draws, seed=seed, noise_on=base)

    with star_progress() as progress:
        found = repeated.repeat_noise(
            opened, loaded, rows, true, draws, seed,
            lambda done: progress(done * len(rows), done / draws),
        )  # fmt: skip
    table = tables.scatter_table(repeated.scatter_of(found, opened, rows), found.latents, meta)
    click.echo("scatter of latents under repeated noise over z_err and over z_noise, by G")
    for line in lines_of(table, dict.fromkeys(table.colnames[2:], ".2f")):
        click.echo(line)
    click.echo(write_table(out / "scatter.ecsv", table))

    pair = repeated.pair_of(opened, found)
    if pair is None:
        click.echo("one latent alone: no memberships in a plane of two")
    else:
        asked = {
            "draws": ("share of draws inside", repeated.calibrate_draws(found, pair)),
            "truth": ("share right of noisy stars", repeated.calibrate_truth(found, pair)),
        }
        for key, (title, calibration) in asked.items():
            table = tables.calibration_table(calibration, meta | {"held": title})
            click.echo(f"memberships in boxes of {pair[0]}–{pair[1]}, said and held: {title}")
            formats = {name: ".3f" for name in table.colnames if not name.endswith("_n")}
            for line in lines_of(table, formats):
                click.echo(line)
            for name, text in repeated.ERRORS.items():
                click.echo(f"by {text} ({name}): off by {calibration.off(name):.3f} in the mean")
            click.echo(write_table(out / f"membership_{key}.ecsv", table))
        curves = dict(asked.values())
        path = out / "membership.pdf"
        click.echo(write_figure(path, lambda: tables.calibration_figure(curves, f"{about}.")))

    known = rows[np.isfinite(opened["phot_g_mean_mag"][rows])]
    spectra = opened.spectra[known]
    kept = None if true is None else true[np.isin(rows, known)]
    coverage = band_coverage(
        loaded, spectra, opened["phot_g_mean_mag"][known].astype(float), kept, members
    )
    table = tables.coverage_table(coverage, meta)
    click.echo("share of spectra within bands of decoded ones (a normal law has 0.683, 0.954)")
    for line in lines_of(table, dict.fromkeys(table.colnames[3:], ".3f")):
        click.echo(line)
    click.echo(write_table(out / "coverage.ecsv", table))
    path = out / "coverage.pdf"
    note = f"{about}; as observed. Dotted: what a normal distribution has."
    click.echo(write_figure(path, lambda: tables.coverage_figure(coverage, note)))
