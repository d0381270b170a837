"""CSV and ECSV files as chunks of Arrow columns of text."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv

from xpmodel.errors import InputError
from xpmodel.tables.cells import NULLS
from xpmodel.tables.id_names import likelihood
from xpmodel.tables.packed import BLOCK, Content, Unpacking
from xpmodel.tables.parts import Part, regroup

CSV_BLOCK = 16 << 20  # bytes; a row must fit (one of the archive's, with correlations, is 43 kB)
HEADER_LINE = 2 << 20  # bytes of the line of column names; 20,000 long names take 1 MB
COMMENTS = 8 << 20  # bytes before it; ECSV describes each column in a line
COMMENT_LINES = 100_000
SAMPLE = 1 << 18  # bytes behind the header that show how values are separated
DELIMITERS = ",\t;| "
SAMPLE_ROWS = 20

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
OLD_LETTERS = "xpmodel-windows-1252"


def encoding_of(head: bytes) -> str | None:
    """How text is encoded, by its first bytes; None: it is no text.

    What is not UTF-8 without a NUL or other control characters counts as UTF-8 too: see `_Text`.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    # Without a mark: every other byte is a NUL, but of letters beyond Latin-1.
    even, odd = head[0:2000:2], head[1:2000:2]
    if odd and odd.count(0) > 0.7 * len(odd) and not even.count(0):
        return "utf-16-le"
    if even and even.count(0) > 0.7 * len(even) and not odd.count(0):
        return "utf-16-be"
    return None if re.search(rb"[\x00-\x08\x0e-\x19\x7f]", head) else "utf-8"


def open_text(content: Content, encoding: str) -> list[Part]:
    """Read the header of a CSV or ECSV file, whose values stay text: exact for identifiers."""
    remarks: list[str] = []

    def rows_of(raw: Unpacking) -> tuple[io.BufferedReader[_Text], str, str]:
        """The stream behind the header, the header, and the comments before it."""
        stream = io.BufferedReader(_Text(raw, encoding, content.shown, remarks), BLOCK)
        return stream, *_header(stream, content.shown)

    with content.open() as raw:
        stream, header, comments = rows_of(raw)
        delimiter = _declared_delimiter(comments) or _guess_delimiter(
            header, stream.read(SAMPLE).decode("utf-8", "replace")
        )
    columns = _fields(header, delimiter)
    if not columns:
        raise InputError(
            f"{content.shown}: its first line, {header[:40]!r} …, is no line of column names; "
            "give a table"
        )

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        # Columns go by their position: names may repeat, or differ in case only.
        wanted = [str(i) for i in positions]
        with content.open() as raw:
            stream, _, _ = rows_of(raw)
            if not stream.peek(1):
                return
            batches = pa.csv.open_csv(
                _QuoteCheck(stream),
                pa.csv.ReadOptions(
                    use_threads=False,  # so that a complaint can name the row
                    block_size=CSV_BLOCK,
                    column_names=[str(i) for i in range(len(columns))],
                ),
                pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                pa.csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, pa.string()),
                    null_values=NULLS,
                    strings_can_be_null=True,
                ),
            )
            tables = ((pa.Table.from_batches([batch]), raw.fraction) for batch in batches)
            yield from regroup(tables, rows)

    return [Part("", columns, None, chunks, remarks)]


def _header(stream: io.BufferedReader[_Text], shown: str) -> tuple[str, str]:
    """The line of column names, and the comments before it, as ECSV has them."""
    comments: list[bytes] = []
    size = 0
    while (line := stream.readline(HEADER_LINE + 1)).startswith(b"#") or line.isspace():
        comments.append(line)
        size += len(line)
        if size > COMMENTS or len(comments) > COMMENT_LINES:
            raise InputError(
                f"{shown}: no line of column names in its first {len(comments):,} lines; give a "
                "table"
            )
    if len(line) > HEADER_LINE:
        raise InputError(
            f"{shown}: its line of column names is longer than {HEADER_LINE >> 20} MB; save the "
            "columns that matter"
        )
    return line.decode("utf-8").strip("\r\n"), b"".join(comments).decode("utf-8")


