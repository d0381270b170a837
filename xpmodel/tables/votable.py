"""VOTable files as chunks of Arrow columns, parsed with expat.

The parser is given no way out of the file: a DOCTYPE or an ENTITY ends it, and so does a STREAM
that names where its data lie. What is no part of the tables (PARAM, LINK, annotations) is passed
over, whether it follows the standard or not, but for what the server says of its answer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

import pyarrow as pa

from xpmodel.errors import InputError
from xpmodel.tables.arrow import numbered_table
from xpmodel.tables.packed import BLOCK, Content
from xpmodel.tables.parts import MAX_COLUMNS, SHOWN, Part, regroup
from xpmodel.tables.votable_fields import BinaryRows, Field

MAX_TABLES = 10_000
MAX_LAYOUTS = 100  # the file is read through for each
MAX_FIELDS = 500_000  # of all tables together
MAX_TEXT = 300  # characters of what a server says

# What expat says of a file that ends early.
CUT_SHORT = {
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


@dataclass
class _Table:
    """What a TABLE element says of itself.

    Attributes
    ----------
    number : int
        0 is the file's first.
    name : str
    fields : list of Field
    kind : str
        "TABLEDATA", "BINARY", "BINARY2"; empty where it has no data.
    n_rows : int or None
        None where only reading tells.
    """

    number: int
    name: str
    fields: list[Field] = field(default_factory=list)
    kind: str = ""
    n_rows: int | None = 0


def open_votable(content: Content) -> list[Part]:
    """Find the tables of a VOTable, and what the server says of its answer."""
    outline = _Outline(content.shown)
    for _ in outline.parse(content):
        pass
    remarks = outline.remarks()
    layouts: dict[object, list[_Table]] = {}
    for table in outline.tables:
        key = (table.kind if table.n_rows != 0 else "", tuple(table.fields))
        layouts.setdefault(key, []).append(table)
    if not layouts:
        raise InputError(f"{content.shown}: a VOTable without a table; download it again")
    if len(layouts) > MAX_LAYOUTS:
        raise InputError(
            f"{content.shown}: has more than {MAX_LAYOUTS} different tables; save the one that "
            "matters"
        )
    return [_part(content, tables, remarks) for tables in layouts.values()]


def _part(content: Content, tables: list[_Table], remarks: list[str]) -> Part:
    """Tables with the same fields, which are read in one go."""
    fields, kind = tables[0].fields, tables[0].kind
    numbers = {table.number for table in tables}

    def chunks(positions: list[int], rows: int) -> Iterator[tuple[pa.Table, float]]:
        if kind:
            reading = _Rows(content.shown, numbers, fields, kind, positions)
            yield from regroup(reading.parse(content), rows)

    names = ", ".join(table.name for table in tables[:SHOWN])
    more = f" and {len(tables) - SHOWN} more" if len(tables) > SHOWN else ""
    known = [table.n_rows for table in tables]
    n_rows = None if None in known else sum(n for n in known if n is not None)
    return Part(names + more, [f.name for f in fields], n_rows, chunks, remarks)


class _Parser:
    """Reads a file through, and refuses what would lead out of it.

    What comes after a colon is an element's name, whatever namespace it is of.
    """

    def __init__(self, shown: str) -> None:
        self.shown = shown

    def parse(self, content: Content) -> Iterator[tuple[pa.Table, float]]:
        """Read the file; `ready` gives what there is after each block of it."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._declaration
        parser.ExternalEntityRefHandler = self._declaration
        parser.StartElementHandler = self._start
        parser.EndElementHandler = lambda name: self.end(_local(name))
        parser.CharacterDataHandler = self.text
        with content.open() as stream:
            try:
                while block := stream.read(BLOCK):
                    parser.Parse(block)
                    for table in self.ready():
                        yield table, stream.fraction
                parser.Parse(b"", True)
            except expat.ExpatError as error:
                cause = expat.errors.messages.get(error.code, str(error))
                if error.code in CUT_SHORT:
                    raise OSError(f"{cause}, line {error.lineno}") from None
                raise InputError(
                    f"{self.shown}: its XML is not well-formed (line {error.lineno}, column "
                    f"{error.offset + 1}: {cause}); download or save it again"
                ) from None
            for table in self.ready():
                yield table, 1.0

    def _declaration(self, *_: object) -> int:
        # Entities may expand without end, or read other files.
        raise InputError(f"{self.shown}: declares a DOCTYPE or ENTITY, which is refused; remove it")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = _local(name)
        if element.upper() == "STREAM" and any(_local(a).lower() == "href" for a in attributes):
            raise InputError(
                f"{self.shown}: its data lie in another file or at an address, which is not "
                "opened; save it with the data inside"
            )
        self.start(element, attributes)

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        raise NotImplementedError

    def end(self, element: str) -> None:
        """An element ends."""
        raise NotImplementedError

    def text(self, text: str) -> None:
        """Some of an element's text."""
        raise NotImplementedError

    def ready(self) -> Iterator[pa.Table]:
        """The rows that are whole."""
        yield from ()


