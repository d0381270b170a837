"""Which row of which file the rows of a table are, for what is wrong with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Origin:
    """Where the rows of a table come from.

    Attributes
    ----------
    files : list of Path
    file : ndarray, (N,) int64
        Which of `files` a row is from.
    row : ndarray, (N,) int64
        Its number in that file; 1 is the first.
    """

    files: list[Path]
    file: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, path: Path, before: int, n: int) -> Origin:
        """Of n rows of a file that follow the first `before`."""
        return cls([path], np.zeros(n, np.int64), before + 1 + np.arange(n))

    @classmethod
    def join(cls, parts: Sequence[Origin]) -> Origin:
        """Of tables behind each other."""
        files = [path for part in parts for path in part.files]
        starts = np.cumsum([0, *(len(part.files) for part in parts[:-1])])
        return cls(
            files,
            np.concatenate([start + part.file for start, part in zip(starts, parts, strict=True)]),
            np.concatenate([part.row for part in parts]),
        )

    def __getitem__(self, rows: np.ndarray) -> Origin:
        """Of some of the rows, by mask or indices."""
        return Origin(self.files, self.file[rows], self.row[rows])

    def path(self, place: int) -> Path:
        """The file of the row at a place."""
        return self.files[self.file[place]]
