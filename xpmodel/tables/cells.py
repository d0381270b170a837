"""What the cells of tables say: identifiers, numbers and lists of numbers, of whatever type.

All text goes through `trimmed`, so that blanks about a value, and the words by which programs
say that there is none, mean the same in every column of every table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NULLS = ["", "null", "NULL", "Null", "NaN", "nan", "NAN", "None", "NA", "<NA>", "N/A", "--", r"\N"]
"""How text tables spell a missing value: databases, Python and pandas, R, NumPy's and astropy's
masked arrays, and PostgreSQL's COPY."""

# "Gaia EDR3" has the ids of DR3; DR1 and DR2 have others, which are none.
ID_PATTERN = r"(?i)^(?:gaia[\s_]*e?dr3[\s_]*)?0*([0-9]{1,19})$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"
_QUOTES = " \t\r\n'\"`“”‘’"
_SHOWN = 40  # characters of a cell that is quoted

_GAP = r"\.\.\.|…"
# What programs write about and within a list of numbers: "array([…], dtype=float32)" and
# "np.float64(1.5)" (Python), "{…}" (PostgreSQL).
_WRAPPER = (
    r"(?s)^(?:[a-zA-Z_.]*(?:array|tensor)|list|tuple)\((.*?)(?:,\s*(?:dtype|device)=[^\])]*)?\)$"
)
_SCALAR = r"(?:numpy|np)\.(?:float|int)[0-9]*\(([^()]*)\)"
_BRACKETS = r"[\[\](){}]"
_SEPARATORS = r"\s*[,;]\s*|\s+"


