"""Tables of the control: what was found with α in the spectra, beside what was without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2

from xpmodel.report.tables import TableColumn, make_table
from xpmodel.studies.alpha.mock_control import Finding, SkyResult

if TYPE_CHECKING:
    from astropy.table import Table

SKIES = {1.0: "alpha", 0.0: "no_alpha"}
TITLES = {"alpha": "α in spectra", "no_alpha": "no α"}


def seeds_table(results: Sequence[SkyResult], meta: dict[str, Any]) -> Table:
    """A row a finding: sky, seed, stars, measure."""
    rows = [(r, f) for r in results for f in (*r.findings, *r.measured)]
    columns: list[TableColumn] = [
        ("alpha_signal", [r.alpha_signal for r, _ in rows], "", "1: spectra follow alpha; 0: not"),
        ("seed", [r.seed for r, _ in rows], "", "of sky, model and folds"),
        ("stars", [f.stars for _, f in rows], "", "which stars, by true Teff and log g"),
        ("measure", [f.measure for _, f in rows], "", "what is measured"),
        ("value", [f.value for _, f in rows], "", "its value"),
        ("error", [f.error for _, f in rows], "", "its standard error over stars"),
        ("by_chance", [f.by_chance for _, f in rows], "", "its value where latents know no alpha"),
        ("dof", [f.dof for _, f in rows], "", "degrees of freedom of a chi-square, else 0"),
    ]
    return make_table(columns, meta)


def control_table(results: Sequence[SkyResult], meta: dict[str, Any]) -> Table:
    """A row a measure: both skies beside each other, over all seeds.

    Values are means over the seeds, with the mean standard error of one seed and the standard
    deviation over seeds; χ² and their degrees of freedom are added up, since the skies are
    independent.
    """
    kinds: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for result in results:
        sky = SKIES[result.alpha_signal]
        for finding in (*result.findings, *result.measured):
            cell = kinds.setdefault((finding.stars, finding.measure), {s: [] for s in TITLES})
            cell[sky].append(finding)
    columns: list[TableColumn] = [
        ("stars", [stars for stars, _ in kinds], "", "which stars, by true Teff and log g"),
        ("measure", [measure for _, measure in kinds], "", "what is measured"),
    ]
    for sky, title in TITLES.items():
        parts = [_over_seeds(cell[sky]) for cell in kinds.values()]
        columns += [
            (sky, [p[0] for p in parts], "", f"{title}: mean over seeds; of chi-square the sum"),
            (f"{sky}_error", [p[1] for p in parts], "", "standard error of one seed's value"),
            (f"{sky}_spread", [p[2] for p in parts], "", "standard deviation over seeds"),
            (f"{sky}_dof", [p[3] for p in parts], "", "degrees of freedom of chi-square, else 0"),
            (f"{sky}_p", [p[4] for p in parts], "", "p-value of chi-square"),
        ]
    chance = [
        next((f.by_chance for f in (*cell["no_alpha"], *cell["alpha"]) if not f.dof), np.nan)
        for cell in kinds.values()
    ]
    columns.append(("by_chance", chance, "", "its value where latents know nothing of alpha"))
    return make_table(columns, meta)


def _over_seeds(found: list[Finding]) -> tuple[float, float, float, int, float]:
    """Value, error, spread, degrees of freedom and p-value of one measure over the seeds."""
    if not found:
        return np.nan, np.nan, np.nan, 0, np.nan
    values = np.array([f.value for f in found])
    if dof := sum(f.dof for f in found):
        total = float(values.sum())
        return total, np.nan, np.nan, dof, float(chi2.sf(total, dof))
    spread = float(values.std(ddof=1)) if len(found) > 1 else np.nan
    error = float(np.sqrt(np.mean([f.error**2 for f in found])))
    return float(values.mean()), error, spread, 0, np.nan


def lines_of_control(table: Table) -> list[str]:
    """The table as text: a heading a slice, then a line a measure with both skies."""
    lines, stars = [], None
    for row in table:
        if row["stars"] != stars:
            stars = row["stars"]
            lines += ["", f"{stars:44}{TITLES['alpha']:>30}{TITLES['no_alpha']:>30}"]
        cells = "".join(f"{_cell(row, sky):>30}" for sky in TITLES)
        lines.append(f"  {row['measure']:42}{cells}")
    return lines[1:]


def _cell(row: Any, sky: str) -> str:  # noqa: ANN401  a row of an astropy table
    value, error, spread, dof = (row[f"{sky}{e}"] for e in ("", "_error", "_spread", "_dof"))
    if np.isnan(value):
        return "–"
    if dof:
        return f"{value:,.1f} of {dof} (p {row[f'{sky}_p']:.2g})"
    digits = ",.0f" if abs(value) >= 1000 else ".1f" if row["measure"].endswith("[mnat]") else ".4f"
    text = f"{value:{digits}}"
    if np.isfinite(error):
        text += f" ± {error:{digits}}"
    return text + (f" ({spread:{digits}})" if np.isfinite(spread) else "")
