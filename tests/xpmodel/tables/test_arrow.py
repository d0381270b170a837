"""Columns of numpy as Arrow's: numbers, text, vectors, and what is missing of them."""

import numpy as np
import pyarrow as pa
import pytest

from xpmodel.tables.arrow import numbered_table, to_arrow


@pytest.mark.parametrize("dtype", [">i8", "<i8", ">f4", "<f8", ">i2"])
def test_numbers_of_any_byte_order(dtype):
    found = to_arrow(np.array([1, -2, 3], dtype), None)
    assert found.to_pylist() == [1, -2, 3]
    assert found.type == pa.from_numpy_dtype(np.dtype(dtype).newbyteorder("="))


def test_masked_numbers_are_missing():
    found = to_arrow(np.array([1, 2, 3]), np.array([False, True, False]))
    assert found.to_pylist() == [1, None, 3]


@pytest.mark.parametrize(
    "values", [np.array([b"giant", "Grö".encode()]), np.array(["giant", "Grö"])], ids=["S", "U"]
)
def test_text(values):
    assert to_arrow(values, None).to_pylist() == ["giant", "Grö"]
    assert to_arrow(values, np.array([False, True])).to_pylist() == ["giant", None]


def test_text_that_is_no_utf8_does_not_stop_the_rest():
    assert to_arrow(np.array([b"\xff", b"a"]), None).to_pylist() == ["�", "a"]


def test_vectors_of_one_length():
    found = to_arrow(np.arange(12.0).reshape(2, 2, 3), None)
    assert found.type == pa.list_(pa.float64(), 6)
    assert found.to_pylist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_what_is_masked_in_a_vector_is_nan():
    mask = np.array([[False, True], [False, False]])
    first, second = to_arrow(np.array([[1.0, 2.0], [3.0, 4.0]]), mask).to_pylist()
    assert first[0] == 1 and np.isnan(first[1]) and second == [3, 4]


def test_vectors_of_varying_length():
    values = np.empty(3, object)
    masked = np.ma.array([7.0, 8.0], mask=[True, False])
    values[:] = [np.array([1.0, 2.0], ">f8"), np.array([]), masked]
    first, second, third = to_arrow(values, None).to_pylist()
    assert first == [1, 2] and second == [] and np.isnan(third[0]) and third[1] == 8


def test_columns_by_their_position():
    table = numbered_table([pa.array([1]), pa.array(["a"])])
    assert table.column_names == ["0", "1"] and table.to_pylist() == [{"0": 1, "1": "a"}]