def trimmed(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column as text without blanks at its ends; null where it says that there is no value."""
    text = pc.utf8_trim_whitespace(_text(column))
    return pc.if_else(pc.is_in(text, pa.array(NULLS)), None, text)


def quoted(cell: object) -> str:
    """A cell's beginning, to be shown in an error: on one line, in quotation marks."""
    if cell is None:
        return "an empty cell"
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    text = " ".join(str(cell).split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def integer_ids(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Read identifiers exactly.

    Text must be an integer literal, perhaps after "Gaia DR3"; a float counts only where it is
    integral and too small to have lost digits.

    Returns
    -------
    ids : ndarray, (N,) int64
        0 where there is none.
    valid : ndarray, (N,) bool
        Whether the row has a non-negative integer that int64 holds.
    """
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = column.fill_null(0).to_numpy()
        valid = column.is_valid().to_numpy() & (numbers >= 0)
        if pa.types.is_floating(column.type):
            exact = 2 ** (np.finfo(numbers.dtype).nmant + 1)
            valid &= (numbers < exact) & (numbers == np.floor(numbers))
        else:
            valid &= numbers <= np.iinfo(np.int64).max
        return np.where(valid, numbers, 0).astype(np.int64), valid
    if pa.types.is_nested(column.type):
        return np.zeros(len(column), np.int64), np.zeros(len(column), bool)
    text = pc.utf8_trim(_text(column), _QUOTES)
    literal = pc.match_substring_regex(text, ID_PATTERN)
    text = pc.replace_substring_regex(pc.if_else(literal, text, None), ID_PATTERN, r"\1")
    # Of 19 digits, text compares just as the numbers do.
    largest = str(np.iinfo(np.int64).max)
    fits = pc.or_(pc.less(pc.utf8_length(text), len(largest)), pc.less_equal(text, largest))
    valid = pc.fill_null(fits, False)
    return pc.if_else(valid, text, "0").cast(pa.int64()).to_numpy(), valid.to_numpy()


def floats(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Read numbers, (N,) float32 where the column is, else float64; NaN where there is none."""
    return numbers(column)[0]


def numbers(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read numbers, and tell which cells hold something else.

    Returns
    -------
    values : ndarray, (N,)
        float32 where the column is, else float64; NaN where there is no number.
    wrong : ndarray, (N,) bool
        Whether the cell holds text that is no number.

    Raises
    ------
    pyarrow.ArrowException
        When the column is of a type that numbers cannot be read from, as vectors are.
    """
    right = np.zeros(len(column), bool)
    if pa.types.is_float32(column.type):
        return column.to_numpy(zero_copy_only=False), right
    if not _is_text(column.type):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False), right
    text = _text(column)
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:  # some are no numbers, or have blanks about them
        text = trimmed(text)
        literal = pc.match_substring_regex(text, _NUMBER)
        known = pc.or_(literal, pc.match_substring_regex(text, _NOT_FINITE))
        right = ~pc.fill_null(known, True).to_numpy(zero_copy_only=False)
        values = pc.if_else(literal, text, None).cast(pa.float64())
    return values.to_numpy(zero_copy_only=False), right


def integers(column: pa.ChunkedArray | pa.Array) -> tuple[pa.Array | pa.ChunkedArray, np.ndarray]:
    """Read whole numbers, as flags are, exactly.

    Returns
    -------
    values : pyarrow array of int64
        Null where there is none.
    wrong : ndarray, (N,) bool
        Whether the cell holds something else, such as 1.5.

    Raises
    ------
    pyarrow.ArrowException
        When the column is of a type that numbers cannot be read from, as vectors are.
    """
    if _is_text(column.type):
        text = pc.replace_substring_regex(trimmed(column), r"\.0*$", "")
        whole = pc.match_substring_regex(text, r"^[+-]?[0-9]{1,18}$")
        wrong = ~pc.fill_null(whole, True).to_numpy(zero_copy_only=False)
        return pc.if_else(whole, text, None).cast(pa.int64()), wrong
    if pa.types.is_floating(column.type):  # flags with gaps, as pandas writes them
        values = column.to_numpy(zero_copy_only=False).astype(np.float64)
        finite = np.isfinite(values)
        whole = finite & (values == np.floor(values)) & (np.abs(values) < 2.0**53)
        known = np.where(whole, values, 0).astype(np.int64)
        return pa.array(known, mask=~whole), finite & ~whole
    return column.cast(pa.int64()), np.zeros(len(column), bool)


def _text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column as text; bytes that are no UTF-8 become question marks, which are no value."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        cells = column.to_pylist()
        decoded = [c.decode("utf-8", "replace") if isinstance(c, bytes) else c for c in cells]
        return pa.chunked_array([pa.array(decoded, pa.string())])


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
    )


@dataclass(frozen=True, eq=False)
class NumberLists:
    """A column of vectors, N rows of varying length.

    Attributes
    ----------
    lengths : ndarray, (N,)
        How many numbers a row has, 0 where there is none.
    values : ndarray, (sum of lengths,)
        The rows' numbers behind each other, NaN where one is missing.
    unreadable : ndarray, (N,) bool
        Whether the row holds text that is no list of numbers.
    """

    lengths: np.ndarray
    values: np.ndarray
    unreadable: np.ndarray

    def of_size(self, size: int) -> np.ndarray:
        """The rows that have so many numbers, (N, size); NaN throughout the others."""
        fits = self.lengths == size
        rows = np.full((len(self.lengths), size), np.nan, self.values.dtype)
        rows[fits] = self.values[np.repeat(fits, self.lengths)].reshape(-1, size)
        return rows


def number_lists(column: pa.ChunkedArray) -> NumberLists:
    """Read a column of vectors, or of text that stands for them.

    Text is a list in brackets of any kind or in none, its numbers separated by commas, semicolons
    or blanks, as the archive, pandas, NumPy and PostgreSQL write it. A list that was shortened
    ("1.0 2.0 ... 9.0") and one with decimal commas are none.
    """
    if pa.types.is_nested(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
        values, wrong = numbers(pc.list_flatten(column))
        return NumberLists(lengths, values, _rows_with(wrong, lengths))
    text = trimmed(column)
    plain = _split(pc.ascii_trim(text, " ()[]{}"))
    if plain.unreadable.any():
        return _split(_normalized(text))
    return plain


def _split(text: pa.ChunkedArray) -> NumberLists:
    """Read lists that are separated by commas alone."""
    lists = pc.split_pattern(pc.if_else(pc.equal(text, ""), None, text), ",")
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    # Of blanks alone the numbers are freed here: Arrow's conversion takes none.
    values, wrong = numbers(pc.ascii_trim(pc.list_flatten(lists), " "))
    return NumberLists(lengths, values, _rows_with(wrong, lengths))


def _normalized(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists in any spelling, separated by commas; a word in place of those that cannot be read."""
    inner = pc.replace_substring_regex(text, _WRAPPER, r"\1")
    inner = pc.replace_substring_regex(inner, _SCALAR, r"\1")
    inner = pc.utf8_trim(pc.replace_substring_regex(inner, _BRACKETS, " "), " \t\r\n")
    commas = pc.match_substring(inner, ",")
    # Where commas stand beside other separators they may be decimal ones.
    mixed = pc.and_(commas, pc.match_substring_regex(inner, r"[^\s,]\s+[^\s,]|;"))
    gap = pc.match_substring_regex(inner, _GAP)
    inner = pc.replace_substring_regex(inner, _SEPARATORS, ",")
    return pc.if_else(pc.or_(mixed, gap), "unreadable", inner)


def _rows_with(wrong: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Which rows have one or more wrong numbers, (N,) bool."""
    rows = np.zeros(len(lengths), bool)
    if wrong.any():
        rows[np.repeat(np.arange(len(lengths)), lengths)[wrong]] = True
    return rows


@contextmanager
def of_column(name: str) -> Iterator[None]:
    """Name the column in what Arrow says of a type that cannot be read."""
    try:
        yield
    except pa.ArrowException as error:
        cause = " ".join(str(error).split())[:120]
        raise pa.ArrowInvalid(f"{name}: {cause}") from error


def has_gap(cell: str) -> bool:
    """Whether a list was shortened when it was written, as NumPy prints long ones."""
    return re.search(_GAP, cell) is not None
