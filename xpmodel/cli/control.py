"""The command that checks claims about α on mock skies: ``xpmodel control``."""

from __future__ import annotations

from pathlib import Path

import click

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("control")
@click.option(
    "--out",
    default=Path("control"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder to write.",
)
@click.option("--stars", default=100_000, show_default=True, help="Stars of each mock sky.")
@click.option("--epochs", default=40, show_default=True, help="Of each model's training.")
@click.option(
    "--seeds", default=3, show_default=True, help="How often, with stars and models drawn anew."
)
@click.option("--seed", default=0, show_default=True, help="The first: of skies, models, folds.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def control_command(out: Path, stars: int, epochs: int, seeds: int, seed: int, device: str) -> None:
    """Check on mock skies that latents help to tell high- from low-α stars only by knowing α.

    Two skies of the same stars: in one the spectra follow [α/M], in the other they do not. A
    small model is trained on each. Given the true Teff, log g, [M/H] and E(B−V), latents must
    know more of α in the first sky and must not in the second. What classifiers and tracks show
    by measured labels stands beside, for both skies.
    """
    from xpmodel._version import __version__
    from xpmodel.model.device import find_device
    from xpmodel.report.tables import write_table
    from xpmodel.studies.alpha.control_tables import control_table, lines_of_control, seeds_table
    from xpmodel.studies.alpha.mock_control import run_control

    find_device(device)
    results = run_control(
        out,
        stars,
        epochs,
        seeds,
        seed,
        device=device,
        progress=lambda what: click.echo(what, err=True),
    )
    meta = {
        "mock": "made-up stars: nothing was observed",
        "stars": stars,
        "epochs": epochs,
        "seeds": seeds,
        "seed": seed,
        "made_by": f"xpmodel {__version__} control",
    }
    for result in results:
        click.echo(
            f"seed {result.seed}, α signal {result.alpha_signal:g}: {result.n_stars:,} mock stars, "
            f"{result.n_high:,} high-α; active latents {', '.join(result.active)}"
        )
        for name, reason in result.skipped.items():
            click.echo(f"  no {name}: {reason}")
    click.echo("value ± standard error (standard deviation over seeds)")
    table = control_table(results, meta)
    for line in lines_of_control(table):
        click.echo(line)
    click.echo(write_table(out / "control.ecsv", table))
    click.echo(write_table(out / "control_seeds.ecsv", seeds_table(results, meta)))