class _Outline(_Parser):
    """What tables there are, and what the server says.

    Attributes
    ----------
    tables : list of _Table
    """

    def __init__(self, shown: str) -> None:
        super().__init__(shown)
        self.tables: list[_Table] = []
        self._n_fields = 0
        self._in_data = ""
        self._status = ""
        self._said: str | None = None  # the text of the INFO that says it, while that is open
        self._message = ""

    def start(self, element: str, attributes: dict[str, str]) -> None:
        table = self.tables[-1] if self.tables else None
        if element == "TABLE":
            if len(self.tables) == MAX_TABLES:
                raise InputError(f"{self.shown}: has more than {MAX_TABLES:,} tables")
            title = " ".join((attributes.get("name") or attributes.get("ID") or "").split())
            n = len(self.tables)
            name = f"TABLE {n + 1} ({title[:80]})" if title else f"TABLE {n + 1}"
            self.tables.append(_Table(n, name))
        elif element == "FIELD" and table is not None:
            self._n_fields += 1
            if len(table.fields) == MAX_COLUMNS or self._n_fields > MAX_FIELDS:
                raise InputError(
                    f"{self.shown}: has more than {MAX_COLUMNS:,} columns; save the ones that "
                    "matter"
                )
            table.fields.append(Field.of(attributes, self.shown))
        elif element == "VALUES" and table is not None and table.fields and not table.kind:
            table.fields[-1] = table.fields[-1].with_null(attributes.get("null"))
        elif element == "TR" and table is not None and self._in_data == "TABLEDATA":
            assert table.n_rows is not None
            table.n_rows += 1
        elif element in ("TABLEDATA", "BINARY", "BINARY2") and table is not None:
            self._in_data = table.kind = element
        elif element in ("FITS", "PARQUET") and table is not None:
            raise InputError(
                f"{self.shown}: its data are {element} within a VOTable, which is not read; save "
                "it in another format"
            )
        elif element == "STREAM" and attributes.get("encoding", "base64") not in ("base64", ""):
            raise InputError(
                f"{self.shown}: its data are encoded as {attributes['encoding'][:40]!r}; save it "
                "as base64 or as TABLEDATA"
            )
        elif element == "INFO" and attributes.get("name", "").upper() == "QUERY_STATUS":
            status = attributes.get("value", "").strip().upper()
            if status != "OK" or not self._status:  # the last word counts, but a late OK
                self._status, self._said = status, ""

    def end(self, element: str) -> None:
        if element == self._in_data:
            self._in_data = ""
        elif element == "INFO" and self._said is not None:
            self._message, self._said = " ".join(self._said.split())[:MAX_TEXT], None

    def text(self, text: str) -> None:
        if self._said is not None and len(self._said) < 4 * MAX_TEXT:
            self._said += text
        elif self._in_data in ("BINARY", "BINARY2") and text.strip():
            self.tables[-1].n_rows = None

    def remarks(self) -> list[str]:
        """What the server says of its answer, if it is not all.

        Raises
        ------
        InputError
            When the answer is an error.
        """
        shown = "".join(filter(str.isprintable, self._message))
        if self._status == "ERROR":
            raise InputError(
                f"{self.shown}: the server answers with an error: {shown or 'it does not say why'}"
            )
        if self._status == "OVERFLOW":
            said = f": {shown}" if shown else ""
            return [
                f"{self.shown}: not all rows: the server cut its answer off at its limit "
                f"(QUERY_STATUS OVERFLOW{said}); ask for the rest in parts"
            ]
        return []


