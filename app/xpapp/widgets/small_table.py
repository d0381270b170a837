"""A table of small print, for many columns and little room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import panel as pn
from bokeh.models import AllIndices, ColumnDataSource, DataTable, TableColumn
from numpy.typing import ArrayLike

from xpapp.assets import asset
from xpapp.runtime.names import as_html

ROW_HEIGHT = 22
_LOOK = asset(__file__, "small_table.css")


class SmallTable:
    """A table whose rows change.

    Bokeh paints new data of as many rows as before only when they are scrolled out of sight and
    back, so what is seen, and clicked, would be what was there before: its view of the rows is
    told of each change, with a filter that lets all of them pass.

    Parameters
    ----------
    name : str
        Of the source of its data.
    most_rows : int
        How many rows are seen at once.
    on_row : callable, optional
        Is told the key of a row that is clicked.

    Attributes
    ----------
    pane : Bokeh
        What is on the page.
    """

    def __init__(
        self, name: str, most_rows: int, on_row: Callable[[Any], None] | None = None
    ) -> None:
        self._name, self._most_rows, self._on_row = name, most_rows, on_row
        self._keys: Sequence[Any] = ()
        self._table: DataTable | None = None
        self.pane = pn.pane.Bokeh(sizing_mode="stretch_width")

    def show(
        self,
        data: Mapping[str, ArrayLike],
        columns: Sequence[TableColumn],
        keys: Sequence[Any] = (),
        *,
        full: bool = False,
    ) -> None:
        """Show rows.

        Parameters
        ----------
        data : mapping of str to array_like, (N,)
        columns : sequence of TableColumn
        keys : sequence, (N,)
            What `on_row` is told.
        full : bool
            Whether the table is as high as with all the rows that it can show.
        """
        data, self._keys = dict(data), keys
        n = len(next(iter(data.values()), ()))  # type: ignore[arg-type]
        height = ROW_HEIGHT * ((self._most_rows if full else min(n, self._most_rows)) + 2)
        fields = [column.field for column in columns]
        table = self._table
        if table is None or table.height != height or fields != [c.field for c in table.columns]:
            self._table = self._made(ColumnDataSource(data, name=self._name), columns, height)
            self.pane.object = self._table
            return
        table.source.selected.indices = []
        table.source.data = data
        table.view.filter = AllIndices()

    def _made(
        self, source: ColumnDataSource, columns: Sequence[TableColumn], height: int
    ) -> DataTable:
        for column in columns:  # a heading is HTML to Bokeh
            column.title = as_html(column.title or column.field)
        source.selected.on_change("indices", self._on_chosen)
        return DataTable(
            source=source,
            columns=list(columns),
            index_position=None,
            autosize_mode="none",
            reorderable=False,
            row_height=ROW_HEIGHT,
            stylesheets=[_LOOK],
            height=height,
            sizing_mode="stretch_width",
        )

    def _on_chosen(self, attr: str, old: list[int], new: list[int]) -> None:
        if self._on_row is not None and new and 0 <= new[0] < len(self._keys):
            self._on_row(self._keys[new[0]])

    def clear(self) -> None:
        """Show no table."""
        self.pane.object = self._table = None
