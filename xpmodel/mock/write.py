"""Write a mock sky in the layout of the released catalog file."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xpmodel._atomic import replacing
from xpmodel._version import __version__
from xpmodel.catalog.catalog import LAST_GAIA_ID
from xpmodel.errors import InputError

MOCK_FILE = "xp_apogee_mock.h5"
TRUTH_FILE = "truth.parquet"
CORRELATIONS_FILE = "xp_corrs.npz"
DATASET = "__astropy_table__"
FIRST_ID = LAST_GAIA_ID + 1
# Stars drawn from one stream of random numbers: the file does not depend on who draws them.
CHUNK = 8192
TRUTH_COLUMNS = (
    "teff", "logg", "m_h", "alpha_m", "fe_h", "mg_fe", "mass", "age", "distance", "ebv",
    "second_light", "second_teff", "emission",
)  # fmt: skip
# BLAS may add in another order with other numbers of threads.
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


Chunk = tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]
"""What `draw_chunk` draws: the table, the truth, and the coefficients without noise."""


@dataclass(frozen=True)
class Sky:
    """What determines a mock sky.

    Attributes
    ----------
    n_stars, seed : int
    alpha_signal : float
        1: spectra know [α/M]; 0: [α/M] leaves no trace in them.
    """

    n_stars: int
    seed: int = 0
    alpha_signal: float = 1.0

    def __post_init__(self) -> None:
        if self.n_stars < 1:
            raise InputError(f"{self.n_stars} stars: a mock sky needs at least one")
        if self.seed < 0:
            raise InputError(f"seed {self.seed}: must not be negative")
        if not (np.isfinite(self.alpha_signal) and self.alpha_signal >= 0):
            raise InputError(f"alpha signal {self.alpha_signal}: must be a number of 0 or more")

    @property
    def n_chunks(self) -> int:
        """Number of independent chunks."""
        return -(-self.n_stars // CHUNK)


def draw_chunk(sky: Sky, number: int) -> Chunk:
    """One chunk of a mock sky.

    Returns
    -------
    table : structured ndarray, (n,)
        The released file's columns.
    truth : dict of str to ndarray, (n,)
        True labels, E(B−V), population and stage.
    coefficients : ndarray, (n, 110) float32
        Without noise, in archive units.
    """
    from xpmodel.mock import noise
    from xpmodel.mock.labels import draw_labels
    from xpmodel.mock.population import POPULATIONS, STAGES, draw_stars
    from xpmodel.mock.ridge import true_coefficients
    from xpmodel.spectra.photometry import g_flux_from_mag, synthetic_mag

    n = min(CHUNK, sky.n_stars - number * CHUNK)
    rng = np.random.default_rng([sky.seed, number])
    stars = draw_stars(n, rng)
    per_flux = true_coefficients(stars, sky.alpha_signal)
    g_flux = g_flux_from_mag(stars.g_mag)[:, None]
    errors = noise.draw_errors(stars.g_mag, rng) * g_flux
    true = per_flux * g_flux
    measured = true + noise.draw_noise(errors, rng)
    columns: dict[str, np.ndarray] = {
        "ids": FIRST_ID + number * CHUNK + np.arange(n, dtype=np.int64),
        "coeffs": measured.astype(np.float32),
        "coeff_errs": errors.astype(np.float32),
        "phot_g_mean_flux": g_flux[:, 0],
        "RA": stars.ra,
        "DEC": stars.dec,
        "GAIAEDR3_PHOT_G_MEAN_MAG": stars.g_mag.astype(np.float32),
        "GAIAEDR3_PHOT_BP_MEAN_MAG": synthetic_mag(true, "BP").astype(np.float32),
        "GAIAEDR3_PHOT_RP_MEAN_MAG": synthetic_mag(true, "RP").astype(np.float32),
        "Lz": stars.lz.astype(np.float32),
        "jr": stars.jr.astype(np.float32),
        "jz": stars.jz.astype(np.float32),
        **draw_labels(stars, rng),
    }
    table = np.empty(n, dtype=[(k, v.dtype, v.shape[1:]) for k, v in columns.items()])
    for name, values in columns.items():
        table[name] = values
    truth = {name: getattr(stars, name).astype(np.float32) for name in TRUTH_COLUMNS}
    truth["population"] = np.array(POPULATIONS)[stars.population]
    truth["stage"] = np.array(STAGES)[stars.stage]
    return table, {"source_id": columns["ids"], **truth}, true.astype(np.float32)


def write_mock(
    sky: Sky,
    folder: str | Path,
    *,
    truth: bool = False,
    correlations: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Write a mock sky as one HDF5 file with the released file's columns.

    The same sky gives the same file, bit for bit, whatever the number of workers.

    Parameters
    ----------
    sky : Sky
    folder : path
        Receives ``xp_apogee_mock.h5``.
    truth : bool
        Write ``truth.parquet`` beside it: true labels and noise-free coefficients.
    correlations : int
        Write ``xp_corrs.npz`` with the correlation matrices of so many stars.
    workers : int, optional
        Processes. Default: one a core.
    progress : callable, optional
        Called with the number of stars written.

    Returns
    -------
    path : Path
        Of the HDF5 file.

    Raises
    ------
    InputError
        When the folder cannot be written, or more correlations are asked for than stars.
    """
    import h5py
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not 0 <= correlations <= sky.n_stars:
        raise InputError(f"correlations of {correlations} stars: the sky has {sky.n_stars}")
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers: at least one must work")
    folder = Path(folder)
    path = folder / MOCK_FILE
    with contextlib.ExitStack() as stack:
        part = stack.enter_context(replacing(path))
        truth_part = stack.enter_context(replacing(folder / TRUTH_FILE)) if truth else None
        # `replacing` holds a lock on the part already.
        file = stack.enter_context(h5py.File(part, "w", locking=False))
        dataset = truth_writer = None
        n = 0
        for table, true, coefficients in _chunks(sky, workers):
            if dataset is None:
                dataset = file.create_dataset(
                    DATASET, (sky.n_stars,), table.dtype, chunks=(min(CHUNK, sky.n_stars),)
                )
                dataset.attrs.update(_attributes(sky))
            dataset[n : n + len(table)] = table
            if truth_part is not None:
                flat = pa.array(coefficients.ravel())
                lists = pa.FixedSizeListArray.from_arrays(flat, coefficients.shape[1])
                rows = pa.table({**true, "coefficients": lists})
                if truth_writer is None:
                    truth_writer = stack.enter_context(pq.ParquetWriter(truth_part, rows.schema))
                truth_writer.write_table(rows)
            n += len(table)
            if progress is not None:
                progress(n)
    if correlations:
        _write_correlations(folder / CORRELATIONS_FILE, correlations)
    return path


