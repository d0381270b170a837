"""Tables and figures of the study of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from xpmodel.report.figure_style import BLUE, COLORS, RED, WIDTH, foot
from xpmodel.report.tables import make_table
from xpmodel.studies.latent_errors.coverage import BANDS, EXPECTED, Coverage
from xpmodel.studies.latent_errors.repeated_noise import (
    ERRORS,
    FEWEST,
    G_EDGES,
    P_EDGES,
    Calibration,
    Scatter,
)

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

STYLES = {"z_err": (RED, "s"), "z_noise": (BLUE, "o")}


def _bins() -> list[str]:
    ends = list(zip(G_EDGES[:-1], G_EDGES[1:], strict=True))
    return [
        f"< {high:g}" if low == -np.inf else f"> {low:g}" if high == np.inf else f"{low:g}–{high:g}"
        for low, high in ends
    ]


def scatter_table(found: Scatter, latents: list[str], meta: dict[str, Any]) -> Table:
    """Scatter under repeated noise over each error, by G; bins without stars are left out."""
    kept = found.n > 0
    columns = [
        ("g", np.array(_bins())[kept], "mag", "G magnitude"),
        ("n", found.n[kept], "", "stars"),
    ]
    for i, z in enumerate(latents):
        for name, text in ERRORS.items():
            about = f"scatter of {z} under repeated noise over {text}: median"
            columns.append((f"{z}/{name[2:]}", found.over[name][kept, i], "", about))
        about = f"spread of ({z} − that of the noise-free spectrum) / noise, as observed"
        columns.append((f"{z} observed", found.observation[kept, i], "", about))
    return make_table(columns, meta)


def calibration_table(found: Calibration, meta: dict[str, Any]) -> Table:
    """What memberships said, and how many held."""
    columns = [
        ("p_from", np.array(P_EDGES[:-1]), "", "least membership"),
        ("p_to", np.array(P_EDGES[1:]), "", "largest membership"),
    ]
    for name, text in ERRORS.items():
        columns += [
            (f"{name}_n", found.n[name], "", f"memberships by {text}"),
            (f"{name}_said", found.said[name], "", f"their mean, by {text}"),
            (f"{name}_held", found.held[name], "", f"share of them that holds, by {text}"),
        ]
    return make_table(columns, meta | {"pair": list(found.pair)})


def coverage_table(found: Coverage, meta: dict[str, Any]) -> Table:
    """Shares of noise-free and of observed spectra within bands."""
    rows = [
        (g, found.n[b], name, *found.truth[name][b], *found.observed[name][b])
        for b, g in enumerate(_bins())
        if found.n[b]
        for name in found.observed
    ]
    names = ("g", "n", "band", "truth_1", "truth_2", "observed_1", "observed_2")
    texts = (
        "G magnitude",
        "stars",
        "band of the decoded spectrum",
        "noise-free spectra within ± 1 band (a normal distribution has 0.683)",
        "noise-free spectra within ± 2 bands (0.954)",
        "observed spectra within ± 1 (band ⊕ σ)",
        "observed spectra within ± 2 (band ⊕ σ)",
    )
    parts: list[list[Any]] = [list(part) for part in zip(*rows, strict=True)]
    parts = parts or [[] for _ in names]
    columns = [
        (name, np.array(values), "mag" if name == "g" else "", text)
        for name, values, text in zip(names, parts, texts, strict=True)
    ]
    return make_table(columns, meta | {"models": found.n_models})


def calibration_figure(found: dict[str, Calibration], note: str) -> Figure:
    """What memberships said against how many held, a panel for each way to ask."""
    figure = Figure(figsize=(WIDTH, 0.55 * WIDTH), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (title, calibration) in zip(panels, found.items(), strict=True):
        _calibration_panel(axes, calibration)
        axes.set_title(title)
    foot(figure, note)
    return figure


def _calibration_panel(axes: Axes, found: Calibration) -> None:
    axes.plot([0, 1], [0, 1], "k--", lw=0.8, label="as said")
    for name, (color, marker) in STYLES.items():
        n, said, held = found.n[name], found.said[name], found.held[name]
        full = n >= FEWEST
        error = np.sqrt(held * (1 - held) / np.maximum(n, 1))
        axes.errorbar(
            said[full], held[full], error[full], color=color, marker=marker, ms=4, lw=1,
            label=f"by {ERRORS[name]} ({name})",
        )  # fmt: skip
    axes.set(xlabel="membership said", ylabel="share that holds", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")


def coverage_figure(found: Coverage, note: str) -> Figure:
    """Shares within each band against G."""
    figure = Figure(figsize=(WIDTH, 0.45 * WIDTH), layout="constrained")
    known = not all(np.isnan(v).all() for v in found.truth.values())
    panels = [("noise-free", found.truth)] if known else []
    panels.append(("observed", found.observed))
    labels, full = np.array(_bins()), found.n > 0
    for axes, (title, shares) in zip(
        np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels, strict=True
    ):
        for color, name in zip(COLORS, BANDS, strict=False):
            if name in shares:
                for within, dash in ((0, "o-"), (1, "s--")):
                    label = name if not within else None
                    axes.plot(labels[full], shares[name][full, within], dash, color=color, ms=3,
                              lw=1, label=label)  # fmt: skip
        for level in EXPECTED:
            axes.axhline(level, color="0.5", lw=0.6, ls=":")
        axes.set(xlabel="G [mag]", title=f"{title} spectra", ylim=(0, 1.02))
    axes.legend(loc="lower left")
    figure.axes[0].set_ylabel("share within ± 1 (solid) and ± 2 (dashed)")
    foot(figure, note)
    return figure
