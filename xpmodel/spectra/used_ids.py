"""Which ids were used already, however many there are."""

from __future__ import annotations

import numpy as np


class UsedIds:
    """The ids of the stars used so far, 8 bytes each.

    They are kept in sorted runs, each more than twice as long as the next, so that adding and
    looking up cost little however many there are.
    """

    def __init__(self) -> None:
        self.runs: list[np.ndarray] = []

    def add(self, ids: np.ndarray) -> np.ndarray:
        """Add ids, (N,), and tell which of them are new: the first of each, if not yet used."""
        unique, first = np.unique(ids, return_index=True)
        known = np.zeros(len(unique), bool)
        for run in self.runs:
            known |= run[np.minimum(np.searchsorted(run, unique), len(run) - 1)] == unique
        new = np.zeros(len(ids), bool)
        new[first[~known]] = True
        merged = unique[~known]
        while self.runs and len(self.runs[-1]) <= 2 * len(merged):
            merged = np.sort(np.concatenate([self.runs.pop(), merged]), kind="stable")
        if len(merged):
            self.runs.append(merged)
        return new
