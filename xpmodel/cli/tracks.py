"""The command about tracks: ``xpmodel tracks``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpmodel.cli.options import CUT_NAMES, TRACK_VARIANTS
from xpmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from xpmodel.catalog.catalog import Catalog
    from xpmodel.tracks.definitions import TrackDefinition
    from xpmodel.tracks.judged_splits import JudgedSplit
    from xpmodel.tracks.latent_threshold import Split
    from xpmodel.tracks.measured import Track

# Heavy modules are imported by the commands that need them, as in xpmodel.cli.main.


@click.command("tracks")
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option(
    "--variant",
    type=click.Choice(TRACK_VARIANTS),
    default="controlled",
    show_default=True,
    help="Widths and cuts as the paper has them, as the code released with it, or controlled: as "
    "the paper, but [α/M] at one [M/H] within 0.03 dex.",
)
@click.option("--m-h", type=float, help="[M/H] of the track fixed_m_h. Default: -0.4.")
@click.option(
    "--own",
    multiple=True,
    type=click.Path(path_type=Path),
    help="CSV table of bins, a row each (teff,teff_width,logg,logg_width). Several may be given.",
)
@click.option(
    "--cut",
    type=click.Choice(CUT_NAMES),
    help="Stars to use for all tracks. The paper: good for Teff, log g and [M/H]. Default: "
    "pristine for high_alpha, low_alpha and fixed_m_h, full for the others.",
)
@click.option("--seed", default=0, show_default=True, help="Of folds, and of the test's signs.")
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
    cut: str | None,
    seed: int,
    figures: bool,
    thin: int,
) -> None:
    """Follow tracks through the label space of CATALOG, and through its latents.

    Writes a table (.ecsv) a track, with means and standard deviations of labels and latents in
    each bin, and figures. Says what else changes along the track at fixed [M/H], how well a color
    or [M/H] alone splits the stars that a latent splits, and whether Gaia-Enceladus differs from
    other stars of equal labels.
    """
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.catalog.named_cuts import cut_mask
    from xpmodel.cli.output import echo_unplaced
    from xpmodel.errors import naming
    from xpmodel.tracks.definitions import cut_variant
    from xpmodel.tracks.measured import measure, measure_all

    opened = open_catalog(catalog)
    definitions = _own_tracks(own)
    mask = None if cut is None else cut_mask(opened, cut, cut_variant(variant))
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
    for name, tracks in measured.tracks.items():
        for line in _about(name, tracks):
            click.echo(line)
    for name in ("m_h_main_sequence", "m_h_giants"):
        _family_drift(name, measured.tracks.get(name, ()))
    _drift(opened, measured.tracks.get("fixed_m_h", ()), mask)
    _splits(opened, mask, out, cut or "full", seed)
    if "gaia_enceladus" in measured.tracks:
        _gaia_enceladus(opened, measured.tracks["gaia_enceladus"][0], mask, out, seed)
    echo_unplaced(opened, "they count in the labels' means alone")
    n = len(opened) if mask is None else mask.sum()
    stars = cut or "full, but the tracks of pristine stars above"
    click.echo(f"{out}: tables of {n} of {len(opened)} stars ({stars})")
    if figures:
        from xpmodel.tracks.figures import write_figures

        for path in write_figures(measured, opened, out, own=own_tracks, mask=mask):
            click.echo(path)


def _own_tracks(paths: tuple[Path, ...]) -> list[TrackDefinition]:
    """Tracks of one's own, whose names are free."""
    from xpmodel.tracks.definitions import TRACKS
    from xpmodel.tracks.own import read_track

    # Figures and other tables have names of their own beside those of the tracks.
    taken = {*TRACKS, "kiel", "alpha", "alpha_latents", "splits", "gaia_enceladus_test"}
    definitions = [read_track(path) for path in paths]
    for path, definition in zip(paths, definitions, strict=True):
        if definition.name in taken:
            raise InputError(f"{path}: another track is named {definition.name}; rename the file")
        taken.add(definition.name)
    return definitions


def _write_table(path: Path, tracks: Sequence[Track], cut: str | None) -> None:
    from xpmodel.report.tables import write_table
    from xpmodel.tracks.measured import tracks_table

    table = tracks_table(tracks)
    if cut is not None:
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


def _about(name: str, tracks: Sequence[Track]) -> Iterator[str]:
    """Of which stars a track is where not of all, and what is otherwise than defined."""
    definition = tracks[0].definition
    if definition.cut != "full":
        yield f"{name}: of the {definition.cut} stars"
    for note in definition.notes:
        yield f"{name}: {note}"


