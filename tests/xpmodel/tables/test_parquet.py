"""Parquet files: columns of one name, descriptions that lie, and what is cut short."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xpmodel.errors import InputError
from xpmodel.tables.reader import open_table, read_table


def test_columns_of_one_name_are_told_apart_by_their_place(tmp_path):
    names = ["a", "source_id", "A", "a"]
    columns = [pa.array([n, n + 10]) for n in range(4)]
    pq.write_table(pa.Table.from_arrays(columns, names=names), tmp_path / "x")
    reader = open_table(tmp_path / "x")
    asked = ["a", "source_id", *reader.repeats("a")]
    (chunk,) = [table for table, _ in reader.chunks(asked, 100)]
    assert [column[0].as_py() for column in chunk.columns] == [0, 1, 2, 3]


def test_rows_of_many_values_are_read_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("xpmodel.tables.arrow.CHUNK_BYTES", 8000)
    vectors = pa.FixedSizeListArray.from_arrays(np.arange(10_000.0), 100)
    pq.write_table(pa.table({"source_id": np.arange(100), "v": vectors}), tmp_path / "x")
    chunks = [table for table, _ in open_table(tmp_path / "x").chunks(["v"], rows=100)]
    assert sum(map(len, chunks)) == 100
    assert pa.concat_tables(chunks)["v"].to_pylist() == vectors.to_pylist()


def test_a_row_of_millions_of_values_is_refused(tmp_path):
    row = pa.array([np.zeros(20_000_000)])  # some kB on disk
    pq.write_table(pa.table({"source_id": [1], "v": row}), tmp_path / "x")
    assert (tmp_path / "x").stat().st_size < 1 << 20
    with pytest.raises(InputError, match="its rows have some 152 MB each"):
        read_table(tmp_path / "x")


def test_bytes_changed_anywhere_end_in_one_line(tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table({"source_id": np.arange(50), "v": [[1.0, 2.0]] * 50, "t": ["x"] * 50})
    pq.write_table(table, tmp_path / "x", compression="zstd")
    content = (tmp_path / "x").read_bytes()
    n_refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(4, len(content), 3):
            damaged[place] = rng.integers(256)
        (tmp_path / "x").write_bytes(damaged)
        try:
            read_table(tmp_path / "x")
        except InputError as error:
            assert "\n" not in str(error)
            n_refused += 1
    assert n_refused > 100