class _Rows(_Parser):
    """The rows of some tables with the same fields."""

    def __init__(
        self, shown: str, numbers: set[int], fields: list[Field], kind: str, positions: list[int]
    ) -> None:
        super().__init__(shown)
        self._numbers = numbers
        self._fields = fields
        self._kind = kind
        self._wanted = positions
        self._table = -1
        self._is_in = False
        self._is_in_row = False
        self._n_rows = 0
        self._cell = -1
        self._text: list[str] | None = None
        self._columns: list[list[str | None]] = [[] for _ in positions]
        self._places = {
            place: [i for i, p in enumerate(positions) if p == place] for place in positions
        }
        self._binary = BinaryRows(fields, kind == "BINARY2", positions)
        self._base64 = ""
        self._done: list[pa.Table] = []

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "TABLE":
            self._table += 1
        elif element == self._kind:
            self._is_in = self._table in self._numbers
        elif not self._is_in:
            return
        elif element == "TR":
            self._is_in_row, self._cell = True, -1
            for column in self._columns:
                column.append(None)
        elif element == "TD":
            self._cell += 1
            if self._cell >= len(self._fields):
                raise InputError(
                    f"{self.shown}: row {len(self._columns[0]) + self._n_rows} has more than its "
                    f"{len(self._fields)} cells; save it again"
                )
            self._text = [] if self._cell in self._places else None
        elif element == "STREAM":
            self._text = []

    def text(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def end(self, element: str) -> None:
        if not self._is_in:
            return
        if element == "TD" and self._text is not None:
            for column in self._places[self._cell]:
                self._columns[column][-1] = "".join(self._text)
            self._text = None
        elif element == "TR":
            self._is_in_row = False
        elif element == "STREAM":
            self._decode()
            self._text = None
            if self._base64 or self._binary.held:
                raise OSError("its last row is not whole")
        elif element == self._kind:
            self._is_in = False

    def _decode(self) -> None:
        """Decode what has come of a stream, but for what is no whole group of four."""
        assert self._text is not None
        text = self._base64 + "".join("".join(self._text).split())
        self._text.clear()
        n = len(text) // 4 * 4
        self._base64 = text[n:]
        try:
            data = base64.b64decode(text[:n], validate=True)
        except (binascii.Error, ValueError) as error:
            raise OSError(f"its binary data are no base64: {error}") from None
        self._done.append(numbered_table(self._binary.take(data, self.shown)))

    def ready(self) -> Iterator[pa.Table]:
        if self._kind != "TABLEDATA":
            if self._text is not None:
                self._decode()
            yield from (table for table in self._done if len(table))
            self._done.clear()
            return
        # The row that is open stays.
        n = len(self._columns[0]) - self._is_in_row if self._columns else 0
        if n > 0:
            whole = [column[:n] for column in self._columns]
            self._columns = [column[n:] for column in self._columns]
            self._n_rows += n
            yield numbered_table(
                [
                    self._fields[place].from_text(cells, self.shown)
                    for place, cells in zip(self._wanted, whole, strict=True)
                ]
            )


def _local(name: str) -> str:
    return name.rpartition(":")[2]
