"""The commands about other people's data: ``xpmodel fetch`` and ``xpmodel labels``."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from tqdm import tqdm

from xpmodel._folders import data_folder
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.download.datasets import RemoteFile

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("fetch")
@click.argument("dataset", type=click.Choice(["laroche24", "apogee", "astronn"]))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder. Default: DATASET in the data folder."
)
@click.option("--all", "everything", is_flag=True, help="laroche24: every file of the record.")
@click.option("--build", is_flag=True, help="laroche24: make a model and a catalog of it.")
def fetch_command(dataset: str, out: Path | None, everything: bool, build: bool) -> None:
    """Download a DATASET: go on where a broken run ended, and verify what arrived.

    laroche24: the published model's stars, normalization and weights. apogee, astronn: stellar
    labels of APOGEE DR17 by ASPCAP, and by a neural network.
    """
    from xpmodel.download import datasets
    from xpmodel.download.fetch import zenodo_files

    out = out or data_folder() / dataset
    if dataset == "laroche24":
        record = zenodo_files(datasets.LAROCHE24_RECORD, api=datasets.ZENODO_API)
        needed = (datasets.LAROCHE24_CATALOG, datasets.LAROCHE24_NORM)
        chosen = _choose(record, needed, everything)
        _fetch([*chosen, datasets.LAROCHE24_WEIGHTS], out)
        _follow_up(_laroche24_commands(out), run=build)
        return
    if everything or build:
        raise click.UsageError("--all and --build belong to laroche24")
    file = datasets.APOGEE if dataset == "apogee" else datasets.ASTRONN
    _fetch([file], out)
    _follow_up([["labels", str(out / file.name), "--out", str(out / "labels.parquet")]], run=False)


def _choose(record: list[RemoteFile], needed: Iterable[str], everything: bool) -> list[RemoteFile]:
    """Show what a record has, and take what is needed of it."""
    names = [file.name for file in record]
    for name in needed:
        if name not in names:
            raise InputError(f"the record has no {name}; it has {', '.join(names) or 'no files'}")
    chosen = [file for file in record if everything or file.name in needed]
    for file in record:
        assert file.size is not None  # Zenodo says it of every file
        skipped = "" if file in chosen else "  (with --all)"
        click.echo(f"{tqdm.format_sizeof(file.size, 'B'):>8}  {file.name}{skipped}")
    return chosen


def _fetch(files: list[RemoteFile], out: Path) -> None:
    from xpmodel.download.fetch import check_space, download, missing_bytes

    check_space(out, sum(missing_bytes(file, out) for file in files))
    for file in files:
        with tqdm(desc=file.name, unit="B", unit_scale=True, dynamic_ncols=True, delay=1.0) as bar:

            def progress(have: int, total: int, bar: tqdm[NoReturn] = bar) -> None:
                if bar.total is None:  # what an earlier run brought is no part of this one's rate
                    bar.total, bar.initial, bar.n, bar.last_print_n = total, have, have, have
                bar.update(have - bar.n)

            fetched = download(file, out, progress=progress)
        verified = file.checksum.partition(":")[0] if file.checksum else None
        click.echo(
            f"{out / file.name}: {'downloaded' if fetched else 'already there'}, "
            + (f"verified by {verified}" if verified else "not verified by checksum (none known)")
        )


def _laroche24_commands(out: Path) -> list[list[str]]:
    """The commands, as arguments of ``xpmodel``, that make a model and a catalog."""
    from xpmodel.download import datasets

    weights, norm = out / datasets.LAROCHE24_WEIGHTS.name, out / datasets.LAROCHE24_NORM
    stars, model, catalog = out / datasets.LAROCHE24_CATALOG, out / "model", out / "catalog.parquet"
    commands = [
        ["import-model", weights, "--norm", norm, "--out", model],
        ["build", stars, "--model", model, "--out", catalog],
    ]
    return [list(map(str, command)) for command in commands]


def _follow_up(commands: list[list[str]], *, run: bool) -> None:
    """Show commands that make something of the files; run them, up to one that fails."""
    if not run:
        click.echo("now run")
    for command in commands:
        click.echo(f"  xpmodel {shlex.join(command)}")
        if run and (
            status := subprocess.run([sys.executable, "-m", "xpmodel", *command]).returncode
        ):
            sys.exit(status)


@click.command("labels")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Table to write (.parquet)."
)
def labels_command(file: Path, out: Path) -> None:
    """Turn an APOGEE table FILE (allStar or astroNN) into labels, one row a Gaia star.

    The result goes into a catalog with the --labels of xpmodel encode.
    """
    from xpmodel.catalog.apogee_labels import write_labels

    line = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    with tqdm(total=1.0, desc=file.name, bar_format=line, dynamic_ncols=True, delay=1.0) as bar:
        made = write_labels(file, out, progress=lambda part: bar.update(part - bar.n))
    click.echo(f"{out}: {made.n_stars} stars of {made.n_rows} rows, errors of {made.errors_of}")
    for remark in made.remarks:
        click.echo(remark)
    for reason, n in made.left_out.items():
        click.echo(f"left out {n}: {reason}")
    if made.without_id:
        click.echo(made.without_id)
    click.echo(made.note)
