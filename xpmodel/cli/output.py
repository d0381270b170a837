"""Output of commands: progress, reports of rows left out, default folder and model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from xpmodel._folders import demo_model
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.catalog.catalog import Catalog
    from xpmodel.catalog.encode import Encoding
    from xpmodel.model.model import Model


@contextmanager
def star_progress(shown: bool = True) -> Iterator[Callable[[int, float], None]]:
    """A bar with rate and remaining time, moved by the stars and the fraction of the work done."""
    # The delay keeps an error that comes at once on a line of its own.
    with tqdm(
        unit=" stars", unit_scale=True, dynamic_ncols=True, delay=1.0, disable=not shown
    ) as bar:

        def progress(n_stars: int, fraction: float) -> None:
            # The files' length in stars is known when they are read; till then estimated.
            bar.total = max(n_stars, round(n_stars / fraction)) if fraction > 0 else None
            bar.update(n_stars - bar.n)

        yield progress


def echo_encoding(encoding: Encoding) -> None:
    """Print what became of the rows, the notes, and which latents carry information."""
    from xpmodel.catalog.catalog import left_out_path, open_catalog

    out = encoding.path
    click.echo(f"{out}: {encoding.n_stars} stars of {encoding.report.n_read} rows")
    if len(encoding.report.left_out):
        examples = encoding.report.examples
        for reason, n in encoding.report.counts.items():
            click.echo(f"left out {n}: {reason}")
            click.echo(f"  the first in {examples[reason]}")
        click.echo(f"listed in {left_out_path(out)}")
    for note in encoding.notes:
        click.echo(note)
    took = encoding.seconds
    click.echo(f"{took.total:.1f} s, {encoding.n_stars / took.total:,.0f} stars/s: {took}")
    catalog = open_catalog(out)
    kl = ", ".join(f"{z} {v:.3g}" for z, v in zip(catalog.latents, catalog.kl, strict=True))
    click.echo(f"KL of each latent [nat]: {kl}")
    inactive = [z for z in catalog.latents if z not in catalog.active]
    click.echo(f"inactive latents: {', '.join(inactive) or 'none'}")


def echo_unplaced(catalog: Catalog, consequence: str) -> None:
    """Say how many stars have no latents, if any, and what that means."""
    if n := len(catalog) - int(catalog.placed.sum()):
        click.echo(
            f"{n:,} of {len(catalog):,} stars have latents that are missing or not finite: "
            f"{consequence}"
        )


def result_folder(catalog: Path, out: Path | None, command: str) -> Path:
    """The folder for a command's results: the one given, else ``stars.classify`` beside stars."""
    return catalog.with_suffix(f".{command}") if out is None else out


def catalog_model(catalog: Catalog, given: Path | None) -> Model | None:
    """The model that made a catalog: the one given, else the demo model if it is that.

    Raises
    ------
    InputError
        When the one given is another.
    """
    from xpmodel.catalog.catalog import check_model
    from xpmodel.model.folder import load_model

    if given is not None:
        model = load_model(given)
        check_model(catalog, model.hash)
        return model
    model = load_model(demo_model())
    return model if model.hash == catalog.model_hash else None


def required_model(catalog: Catalog, given: Path | None) -> Model:
    """The same, where nothing can be done without it.

    Raises
    ------
    InputError
        When the one given is another, or none is given and it is not the demo model.
    """
    model = catalog_model(catalog, given)
    if model is None:
        raise InputError(
            f"{catalog.path}: give --model, the folder of the model that made its latents "
            f"(hash {(catalog.model_hash or 'unknown')[:12]})"
        )
    return model
