"""Plots of spectra: the lines and residuals that the page draws and files keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from xpmodel.catalog.catalog import Catalog
from xpmodel.columns import symbol
from xpmodel.model.model import Model
from xpmodel.plots.along_tracks import track_spectra
from xpmodel.plots.curves import Curve, residual
from xpmodel.plots.group_bands import Band, group_band, ratio
from xpmodel.plots.modes import Projection
from xpmodel.tracks.measured import Track

DECODED, OBSERVED = "#2a78d6", "#d9480f"
# Along a track: perceptually even, and readable on white and on black.
SEQUENCE = "plasma"


@dataclass(frozen=True)
class Series:
    """One line of a plot.

    Attributes
    ----------
    label : str
    x, value : ndarray, (L,)
    low, high : ndarray, (L,), optional
        A band around it.
    error : ndarray, (L,), optional
        One standard deviation, or standard error.
    color, dash : str
        The dash is "solid" or "dashed".
    """

    label: str
    x: np.ndarray
    value: np.ndarray
    _: KW_ONLY
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    error: np.ndarray | None = None
    color: str = DECODED
    dash: str = "solid"


@dataclass(frozen=True)
class Plot:
    """Lines above, and how they differ below.

    Attributes
    ----------
    mode : str
        Of `xpmodel.plots.modes.MODES`.
    series, residuals : tuple of Series
    residual_label : str
    notes : tuple of str
        What a reader must know: how many of how many stars.
    meta : dict
        How to make it again, as JSON can hold it.
    """

    mode: str
    series: tuple[Series, ...]
    residuals: tuple[Series, ...] = ()
    residual_label: str = ""
    notes: tuple[str, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Stars under a name and a color.

    Attributes
    ----------
    name, color : str
    mask : ndarray, (N,) bool
    """

    name: str
    color: str
    mask: np.ndarray


def point_plot(
    catalog: Catalog,
    projection: Projection,
    decoded: Curve,
    observed: Curve | None,
    meta: dict[str, Any],
) -> Plot:
    """A decoded spectrum with its scatter, and a star's observed one with the residual."""
    series = [_with_error("decoded", decoded, DECODED)]
    residuals = []
    if observed is not None:
        series.append(_with_error("observed", observed, OBSERVED))
        values = residual(observed, decoded)
        residuals.append(Series("residual", observed.x, values, color=OBSERVED))
    return Plot(
        projection.mode,
        tuple(series),
        tuple(residuals),
        "residual [σ]",
        (),
        _provenance(catalog) | meta,
    )


def sets_plot(
    catalog: Catalog,
    model: Model,
    projection: Projection,
    groups: Sequence[Group],
    kinds: Sequence[str],
    g_flux: float,
    limit: int | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Plot:
    """Medians and 16–84 % of one or two groups, and the ratio of the first to the second.

    Parameters
    ----------
    catalog : Catalog
    model : Model
    projection : Projection
    groups : sequence of Group
        One or two.
    kinds : sequence of str
        ``observed``, ``decoded``, or both; a decoded line is dashed beside an observed one.
    g_flux, limit, seed, progress
        As for `xpmodel.plots.group_bands.group_band`.

    Raises
    ------
    InputError
        As `group_band`.
    """
    bands: dict[tuple[int, str], Band] = {}
    parts = [(i, kind) for i in range(len(groups)) for kind in kinds]

    def part_of_all(done: int) -> Callable[[float], None] | None:
        if progress is None:
            return None
        return lambda fraction: progress((done + fraction) / len(parts))

    for done, (i, kind) in enumerate(parts):
        bands[i, kind] = group_band(
            catalog,
            groups[i].mask,
            projection,
            kind=kind,
            model=model,
            g_flux=g_flux,
            limit=limit,
            seed=seed,
            progress=part_of_all(done),
        )
    series, residuals, notes = [], [], []
    for (i, kind), band in bands.items():
        group = groups[i]
        dash = "dashed" if kind == "decoded" and len(kinds) > 1 else "solid"
        label = f"{group.name}, {kind}"
        series.append(
            Series(
                label,
                band.x,
                band.median,
                low=band.low,
                high=band.high,
                error=band.error,
                color=group.color,
                dash=dash,
            )
        )
        notes.append(f"{label}: {band.text}")
    if len(groups) == 2:
        for kind in kinds:
            found = ratio(bands[0, kind], bands[1, kind])
            dash = "dashed" if kind == "decoded" and len(kinds) > 1 else "solid"
            residuals.append(
                Series(
                    f"ratio, {kind}",
                    found.x,
                    found.value,
                    low=found.value - found.error,
                    high=found.value + found.error,
                    error=found.error,
                    color=DECODED if kind == "decoded" else OBSERVED,
                    dash=dash,
                )
            )
    meta = {"g_flux": float(g_flux), "limit": limit, "seed": seed}
    return Plot(
        projection.mode,
        tuple(series),
        tuple(residuals),
        "A / B" if len(groups) == 2 else "",
        tuple(notes),
        _provenance(catalog) | meta,
    )


def track_plot(
    catalog: Catalog,
    model: Model,
    projection: Projection,
    track: Track,
    g_flux: float,
    progress: Callable[[float], None] | None = None,
    mask: np.ndarray | None = None,
) -> Plot:
    """The spectra decoded along a track, colored by the place on it; observed ones against them.

    Parameters and errors as for `xpmodel.plots.along_tracks.track_spectra`.
    """
    found = track_spectra(
        track, catalog, model, projection, g_flux=g_flux, mask=mask, progress=progress
    )
    colors = matplotlib.colormaps[SEQUENCE]
    last = max(len(found.decoded) - 1, 1)
    # The palest end is hard to see on white.
    places = [to_hex(colors(0.9 * i / last)) for i in range(len(found.decoded))]
    labels = [_bin_label(track, i) for i in range(len(found.decoded))]
    series, residuals = [], []
    rows = zip(labels, places, found.decoded, found.residual, found.observed, strict=True)
    for label, color, decoded, away, band in rows:
        if np.isfinite(decoded).any():
            series.append(Series(f"{label}, decoded", found.x, decoded, color=color))
        if band is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                error = np.abs(band.error / decoded)
            residuals.append(
                Series(f"{label}, residual", found.x, 100 * away, error=100 * error, color=color)
            )
    n, empty = int(track.n.sum()), int((track.n == 0).sum())
    note = f"{track.definition.title}: {len(series)} points, means over {n:,} stars"
    note += f"; {empty} bins without stars" if empty else ""
    return Plot(
        projection.mode,
        tuple(series),
        tuple(residuals),
        "observed / decoded − 1 [%]",
        (note,),
        _provenance(catalog) | {"track": track.definition.name, "g_flux": float(g_flux)},
    )


def _with_error(label: str, curve: Curve, color: str) -> Series:
    low, high = curve.value - curve.error, curve.value + curve.error
    return Series(label, curve.x, curve.value, low=low, high=high, error=curve.error, color=color)


def _bin_label(track: Track, index: int) -> str:
    """What changes along the track, at one of its points."""
    varying = [name for name, values in track.centre.items() if len(np.unique(values)) > 1]
    if not varying:
        return f"bin {index + 1}"
    name = varying[0]
    return f"{symbol(name)} {track.centre[name][index]:.4g}".replace("-", "−")


def _provenance(catalog: Catalog) -> dict[str, Any]:
    return {
        "catalog": catalog.path.name,
        "catalog_sha256": catalog.sha256,
        "model": catalog.model_hash,
        "n_mock": catalog.n_mock,
    }
