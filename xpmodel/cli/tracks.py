"""The command about tracks: ``xpmodel tracks``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpmodel.cli.options import cut_option, variant_option
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xpmodel.tracks.definitions import TrackDefinition
    from xpmodel.tracks.latent_threshold import Split
    from xpmodel.tracks.measured import Track

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("tracks")
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@variant_option("Widths and cuts as the paper has them, or as the code released with it.")
@click.option("--m-h", type=float, help="[M/H] of the track fixed_m_h. Default: -0.4.")
@click.option(
    "--own",
    multiple=True,
    type=click.Path(path_type=Path),
    help="CSV table of bins, a row each (teff,teff_width,logg,logg_width). Several may be given.",
)
@cut_option("full", "Stars to use. The paper: good for Teff, log g and [M/H], pristine for [α/M].")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw PDF figures.")
@click.option(
    "--thin",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Mark points with fewer stars.",
)
def tracks_command(
    catalog: Path,
    out: Path,
    variant: str,
    m_h: float | None,
    own: tuple[Path, ...],
    cut: str,
    figures: bool,
    thin: int,
) -> None:
    """Follow tracks through the label space of CATALOG, and through its latents.

    Writes a table (.ecsv) a track, with means and standard deviations of labels and latents in
    each bin, and figures.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.catalog.named_cuts import cut_mask
    from xpmodel.cli.output import echo_unplaced
    from xpmodel.errors import naming
    from xpmodel.tracks.latent_threshold import label_splits
    from xpmodel.tracks.measured import measure, measure_all

    opened = open_catalog(catalog)
    definitions = _own_tracks(own)
    mask = cut_mask(opened, cut, variant)
    measured = measure_all(opened, variant, m_h=m_h, mask=mask, thin=thin)
    own_tracks = []
    for path, definition in zip(own, definitions, strict=True):
        with naming(path):
            own_tracks.append(measure(definition, opened, mask, thin))
    if not (measured.tracks or own_tracks):
        raise InputError(next(iter(measured.skipped.values())))
    click.echo(f"{'track':18s} points   thin     stars")
    for name, tracks in measured.tracks.items():
        _write_table(out / f"{name}.ecsv", tracks, cut)
        _echo_row(name, tracks)
    for track in own_tracks:
        _write_table(out / f"{track.definition.name}.ecsv", [track], cut)
        _echo_row(track.definition.name, [track])
    for name, reason in measured.skipped.items():
        click.echo(f"no {name}: {reason}")
    for name, split in label_splits(opened, mask).items():
        click.echo(_split_line(name, split))
    echo_unplaced(opened, "they count in the labels' means alone")
    click.echo(f"{out}: tables of {mask.sum()} of {len(opened)} stars ({cut})")
    if figures:
        from xpmodel.tracks.figures import write_figures

        for path in write_figures(measured, opened, out, own=own_tracks, mask=mask):
            click.echo(path)


def _own_tracks(paths: tuple[Path, ...]) -> list[TrackDefinition]:
    """Tracks of one's own, whose names are free."""
    from xpmodel.tracks.definitions import TRACKS
    from xpmodel.tracks.own import read_track

    # Figures have names of their own beside those of the tracks.
    taken = {*TRACKS, "kiel", "alpha", "alpha_latents"}
    definitions = [read_track(path) for path in paths]
    for path, definition in zip(paths, definitions, strict=True):
        if definition.name in taken:
            raise InputError(f"{path}: another track is named {definition.name}; rename the file")
        taken.add(definition.name)
    return definitions


def _write_table(path: Path, tracks: Sequence[Track], cut: str) -> None:
    from xpmodel.report.tables import write_table
    from xpmodel.tracks.measured import tracks_table

    table = tracks_table(tracks)
    table.meta["cut"] = cut
    write_table(path, table)


def _echo_row(name: str, tracks: Sequence[Track]) -> None:
    """A line of the table on the screen; overlapping bins count a star more than once."""
    n_points, n_thin, n_stars = (
        sum(int(count) for count in counts)
        for counts in (
            (len(track.n) for track in tracks),
            (track.thin.sum() for track in tracks),
            (track.n.sum() for track in tracks),
        )
    )
    click.echo(f"{name:18s} {n_points:6d} {n_thin:6d} {n_stars:9d}")


def _split_line(name: str, split: Split) -> str:
    from xpmodel.tracks.latent_threshold import DIVISIONS

    first, second = DIVISIONS[name]
    sign = ">" if split.above else "<"
    return (
        f"{first} against {second}: {split.latent} {sign} {split.threshold:.3f} is right for "
        f"{split.accuracy:.1%} of {split.n} stars (balanced {split.balanced_accuracy:.1%})"
    )