def _attributes(sky: Sky) -> dict[str, Any]:
    return {
        "mock": True,
        "description": "Mock stars with mock spectra: nothing in this file was observed.",
        "made_by": f"xpmodel {__version__} mock",
        "seed": sky.seed,
        "alpha_signal": sky.alpha_signal,
    }


def _write_correlations(path: Path, n: int) -> None:
    """The layout of the released ``xp_corrs.npz``: ``bp_corrs``, ``rp_corrs``, (n, 55, 55)."""
    from xpmodel.mock import noise

    with replacing(path) as part, open(part, "wb") as file:
        bp, rp = (
            np.repeat(matrix[None].astype(np.float32), n, 0) for matrix in noise.correlations()
        )
        np.savez_compressed(file, bp_corrs=bp, rp_corrs=rp)


@contextlib.contextmanager
def _interrupts_left_to_us() -> Iterator[None]:
    """Let processes that begin here not see Ctrl-C, which a terminal sends to all at once."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows: theirs is a traceback more
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _chunks(sky: Sky, workers: int | None) -> Iterator[Chunk]:
    """The chunks in order, drawn by processes of one BLAS thread each."""
    workers = min(workers or os.cpu_count() or 1, sky.n_chunks)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=use_one_thread) as pool:
        waiting: deque[Future[Chunk]] = deque()
        try:
            for number in range(sky.n_chunks):
                with _interrupts_left_to_us():
                    waiting.append(pool.submit(draw_chunk, sky, number))
                if len(waiting) > workers:  # no more in memory than can be drawn at once
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def use_one_thread() -> None:
    """Let the BLAS of this process, a worker, use one thread from now on."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)  # libraries that are loaded,
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # and those that will be
