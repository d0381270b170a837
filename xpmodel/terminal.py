"""What a terminal shows while stars are read and encoded, and when they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from xpmodel.encode import Encoding


@contextmanager
def star_progress() -> Iterator[Callable[[int, float], None]]:
    """A bar with rate and remaining time, moved by the stars and the fraction of the work done."""
    # The delay keeps an error that comes at once on a line of its own.
    with tqdm(unit=" stars", unit_scale=True, dynamic_ncols=True, delay=1.0) as bar:

        def progress(n_stars: int, fraction: float) -> None:
            # The files' length in stars is known when they are read; till then estimated.
            bar.total = max(n_stars, round(n_stars / fraction)) if fraction > 0 else None
            bar.update(n_stars - bar.n)

        yield progress


def echo_encoding(encoding: Encoding) -> None:
    """Print what became of the rows, the notes, and which latents carry information."""
    from xpmodel.catalog import left_out_path, open_catalog

    out = encoding.path
    click.echo(f"{out}: {encoding.n_stars} stars of {encoding.report.n_read} rows")
    if len(encoding.report.left_out):
        for reason, n in encoding.report.counts.items():
            click.echo(f"left out {n}: {reason}")
        click.echo(f"listed in {left_out_path(out)}")
    for note in encoding.notes:
        click.echo(note)
    catalog = open_catalog(out)
    kl = ", ".join(f"{z} {v:.3g}" for z, v in zip(catalog.latents, catalog.kl, strict=True))
    click.echo(f"KL of each latent [nat]: {kl}")
    inactive = [z for z in catalog.latents if z not in catalog.active]
    click.echo(f"inactive latents: {', '.join(inactive) or 'none'}")
