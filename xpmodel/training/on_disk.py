"""Training data on disk, for more spectra than memory or a device can hold."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xpmodel._atomic import read_json, replacing
from xpmodel.errors import InputError
from xpmodel.model.normalization import Normalization
from xpmodel.spectra.bands import N_COEFFICIENTS
from xpmodel.spectra.report import Report
from xpmodel.spectra.spectra import Spectra
from xpmodel.spectra.train_test_split import train_test_rows
from xpmodel.training.config import TrainingConfig
from xpmodel.training.distributed import Processes
from xpmodel.training.in_memory import CHUNK, Digest, check_usable, usable_rows
from xpmodel.training.steps import Draws, Part, draw_test, generator_of

FORMAT = "xpmodel-training-files"
DESCRIPTION = "prepared.json"
# Normalized coefficients and variances of the training stars and of those held out: rows of
# float32, nothing else.
TRAIN, TEST = ("train_x.f32", "train_variance.f32"), ("test_x.f32", "test_variance.f32")
ROW_BYTES = 4 * N_COEFFICIENTS
# What is written first, in the order of the source.
PER_FLUX = ("x_per_flux.f32", "error_per_flux.f32")
# Stars in memory at a time, twice: the next ones are read while these are trained on.
PART_ROWS = 262_144


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingFiles:
    """Normalized coefficients and variances in files, split as `TrainingData` splits them.

    The rows lie in the split's order, which is random. An epoch goes through blocks of as many
    rows as a batch has, in another order each time, and mixes the stars of some 262,144 rows: so
    the disk reads in long runs, and a batch is drawn from all stars, however their source was
    sorted.

    Attributes
    ----------
    folder : Path
    n_train, n_test : int
    mu, sig : ndarray, (110,) float64
        Mean and standard deviation of coefficients / G flux over the training stars.
    n_left_out : int
        Spectra that cannot be trained on.
    sha256 : str
        Of the usable spectra, as `TrainingData.sha256`.
    left_out : dict
        Rows left out already when the spectra were read, by reason.
    source : dict
        What whoever prepared them says of where they come from.
    """

    folder: Path
    n_train: int
    n_test: int
    mu: np.ndarray
    sig: np.ndarray
    n_left_out: int
    sha256: str
    left_out: dict[str, int]
    source: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> TrainingFiles:
        """Open what `prepare_files` made.

        Raises
        ------
        InputError
            When they are not there, or not whole.
        """
        path = Path(folder) / DESCRIPTION
        said = read_json(path, FORMAT)
        try:
            mu, sig = (np.array(said[name], np.float64) for name in ("mu", "sig"))
            found = cls(
                folder=path.parent,
                n_train=int(said["n_train"]),
                n_test=int(said["n_test"]),
                mu=mu,
                sig=sig,
                n_left_out=int(said["n_left_out"]),
                sha256=str(said["sha256"]),
                left_out=dict(said["left_out"]),
                source=dict(said["source"]),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise InputError(f"{path}: damaged ({error})") from None
        if not (mu.shape == sig.shape == (N_COEFFICIENTS,) and np.isfinite(mu + sig).all()):
            raise InputError(f"{path}: damaged (mu and sig must be {N_COEFFICIENTS} numbers each)")
        for names, n in ((TRAIN, found.n_train), (TEST, found.n_test)):
            for file in (found.folder / name for name in names):
                if not file.is_file() or file.stat().st_size != n * ROW_BYTES:
                    raise InputError(f"{file}: does not hold {n} stars; prepare the spectra again")
        return found

    def remove(self) -> None:
        """Delete the files and their folder."""
        shutil.rmtree(self.folder)

    def room(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Room on a device for as many stars as come at a time."""
        shape = min(PART_ROWS, self.n_train), N_COEFFICIENTS
        return torch.empty(shape, device=device), torch.empty(shape, device=device)

    def parts(self, config: TrainingConfig, epoch: int, processes: Processes) -> Iterator[Part]:
        """The batches of an epoch, some at a time, or a process's share of them.

        A part's memory is used again for the second one after it.
        """
        batch = processes.share(config.batch)
        generator = generator_of(config, epoch)
        # Blocks begin anywhere and go on at the file's other end, so that no star is always among
        # those left over.
        begin = int(torch.randint(self.n_train, (1,), generator=generator))
        blocks = torch.randperm(self.n_train // config.batch * processes.size, generator=generator)
        own = generator_of(config, epoch, processes.rank + 1)
        at_a_time = max(1, PART_ROWS // batch)
        memory = [_Memory(min(at_a_time, len(blocks)) * batch) for _ in range(2)]
        with _rows(self.folder, TRAIN) as read:
            for i, part in enumerate(blocks[processes.rank :: processes.size].split(at_a_time)):
                x, variance = memory[i % 2].first(len(part) * batch)
                for j, block in enumerate(part.tolist()):
                    here = slice(j * batch, (j + 1) * batch)
                    start = (begin + block * batch) % self.n_train
                    read(start, x[here], variance[here])
                order = torch.randperm(len(x), generator=own).view(-1, batch)
                eps = torch.randn((*order.shape, config.latents), generator=own)
                yield Part(torch.from_numpy(x), torch.from_numpy(variance), Draws(order, eps))

    def test_parts(self, config: TrainingConfig) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The test stars, some at a time, and draws of z for them."""
        eps = draw_test(config, self.n_test)
        memory = [_Memory(min(CHUNK, self.n_test)) for _ in range(2)]
        with _rows(self.folder, TEST) as read:
            for i, start in enumerate(range(0, self.n_test, CHUNK)):
                draws = eps[start : start + CHUNK]
                x, variance = memory[i % 2].first(len(draws))
                read(start, x, variance)
                yield torch.from_numpy(x), torch.from_numpy(variance), draws


class _Memory:
    """Coefficients and variances of some stars, the same memory again and again."""

    def __init__(self, n: int) -> None:
        self._x = np.empty((n, N_COEFFICIENTS), np.float32)
        self._variance = np.empty_like(self._x)

    def first(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        return self._x[:n], self._variance[:n]


@contextmanager
def _rows(folder: Path, names: tuple[str, str]) -> Iterator[Callable[..., None]]:
    """A function that fills two arrays with the rows of two files from one on, going in circles."""
    with ExitStack() as stack:
        # Unbuffered: rows go straight to where they are wanted.
        files = [stack.enter_context(open(folder / name, "rb", buffering=0)) for name in names]

        def read(start: int, *into: np.ndarray) -> None:
            for file, values in zip(files, into, strict=True):
                view = values.data.cast("B")
                file.seek(start * ROW_BYTES)
                done = 0
                while done < len(view):
                    n = file.readinto(view[done:])
                    if not n and not file.tell():
                        raise InputError(f"{file.name}: is empty; prepare the spectra again")
                    if not n:
                        file.seek(0)
                    done += n

        yield read


def prepare_files(
    chunks: Iterable[Spectra], folder: str | Path, source: dict[str, Any] | None = None
) -> TrainingFiles:
    """Normalize spectra that come in chunks, and write them for training.

    Takes 880 bytes of disk a star, at the end of preparing twice that for a moment, and of memory
    some hundred MB and 40 bytes a star. Coefficients over
    G flux are rounded to float32 before they are normalized, for `TrainingData` afterwards: the
    two agree to float32.

    Parameters
    ----------
    chunks : iterable of Spectra
    folder : path
        Of its own; what an earlier preparation left there is overwritten.
    source : dict, optional
        Kept with the files.

    Raises
    ------
    InputError
        When too few are usable to be split, or a coefficient is the same for all.
    OSError
        When the folder cannot be written, or the disk is full. Nothing is left behind.
    """
    folder = Path(folder)
    was_there = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DESCRIPTION).unlink(missing_ok=True)
        n, n_left_out, sha256, report = _write_per_flux(chunks, folder)
        check_usable(n, n + n_left_out)
        train, test = train_test_rows(n)
        normalization = _normalization(folder / PER_FLUX[0], n, train)
        for i, function in enumerate((normalization.coefficients, normalization.variance)):
            path = folder / PER_FLUX[i]
            for name, rows in ((TRAIN[i], train), (TEST[i], test)):
                _move(path, n, folder / name, rows, function)
            path.unlink()
        said = {
            "format": FORMAT,
            "version": 1,
            "n_train": len(train),
            "n_test": len(test),
            "n_left_out": n_left_out,
            "sha256": sha256,
            "left_out": report.counts,
            "source": source or {},
            "mu": normalization.mu.tolist(),
            "sig": normalization.sig.tolist(),
        }
        with replacing(folder / DESCRIPTION) as path:  # last: with it the files are whole
            path.write_text(json.dumps(said, indent=1) + "\n")
    except BaseException as error:
        for name in (*PER_FLUX, *TRAIN, *TEST):  # perhaps many gigabytes, and of no use
            (folder / name).unlink(missing_ok=True)
        if not was_there:
            folder.rmdir()
        if isinstance(error, OSError):
            why = f"{error.strerror}; prepared spectra take {2 * ROW_BYTES} bytes a star"
            raise OSError(error.errno, why, str(folder)) from None
        raise
    return TrainingFiles.open(folder)


def _write_per_flux(chunks: Iterable[Spectra], folder: Path) -> tuple[int, int, str, Report]:
    """Write what is usable, over G flux, in its order; its number, the others', and its sha256."""
    n = n_left_out = 0
    reports = []
    digest = Digest()
    with open(folder / PER_FLUX[0], "wb") as x, open(folder / PER_FLUX[1], "wb") as error:
        for spectra in chunks:
            usable = usable_rows(spectra)
            digest.add(spectra, usable)
            flux = spectra.g_flux[usable, None].astype(np.float64)
            for file, values in ((x, spectra.coefficients), (error, spectra.errors)):
                with np.errstate(over="ignore"):  # an error becomes infinite, and so the loss
                    file.write((values[usable] / flux).astype(np.float32))
            n += len(usable)
            n_left_out += len(spectra) - len(usable)
            reports.append(spectra.report)
    return n, n_left_out, digest.hexdigest(), Report.total(reports)


def _stretches(n: int, length: int) -> Iterator[slice]:
    for start in range(0, n, length):
        yield slice(start, min(start + length, n))


def _load(path: Path, rows: slice) -> np.ndarray:
    count, offset = (rows.stop - rows.start) * N_COEFFICIENTS, rows.start * ROW_BYTES
    return np.fromfile(path, np.float32, count, offset=offset).reshape(-1, N_COEFFICIENTS)


def _normalization(path: Path, n: int, train: np.ndarray) -> Normalization:
    """That of the training stars."""
    is_train = np.zeros(n, bool)
    is_train[train] = True

    def chunks() -> Iterator[np.ndarray]:
        for rows in _stretches(n, CHUNK):
            yield _load(path, rows)[is_train[rows]].astype(np.float64)

    return Normalization.of(chunks, len(train))


def _move(
    path: Path,
    n: int,
    out: Path,
    order: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Write some of a file's n rows in another order, normalized.

    In two passes, since memory holds a part only and a disk likes long runs: first each row goes
    into its part of the new file, behind those of the part that came before; then each part is put
    in order.
    """
    place = np.full(n, -1)
    place[order] = np.arange(len(order))
    filled = np.arange(0, len(order), PART_ROWS)
    with open(out, "w+b") as file:
        for rows in _stretches(n, CHUNK):
            here = place[rows]
            part = here // PART_ROWS  # -1: not one of them
            by_part = np.argsort(part, kind="stable")
            with np.errstate(over="ignore"):  # infinite, and so the loss
                values = function(_load(path, rows)[by_part].astype(np.float64)).astype(np.float32)
            ends = np.searchsorted(part[by_part], np.arange(len(filled) + 1))
            for i, (first, end) in enumerate(itertools.pairwise(ends)):
                file.seek(filled[i] * ROW_BYTES)
                file.write(values[first:end].data)
                filled[i] += end - first
        wanted = place[place >= 0]
        wanted = wanted[np.argsort(wanted // PART_ROWS, kind="stable")]  # as they lie there now
        for rows in _stretches(len(order), PART_ROWS):
            file.flush()
            ordered = _load(out, rows)[np.argsort(wanted[rows])]
            file.seek(rows.start * ROW_BYTES)
            file.write(ordered.data)
