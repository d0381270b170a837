"""What cells say: lists of numbers as programs write them, whole numbers, what is quoted."""

import numpy as np
import pyarrow as pa
import pytest

from xpmodel.tables.cells import integer_ids, integers, number_lists, numbers, quoted, trimmed

THREE = [1.5, -2000.0, 3.25]


def column(*cells: object) -> pa.ChunkedArray:
    return pa.chunked_array([list(cells)])


@pytest.mark.parametrize(
    "text",
    [
        "(1.5, -2000.0, 3.25)",
        "[1.5,-2e3,3.25]",
        "  [ 1.5 , -2000. , 3.25 ]\n",
        "1.5,-2000,3.25",
        "1.5;-2000;3.25",
        "1.5 -2000\t3.25",
        "[ 1.50e+00 -2.00e+03\n  3.25e+00]",
        "{1.5,-2000,3.25}",
        "array([1.5, -2000., 3.25])",
        "array([1.5, -2000.,\n       3.25], dtype=float32)",
        "np.array([1.5, -2000., 3.25], dtype='>f4')",
        "masked_array([1.5, -2000., 3.25])",
        "tensor([1.5, -2000., 3.25], dtype=torch.float64)",
        "[np.float64(1.5), np.float64(-2000.0), np.float32(3.25)]",
        "(numpy.float64(1.5), numpy.float64(-2e3), numpy.float64(3.25))",
        "[[1.5, -2000], [3.25]]",
        "[[1.5 -2000.]\n [3.25]]",
    ],
)
def test_lists_of_numbers_as_programs_write_them(text):
    lists = number_lists(column(text, "(7.0)", None))
    assert lists.lengths.tolist() == [3, 1, 0]
    assert lists.values.tolist() == [*THREE, 7.0]
    assert not lists.unreadable.any()
    np.testing.assert_array_equal(lists.of_size(3), [THREE, [np.nan] * 3, [np.nan] * 3])


@pytest.mark.parametrize(
    "text",
    [
        "[1.5 2.5 ... 9.5]",
        "[1.5, 2.5, …, 9.5]",
        "[1.5, 2.5, ..., 9.5]",
        "1,5;2,5;9,5",
        "1,5 2,5 9,5",
        "a list",
        "[hot, cold]",
        "<memory at 0x7f>",
        "1.5.2 3",
        "1_000",
        "0x10",
    ],
)
def test_text_that_is_no_list_of_numbers(text):
    lists = number_lists(column("(1.5, 2.5, 9.5)", text))
    assert lists.unreadable.tolist() == [False, True]
    assert lists.of_size(3)[0].tolist() == [1.5, 2.5, 9.5]


@pytest.mark.parametrize("text", ["", "()", " [] ", "null", "NaN", "None", "--", "N/A", r"\N"])
def test_a_list_that_is_not_there(text):
    lists = number_lists(column("(1, 2)", text))
    assert lists.lengths.tolist() == [2, 0] and not lists.unreadable.any()


@pytest.mark.parametrize("gap", ["nan", "NaN", "", "None", "--", "null"])
def test_a_number_that_is_missing_in_a_list(gap):
    lists = number_lists(column(f"(1.0, {gap}, 3.0)"))
    np.testing.assert_array_equal(lists.of_size(3), [[1, np.nan, 3]])
    assert not lists.unreadable.any()


def test_vectors_need_no_reading():
    lists = number_lists(pa.chunked_array([[[1.0, 2.0], None, []]]))
    assert lists.lengths.tolist() == [2, 0, 0] and lists.values.tolist() == [1, 2]


@pytest.mark.parametrize("text", ["1,5", "1.000,5", "1 000", "1'000", "12 K", "<5", "1e", "0x1p3"])
def test_what_is_no_number_is_told(text):
    values, wrong = numbers(column(" 1.5 ", text, " ", "NaN", "-inf"))
    assert wrong.tolist() == [False, True, False, False, False]
    np.testing.assert_array_equal(values, [1.5, *[np.nan] * 4])


def test_whole_numbers():
    values, wrong = integers(column(" 4 ", "3.0", "-1", "", "1.5", "1e5", "12 3"))
    assert values.to_pylist() == [4, 3, -1, None, None, None, None]
    assert wrong.tolist() == [False] * 4 + [True] * 3
    values, wrong = integers(pa.chunked_array([np.array([4, np.nan, 1.5, 2.0**40])]))
    assert values.to_pylist() == [4, None, None, 2**40]
    assert wrong.tolist() == [False, False, True, False]


def test_ids_with_a_name_before_them():
    cells = ["Gaia DR3 12", "gaia edr3 13", " 'Gaia DR3 14' ", "Gaia DR2 15", "DR3 16", "17"]
    ids, valid = integer_ids(column(*cells))
    assert ids.tolist() == [12, 13, 14, 0, 0, 17]
    assert valid.tolist() == [True, True, True, False, False, True]


def test_text_is_trimmed():
    cells = column(" a b\t", "", " NaN ", None, "-- ", "N/A", "nano")
    assert trimmed(cells).to_pylist() == ["a b", None, None, None, None, None, "nano"]


def test_what_is_quoted_is_short_and_on_one_line():
    assert quoted(None) == "an empty cell"
    assert quoted(" a\n\tb\x07\u202e") == "'a b??'"
    assert quoted("1" * 1000) == f"'{'1' * 40}…'"


def test_bytes_that_are_no_text():
    cells = pa.chunked_array([[b"5", b" 6.5 ", b"\xff", None]])
    assert integer_ids(cells)[1].tolist() == [True, False, False, False]
    values, wrong = numbers(cells)
    np.testing.assert_array_equal(values, [5, 6.5, np.nan, np.nan])
    assert wrong.tolist() == [False, False, True, False]
    assert number_lists(cells).unreadable.tolist() == [False, False, True, False]
