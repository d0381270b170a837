"""All stars of one catalog written from six threads at once, round after round.

``python -m tests.attack.exports_at_once [ROUNDS]`` (default 20), in a process of its own: what goes
wrong may be a crash of the interpreter, or a wait without end.
"""

from __future__ import annotations

import faulthandler
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.catalogs import write_catalog
from xpmodel import Catalog, open_catalog, write_stars
from xpmodel.catalog.spectra_store import SPECTRA_SCHEMA, spectra_path
from xpmodel.columns import COLUMNS

N = 20_000
NAMES = ("a.parquet", "b.parquet", "c.fits", "d.vot", "e.csv", "f.parquet")
SECONDS = 60.0  # of a round, after which all threads' stacks are told


def write_stars_of_many_columns(path: Path) -> None:
    """A catalog in many row groups, and its spectra in many batches."""
    rng = np.random.default_rng(0)
    numbers = {c.name: rng.uniform(1, 2, N) for c in COLUMNS if pa.types.is_floating(c.type)}
    write_catalog(path, N, **numbers)
    table = pq.read_table(path)
    pq.write_table(table, path, row_group_size=N // 20)
    vectors = np.ones(N * 110, np.float32)
    columns = [table["source_id"].combine_chunks(), pa.array(np.ones(N, np.float32))]
    columns += [pa.FixedSizeListArray.from_arrays(vectors, 110)] * 2
    columns += [pa.FixedSizeListArray.from_arrays(np.zeros(2 * N, np.int16), 2)]
    with pa.ipc.new_file(spectra_path(path), SPECTRA_SCHEMA) as writer:
        writer.write_table(pa.table(columns, schema=SPECTRA_SCHEMA), N // 20)


def write(catalog: Catalog, path: Path) -> int:
    """All stars; the spectra too, where they take little time."""
    return write_stars(catalog, None, path, coefficients=path.suffix == ".fits")


def write_at_once(path: Path, alone: dict[str, bytes], out: Path) -> None:
    """One round: each file must be, byte for byte, the one that was written alone."""
    catalog = open_catalog(path)
    with ThreadPoolExecutor(len(NAMES)) as threads:
        for n in threads.map(lambda name: write(catalog, out / name), NAMES):
            assert n == N
    for name, expected in alone.items():
        assert (out / name).read_bytes() == expected, f"{name} is not what was written alone"


def main(rounds: int) -> None:
    """Some rounds, told one by one."""
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stars.parquet"
        write_stars_of_many_columns(path)
        alone = {}
        for name in NAMES:
            write(open_catalog(path), path.parent / name)
            alone[name] = (path.parent / name).read_bytes()
        for number in range(1, rounds + 1):
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            write_at_once(path, alone, path.parent)
            faulthandler.cancel_dump_traceback_later()
            print(f"round {number}: {len(NAMES)} files of {N:,} stars, each as written alone")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
