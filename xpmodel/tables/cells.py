"""What the cells of tables say: identifiers and numbers, out of whatever type a column has."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NULLS = ["", "null", "NaN", "nan", "None"]
"""How text tables spell a missing value."""


def integer_ids(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Read identifiers exactly.

    Text must be an integer literal; a float counts only where it is integral and too small to
    have lost digits.

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
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    literal = pc.match_substring_regex(text, "^[0-9]{1,19}$")
    # Of 19 digits, text compares just as the numbers do.
    largest = str(np.iinfo(np.int64).max)
    fits = pc.or_(pc.less(pc.utf8_length(text), len(largest)), pc.less_equal(text, largest))
    valid = pc.fill_null(pc.and_(literal, fits), False)
    return pc.if_else(valid, text, "0").cast(pa.int64()).to_numpy(), valid.to_numpy()


def floats(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Read numbers, (N,) float32 where the column is, else float64; NaN where there is none."""
    if pa.types.is_float32(column.type):
        return column.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    text = column.cast(pa.string())
    try:
        numbers = text.cast(pa.float64())
    except pa.ArrowInvalid:
        # Some are no numbers, or have spaces about them: the former alone become NaN.
        text = pc.utf8_trim_whitespace(text)
        literal = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
        number = pc.match_substring_regex(text, literal)
        numbers = pc.if_else(number, text, None).cast(pa.float64())
    return numbers.to_numpy(zero_copy_only=False)
