"""The command that serves the page: ``xpmodel explore``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from xpmodel._folders import data_folder, demo_model
from xpmodel.cli.mock import SKY_STARS
from xpmodel.cli.output import star_progress
from xpmodel.errors import InputError

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main. This is the
# only file of xpmodel that imports the page, xpapp, whose packages are an extra.


@click.command("explore")
@click.argument("catalog", required=False, type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="The catalog's model folder. Default: the data folder's or the demo model, if it is that.",
)
@click.option(
    "--port",
    default=5006,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port of this machine; 0: any that is free.",
)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
@click.option("--samp", is_flag=True, help="Let visitors reach this machine's SAMP hub.")
def explore_command(
    catalog: Path | None, model: Path | None, port: int, browser: bool, samp: bool
) -> None:
    """Serve the page that explores CATALOG, until Ctrl-C.

    Without CATALOG it is the environment's XPMODEL_CATALOG, else catalog.parquet in the data
    folder; if there is none, the demo is made there: a mock sky, encoded with the demo model. The
    data folder is XPMODEL_DATA, else data/build in the project's repository, else the user's own.
    """
    if catalog is not None and not catalog.exists():
        raise InputError(f"{catalog}: no such file; check the path")
    try:
        from xpapp.serve import check, serve
        from xpapp.settings import Settings, default_catalog
    except ModuleNotFoundError as error:
        raise InputError(
            f"the page needs packages that are not installed ({error.name}): "
            "pip install 'xpmodel[app]'"
        ) from None

    settings = Settings.named(catalog, model, samp, os.environ)
    check(settings, port)
    if settings.catalog == default_catalog() and not settings.catalog.exists():
        _make_demo(settings.catalog)
    serve(settings, port, click.echo, browser=browser)


def _make_demo(catalog: Path) -> None:
    """Make the mock sky, if it is not there, and a catalog of it."""
    from xpmodel.catalog.build import build_catalog
    from xpmodel.mock.write import MOCK_FILE, Sky, write_mock
    from xpmodel.model.folder import load_model

    sky, folder = Sky(SKY_STARS), data_folder() / "mock"
    click.echo(
        f"No catalog is named, so this is the demo: a mock sky of {sky.n_stars:,} stars, none of "
        "them observed, encoded with the demo model.\n"
        f"It is made once (a minute or two) and kept in {data_folder()}"
    )
    if not (folder / MOCK_FILE).exists():
        click.echo(f"Making the mock sky: {folder / MOCK_FILE}")
        with star_progress() as progress:
            write_mock(sky, folder, progress=lambda n: progress(n, n / sky.n_stars))
    click.echo(f"Encoding it: {catalog}")
    with star_progress() as progress:
        build_catalog(folder / MOCK_FILE, load_model(demo_model()), catalog, progress)
