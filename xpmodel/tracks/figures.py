"""The figures of a catalog's tracks, like those of Laroche & Speagle (2024)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.report.figure_style import BLUE, GREEN, PINK, RED
from xpmodel.tracks.measured import Measured, Track
from xpmodel.tracks.panels import M_H_SCALE, DrawnTrack, write_panels

# Of more active latents those with the largest KL are drawn: six pairs fill a page.
MAX_LATENTS = 4
KIEL_PLANES = (("teff", "logg"),)
ALPHA_PLANES = (("m_h", "alpha_m"), ("fe_h", "mg_fe"))
KIEL_STYLE = {"main_sequence": (BLUE, "o"), "giant_branch": (RED, "s")}
ALPHA_STYLE = {
    "high_alpha": (RED, "o"),
    "low_alpha": (BLUE, "s"),
    "fixed_m_h": (GREEN, "^"),
    "gaia_enceladus": (PINK, "*"),
}


def write_figures(
    measured: Measured,
    catalog: Catalog,
    folder: Path,
    *,
    own: Sequence[Track] = (),
    mask: np.ndarray | None = None,
) -> list[Path]:
    """Draw the tracks that there are, like Figures 10, 12, 13 and 15 of Laroche & Speagle (2024).

    ``kiel.pdf``: main sequence and giant branch in log g–Teff and in each pair of active latents;
    ``m_h_main_sequence.pdf`` and ``m_h_giants.pdf``: the tracks of fixed metallicity in the same;
    ``alpha.pdf``: the α tracks in [M/H]–[α/M] and [Fe/H]–[Mg/Fe]; ``alpha_latents.pdf``: these in
    each pair of active latents; and one of each track of one's own.

    Parameters
    ----------
    measured : Measured
    catalog : Catalog
        Its stars are the density behind the tracks.
    folder : Path
    own : sequence of Track
    mask : ndarray, (N,) bool, optional
        The stars to draw. Default: all.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        When a file cannot be written.
    """
    mask = np.ones(len(catalog), bool) if mask is None else mask
    latents = latent_planes(catalog)
    kiel, alpha = (
        [plane for plane in planes if set(plane) <= set(catalog.numeric)]
        for planes in (KIEL_PLANES, ALPHA_PLANES)
    )
    written = []

    def write(
        name: str, planes: list[tuple[str, str]], lines: list[DrawnTrack], *, zoom: bool = False
    ) -> None:
        if lines and planes:
            path = folder / f"{name}.pdf"
            write_panels(path, catalog, mask, planes, lines, zoom)
            written.append(path)

    tracks = measured.tracks
    write("kiel", kiel + latents, _lines(tracks, KIEL_STYLE))
    for name in ("m_h_main_sequence", "m_h_giants"):
        write(name, kiel + latents, _family_lines(tracks.get(name, ())))
    write("alpha", alpha, _lines(tracks, ALPHA_STYLE))
    write("alpha_latents", latents, _lines(tracks, ALPHA_STYLE), zoom=True)
    for track in own:
        d = track.definition
        write(
            d.name, list(dict.fromkeys([d.axes, *latents])), [DrawnTrack(track, RED, "o", d.title)]
        )
    return written


def latent_planes(catalog: Catalog) -> list[tuple[str, str]]:
    """The pairs of latents that are drawn: of the active ones, at most the four of largest KL.

    Where fewer than two are active, the two of largest KL.
    """
    by_kl = [catalog.latents[i] for i in np.argsort(-catalog.kl)]
    shown = by_kl[: min(max(len(catalog.active), 2), MAX_LATENTS)]
    return list(itertools.combinations(sorted(shown, key=catalog.latents.index), 2))


def _lines(
    tracks: dict[str, tuple[Track, ...]], styles: dict[str, tuple[str, str]]
) -> list[DrawnTrack]:
    return [
        DrawnTrack(tracks[name][0], color, marker, _title(tracks[name][0]))
        for name, (color, marker) in styles.items()
        if name in tracks
    ]


def _title(track: Track) -> str:
    """A track's title, with the metallicity that it is fixed at."""
    d = track.definition
    if d.name != "fixed_m_h":
        return d.title
    return f"[α/M] at [M/H] = {track.centre['m_h'][0]:g}".replace("-", "−")


def _family_lines(tracks: Sequence[Track]) -> list[DrawnTrack]:
    """The tracks of a family, colored by the metallicity that they are fixed at."""
    colors = matplotlib.colormaps["plasma"]
    return [DrawnTrack(track, colors(M_H_SCALE(track.centre["m_h"][0]))) for track in tracks]
