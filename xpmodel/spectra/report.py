"""What became of the rows of files of spectra: how many are used, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from xpmodel.tables.cells import quoted

# Why a row is left out: the first that applies, in this order. What is no number is quoted behind
# it, after a colon.
NOT_AN_ID = "source_id not an integer"
NOT_NUMBERS = "no list of numbers"
MISSING_BAND = "missing band"
WRONG_NUMBER = "wrong number of coefficients"
NAN_COEFFICIENT = "NaN coefficient"
BAD_ERROR = "bad coefficient error"
NO_MATCH = "no match in the photometry table"
BAD_FLUX = "G flux not positive"
BAD_CORRELATIONS = "correlations that cannot be read"
REPEATED = "repeated source_id"

FROM_FILE, FROM_PHOTOMETRY, SYNTHETIC = "file", "photometry", "synthetic"
"""Where a star's G flux comes from."""


def left_out_rows(
    file: str | list[str],
    row: Sequence[int] | np.ndarray,
    source_id: list[str],
    reason: Sequence[str] | np.ndarray,
) -> pd.DataFrame:
    """Lines of `Report.left_out`, of one file or of one each."""
    text = {"file": file, "source_id": source_id, "reason": reason}
    frame = pd.DataFrame({"row": row} | text, columns=["file", "row", "source_id", "reason"])
    return frame.astype(dict.fromkeys(text, "str"))


_NO_ROWS = left_out_rows("", np.empty(0, int), [], [])


def no_rows() -> pd.DataFrame:
    """`Report.left_out` where all rows are used; a copy, which costs far less than making it."""
    return _NO_ROWS.copy()


@dataclass(eq=False)
class Report:
    """What became of the rows that were read.

    Attributes
    ----------
    n_read : int
        Rows read.
    left_out : pandas.DataFrame
        One line for each row left out: `file`, `row` (1 is the file's first), `source_id` (text,
        as in the file) and `reason`.
    g_flux : dict of str to int
        Rows used, by where their G flux came from: "file", "photometry" or "synthetic".
    remarks : list of str
        What a user should know of the files, a sentence each: tables in them that are not read,
        rows that a server has cut off.
    """

    n_read: int = 0
    left_out: pd.DataFrame = field(default_factory=no_rows)
    g_flux: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def n_used(self) -> int:
        """Rows that were not left out."""
        return self.n_read - len(self.left_out)

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows left out for each reason, the most frequent first."""
        kinds = self.left_out["reason"].str.partition(": ")[0] if len(self.left_out) else ()
        return dict(Counter(map(str, kinds)).most_common())

    @property
    def examples(self) -> dict[str, str]:
        """For each reason of `counts` the first row that was left out for it."""
        shown: dict[str, str] = {}
        if len(self.left_out):
            kinds = self.left_out["reason"].str.partition(": ")[0]
            for line in self.left_out[~kinds.duplicated()].itertuples():
                kind, _, detail = str(line.reason).partition(": ")
                what = detail or f"source_id {quoted(line.source_id or None)}"
                shown[kind] = f"{Path(str(line.file)).name}, row {line.row}: {what}"
        return shown

    @classmethod
    def total(cls, reports: Iterable[Report]) -> Report:
        """Add up the reports of several chunks."""
        reports = list(reports)
        # Of many files of one star few have any.
        left_out = pd.concat([no_rows(), *(r.left_out for r in reports if len(r.left_out))])
        g_flux = sum((Counter(report.g_flux) for report in reports), Counter())
        n_read = sum(report.n_read for report in reports)
        remarks = list(dict.fromkeys(remark for report in reports for remark in report.remarks))
        return cls(n_read, left_out.reset_index(drop=True), dict(g_flux), remarks)

    def __add__(self, other: Report) -> Report:
        return Report.total([self, other])

    def __str__(self) -> str:
        lines = [f"{self.n_used} of {self.n_read} rows used, {len(self.left_out)} left out"]
        lines += [f"  {n}: {reason}" for reason, n in self.counts.items()]
        if len(self.g_flux) > 1:
            lines += [f"  G flux of {n}: {source}" for source, n in self.g_flux.items()]
        return "\n".join(lines + self.remarks)