def _family_drift(name: str, tracks: Sequence[Track]) -> None:
    """How far [M/H] drifts along tracks that should be of one [M/H]."""
    from xpmodel.tracks.drift import label_drift

    drifts = [label_drift(track, "m_h") for track in tracks]
    if known := [drift for drift in drifts if drift == drift]:
        click.echo(f"{name}: along a track [M/H] drifts by up to {max(known):.2f} dex")


def _drift(catalog: Catalog, tracks: Sequence[Track], mask: np.ndarray | None) -> None:
    """What else changes along the track at fixed [M/H], and how far that goes in latent space."""
    from xpmodel.columns import column_of, symbol
    from xpmodel.tracks.drift import drift_of

    for track in tracks:
        try:
            drift = drift_of(track, catalog, mask)
        except InputError as error:  # no star has latents
            click.echo(f"fixed_m_h: no drift is told: {error}")
            continue
        if drift is None:
            click.echo("fixed_m_h: fewer than two points that are not thin, so no drift is told")
            continue
        parts = [
            f"{symbol(n)} by {v:.{column_of(n).digits}f} {column_of(n).unit}"
            for n, v in drift.labels.items()
        ]
        click.echo(f"fixed_m_h: along it drift {', '.join(parts)}")
        click.echo(
            f"fixed_m_h: latents move {drift.travel:.2f} σ (noise {drift.noise:.2f}); other stars "
            f"of the same Teff, log g and [M/H], whatever their [α/M], {drift.null:.2f} σ"
        )


def _splits(catalog: Catalog, mask: np.ndarray | None, out: Path, cut: str, seed: int) -> None:
    """The best splits by a latent, and what a color or [M/H] alone does on held-out stars."""
    from xpmodel.report.tables import write_table
    from xpmodel.tracks.judged_splits import judge_splits, splits_table
    from xpmodel.tracks.latent_threshold import label_splits

    judged = []
    for name, split in label_splits(catalog, mask).items():
        click.echo(_split_line(name, split))
        try:
            found, skipped = judge_splits(catalog, name, mask, seed)
        except InputError as error:
            click.echo(f"  not on held-out stars: {error}")
            continue
        for one in found:
            click.echo(_judged_line(one))
        for columns, reason in skipped.items():
            click.echo(f"  not by {columns}: {reason}")
        judged += found
    if judged:
        write_table(out / "splits.ecsv", splits_table(judged, catalog, cut))


def _gaia_enceladus(
    catalog: Catalog, track: Track, mask: np.ndarray | None, out: Path, seed: int
) -> None:
    """Whether its stars differ in latents from others that are equal in labels."""
    from xpmodel.columns import symbol
    from xpmodel.report.tables import write_table
    from xpmodel.tracks.matched_difference import MATCHED_BY, against_equals, differences_table

    is_kind = track.definition.bins[0].contains(catalog)
    found = []
    for matched in MATCHED_BY:
        try:
            one = against_equals(catalog, is_kind, matched, mask=mask, seed=seed)
        except InputError as error:
            click.echo(f"gaia_enceladus against its equals: {error}")
            continue
        found.append(one)
        latent, most = max(one.difference.items(), key=lambda part: abs(part[1]))
        click.echo(
            f"gaia_enceladus against others of equal {', '.join(map(symbol, matched))}: "
            f"{one.n_pairs} pairs of {one.n_kind} stars, [α/M] differs by {one.alpha_m:.3f} ± "
            f"{one.alpha_m_error:.3f} dex, latents by {one.length:.2f} σ ({latent} {most:+.2f}), "
            f"p = {one.p:.2g} (the others against their equals: p = {one.p_partners:.2g})"
        )
    if found:
        write_table(out / "gaia_enceladus_test.ecsv", differences_table(found, catalog, seed=seed))


def _judged_line(one: JudgedSplit) -> str:
    from xpmodel.columns import is_latent, symbol

    split = one.split
    line = (
        f"  {symbol(split.latent)} {_sign(split)} {split.threshold:.3g}: balanced "
        f"{one.held_out:.1%} [{one.low:.1%}, {one.high:.1%}] of held-out stars"
    )
    if is_latent(split.latent):
        return line
    more = f"{one.behind:+.1%} [{one.behind_low:+.1%}, {one.behind_high:+.1%}]"
    return f"{line}; the latents less this: {more}"


def _sign(split: Split) -> str:
    return ">" if split.above else "<"


def _split_line(name: str, split: Split) -> str:
    from xpmodel.tracks.latent_threshold import DIVISIONS

    first, second = DIVISIONS[name]
    return (
        f"{first} against {second}: {split.latent} {_sign(split)} {split.threshold:.3f} is right "
        f"for {split.accuracy:.1%} of {split.n} stars (balanced {split.balanced_accuracy:.1%})"
    )