def _fields(line: str, delimiter: str) -> list[str]:
    """The values of one line; none if it is not written as CSV."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a value longer than any
        return []


def _declared_delimiter(comments: str) -> str | None:
    """What separates the values of an ECSV file, which says so or means a space."""
    if not comments.startswith("# %ECSV"):
        return None
    declared = re.search(r"""^# *delimiter: *(?:'(.)'|"(.|\\t)"|(\S)) *$""", comments, re.MULTILINE)
    mark = next(filter(None, declared.groups()), " ") if declared else " "
    return "\t" if mark == "\\t" else mark


def _guess_delimiter(header: str, sample: str) -> str:
    """What separates values: what splits the rows into as many as the header, quotes regarded."""
    lines = sample.splitlines(keepends=True)
    if len(sample) >= SAMPLE // 4:  # characters have up to four bytes: the last may be cut
        lines = lines[:-1]

    def evidence(delimiter: str) -> tuple[bool, bool, int, bool]:
        columns = _fields(header, delimiter)
        if len(columns) < 2 and delimiter != DELIMITERS[0]:
            return (False, False, -1, False)
        try:
            rows = filter(None, csv.reader(lines, delimiter=delimiter))
            lengths = [len(row) for row in itertools.islice(rows, SAMPLE_ROWS)]
        except csv.Error:
            return (False, False, -1, False)
        agreeing = lengths.count(len(columns))
        return (
            agreeing == len(lengths),
            len(columns) > 1,
            agreeing,
            likelihood(columns) > 0,
        )

    # Of equals the first counts.
    return max(DELIMITERS, key=evidence)


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are no UTF-8, for `codecs.register_error`."""
    assert isinstance(error, UnicodeDecodeError)  # nothing else is registered for
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(OLD_LETTERS, _as_windows_1252)


class _Text(io.RawIOBase):
    """Text as UTF-8 with line feeds, however it is encoded and whatever ends its lines.

    Letters that are not UTF-8 are read as Windows-1252, which has all of Latin-1; a remark says
    so. They are never part of a number.
    """

    def __init__(self, raw: Unpacking, encoding: str, shown: str, remarks: list[str]) -> None:
        self._raw = raw
        is_utf8 = encoding == "utf-8"
        self._decoder = None if is_utf8 else codecs.getincrementaldecoder(encoding)("replace")
        self._held = b""  # of a character that lies across two blocks
        self._shown = shown
        self._remarks = remarks
        self._ready = b""
        self._ends_by_returns: bool | None = None  # as old Macs' files; told by the first block
        self._at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._at_end:
            self._ready = self._next_block()
        data, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def _next_block(self) -> bytes:
        data = b""
        while len(data) < BLOCK and (more := self._raw.read(BLOCK - len(data))):
            data += more
        self._at_end = not data
        if self._decoder is None:
            block = self._utf8(self._held + data)
        else:
            block = self._decoder.decode(data, final=self._at_end).encode("utf-8", "replace")
        if self._ends_by_returns is None:
            self._ends_by_returns = b"\r" in block and b"\n" not in block
        return block.replace(b"\r", b"\n") if self._ends_by_returns else block

    def _utf8(self, data: bytes) -> bytes:
        try:
            _, n = codecs.utf_8_decode(data, "strict", self._at_end)
            block = data[:n]
        except UnicodeDecodeError:
            text, n = codecs.utf_8_decode(data, OLD_LETTERS, self._at_end)
            block = text.encode("utf-8", "replace")
            remark = (
                f"{self._shown}: letters that are not UTF-8 are read as Latin-1 (Windows-1252); "
                "if that is wrong, save it as UTF-8"
            )
            if remark not in self._remarks:
                self._remarks.append(remark)
        self._held = data[n:]
        return block


class _QuoteCheck:
    """A stream that fails at its end if a quotation mark is left open.

    pyarrow takes a last row that ends within quotation marks for a whole one.
    """

    closed = False

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self.stream = stream
        self.quotes = 0

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.quotes += data.count(b'"')
        if not data and self.quotes % 2:
            raise OSError("a quotation mark is left open")
        return data

    def close(self) -> None:
        self.closed = True
